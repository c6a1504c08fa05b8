"""Where the lessons are, and the learner's own copies of them.

The lessons belong to the cloned repository; the installed package alone (as on Colab) has none.
"""

import difflib
import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from course_utils.runtime import atomic_write, repository_root


class LessonError(Exception):
    """What a learner asked for does not exist; the message says what does."""


class Lesson(NamedTuple):
    """One built lesson, `notebooks/NN_name.ipynb`, and what its head says about time."""

    path: Path
    study_minutes: int | None
    budget_seconds: int
    run_seconds: int | None  # measured when it was built

    @property
    def name(self) -> str:
        """`NN_name`, as in `01_pretrained_inference`."""
        return self.path.stem


def notebooks_dir() -> Path:
    """Return the repository's `notebooks/`. Raises LessonError where only the package is installed."""
    root = repository_root()
    if root is None:
        raise LessonError("The lessons are not here: clone the repository and install it with `pip install -e .`.")
    return root / "notebooks"


def read_lesson(path: Path) -> Lesson:
    """Return the lesson at `path`. Raises LessonError where its head states no time budget."""
    course = json.loads(path.read_text(encoding="utf-8"))["metadata"].get("course", {})
    if "budget_seconds" not in course:
        raise LessonError(f"{path}: no jupyter.course.budget_seconds in its head; add it to its source.")
    return Lesson(path, course.get("study_minutes"), course["budget_seconds"], course.get("run_seconds"))


def all_lessons() -> list[Lesson]:
    """Return every built lesson, in order. Raises LessonError where there is none."""
    paths = sorted(notebooks_dir().glob("[0-9][0-9]_*.ipynb"))
    if not paths:
        raise LessonError(f"No lesson stands in {notebooks_dir()}: build them with `make notebooks`.")
    return [read_lesson(path) for path in paths]


def find_lesson(word: str) -> Lesson:
    """Return the lesson called `word`: its number (`1`, `01`), name (`01_pretrained_inference`) or file.

    Raises LessonError, naming the closest lesson, where there is none.
    """
    lessons = all_lessons()
    wanted = Path(word).name.removesuffix(".ipynb").removesuffix(".py")
    for lesson in lessons:
        if wanted == lesson.name or (wanted.isdecimal() and int(wanted) == int(lesson.name[:2])):
            return lesson
    names = [lesson.name for lesson in lessons]
    by_title = {name[3:]: name for name in names}
    close = difflib.get_close_matches(wanted, [*names, *by_title], n=1, cutoff=0.5)
    if close:
        raise LessonError(f"No lesson is called {word!r}. Did you mean {by_title.get(close[0], close[0])}?")
    raise LessonError(f"No lesson is called {word!r}. The lessons: {', '.join(names)}.")


def _cleared(lesson: Lesson) -> str:
    """Return the lesson as a notebook's JSON without outputs, its links fitted to a folder one level below."""
    notebook = json.loads(lesson.path.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
        else:
            source = "".join(cell["source"])
            cell["source"] = re.sub(
                r"(?<=\]\()(?!\d\d_)[^)\s#]+",  # a link's target, other lessons excepted: they are copied too
                lambda link: f"../{link[0]}" if (lesson.path.parent / link[0]).exists() else link[0],
                source,
            )
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def copy_lesson(lesson: Lesson, *, fresh: bool = False) -> Path:
    """Copy a lesson, outputs cleared, into the learner's folder `notebooks/my/`; return the copy's path.

    An existing file is never touched: it is returned as it is or, with `fresh`, a copy named `NN_name_fresh.ipynb`
    (`_fresh_2`, ...) is put beside it.
    """
    own = lesson.path.parent / "my" / lesson.path.name
    own.parent.mkdir(exist_ok=True)
    tried = 1
    while fresh and own.exists():
        own = own.with_name(f"{lesson.name}_fresh{f'_{tried}' if tried > 1 else ''}.ipynb")
        tried += 1
    if not own.exists():
        with atomic_write(own) as temporary:
            temporary.write_text(_cleared(lesson), encoding="utf-8", newline="\n")
    return own


def open_in_jupyterlab(path: Path, options: Iterable[str] = ()) -> None:
    """Open JupyterLab on a file or folder of the repository and stay until it is closed.

    `options` go to JupyterLab (`--no-browser`, `--port=8890`). Raises ModuleNotFoundError where it is not installed.
    """
    from jupyterlab.labapp import LabApp

    root = notebooks_dir().parent
    sys.argv = ["jupyter-lab"]
    LabApp.launch_instance(
        [
            f"--ServerApp.root_dir={root}",
            f"--LabApp.default_url=/lab/tree/{path.relative_to(root).as_posix()}",
            *options,
        ]
    )
