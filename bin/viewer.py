#!/usr/bin/env python3
"""Draw histograms: ``histsvc view`` under the name that users of older services know."""

import sys
from pathlib import Path

# Python puts this script's folder first, where histsvc.py would be taken for the package.
sys.path[:] = [entry for entry in sys.path if Path(entry).resolve() != Path(__file__).resolve().parent]

from histsvc.cli import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main(["view", *sys.argv[1:]]))
