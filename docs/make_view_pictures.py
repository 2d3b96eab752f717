"""Make the pictures that `histsvc view` draws in README.md and tutorial.md, by their commands as they stand.

Run it from the repository, with the development environment (`bin/test` makes it and fetches the broker):

    PYTHONPATH=integration-tests .venv/bin/python docs/make_view_pictures.py docs/images
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from documents import ROOT, clone, run, section
from kafka_broker import Broker
from PIL import Image


def main() -> None:
    """Make both pictures in the folder that the argument names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder for the PNG files")
    options = parser.parse_args()
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    texts = {
        "view": section(readme, "Five minutes on your own broker"),
        "tutorial": (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8"),
    }
    with Broker() as broker, tempfile.TemporaryDirectory() as readers:
        for name, text in texts.items():
            folder = clone(Path(readers), name)
            run(text, folder, broker.bootstrap)
            Image.open(folder / "histograms.png").save(options.folder / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
