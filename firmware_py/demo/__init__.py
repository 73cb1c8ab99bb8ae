"""The simulated floor that `floorguard demo` shows: the far ends of the real protocols, on loopback.

Knows nothing of the daemon that it plays against: the two meet on the wire only.
"""
