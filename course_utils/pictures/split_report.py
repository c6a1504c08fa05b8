"""A split as it was made (lessons 02 and 13): who went where, what was left out, and the file in which it stays."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import NamedTuple

from course_utils.pictures.folders import shown
from course_utils.pictures.scan_report import KINDS, ScanFinding
from course_utils.report.tables import html_table, text_table
from course_utils.runtime import atomic_write, given_path

SPLITS = ("train", "validation", "test")
SPLIT_FILE = "split.csv"
_HEADINGS = ("file", "class", "group", "split")
_ROWS_PER_KIND = 10  # in the printed report; `left_out` holds all
# A file's name need not be text to this system: such bytes go into the file, and come back, as they are.
_TEXT = {"encoding": "utf-8", "errors": "surrogateescape", "newline": ""}


class Placed(NamedTuple):
    """A picture and its place; `group` names what stays together with others, "" for a picture that stands alone."""

    file: str  # below the source, with /
    class_name: str
    group: str
    split: str


@dataclass(frozen=True)
class Split:
    """What `split_folder` did; printed or shown by a notebook, it is a table of classes, and one of what was left out.

    source      the folder of class folders
    placed      every picture that was used, as `(file, class_name, group, split)`
    left_out    every file that was not, as `(path, kind, detail)`, the kinds being those of `scan_images`
    remarks     sentences worth reading: about groups, and about names that look like groups
    """

    source: Path
    placed: list[Placed]
    left_out: list[ScanFinding] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """How many pictures of each class went into each split: `counts["train"]["dress"]`."""
        return count_placed(self.placed)

    def __repr__(self) -> str:
        tables = [f"{caption}\n{text_table(rows, align='left')}" for caption, rows in self._tables()]
        return "\n\n".join([self._headline(), *tables, *self.remarks])

    def _repr_html_(self) -> str:
        tables = [html_table(rows, caption=caption, align="left") for caption, rows in self._tables()]
        texts = [
            f'<p class="tex2jax_ignore mathjax_ignore">{escape(text)}</p>' for text in (self._headline(), *self.remarks)
        ]
        return "".join([texts[0], *tables, *texts[1:]])

    def _headline(self) -> str:
        places = " ".join(f"{split}/" for split in self.counts)
        num_left_out = len({finding.path for finding in self.left_out})
        return f"Split: {len(self.placed):,} pictures of {self.source}, in {places}; {num_left_out:,} left out."

    def _tables(self) -> Iterator[tuple[str, list[list[str]]]]:
        yield "Pictures", split_table(self.counts)
        kinds = [kind for kind in KINDS if any(finding.kind == kind for finding in self.left_out)]
        rows = [row for kind in kinds for row in self._rows_of(kind)]
        if rows:
            yield "Left out", [["file", "kind", "particulars", "what to do"], *rows]

    def _rows_of(self, kind: str) -> list[list[str]]:
        found = [finding for finding in self.left_out if finding.kind == kind]
        rows = [[shown(path), kind, detail, KINDS[kind]] for path, _, detail in found[:_ROWS_PER_KIND]]
        if len(found) > _ROWS_PER_KIND:
            rows.append([f"... {len(found) - _ROWS_PER_KIND:,} more", kind, "see .left_out", KINDS[kind]])
        return rows


def count_placed(placed: Sequence[Placed]) -> dict[str, dict[str, int]]:
    """Return `counts["train"]["dress"]`; a class that a split lacks counts 0 there, an unused split is left out."""
    used = {picture.split for picture in placed}
    classes = sorted({picture.class_name for picture in placed})
    counts = {split: dict.fromkeys(classes, 0) for split in SPLITS if split in used}
    for picture in placed:
        counts[picture.split][picture.class_name] += 1
    return counts


def split_table(counts: dict[str, dict[str, int]]) -> list[list[str]]:
    """Return the rows of a table, headings first: pictures of each class in each split, all of them, and the share."""
    totals = {split: sum(of_class.values()) for split, of_class in counts.items()}
    rows = [["class", *counts]]
    for name in next(iter(counts.values())):
        rows.append([shown(name), *(f"{of_class[name]:,}" for of_class in counts.values())])
    rows.append(["all", *(f"{total:,}" for total in totals.values())])
    return [*rows, ["share", *(f"{total / sum(totals.values()):.0%}" for total in totals.values())]]


def write_split(path: str | Path, placed: Sequence[Placed]) -> None:
    """Write a split as a table that any program reads (CSV, UTF-8): file, class, group, split."""
    with atomic_write(path) as temporary, temporary.open("w", **_TEXT) as file:  # type: ignore[call-overload]
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_HEADINGS)
        writer.writerows(placed)


def read_split(path: str | Path) -> list[Placed]:
    """Return what `write_split` wrote. Raises OSError where there is no such file, ValueError, naming file and line,
    for anything else than such a table.
    """
    path = given_path(path, kind="file", must_exist=True)
    with path.open(**_TEXT) as file:  # type: ignore[call-overload]
        rows = list(csv.reader(file))
    if not rows or tuple(rows[0]) != _HEADINGS:
        raise ValueError(f"{path} is no split: its first line is to be {','.join(_HEADINGS)}.")
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(_HEADINGS) or row[3] not in SPLITS:
            raise ValueError(
                f"{path}, line {number}: expected file, class, group and one of {', '.join(SPLITS)}, got {row}."
            )
    return [Placed(*row) for row in rows[1:]]
