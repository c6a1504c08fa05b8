"""The learner's own copies of the lessons: made once, never overwritten where somebody has worked in them."""

import hashlib
import json
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from course_utils.classroom.lessons import Lesson, notebooks_dir, read_notebook
from course_utils.runtime import atomic_write

FALLBACK = "student-goes-to-school"  # in the home folder, where the repository may only be read


class Copies(NamedTuple):
    """What `renew_copies` did: copies made or brought up to date, and old ones that hold the learner's work."""

    renewed: list[Path]
    outdated: list[Path]


def own_folder() -> Path:
    """Return the folder of the learner's copies, made where it is missing.

    That is `notebooks/my/`, or a folder in the learner's home where the repository may only be read (a folder that
    many share).
    """
    folder = notebooks_dir() / "my"
    if not os.access(folder if folder.exists() else folder.parent, os.W_OK):
        folder = Path.home() / FALLBACK
    folder.mkdir(exist_ok=True)
    return folder


def renew_copies(lessons: Iterable[Lesson]) -> Copies:
    """Copy every lesson that the learner's folder lacks, and copy anew what nobody has touched since an update.

    A copy that somebody has run or changed is left as it is; where its lesson is newer, it is named as outdated.
    """
    folder, copies = own_folder(), Copies([], [])
    for lesson in lessons:
        own = folder / lesson.path.name
        if own.exists():
            kept = read_notebook(own)
            if _source(kept) == _source(read_notebook(lesson.path)):
                continue
            if _is_touched(kept):
                copies.outdated.append(own)
                continue
        _write(lesson, own)
        copies.renewed.append(own)
    return copies


def copy_lesson(lesson: Lesson, *, fresh: bool = False) -> Path:
    """Copy a lesson, outputs cleared, into the learner's folder; return the copy's path.

    An existing file is never touched: it is returned as it is or, with `fresh`, a copy named `NN_name_fresh.ipynb`
    (`_fresh_2`, ...) is put beside it.
    """
    own = own_folder() / lesson.path.name
    tried = 1
    while fresh and own.exists():
        own = own.with_name(f"{lesson.name}_fresh{f'_{tried}' if tried > 1 else ''}.ipynb")
        tried += 1
    if not own.exists():
        _write(lesson, own)
    return own


def _write(lesson: Lesson, own: Path) -> None:
    with atomic_write(own) as temporary:
        content = json.dumps(_cleared(lesson, own.parent), indent=1, ensure_ascii=False)
        temporary.write_text(content + "\n", encoding="utf-8", newline="\n")


def _cleared(lesson: Lesson, folder: Path) -> dict[str, Any]:
    """Return the lesson without outputs, its links fitted to the learner's folder."""
    notebook = read_notebook(lesson.path)
    notebooks = Path(os.path.relpath(lesson.path.parent, folder)).as_posix()
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
        else:
            cell["source"] = re.sub(
                r"(?<=\]\()(?!\d\d_)[^)\s#]+",  # a link's target, other lessons excepted: they are copied too
                lambda link: f"{notebooks}/{link[0]}" if (lesson.path.parent / link[0]).exists() else link[0],
                "".join(cell["source"]),
            )
    notebook["metadata"].setdefault("course", {})["copied"] = _fingerprint(notebook)
    return notebook


def _source(notebook: dict[str, Any]) -> object:
    """Return what tells two editions of a lesson apart."""
    return notebook["metadata"].get("course", {}).get("source_sha256")


def _is_touched(copy: dict[str, Any]) -> bool:
    """True where a copy is not as it was made: a cell was run or changed. One that does not know counts as touched."""
    return bool(copy["metadata"].get("course", {}).get("copied") != _fingerprint(copy))


def _fingerprint(notebook: dict[str, Any]) -> str:
    cells = [["".join(cell["source"]), bool(cell.get("outputs"))] for cell in notebook["cells"]]
    return hashlib.sha256(json.dumps(cells).encode()).hexdigest()
