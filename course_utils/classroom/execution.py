"""Running a lesson from top to bottom in a fresh kernel: the one place where lessons are executed.

`course run` comes here, and so does the build of the lessons (`tools/build_notebooks.py`).
"""

import os
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from course_utils.classroom.lessons import Lesson, all_lessons, notebooks_dir
from course_utils.classroom.pages import put_words_for_widgets, write_neighbours, write_page
from course_utils.runtime import setting

# A lesson that takes this many times its budget has failed; one that is merely over budget is reported.
OVERTIME = 3
# Cells of a source that never reach a reader: typical wrong answers, and assertions about what the run shows.
HIDDEN = frozenset({"wrong", "claim"})
# Lesson 08 keeps its final exam sealed until a reader has chosen a student; where nobody reads, it is opened.
_NOBODY_READS = {"COURSE_OPEN_THE_EXAM": "1"}
_ASIDE = "aside"  # tags a cell that is executed with a lesson and taken out again

Notebook = Any  # nbformat's NotebookNode, of the extra `lab`: the package alone, as in Colab, does without
Cell = Any


class LessonRun(NamedTuple):
    """How one lesson went: wall-clock seconds from kernel start to end, and what went wrong (empty: nothing)."""

    lesson: Lesson
    seconds: float
    problem: str
    remark: str = ""  # what a reader of the line should know of a lesson that ran well


def tags(cell: Cell) -> list[str]:
    """Return the tags of a cell."""
    found: list[str] = cell.metadata.get("tags", [])
    return found


# What is executed beside a lesson's own cells ------------------------------------------------------------------------


def asides(written: Iterable[Cell], kinds: Collection[str]) -> list[tuple[int, Cell]]:
    """Return the source's cells tagged with one of `kinds`, each with the number of shown cells that stand before."""
    found, shown = [], 0
    for cell in written:
        shown += not HIDDEN & set(tags(cell))
        if set(kinds) & set(tags(cell)):
            found.append((shown, cell))
    return found


def weave(notebook: Notebook, between: Iterable[tuple[int, Cell]]) -> None:
    """Put cells between those of a notebook, each behind as many of the source's own as its number says.

    An error in one of them does not stop the run: `execute` reports it, and takes the cells out again.
    """
    behind: dict[int, list[Cell]] = {}
    for number, cell in between:
        cell.metadata["tags"] = [*tags(cell), _ASIDE, "raises-exception"]
        behind.setdefault(number, []).append(cell)
    woven, number = [], 0
    for cell in notebook.cells:
        woven.append(cell)
        if "generated" not in tags(cell):
            number += 1
            woven += behind.pop(number, [])
    notebook.cells = woven


def weave_claims(notebook: Notebook, source: Path) -> bool:
    """Put the claims of a lesson's source between the cells that they are about.

    Returns False, and changes nothing, where the notebook's code is no longer that of the source.
    """
    import jupytext

    written = jupytext.read(source, fmt="py:percent").cells
    unlike = {*HIDDEN, "solution", "generated"}  # cells that only one of the two holds, or holds in another form
    shown, own = (
        [cell.source for cell in cells if cell.cell_type == "code" and not unlike & set(tags(cell))]
        for cells in (written, notebook.cells)
    )
    if shown == own:
        weave(notebook, asides(written, {"claim"}))
    return shown == own


# Executing -----------------------------------------------------------------------------------------------------------


def kernel_environment() -> dict[str, str]:
    """Return the environment variables that keep a kernel off the network and its output plain.

    Downloads are forbidden (`COURSE_OFFLINE`), and a socket guard refuses every connection that leaves this machine.
    """
    guard = notebooks_dir().parent / "tools" / "offline_guard"
    inherited = os.environ.get("PYTHONPATH")
    return {
        "COURSE_OFFLINE": "1",
        "COURSE_PROGRESS": setting("COURSE_PROGRESS", "0"),
        "PYTHONPATH": f"{guard}{os.pathsep}{inherited}" if inherited else str(guard),
    }


def execute(
    notebook: Notebook, *, folder: Path, environment: dict[str, str], seconds_a_cell: float | None = None
) -> tuple[float, list[str]]:
    """Run all cells top to bottom in a fresh kernel that works in `folder`, and leave in them what a reader needs.

    Returns the seconds that took, kernel start included and woven-in cells not, and a sentence for each thing that
    went wrong: the first cell of the lesson that failed, and each woven-in cell that did.
    """
    from jupyter_client.kernelspec import NoSuchKernel
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    begun = aside_seconds = 0.0

    def begin(**_: object) -> None:
        nonlocal begun
        begun = time.perf_counter()

    def end(cell: Cell, **_: object) -> None:
        nonlocal aside_seconds
        if _ASIDE in tags(cell):
            aside_seconds += time.perf_counter() - begun

    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    client = NotebookClient(
        notebook,
        kernel_name="python3",
        timeout=seconds_a_cell,
        record_timing=False,
        extra_arguments=["--log-level=ERROR"],  # the kernel's own warnings would break the line of `course run`
        on_cell_execute=begin,
        on_cell_complete=end,
    )
    started, stopped = time.perf_counter(), ""
    try:
        client.execute(cwd=str(folder), env=environment | _NOBODY_READS)
    except (CellExecutionError, CellTimeoutError, DeadKernelError, NoSuchKernel) as error:
        stopped = str(error).strip().splitlines()[0]
    seconds = time.perf_counter() - started - aside_seconds
    problems = list(_problems(notebook.cells)) or ([stopped] if stopped else [])
    _tidy(notebook)
    return seconds, problems


