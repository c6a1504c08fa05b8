"""What the data doctor found (lesson 02), as a table of classes and tables of findings."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import NamedTuple

from course_utils.pictures.folders import shown
from course_utils.pictures.unreadable import REMEDIES
from course_utils.report.tables import html_table, text_table

# What the doctor finds, worst first, and what to do about it.
TO_MEND = REMEDIES | {
    "leakage": "the exam holds a picture that was practised: keep it in one split",
    "contradiction": "one picture, two classes: decide which is right",
    "duplicate": "twice in this split: keep one",
    "empty class": "no readable picture: fill or remove the folder",
    "misplaced": "lies in no class folder: move it",
    "tiny": "hardly anything to see: look at it, replace it",
}
TO_LOOK_AT = {
    "near leakage": "if it shows the same, keep both in one split",
    "near contradiction": "if it shows the same, decide which class is right",
    "near duplicate": "if it shows the same, one may be enough",
    "split name": "called like a split where none is looked for: move it, rename it, or scan the folder it lies in",
}
HANDLED = {
    "not an image": "skipped; if it is a picture, give it a picture's ending",
    "hidden": "skipped",
    "rotated": "turned upright when loaded",
    "unusual mode": "turned into RGB when loaded",
    "animated": "the first frame is taken",
}
KINDS = TO_MEND | TO_LOOK_AT | HANDLED
_ROWS_PER_KIND = 10  # in the printed report; `of_kind` gives all


class ScanFinding(NamedTuple):
    """One thing to know: `path` below the scanned folder (with /), `kind` (a key of `KINDS`) and the particulars."""

    path: str
    kind: str
    detail: str


@dataclass(frozen=True)
class ScanReport:
    """What `scan_images` found; printed or shown by a notebook, it is a table of classes and tables of findings.

    root        the scanned folder
    num_files   how many files there are, hidden ones left out
    findings    all of them, worst kind first, as `(path, kind, detail)`
    counts      readable pictures: `counts["train"]["dress"]`
    copies      families of files with equal pixels, and
    near        families of files that are nearly the same (the copies left out); each a list of paths below `root`
    """

    root: Path
    num_files: int
    findings: list[ScanFinding]
    counts: dict[str, dict[str, int]]
    copies: list[list[str]] = field(default_factory=list)
    near: list[list[str]] = field(default_factory=list)

    @property
    def problems(self) -> list[ScanFinding]:
        """The findings that somebody must mend; the others want a look, or `ImageFolderDataset` copes with them."""
        return [finding for finding in self.findings if finding.kind in TO_MEND]

    def of_kind(self, kind: str) -> list[ScanFinding]:
        """Return all findings of one kind. Raises KeyError for a kind that is not in `KINDS`."""
        if kind not in KINDS:
            raise KeyError(f"No kind {kind!r}; the kinds are {', '.join(KINDS)}.")
        return [finding for finding in self.findings if finding.kind == kind]

    @property
    def imbalance(self) -> dict[str, float]:
        """For each split with classes: pictures of the largest for one of the smallest (inf: one is empty)."""
        return {
            split: max(counts.values()) / min(counts.values()) if all(counts.values()) else float("inf")
            for split, counts in self.counts.items()
            if counts
        }

    @property
    def majority_class(self) -> str | None:
        """The largest class of the first split (training), or None where that has no readable picture."""
        counts = next(iter(self.counts.values()), {})
        return max(counts, key=counts.__getitem__) if any(counts.values()) else None

    @property
    def majority_baseline(self) -> dict[str, float]:
        """For each split with pictures: the accuracy, in [0, 1], of always answering `majority_class`."""
        answer = self.majority_class
        if answer is None:
            return {}
        return {
            split: counts.get(answer, 0) / sum(counts.values())
            for split, counts in self.counts.items()
            if any(counts.values())
        }

    def __repr__(self) -> str:
        tables = [f"{caption}\n{text_table(rows, align='left')}" for caption, rows in self._tables()]
        return "\n\n".join([self._headline(), *tables])

    def _repr_html_(self) -> str:
        tables = [html_table(rows, caption=caption, align="left") for caption, rows in self._tables()]
        if any(finding.kind in HANDLED for finding in self.findings):  # nobody need do anything about the last table
            tables[-1] = f"<details><summary>Handled by ImageFolderDataset</summary>{tables[-1]}</details>"
        return f'<p class="tex2jax_ignore mathjax_ignore">{escape(self._headline())}</p>{"".join(tables)}'

    def _headline(self) -> str:
        to_mend, to_look_at, handled = (
            sum(finding.kind in kinds for finding in self.findings) for kinds in (TO_MEND, TO_LOOK_AT, HANDLED)
        )
        return (
            f"ScanReport: {self.num_files:,} files in {self.root}: {to_mend:,} to mend, {to_look_at:,} to look at, "
            f"{handled:,} handled by ImageFolderDataset."
        )

    def _tables(self) -> Iterator[tuple[str, list[list[str]]]]:
        """Yield each table as its caption and its rows, the first of them the headings."""
        yield "Readable pictures", [["class", *map(shown, self.counts)], *self._class_rows()]
        groups = {"To mend": TO_MEND, "To look at": TO_LOOK_AT, "Handled by ImageFolderDataset": HANDLED}
        for caption, kinds in groups.items():
            rows = [row for kind in kinds for row in self._rows_of(kind)]
            if rows:
                yield caption, [["file", "kind", "particulars", "what to do"], *rows]

    def _class_rows(self) -> Iterator[list[str]]:
        names = sorted({name for counts in self.counts.values() for name in counts})
        for name in names:
            yield [shown(name), *(f"{counts.get(name, 0):,}" for counts in self.counts.values())]
        yield ["all", *(f"{sum(counts.values()):,}" for counts in self.counts.values())]
        ratios = {split: f"{ratio:.1f} : 1" for split, ratio in self.imbalance.items() if ratio != float("inf")}
        yield ["largest : smallest", *(ratios.get(split, "-") for split in self.counts)]
        if self.majority_class is not None:
            answers = {split: f"{accuracy:.1%} right" for split, accuracy in self.majority_baseline.items()}
            yield [f"always {shown(self.majority_class)}", *(answers.get(split, "-") for split in self.counts)]

    def _rows_of(self, kind: str) -> list[list[str]]:
        found = self.of_kind(kind)
        rows = [[shown(path), kind, detail, KINDS[kind]] for path, _, detail in found[:_ROWS_PER_KIND]]
        if len(found) > _ROWS_PER_KIND:
            rows.append([f"... {len(found) - _ROWS_PER_KIND:,} more", kind, f"see .of_kind({kind!r})", KINDS[kind]])
        return rows
