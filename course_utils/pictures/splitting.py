"""From folders of classes to practice, mock exam and final exam: split by class, or by group (lessons 02 and 13).

What belongs together stays together: pictures of one group, and near copies. Nothing is drawn by lot that another
machine would draw otherwise: the order is that of a digest of seed and name.
"""

import math
import re
import secrets
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path

from course_utils.pictures.families import Families
from course_utils.pictures.folders import check_class_names, find_splits, is_hidden, is_image_name, shown, walk
from course_utils.pictures.scan import scan_images
from course_utils.pictures.scan_report import ScanFinding, ScanReport
from course_utils.pictures.split_report import SPLIT_FILE, SPLITS, Placed, Split, write_split
from course_utils.pictures.unreadable import REMEDIES
from course_utils.runtime import given_path, progress_bar

Group = str | Callable[[str], str | None]
DEFAULT_SHARES = (0.7, 0.15, 0.15)

# What the data doctor finds and a split leaves out.
_LEFT_OUT = {*REMEDIES, "contradiction", "duplicate", "misplaced"}
# "violin_07_3.jpg": a name that ends in a number of its own behind another number.
_NUMBERED = re.compile(r"(.*\d.*)[_ -]\d+\.\w+")


def split_folder(
    source: str | Path,
    target: str | Path,
    *,
    shares: Sequence[float] = DEFAULT_SHARES,
    group: Group | None = None,
    seed: int = 0,
    progress: bool = True,
) -> Split:
    """Copy the pictures of `source`, a folder a class, to train, validation and test folders in `target`.

    The data doctor looks at every file first (`scan_images`): broken files, second copies, pictures that stand in two
    classes and those in no class folder are left out, and listed. Near copies go into one split together. Each class is
    divided by `shares`, which are parts of 1 for practice, mock exam and final exam; 0 for the last makes no test
    folder. `target/split.csv` says where each picture went: file, class, group, split. The same pictures and `seed`
    give the same split on every machine.

    `group` keeps together what shows one thing, because a student who has practised on a violin must not meet it in the
    exam: a regular expression with one group in brackets, searched in the path below the class folder, or a function of
    that path, which returns a name or None. With `r"(.+)_\\d+\\."`, violin_07_3.jpg belongs to violin_07. A picture
    without a name is a group of its own. A group may span classes.

    `source` stays as it is, and `target` appears at the end, whole: an interrupt leaves nothing.

    Raises OSError for a missing `source` and for a `target` that holds something, ValueError, with the way out, for a
    source that is split already, a `target` inside it, a class with fewer pictures (or groups) than there are splits,
    and wrong `shares` or `group`. Lessons 02 and 13.
    """
    source, target = given_path(source, kind="folder"), given_path(target, kind="folder")
    if target.exists() and any(target.iterdir()):
        raise FileExistsError(f"{target} is there and not empty: name a folder that does not exist yet.")
    if target.resolve().is_relative_to(source.resolve()):
        raise ValueError(f"{target} lies inside {source}, and would be taken for a class: name a folder beside it.")
    split = plan_split(source, shares=shares, group=group, seed=seed, progress=progress)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name[:100]}.{secrets.token_hex(8)}.tmp")
    try:
        for picture in progress_bar(split.placed, description="Copying pictures", unit="file", show=progress):
            copy = temporary / picture.split / picture.file
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source / picture.file, copy)
        write_split(temporary / SPLIT_FILE, split.placed)
        if target.exists():
            target.rmdir()
        temporary.replace(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return split


def plan_split(
    source: str | Path,
    *,
    shares: Sequence[float] = DEFAULT_SHARES,
    group: Group | None = None,
    seed: int = 0,
    report: ScanReport | None = None,
    progress: bool = True,
) -> Split:
    """Return the split that `split_folder` would make, and write nothing; `report` is that of `scan_images(source)`."""
    source = given_path(source, kind="folder")
    by_split, name_of = _check_shares(shares), _namer(group)
    found = find_splits(source)
    if "train" in found:
        there = ", ".join(folder.name for folder in found.values())
        raise ValueError(
            f"{source} is split already ({there}); its practice pictures alone are split with {found['train']}."
        )
    report = report or scan_images(source, progress=progress)
    left_out = left_out_of(report)
    files = _files(source, {finding.path for finding in left_out})
    if not files:
        raise ValueError(f"{source} holds no readable picture in a class folder: put them into one folder a class.")
    check_class_names(sorted({class_name for _, class_name in files}), source)
    names = {file: str(name) for file, class_name in files if (name := name_of(file[len(class_name) + 1 :]))}
    if group is not None and not names:
        raise ValueError(f"group={group!r} finds a group in no name, such as {files[0][0]}: try it on that one.")
    units = _units(files, names, report.near)
    split_of_unit = deal({unit: Counter(kinds.values()) for unit, kinds in units.items()}, by_split, seed=seed)
    placed = [
        Placed(file, class_name, _label(kinds, names), split_of_unit[unit])
        for unit, kinds in units.items()
        for file, class_name in kinds.items()
    ]
    remarks = _remarks(placed, names, report.near, is_grouped=group is not None)
    return Split(source, sorted(placed), left_out, remarks)


def deal(units: Mapping[str, Counter[str]], shares: Mapping[str, float], *, seed: int) -> dict[str, str]:
    """Return the split of each unit, whose value says how many pictures of each class it holds.

    The largest unit comes first, equals in the order of a digest of seed and name; each goes to the split that lacks
    most of what it holds. Raises ValueError where a class has too few units to be in each split.
    """
    sizes: Counter[str] = Counter()
    left: Counter[str] = Counter()
    for counts in units.values():
        sizes.update(counts)
        left.update(counts.keys())
    too_few = [f"{shown(name)} ({left[name]})" for name in sorted(left) if left[name] < len(shares)]
    if too_few:
        raise ValueError(
            f"To be in each of {', '.join(shares)}, a class needs {len(shares)} pictures (or groups; near copies "
            f"count as one), and these have fewer: {', '.join(too_few)}. Add pictures, or take the class out."
        )
    lack = {split: Counter({name: share * sizes[name] for name in sizes}) for split, share in shares.items()}
    without = {name: set(shares) for name in sizes}  # the splits that have no picture of the class yet
    given = {}
    for unit in sorted(units, key=lambda name: (-units[name].total(), _digest(seed, name))):
        counts = units[unit]
        due = {split for name in counts for split in without[name] if left[name] <= len(without[name])}

        def need(split: str, counts: Counter[str] = counts) -> tuple[float, float]:
            wanted = sum(number * lack[split][name] for name, number in counts.items())
            return round(wanted, 6), round(lack[split].total(), 6)  # so that rounding errors decide nothing

        split = given[unit] = max((split for split in shares if split in (due or shares)), key=need)
        for name, number in counts.items():
            left[name] -= 1
            without[name].discard(split)
            lack[split][name] -= number
    empty = [f"{shown(name)} in {split}" for name, splits in without.items() for split in sorted(splits)]
    if empty:
        raise ValueError(f"The groups leave no picture of {', '.join(empty)}: take another seed, or smaller groups.")
    return given


def _digest(seed: int, name: str) -> bytes:
    return blake2b(f"{seed}/{name}".encode(errors="surrogateescape"), digest_size=16).digest()


def _check_shares(shares: Sequence[float]) -> dict[str, float]:
    if len(shares) != len(SPLITS) or not all(math.isfinite(share) for share in shares):
        raise ValueError(f"shares={tuple(shares)}: three numbers, for {', '.join(SPLITS)}.")
    train, val, test = shares
    if min(train, val) <= 0 or test < 0 or not math.isclose(train + val + test, 1, abs_tol=0.001):
        raise ValueError(f"shares={tuple(shares)}: parts of 1, such as 0.7, 0.15 and 0.15; only the last may be 0.")
    return {split: share for split, share in zip(SPLITS, shares, strict=True) if share}


def _namer(group: Group | None) -> Callable[[str], str | None]:
    """Return the function that gives the group's name for a path below the class folder."""
    if group is None:
        return lambda _: None
    if callable(group):
        return group
    try:
        pattern = re.compile(group)
    except re.error as error:
        raise ValueError(f"group={group!r} is no regular expression: {error}.") from error
    if pattern.groups != 1:
        raise ValueError(
            f"group={group!r} has {pattern.groups} pairs of brackets, and needs one around the group's name: "
            r"(.+)_\d+\. makes violin_07 of violin_07_3.jpg."
        )

    def name_of(path: str) -> str | None:
        match = pattern.search(path)
        return match[1] if match else None

    return name_of


def left_out_of(report: ScanReport) -> list[ScanFinding]:
    """Return what is not used of a scanned folder; of a picture in two classes, no copy: who knows which is right?"""
    left_out = [finding for finding in report.findings if finding.kind in _LEFT_OUT]
    contradictory = {finding.path for finding in left_out if finding.kind == "contradiction"}
    known = {finding.path for finding in left_out}
    for family in report.copies:
        others = [path for path in family if path in contradictory]
        left_out += [
            ScanFinding(path, "contradiction", f"same picture as {shown(others[0])}")
            for path in family
            if others and path not in known
        ]
    return left_out


def _files(source: Path, left_out: set[str]) -> list[tuple[str, str]]:
    """Return each picture that is used as `(path below source, class)`, and pass over what is hidden or no picture."""
    files = []
    for path in walk(source, on_error=lambda _: None):  # a folder that may not be read is among the findings
        below = path.relative_to(source)
        if len(below.parts) > 1 and is_image_name(path) and not is_hidden(path) and below.as_posix() not in left_out:
            files.append((below.as_posix(), below.parts[0]))
    return files


def _units(
    files: Sequence[tuple[str, str]], names: Mapping[str, str], near: Sequence[Sequence[str]]
) -> dict[str, dict[str, str]]:
    """Return what stays together, by the name of its first file: each picture's path and class."""
    families = Families[tuple[str, str]]()
    for file, name in names.items():
        families.join(("group", name), ("file", file))
    for first, *others in near:
        for other in others:
            families.join(("file", first), ("file", other))
    by_head: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for file, class_name in files:
        by_head[families.head(("file", file))][file] = class_name
    return {min(kinds): kinds for kinds in by_head.values()}


def _label(kinds: Mapping[str, str], names: Mapping[str, str]) -> str:
    """Name a unit: by its groups (near copies may tie two together), else by its first file; "" for a single one."""
    groups = sorted({names[file] for file in kinds if file in names})
    return " + ".join(groups) or (min(kinds) if len(kinds) > 1 else "")


def _remarks(
    placed: Sequence[Placed], names: Mapping[str, str], near: Sequence[Sequence[str]], *, is_grouped: bool
) -> list[str]:
    remarks = []
    if is_grouped:
        alone = [picture.file for picture in placed if picture.file not in names]
        remarks.append(f"{len(set(names.values())):,} groups, each in one split.")
        if alone:
            remarks.append(
                f"{len(alone):,} names give no group, such as {shown(alone[0])}: each stands alone, copies aside."
            )
    used = {picture.file for picture in placed}
    families = [family for family in near if len(used.intersection(family)) > 1]
    if families:
        remarks.append(
            f"{len(families):,} {'family' if len(families) == 1 else 'families'} of near copies kept in one split "
            f"each, such as {', '.join(families[0][:2])}."
        )
    if not is_grouped and (example := _suspected_group(placed)):
        remarks.append(
            f"Names such as {shown(example)} may tell which pictures show one thing. If so, split by them, or the exam "
            r"asks what was practised: group=r'(.+)[_ -]\d+\.' (course split --group '(.+)[_ -]\d+\.')."
        )
    return remarks


def _suspected_group(placed: Sequence[Placed]) -> str | None:
    """Return a name like violin_07_3.jpg where most are such, and several share what stands before the last number."""
    matches = {picture.file: match[1] for picture in placed if (match := _NUMBERED.fullmatch(Path(picture.file).name))}
    sizes = Counter(matches.values())
    shared = [file for file, name in matches.items() if sizes[name] > 1]
    return shared[0] if 2 * len(shared) > len(placed) and len(sizes) > len(SPLITS) else None
