"""The data doctor (lesson 02): decode every file of a data set once, and report all its troubles in one table."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from html import escape
from pathlib import Path
from typing import NamedTuple

from PIL import ExifTags, Image

from course_utils.pictures.folders import entries, find_splits, is_hidden, is_image_name, walk
from course_utils.runtime import progress_bar
from course_utils.transforms import to_rgb

# What the doctor finds, worst first, and what to do about it.
TO_MEND = {
    "unreadable": "no picture inside: delete it, or fetch it again",
    "truncated": "breaks off or is damaged: fetch it again",
    "leakage": "the exam holds a picture that was practised: keep it in one split",
    "contradiction": "one picture, two classes: decide which is right",
    "duplicate": "twice in this split: keep one",
    "empty class": "no readable picture: fill or remove the folder",
    "misplaced": "lies in no class folder: move it",
    "tiny": "hardly anything to see: look at it, replace it",
}
HANDLED = {
    "not an image": "skipped; convert it if it is a photo (.heic), else delete it",
    "hidden": "skipped",
    "rotated": "turned upright when loaded",
    "unusual mode": "turned into RGB when loaded",
    "animated": "the first frame is taken",
}
KINDS = TO_MEND | HANDLED
_ROWS_PER_KIND = 10  # in the printed report; `of_kind` gives all


class Finding(NamedTuple):
    """One trouble: `path` below the scanned folder (with /), `kind` (a key of `KINDS`) and the particulars."""

    path: str
    kind: str
    detail: str


class Table(NamedTuple):
    """What both views of a report are made of."""

    caption: str
    header: list[str]
    rows: list[list[str]]


@dataclass(frozen=True)
class ScanReport:
    """What `scan_images` found; printed or shown by a notebook, it is a table of classes and a table of troubles.

    root        the scanned folder
    num_files   how many files there are, hidden ones left out
    findings    all troubles, worst kind first, as `(path, kind, detail)`
    counts      readable pictures: `counts["train"]["dress"]`
    """

    root: Path
    num_files: int
    findings: list[Finding]
    counts: dict[str, dict[str, int]]

    @property
    def problems(self) -> list[Finding]:
        """The findings that somebody must mend; `ImageFolderDataset` copes with all others."""
        return [finding for finding in self.findings if finding.kind in TO_MEND]

    def of_kind(self, kind: str) -> list[Finding]:
        """Return all findings of one kind. Raises KeyError for a kind that is not in `KINDS`."""
        if kind not in KINDS:
            raise KeyError(f"No kind {kind!r}; the kinds are {', '.join(KINDS)}.")
        return [finding for finding in self.findings if finding.kind == kind]

    @property
    def imbalance(self) -> dict[str, float]:
        """For each split: pictures of the largest class for one of the smallest (1.0: balanced; inf: one is empty)."""
        return {
            split: max(counts.values()) / min(counts.values()) if all(counts.values()) else float("inf")
            for split, counts in self.counts.items()
        }

    @property
    def majority_class(self) -> str | None:
        """The largest class of the first split (training), or None where that has no readable picture."""
        counts = next(iter(self.counts.values()))
        return max(counts, key=counts.__getitem__) if any(counts.values()) else None

    @property
    def majority_baseline(self) -> dict[str, float]:
        """For each split with pictures: the accuracy, in [0, 1], of always answering `majority_class`."""
        return {
            split: counts.get(self.majority_class, 0) / sum(counts.values())
            for split, counts in self.counts.items()
            if any(counts.values())
        }

    def __repr__(self) -> str:
        return "\n\n".join([self._headline(), *map(_as_text, self._tables())])

    def _repr_html_(self) -> str:
        return f"<p>{escape(self._headline())}</p>" + "".join(map(_as_html, self._tables()))

    def _headline(self) -> str:
        return (
            f"ScanReport: {self.num_files:,} files in {self.root}: {len(self.problems):,} to mend, "
            f"{len(self.findings) - len(self.problems):,} handled by ImageFolderDataset."
        )

    def _tables(self) -> Iterator[Table]:
        splits = list(self.counts)
        names = sorted({name for counts in self.counts.values() for name in counts})
        rows = [[name, *(f"{self.counts[split].get(name, 0):,}" for split in splits)] for name in names]
        rows.append(["all", *(f"{sum(self.counts[split].values()):,}" for split in splits)])
        rows.append(["largest : smallest", *(f"{self.imbalance[split]:.1f} : 1" for split in splits)])
        baseline = self.majority_baseline
        if self.majority_class is not None:
            answers = [f"{baseline[split]:.1%} right" if split in baseline else "-" for split in splits]
            rows.append([f"always {self.majority_class}", *answers])
        yield Table("Readable pictures", ["class", *splits], rows)
        for caption, kinds in (("To mend", TO_MEND), ("Handled by ImageFolderDataset", HANDLED)):
            rows = [row for kind in kinds for row in self._rows_of(kind)]
            if rows:
                yield Table(caption, ["file", "trouble", "particulars", "what to do"], rows)

    def _rows_of(self, kind: str) -> list[list[str]]:
        found = self.of_kind(kind)
        rows = [[path, kind, detail, KINDS[kind]] for path, _, detail in found[:_ROWS_PER_KIND]]
        if len(found) > _ROWS_PER_KIND:
            rows.append([f"... {len(found) - _ROWS_PER_KIND:,} more", kind, f"see .of_kind({kind!r})", KINDS[kind]])
        return rows


def _as_text(table: Table) -> str:
    widths = [max(map(len, column)) for column in zip(table.header, *table.rows, strict=True)]

    def line(cells: list[str]) -> str:
        return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()

    return "\n".join(
        [table.caption, line(table.header), line(["-" * width for width in widths]), *map(line, table.rows)]
    )


def _as_html(table: Table) -> str:
    left = ' style="text-align: left"'
    head = "".join(f'<th scope="col"{left}>{escape(cell)}</th>' for cell in table.header)
    body = "".join("<tr>" + "".join(f"<td{left}>{escape(cell)}</td>" for cell in row) + "</tr>" for row in table.rows)
    caption = f"<caption{left}><b>{escape(table.caption)}</b></caption>"
    return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def scan_images(root: str | Path, *, min_size: int = 32, progress: bool = True) -> ScanReport:
    """Decode every picture below `root` and report what is wrong, strange or unevenly distributed. Changes nothing.

    `root` holds train, validation and test folders, or just one folder a class. Two pictures are duplicates when their
    decoded pixels are equal, whatever their files are called or look like; between two splits that is leakage. A
    picture is tiny when a side has fewer than `min_size` pixels. Of an animation, the first frame is decoded. A few
    milliseconds a photo; `progress` shows a bar.

    Raises FileNotFoundError for a missing `root`. Lesson 02.
    """
    root = Path(root)
    found_splits = find_splits(root)
    folders = list(found_splits.values()) if "train" in found_splits else [root]
    counts = _empty_counts(folders)
    findings: list[Finding] = []
    copies: dict[str, dict[str, Path]] = defaultdict(dict)  # digest of the pixels -> split -> first file
    paths = _in_order(walk(root), folders)
    files = [path for path in paths if not is_hidden(path)]

    def report(path: Path, kind: str, detail: str = "") -> None:
        findings.append(Finding(path.relative_to(root).as_posix(), kind, detail))

    for path in paths:
        if is_hidden(path):
            report(path, "hidden")
    for path in progress_bar(files, description="Reading pictures", unit="file", show=progress):
        troubles, digest = _examine(path, min_size)
        for kind, detail in troubles:
            report(path, kind, detail)
        if digest is None:
            continue
        split, class_name = _place(path, folders)
        if class_name is None:
            report(path, "misplaced")
        else:
            counts[split][class_name] += 1
        twins = copies[digest]
        if twins:
            twin = twins.get(split) or next(iter(twins.values()))
            same_class = _place(twin, folders)[1] == class_name
            kind = "leakage" if split not in twins else "duplicate" if same_class else "contradiction"
            report(path, kind, f"same picture as {twin.relative_to(root).as_posix()}")
        twins.setdefault(split, path)
    for folder in folders:
        for class_name, count in counts[folder.name].items():
            if count == 0:
                report(folder / class_name, "empty class")
    worst_first = list(KINDS)
    findings.sort(key=lambda finding: (worst_first.index(finding.kind), finding.path))
    return ScanReport(root, len(files), findings, counts)


def _empty_counts(folders: list[Path]) -> dict[str, dict[str, int]]:
    """Zero for each class in each split; a class that only one split knows counts as empty in the others."""
    classes = {entry.name for folder in folders for entry in entries(folder) if entry.is_dir() and not is_hidden(entry)}
    return {folder.name: dict.fromkeys(sorted(classes), 0) for folder in folders}


def _in_order(paths: list[Path], folders: list[Path]) -> list[Path]:
    """Training pictures first, so that of two equal pictures the one in the exam is reported."""
    splits = [*(folder.name for folder in folders), ""]
    return sorted(paths, key=lambda path: splits.index(_place(path, folders)[0]))


def _place(path: Path, folders: list[Path]) -> tuple[str, str | None]:
    """Return `(split, class)`; the split is "" outside all of them, the class None outside every class folder."""
    for folder in folders:
        if path.is_relative_to(folder):
            parts = path.relative_to(folder).parts
            return folder.name, parts[0] if len(parts) > 1 else None
    return "", None


def _examine(path: Path, min_size: int) -> tuple[list[tuple[str, str]], str | None]:
    """Decode one file; return its troubles as `(kind, detail)`, and a digest of its pixels where it has any."""
    if not is_image_name(path):
        return [("not an image", f"ending {path.suffix!r}")], None
    if path.stat().st_size == 0:
        return [("unreadable", "the file is empty")], None
    kind = "unreadable"
    # Given damaged bytes, Pillow's many decoders raise nearly every type of error there is; each becomes a finding.
    try:
        with Image.open(path) as image:
            kind = "truncated"  # from here on: it began as a picture
            image.load()
            kind = "unreadable"
            troubles = _peculiarities(image, min_size)
            rgb = to_rgb(image)
    except Exception as error:
        return [(kind, f"{type(error).__name__}: {error}".replace(str(path), path.name))], None
    return troubles, blake2b(repr(rgb.size).encode() + rgb.tobytes(), digest_size=16).hexdigest()


def _peculiarities(image: Image.Image, min_size: int) -> list[tuple[str, str]]:
    found = []
    if min(image.size) < min_size:
        found.append(("tiny", f"{image.width} x {image.height} pixels"))
    orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    if orientation in range(2, 9):
        found.append(("rotated", f"EXIF orientation {orientation}"))
    if image.mode != "RGB" or image.has_transparency_data:
        found.append(("unusual mode", image.mode + (" with transparency" if image.has_transparency_data else "")))
    # MPO is what some phones write: the photo, and small copies of it behind.
    if getattr(image, "n_frames", 1) > 1 and image.format != "MPO":
        found.append(("animated", f"{image.n_frames} frames"))
    return found
