"""The entry point of `python -m kaito`."""

import sys

from kaito.cli import main

sys.exit(main())
