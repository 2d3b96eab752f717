"""Make the picture of the demo in README.md: the demo itself is run, and its terminal drawn as it then was.

Run it from the repository, with the environment that `bin/demo` makes:

.venv/bin/python docs/make_demo_picture.py docs/images/demo.png
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Iterator
from pathlib import Path

import matplotlib as mpl
from PIL import Image, ImageDraw, ImageFont
from rich.color import Color
from rich.console import Console
from rich.style import Style
from rich.terminal_theme import MONOKAI

from histsvc.cli.demo.run import run
from histsvc.cli.demo.screen import Screen
from histsvc.cli.demo.show import Stage
from histsvc.cli.stop import Stop

COLUMNS, ROWS = 116, 36
# The demo lasts a minute; by then everything is there, and the peak has come half around.
DURATION_S, TAKEN_S = 60.0, 33.0
EVENTS = 2000
FONT = Path(mpl.get_data_path(), "fonts", "ttf", "DejaVuSansMono.ttf")
SIZE_PX = 14
BACKGROUND, FOREGROUND = (18, 18, 24), (217, 217, 217)
HALF, FIRST_EIGHTH, FULL = "\u2580", "\u2581", "\u2588"
RGB = tuple[int, int, int]


class Photographer(Screen):
    """Shows nothing, and remembers how it was at one moment."""

    def __init__(self) -> None:
        self.terminal = Console(
            width=COLUMNS,
            height=ROWS + 1,
            file=io.StringIO(),
            color_system="truecolor",
            force_terminal=True,
            highlight=False,
        )
        super().__init__(self.terminal)
        self.taken: list[list[tuple[str, Style]]] = []

    def update(self, stage: Stage) -> None:
        """Take the picture when it is time."""
        if stage.elapsed_s >= TAKEN_S and not self.taken:
            lines = self.terminal.render_lines(self.drawn(stage))
            self.taken = [[(part.text, part.style or Style()) for part in line] for line in lines]


def drawn(lines: list[list[tuple[str, Style]]]) -> Image.Image:
    """Draw lines of text as a terminal does: each letter in a cell, blocks fill theirs without a gap."""
    font = ImageFont.truetype(str(FONT), SIZE_PX)
    width, height = round(font.getlength("M")), round(1.16 * SIZE_PX)
    picture = Image.new("RGB", (COLUMNS * width + 16, len(lines) * height + 16), BACKGROUND)
    draw = ImageDraw.Draw(picture)
    for row, line in enumerate(lines):
        for column, (letter, front, back) in enumerate(cells(line)):
            x, y = 8 + column * width, 8 + row * height
            draw.rectangle((x, y, x + width - 1, y + height - 1), fill=back)
            part = share(letter)
            if part is None:
                draw.text((x, y), letter, font=font, fill=front)
            else:
                top, bottom = (round(y + height * edge) for edge in part)
                if bottom > top:
                    draw.rectangle((x, top, x + width - 1, bottom - 1), fill=front)
    return picture


def cells(line: list[tuple[str, Style]]) -> Iterator[tuple[str, RGB, RGB]]:
    """Each letter with its colours."""
    for text, style in line:
        front, back = colour(style.color, FOREGROUND), colour(style.bgcolor, BACKGROUND)
        if style.dim:
            front = tuple((3 * one + 2 * other) // 5 for one, other in zip(front, back, strict=True))  # type: ignore[assignment]
        for letter in text:
            yield letter, front, back


def colour(given: Color | None, default: RGB) -> RGB:
    """Red, green and blue of a colour, as a usual terminal has it."""
    if given is None or given.is_default:
        return default
    return tuple(given.get_truecolor(MONOKAI))  # type: ignore[return-value]


def share(letter: str) -> tuple[float, float] | None:
    """From where to where a block fills its cell, from the top; None for what is no block."""
    if letter == HALF:
        return 0.0, 0.5
    eighths = ord(letter) - ord(FIRST_EIGHTH) + 1
    return (1 - eighths / 8, 1.0) if FIRST_EIGHTH <= letter <= FULL else None


def main() -> None:
    """Run the demo and make the picture, unless a count is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("picture", type=Path, help="PNG file to write")
    options = parser.parse_args()
    photographer = Photographer()
    if not run(DURATION_S, EVENTS, None, photographer, Stop(), dashboard=False, stays=False):
        sys.exit("not every count is exact")
    drawn(photographer.taken).save(options.picture, optimize=True)


if __name__ == "__main__":
    main()