def _problems(cells: Sequence[Cell]) -> Iterator[str]:
    """Name each cell that failed; those of the lesson by their number, as JupyterLab counts code cells."""
    number = 0
    for cell in cells:
        aside = _ASIDE in tags(cell)
        number += cell.cell_type == "code" and not aside
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                first_line = next(iter(cell.source.splitlines()), "")
                where = f"{'a cell that no reader sees' if aside else f'code cell {number}'} ({first_line!r})"
                if "claim" in tags(cell) and output.ename == "AssertionError":
                    where, output.ename = "the run does not show what the lesson says", "it claims"
                yield f"{where}: {output.ename}: {output.evalue}"


def _tidy(notebook: Notebook) -> None:
    """Take out what was woven in, and what belongs to this run or machine alone: counts, widgets, Python's version."""
    notebook.cells = [cell for cell in notebook.cells if _ASIDE not in tags(cell)]
    notebook.metadata.pop("widgets", None)
    notebook.metadata["language_info"] = {"name": "python"}
    number = 0
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        if cell.execution_count is not None:
            number += 1
            cell.execution_count = number
        cell.outputs = _join_lines(cell.outputs)
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = cell.execution_count
    put_words_for_widgets(notebook)


def _join_lines(outputs: Sequence[Cell]) -> list[Cell]:
    """Put printed lines together again that a slow machine sent in pieces (nbclient would move them past figures)."""
    joined: list[Cell] = []
    for output in outputs:
        before = joined[-1] if joined else None
        if output.output_type == "stream" and before and before.get("name") == output.name:
            before.text += output.text
        else:
            joined.append(output)
    return joined


# What `course run` does ----------------------------------------------------------------------------------------------


def _default_settings() -> bool:
    """Budgets and claims are meant for what the lessons use by default: drawn pictures, the course's own weights."""
    return (setting("COURSE_DATASET", "drawn"), setting("COURSE_WEIGHTS", "course")) == ("drawn", "course")


def run_lesson(lesson: Lesson, page: Path, *, online: bool = False, solutions: bool = True) -> LessonRun:
    """Execute a lesson in a fresh kernel, write it as an HTML page to `page`, and say how it went.

    The lesson's own file stays as it is. `online` leaves the network open; without `solutions` the page is a handout.
    What the lesson claims about its run is held, and a cell that takes longer than the lesson may take in all is
    interrupted; with real photos or ImageNet's weights nothing is claimed, and it may take as long as it needs.
    Raises ModuleNotFoundError where the extra `lab` is not installed.
    """
    import nbformat

    notebook = nbformat.read(lesson.path, as_version=4)  # type: ignore[no-untyped-call]
    budget = lesson.budget_seconds if _default_settings() else None
    source = lesson.path.parent / "src" / f"{lesson.name}.py"  # a learner's own copy has none: nothing is claimed of it
    remark = ""
    if _default_settings() and source.exists() and not weave_claims(notebook, source):
        remark = "what it claims was not checked: its source has changed since it was built"
    seconds, problems = execute(
        notebook,
        folder=lesson.path.parent,
        environment=os.environ | ({} if online else kernel_environment()),
        seconds_a_cell=None if budget is None else OVERTIME * budget + 60,
    )
    if not problems and budget is not None and seconds > OVERTIME * budget:
        problems = [f"took more than {OVERTIME} times its budget"]
    write_page(notebook, page, solutions=solutions)
    return LessonRun(lesson, seconds, "; ".join(problems), remark)


def page_of(lesson: Lesson, pages: Path) -> Path:
    """Return where a page stands: `NN_name.html`, and `my_NN_name.html` for a learner's own copy in a folder `my`."""
    folder = lesson.path.parent
    return pages / f"{'' if folder == notebooks_dir() else f'{folder.name}_'}{lesson.name}.html"


def run_lessons(
    lessons: Sequence[Lesson], pages: Path, *, online: bool = False, solutions: bool = True
) -> Iterator[LessonRun]:
    """Run lesson after lesson, printing a line for each (name, seconds, budget); yield how each went.

    Their pages stand in `pages` (`page_of`), with an index and the glossary.
    """
    write_neighbours(pages, all_lessons(), own=[page_of(lesson, pages) for lesson in lessons])
    for lesson in lessons:
        print(f"{lesson.name:<34}", end="", flush=True)
        run = run_lesson(lesson, page_of(lesson, pages), online=online, solutions=solutions)
        budget = lesson.budget_seconds if _default_settings() else None
        over = budget is not None and run.seconds > budget
        verdict = "FAILED" if run.problem else "over budget" if over else "ok"
        of = "" if lesson.budget_seconds is None else f"   budget {lesson.budget_seconds:4d} s"
        print(f"{run.seconds:7.1f} s{of}   {verdict}{f' ({run.remark})' if run.remark else ''}", flush=True)
        yield run
