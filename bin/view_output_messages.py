#!/usr/bin/env python3
"""Print histograms as they are published: the same as ``histsvc watch``."""

import sys
from pathlib import Path

if __name__ == "__main__":
    # Python looks into this folder first, where histsvc.py would be taken for the package.
    here = Path(__file__).resolve().parent
    sys.path[:] = [entry for entry in sys.path if Path(entry).resolve() != here]
    from histsvc.cli import main

    sys.exit(main(["watch", *sys.argv[1:]]))
