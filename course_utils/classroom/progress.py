"""How far is a learner? Read from what run notebooks keep: cells that were run, predictions, verdicts of exercises.

Nothing else is stored, and nobody signs in: a learner's folder is the record, and a teacher collects folders.
"""

import os
import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

from course_utils.classroom.lessons import Lesson, LessonError, read_notebook
from course_utils.classroom.pages import write_prose
from course_utils.classroom.predictions import FILE, read_predictions
from course_utils.pictures.folders import shown
from course_utils.report.tables import Rows, html_table, text_table

LEGEND = "✓ solved, ✗ tried, · not yet, - lesson not begun"

# What a lesson asks, in its code; and what a run leaves of it, in the outputs.
_EXERCISE = re.compile(r'\bcheck\(\s*"(\d\d\.\d+)"')
_PREDICTION = re.compile(r'\bpredict_first\(\s*"(\d\d\.\d+)"')
_SOLVED = re.compile(r"^✓ Solved \(exercise (\d\d\.\d+)\)", re.MULTILINE)
_REFUSED = re.compile(r"^✗ Not yet \(exercise (\d\d\.\d+)\)", re.MULTILINE)
_EXPECTED = re.compile(r"s you expected[:.]</strong> · prediction (\d\d\.\d+)<")


class LessonProgress(NamedTuple):
    """How far a learner is in one lesson. Predictions and exercises are keys, such as "06.1"."""

    name: str  # NN_name
    cells: int  # code cells, in the learner's own copy where there is one
    run: int
    predictions: tuple[str, ...]  # what the lesson asks
    exercises: tuple[str, ...]
    made: frozenset[str]  # of its predictions
    solved: frozenset[str]  # of its exercises
    tried: frozenset[str]  # answered, and not solved

    @property
    def begun(self) -> bool:
        """True once anything of it was run."""
        return bool(self.run or self.made or self.solved or self.tried)

    @property
    def done(self) -> bool:
        """True where all its exercises are solved; without exercises, where all its cells are run."""
        return self.solved == set(self.exercises) if self.exercises else self.run == self.cells

    @property
    def marks(self) -> str:
        """A sign for each exercise, as `LEGEND` explains them."""
        if not self.begun:
            return "-"
        return "".join("✓" if key in self.solved else "✗" if key in self.tried else "·" for key in self.exercises)


class Progress(NamedTuple):
    """How far one learner is in all lessons, and a sentence for each file that could not be read."""

    name: str
    lessons: list[LessonProgress]
    problems: list[str]

    def __repr__(self) -> str:
        return f"{text_table(self.rows(), align='left')}\n\n{self.next_step()}"

    def rows(self) -> Rows:
        """Return a row for each lesson, below the headings, and one for all."""
        rows = [["lesson", "cells run", "predictions", "exercises"]]
        for each in self.lessons:
            made, solved = _of(each.made, each.predictions), _of(each.solved, each.exercises)
            rows.append([each.name, f"{each.run} of {each.cells}", made, solved])
        return [*rows, ["all", *self.totals()]]

    def totals(self) -> list[str]:
        """Return "3 of 48" over all lessons: of the cells run, the predictions made, and the exercises solved."""
        run, cells = sum(each.run for each in self.lessons), sum(each.cells for each in self.lessons)
        made, asked = _all(each.made for each in self.lessons), _all(each.predictions for each in self.lessons)
        solved, exercises = _all(each.solved for each in self.lessons), _all(each.exercises for each in self.lessons)
        return [f"{run} of {cells}", _of(made, asked), _of(solved, exercises)]

    def next_step(self) -> str:
        """Say what to do next: go on with the last lesson begun, or begin the next; in the end, what was left."""
        last = max((number for number, each in enumerate(self.lessons) if each.begun), default=0)
        left = [(number < last, number) for number, each in enumerate(self.lessons) if not each.done]
        if not left:
            return "Every exercise is solved. Next: a subject of your own, with lesson 13 or `course split`."
        lesson = self.lessons[min(left)[1]]
        call = f"`course lab {lesson.name[:2]}`"
        if not lesson.begun:
            return f"Next: begin lesson {lesson.name} ({call})."
        unrun = lesson.cells - lesson.run
        still = [f"{unrun} cell{'s' * (unrun > 1)} to run"] if unrun else []
        unsolved = [key for key in lesson.exercises if key not in lesson.solved]
        if unsolved:
            still.append(f"exercise{'s' * (len(unsolved) > 1)} {', '.join(unsolved)} to solve")
        return f"Next: go on with lesson {lesson.name} ({call}): {'; '.join(still)}."


