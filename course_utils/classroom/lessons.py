"""Where the lessons are, and how one is named and found.

The lessons belong to the cloned repository; the installed package alone (as on Colab) has none.
"""

import difflib
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from course_utils.runtime import repository_root


class LessonError(Exception):
    """What a learner asked for does not exist; the message says what does."""


class Lesson(NamedTuple):
    """One built lesson, `notebooks/NN_name.ipynb`, and what its head says about time."""

    path: Path
    study_minutes: int | None
    budget_seconds: int | None  # None in a learner's own notebook, which may take as long as it needs
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


def read_notebook(path: Path) -> dict[str, Any]:
    """Return a notebook file as plain dicts and lists. Raises LessonError where it is none."""
    try:
        notebook: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        notebook["cells"], notebook["metadata"].get("course")
    except FileNotFoundError:
        raise LessonError(f"There is no file {path}.") from None
    except ValueError as error:
        raise LessonError(
            f"{path} is no notebook, or one that was cut off or damaged: {error}. Take another copy of it."
        ) from None
    except (KeyError, TypeError, AttributeError):
        raise LessonError(f"{path} is no notebook: JupyterLab writes one with File > New > Notebook.") from None
    return notebook


def read_lesson(path: Path) -> Lesson:
    """Return the lesson, or the learner's own notebook, at `path`. Raises LessonError where that is no notebook."""
    course = read_notebook(path)["metadata"].get("course", {})
    return Lesson(path, course.get("study_minutes"), course.get("budget_seconds"), course.get("run_seconds"))


def all_lessons() -> list[Lesson]:
    """Return every built lesson, in order. Raises LessonError where there is none, or one without a time budget."""
    lessons = [read_lesson(path) for path in sorted(notebooks_dir().glob("[0-9][0-9]_*.ipynb"))]
    if not lessons:
        raise LessonError(f"No lesson stands in {notebooks_dir()}: build them with `make notebooks`.")
    for lesson in lessons:
        if lesson.budget_seconds is None:
            raise LessonError(f"{lesson.path}: no jupyter.course.budget_seconds in its head; add it to its source.")
    return lessons


def find_name(word: str, names: Sequence[str]) -> str:
    """Return the lesson among `names` that `word` means: `1`, `01`, its name or a beginning of it, or its file.

    Raises LessonError, naming the closest lesson, where there is none, and where a beginning fits more than one.
    """
    wanted = Path(word).name.removesuffix(".ipynb").removesuffix(".py")
    if wanted.isdecimal():
        found = [name for name in names if int(name[:2]) == int(wanted)]
    else:
        found = [name for name in names if name == wanted] or [name for name in names if name.startswith(wanted)]
    if len(found) == 1:
        return found[0]
    if wanted and len(found) > 1:
        raise LessonError(f"{word!r} may be {' or '.join(found)}: which one?")
    by_title = {name[3:]: name for name in names}
    close = difflib.get_close_matches(wanted, [*names, *by_title], n=1, cutoff=0.5)
    if close:
        raise LessonError(f"No lesson is called {word!r}. Did you mean {by_title.get(close[0], close[0])}?")
    raise LessonError(f"No lesson is called {word!r}. The lessons: {', '.join(names)}.")


def find_lesson(word: str) -> Lesson:
    """Return the lesson that `word` means, as `find_name` takes it."""
    lessons = {lesson.name: lesson for lesson in all_lessons()}
    return lessons[find_name(word, list(lessons))]


def find_notebook(word: str) -> Lesson:
    """Return the notebook file `word`, which may be a learner's own; where it is no file's path, the lesson."""
    path = Path(word).expanduser()
    if path.suffix == ".ipynb" and (path.is_file() or len(path.parts) > 1 or word.startswith(".")):
        return read_lesson(path.resolve())
    return find_lesson(word)


def open_in_jupyterlab(path: Path, options: Iterable[str] = ()) -> None:
    """Open JupyterLab on a file or folder and stay until it is closed; its root is the repository, where it lies there.

    `options` go to JupyterLab (`--no-browser`, `--port=8890`). Raises ModuleNotFoundError where it is not installed.
    """
    from jupyterlab.labapp import LabApp

    repository = notebooks_dir().parent
    root = repository if path.is_relative_to(repository) else path.parent
    sys.argv = ["jupyter-lab"]
    LabApp.launch_instance(
        [
            f"--ServerApp.root_dir={root}",
            f"--LabApp.default_url=/lab/tree/{path.relative_to(root).as_posix()}",
            *options,
        ]
    )
