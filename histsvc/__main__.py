"""``python -m histsvc`` is ``histsvc``."""

import sys

from histsvc.cli import main

if __name__ == "__main__":
    sys.exit(main())
