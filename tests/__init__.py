"""The tests mirror the code; stories, wires and sim stand beside.

A test that only proves the fake is no test: what talks to a wire has a peer here that we did not write.
"""
