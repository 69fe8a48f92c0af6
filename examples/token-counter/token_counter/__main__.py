"""`python -m token_counter`."""

import sys

from token_counter.cli import main

sys.exit(main())