class ClassProgress(NamedTuple):
    """How far each of several learners is."""

    learners: list[Progress]

    @property
    def problems(self) -> list[str]:
        """A sentence for each file that could not be read."""
        return [problem for each in self.learners for problem in each.problems]

    def __repr__(self) -> str:
        return "\n\n".join([text_table(self.rows(), align="left"), LEGEND, *self.remarks()])

    def rows(self) -> Rows:
        """Return a row for each learner: a sign for each exercise of the lessons that anybody has begun, and totals."""
        columns = [[each.lessons[number] for each in self.learners] for number in range(len(self.learners[0].lessons))]
        begun = [column for column in columns if any(lesson.begun for lesson in column)]
        rows = [["student", *(column[0].name[:2] for column in begun), "cells run", "predictions", "exercises"]]
        for number, learner in enumerate(self.learners):
            rows.append([learner.name, *(column[number].marks for column in begun), *learner.totals()])
        return rows

    def remarks(self) -> list[str]:
        """Say which exercises most learners have tried and not solved."""
        tried = Counter(key for learner in self.learners for each in learner.lessons for key in sorted(each.tried))
        if not tried:
            return []
        return ["Tried and not solved: " + ", ".join(f"{key} by {count}" for key, count in tried.most_common(5)) + "."]


def read_goals(lessons: Iterable[Lesson]) -> list[LessonProgress]:
    """Return what the lessons ask, with nothing done yet."""
    nothing: frozenset[str] = frozenset()
    goals = []
    for lesson in lessons:
        sources = [source for source, _, _ in _read_cells(lesson.path)]
        asked = (_keys(_PREDICTION, sources), _keys(_EXERCISE, sources))
        goals.append(LessonProgress(lesson.name, len(sources), 0, *asked, nothing, nothing, nothing))
    return goals


def read_progress(folder: Path, goals: Iterable[LessonProgress], *, name: str = "") -> Progress:
    """Return how far the learner is whose notebooks and predictions lie in `folder`, or below it.

    `goals` are what `read_goals` returns: what an update takes out of the lessons is not counted any more.

    Several copies of a lesson count together: what is solved in one of them is solved. A file that is damaged or may
    not be read is passed over, and named in `problems`; no file is changed. Hidden folders are not looked into.
    """
    run: dict[str, tuple[int, int]] = {}
    made, solved, refused, problems = set[str](), set[str](), set[str](), list[str]()
    for path in _files(folder, "*.ipynb"):
        try:
            kept = _read_cells(path)
        except (LessonError, OSError) as error:
            problems.append(f"Passed over: {error}")
            continue
        number = re.search(r"(?<!\d)\d\d(?=_)", path.name)
        counts = sum(was_run for _, _, was_run in kept), len(kept)
        if number:
            run[number[0]] = max(counts, run.get(number[0], counts), key=lambda one: one[0] / max(one[1], 1))
        outputs = "\n".join(output for _, output, _ in kept)
        made.update(_EXPECTED.findall(outputs))
        solved.update(_SOLVED.findall(outputs))
        refused.update(_REFUSED.findall(outputs))
    for path in _files(folder, FILE):
        try:
            made.update(read_predictions(path))
        except (ValueError, OSError) as error:
            problems.append(f"Passed over: {path} holds no predictions that can be read ({error}).")
    found = []
    for goal in goals:
        num_run, cells = run.get(goal.name[:2], (0, goal.cells))
        right = solved.intersection(goal.exercises)
        found.append(
            goal._replace(
                cells=cells,
                run=num_run,
                made=frozenset(made.intersection(goal.predictions)),
                solved=frozenset(right),
                tried=frozenset(refused.intersection(goal.exercises) - right),
            )
        )
    return Progress(name, found, problems)


