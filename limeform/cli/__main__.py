"""Runs the command line as ``python -m limeform.cli``."""

import sys

from limeform.cli import main

sys.exit(main())
