"""`python -m neo_emulator` is the `neo-emulator` command."""

import sys

from neo_emulator.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
