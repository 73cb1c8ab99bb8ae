"""The controller: a pure core, an imperative shell around it and the command line.

Nothing is imported here, so that a part can be used without the others.
"""

VERSION = "0.1.0"  # as in pyproject.toml; to ask the package for it costs a start 40 ms
