#!/usr/bin/env python3
"""The service: ``histsvc serve`` under the name that users of older services know."""

import sys

from histsvc.cli import main

if __name__ == "__main__":
    sys.exit(main(["serve", *sys.argv[1:]]))
