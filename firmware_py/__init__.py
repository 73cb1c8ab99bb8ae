"""The controller: a pure core, an imperative shell around it and the command line.

Nothing is imported here, so that a part can be used without the others.
"""
