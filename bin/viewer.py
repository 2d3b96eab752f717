#!/usr/bin/env python3
"""Draw histograms: ``histsvc view`` under the name that users of older services know."""

import sys
from pathlib import Path

if __name__ == "__main__":
    # Python puts this script's folder first, where histsvc.py would be taken for the package.
    here = Path(__file__).resolve().parent
    sys.path[:] = [entry for entry in sys.path if Path(entry).resolve() != here]
    from histsvc.cli import main

    sys.exit(main(["view", *sys.argv[1:]]))