def read_class(folders: Iterable[Path], goals: Sequence[LessonProgress]) -> ClassProgress:
    """Return how far each learner is: the owners of `folders`, or of the folders in one that holds no notebook itself.

    A learner whose folder holds no notebook is named in `problems`. Raises LessonError where a folder is none.
    """
    own: list[Path] = []
    for folder in (folder.resolve() for folder in folders):
        if not folder.is_dir():
            raise LessonError(f"There is no folder {folder}.")
        inside = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
        own += inside if inside and not any(folder.glob("*.ipynb")) else [folder]
    try:
        shared = os.path.commonpath([path.parent for path in own])
        names = [shown(str(path.relative_to(shared))) for path in own]
    except ValueError:  # on Windows: on several drives
        names = [shown(str(path)) for path in own]
    learners = [read_progress(path, goals, name=name) for path, name in zip(own, names, strict=True)]
    for path, learner in zip(own, learners, strict=True):
        if not _files(path, "*.ipynb"):
            learner.problems.append(f"There is no notebook in {path}.")
    return ClassProgress(learners)


def write_progress(progress: Progress | ClassProgress, path: Path) -> None:
    """Write the same as a page. Raises LessonError where `path` does not end in .html: it may be a notebook."""
    if path.suffix != ".html":
        raise LessonError(f"The page is a file that ends in .html, not {path}.")
    if isinstance(progress, Progress):
        bold = [len(progress.lessons)]
        title, words = f"Progress of {progress.name}" if progress.name else "Progress", [progress.next_step()]
    else:
        bold = []
        title, words = "The progress of a class", [LEGEND, *progress.remarks()]
    table = html_table(progress.rows(), caption="What the notebooks keep", bold=bold, align="left")
    # Names of folders are their owners' words: text, never Markdown, HTML or mathematics.
    problems = (f'<p class="tex2jax_ignore mathjax_ignore">{escape(problem)}</p>' for problem in progress.problems)
    write_prose(f"# {escape(title)}", table, *words, *problems, path=path)


def _files(folder: Path, pattern: str) -> list[Path]:
    """Return the files below a folder whose name fits, in order; JupyterLab's `.ipynb_checkpoints` are hidden."""
    found = (path for path in folder.rglob(pattern) if path.is_file())
    return sorted(path for path in found if not any(part.startswith(".") for part in path.relative_to(folder).parts))


def _read_cells(path: Path) -> list[tuple[str, str, bool]]:
    """Return source, outputs as text, and whether it was run, of each code cell that is not empty.

    Raises LessonError where the file is no notebook.
    """
    try:
        cells = [cell for cell in read_notebook(path)["cells"] if cell["cell_type"] == "code"]
        kept = [("".join(cell["source"]), *_outputs(cell)) for cell in cells]
    except (KeyError, TypeError, AttributeError, RecursionError):
        raise LessonError(f"{path} is a damaged notebook.") from None
    return [cell for cell in kept if cell[0].strip()]


def _outputs(cell: dict[str, Any]) -> tuple[str, bool]:
    texts = []
    for output in cell["outputs"]:
        data = output.get("data", {})
        texts += ["".join(data.get(kind, "")) for kind in ("text/plain", "text/html")] + [
            "".join(output.get("text", ""))
        ]
    return "\n".join(texts), bool(cell["outputs"] or cell["execution_count"] is not None)


def _keys(pattern: re.Pattern[str], sources: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({key for source in sources for key in pattern.findall(source)}))


def _of(done: Collection[str], asked: Collection[str]) -> str:
    return f"{len(done)} of {len(asked)}" if asked else "-"


def _all(keys: Iterable[Iterable[str]]) -> list[str]:
    return [key for several in keys for key in several]
