"""What can go wrong underneath: a disk that fails, forgets and loses its power.

Stands in for machines and the operating system, never for our own code.
"""
