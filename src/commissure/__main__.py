"""`python -m commissure`."""

import sys

from commissure.cli import main

sys.exit(main())
