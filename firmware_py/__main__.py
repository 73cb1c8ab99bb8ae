"""`python -m firmware_py` and the command `floorguard`: hands the words to the command line.

Knows nothing else.
"""

import sys

from firmware_py.cli import command as main

if __name__ == "__main__":
    sys.exit(main())
