"""Is mine right? A lesson's key figures as the book has them, and a reader's own held against them.

`make notebooks` records the figures that a lesson compares in `book.json` beside this file.
"""

import json
import math
import platform
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, TypedDict

from course_utils.classroom.callout import GREEN, ORANGE, callout
from course_utils.runtime import get_device, setting

BOOK_FILE = Path(__file__).parent / "book.json"
# What an output carries to the build, which records it; no front end shows it.
FIGURE = "application/vnd.course.figure+json"


class Figure(TypedDict):
    """A measured figure: its value, its standard error, and what it was measured with."""

    value: float
    error: float
    circumstances: dict[str, str]


class Comparison(NamedTuple):
    """A reader's figure beside the book's; the book's is None where it records none."""

    key: str
    mine: Figure
    book: Figure | None

    @property
    def within_chance(self) -> bool | None:
        """True where the two lie within two standard errors of their difference; None where the book has no figure."""
        if self.book is None:
            return None
        apart = abs(self.mine["value"] - self.book["value"])
        return apart <= 2 * math.hypot(self.mine["error"], self.book["error"])

    @property
    def differing(self) -> list[str]:
        """What the two were measured with where that is not the same: "torch: yours 2.15, the book's 2.11"."""
        book = self.book["circumstances"] if self.book else {}
        return [
            f"{name}: yours {mine}, the book's {book.get(name, 'unknown')}"
            for name, mine in self.mine["circumstances"].items()
            if mine != book.get(name)
        ]

    def __repr__(self) -> str:
        return ": ".join(self._said()[:2])

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        words, message, colour = self._said()
        bar = callout(words, message, colour=colour, label=f"figure {self.key}")
        return {"text/plain": repr(self), "text/html": bar, FIGURE: {"key": self.key, **self.mine}}

    def _said(self) -> tuple[str, str, str]:
        mine = shown(self.mine)
        if self.book is None:
            return "Yours", f"{mine}. The book records no such figure.", GREEN
        both = f"book {shown(self.book)}, yours {mine}"
        if self.within_chance:
            return "Within chance", both, GREEN
        likely = "; ".join(self.differing) or "none of the settings differs: has a cell been changed, or run twice?"
        return "Further apart than chance explains", f"{both}\nLikely because of {likely}", ORANGE


def compare_with_book(key: str, value: float, *, error: float, **settings: str) -> Comparison:
    """Hold a figure against the one recorded in the book, and say whether chance explains the difference.

    `key` is "07.best": the lesson, and a name. `error` is the standard error of `value`, in the same unit. `settings`
    are the lesson's own, such as `weights=WEIGHTS`, where they may differ from the environment's. Raises ValueError
    for a figure or an error that is not finite, or an error below 0.
    """
    value, error = float(value), float(error)
    if not (math.isfinite(value) and math.isfinite(error) and error >= 0):
        raise ValueError(f"Figure {key} is a finite number with an error of at least 0: not {value} ± {error}.")
    return Comparison(
        key, Figure(value=value, error=error, circumstances=circumstances() | settings), read_book().get(key)
    )


@cache
def read_book() -> dict[str, Figure]:
    """Return the recorded figures by key; none where the book has not been made yet."""
    if not BOOK_FILE.exists():
        return {}
    figures: dict[str, Figure] = json.loads(BOOK_FILE.read_text(encoding="utf-8"))
    return figures


def figures_in(notebook: Any) -> dict[str, Figure]:
    """Return the figures that the cells of an executed notebook (nbformat's) have compared, by key.

    Raises ValueError where two cells compare under one key.
    """
    figures: dict[str, Figure] = {}
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if found := output.get("data", {}).get(FIGURE):
                key = found["key"]
                if key in figures:
                    raise ValueError(f"two cells compare the figure {key}")
                figures[key] = Figure(value=found["value"], error=found["error"], circumstances=found["circumstances"])
    return figures


def circumstances() -> dict[str, str]:
    """Return what a figure may depend on: the settings, the device, the system, and torch's version."""
    import torch

    return {
        "pictures": setting("COURSE_DATASET", "drawn"),
        "weights": setting("COURSE_WEIGHTS", "course"),
        "device": str(get_device()),
        "torch": ".".join(torch.__version__.split(".")[:2]),
        "system": f"{platform.system()} {platform.machine()}",
    }


def shown(figure: Figure) -> str:
    """Return "0.812 ± 0.021": as many digits as the error has two of."""
    error = figure["error"]
    digits = 3 if error == 0 else min(6, max(0, 1 - math.floor(math.log10(error))))
    return f"{figure['value']:.{digits}f} ± {error:.{digits}f}"
