"""The decision as one pure function, and the words it is made of.

Knows no clock, no chance, no input or output, no device and no task: all it sees comes as an argument.
"""
