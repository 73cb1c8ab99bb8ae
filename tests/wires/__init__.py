"""Tests on the wire, each against a peer that we did not write, on loopback ports chosen at run time."""
