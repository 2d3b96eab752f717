#!/usr/bin/env python3
"""Send events, made up or recorded, to a topic: the same as ``histsvc generate``."""

import sys

from histsvc.cli.generate import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
