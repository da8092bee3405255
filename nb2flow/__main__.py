"""`python -m nb2flow` is the command `nb2flow`."""

import sys

from nb2flow.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
