"""Wires only: one module per protocol, profiles as data, codecs without input or output.

Turns bytes into readings and requests into bytes; knows no alarm, no mode and no policy.
"""
