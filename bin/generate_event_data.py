#!/usr/bin/env python3
"""Send events, made up or recorded, to a topic: the same as ``histsvc generate``."""

import sys
from pathlib import Path

if __name__ == "__main__":
    # Python looks into this folder first, where histsvc.py would be taken for the package.
    here = Path(__file__).resolve().parent
    sys.path[:] = [entry for entry in sys.path if Path(entry).resolve() != here]
    from histsvc.cli.generate import main

    sys.exit(main(sys.argv[1:]))
