"""What technicians type at a shell, one module per verb.

Talks to a running daemon through its control socket only; never touches a device itself.
"""
