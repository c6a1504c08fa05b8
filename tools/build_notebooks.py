"""Build the lessons: notebooks/src/NN_name.py → notebooks/NN_name.ipynb, executed, with its outputs.

    python tools/build_notebooks.py                 all lessons
    python tools/build_notebooks.py 1 04            those two, named as `course run` names them
    python tools/build_notebooks.py --check         are the built lessons those of the sources? Executes nothing
    python tools/build_notebooks.py --links         only links, times, and the README's table and film. Executes nothing
    python tools/build_notebooks.py --test          execute as a build does, and write nothing

A build executes a lesson with its claims, and with every wrong answer and solution of its exercises, each of which
must get its verdict; the notebook then holds only what a learner is to see. A lesson that fails leaves the notebook
built before as it was. CONTRIBUTING.md says how a source is written.
"""

import argparse
import os
import sys
from pathlib import Path

import nbformat
from lesson_tools.figures import record_figures, take_figures
from lesson_tools.film import renew_film
from lesson_tools.generated import (
    lesson_table,
    navigation_cell,
    repository_address,
    rounded_seconds,
    setup_cell,
    split_readme,
)
from lesson_tools.published import output_problems
from lesson_tools.source import (
    KERNELSPEC,
    SOURCES,
    LessonSource,
    SourceError,
    learner_cells,
    list_sources,
    proofs,
    read_source,
    source_hash,
)
from nbformat import NotebookNode
from nbformat.v4 import new_notebook

from course_utils.classroom.execution import OVERTIME, execute, kernel_environment, tags, weave
from course_utils.classroom.lessons import LessonError, find_name
from course_utils.runtime import SETTINGS, atomic_write

NOTEBOOKS = SOURCES.parent
SIZE_LIMIT = 750_000  # bytes: GitHub shows a larger notebook slowly or not at all


class BuildError(RuntimeError):
    """A lesson that must not be published: it stopped, printed or claimed what it must not, or is too large."""


def assemble(lesson: LessonSource, lessons: list[LessonSource], *, address: str, run_seconds: int) -> NotebookNode:
    """Return the learner's notebook without outputs; `run_seconds` is what its head says."""
    title, *rest = learner_cells(lesson)
    links = navigation_cell(lesson, lessons, address=address, run_seconds=run_seconds)
    course = {
        "study_minutes": lesson.study_minutes,
        "budget_seconds": lesson.budget_seconds,
        "run_seconds": run_seconds,
        "source_sha256": source_hash(lesson),
    }
    return new_notebook(
        cells=[title, links, setup_cell(address), *rest], metadata={"course": course, "kernelspec": dict(KERNELSPEC)}
    )


def prove(
    lesson: LessonSource, lessons: list[LessonSource], *, folder: Path, address: str
) -> tuple[NotebookNode, float]:
    """Execute a lesson with its claims, wrong answers and solutions.

    Returns what a learner sees of it, and the seconds that this took to run.
    Raises BuildError where anything in it fails, prints what must not be published, or takes far too long.
    """
    notebook = assemble(lesson, lessons, address=address, run_seconds=0)
    weave(notebook, proofs(lesson))
    limit = OVERTIME * lesson.budget_seconds
    environment = build_environment()
    seconds, problems = execute(notebook, folder=folder, environment=environment, seconds_a_cell=limit + 60)
    problems += output_problems(notebook)
    if seconds > limit:
        problems.append(f"it ran for {seconds:.0f} s, over {OVERTIME} times its budget of {lesson.budget_seconds} s")
    elif seconds > lesson.budget_seconds:
        print(f"  warning: {lesson.name} ran for {seconds:.0f} s; its budget is {lesson.budget_seconds} s")
    if problems:
        raise BuildError("; ".join(problems))
    return notebook, seconds


def build_environment() -> dict[str, str]:
    """Return the shell's environment without what would make two builds differ: offline, on the CPU, no bars."""
    dropped = {*SETTINGS, "MPLBACKEND"} - {"COURSE_DATA_DIR"}
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    return kept | kernel_environment() | {"COURSE_PROGRESS": "0", "COURSE_DEVICE": "cpu"}


def build(lesson: LessonSource, lessons: list[LessonSource], *, folder: Path, address: str) -> None:
    """Execute a lesson and write `folder/NN_name.ipynb`; where it falls short, write nothing and raise BuildError."""
    notebook, seconds = prove(lesson, lessons, folder=folder, address=address)
    figures = take_figures(notebook)
    renew_generated(notebook, assemble(lesson, lessons, address=address, run_seconds=rounded_seconds(seconds)))
    size = write_notebook(notebook, folder / f"{lesson.name}.ipynb")
    if folder == NOTEBOOKS:
        record_figures(lesson.number, figures)
    print(f"  {lesson.name}: {seconds:.1f} s of {lesson.budget_seconds} s, {len(notebook.cells)} cells, {size:,} bytes")


def renew_generated(notebook: NotebookNode, fresh: NotebookNode) -> None:
    """Take the generated cells and the course's figures from `fresh`; outputs, and what they came of, stay."""
    renewed = {cell.id: cell for cell in fresh.cells if "generated" in tags(cell)}
    for cell in notebook.cells:
        if cell.id in renewed:
            cell.source, cell.metadata = renewed[cell.id].source, renewed[cell.id].metadata
    built_from = notebook.metadata["course"]["source_sha256"]
    notebook.metadata["course"] = fresh.metadata["course"] | {"source_sha256": built_from}


def write_notebook(notebook: NotebookNode, path: Path) -> int:
    """Write a valid notebook of at most SIZE_LIMIT bytes, atomically; return its bytes."""
    nbformat.validate(notebook)
    content = (nbformat.writes(notebook, version=4) + "\n").encode()
    if len(content) > SIZE_LIMIT:
        raise BuildError(f"it takes {len(content):,} bytes, over {SIZE_LIMIT:,}: show fewer pictures, or JPEG")
    with atomic_write(path) as temporary:
        temporary.write_bytes(content)
    return len(content)


def read_built(lesson: LessonSource, folder: Path) -> NotebookNode | None:
    """Return the notebook built before, or None."""
    path = folder / f"{lesson.name}.ipynb"
    return nbformat.read(path, as_version=4) if path.exists() else None


def built_lessons(lessons: list[LessonSource], folder: Path) -> list[LessonSource]:
    """Return the lessons that a link can lead to: those with a notebook."""
    return [lesson for lesson in lessons if (folder / f"{lesson.name}.ipynb").exists()]


def stale(lesson: LessonSource, lessons: list[LessonSource], *, folder: Path, address: str) -> str | None:
    """Say in what the built notebook differs from its source, or return None. Executes nothing."""
    notebook = read_built(lesson, folder)
    if notebook is None:
        return "is not built"
    linked = built_lessons(lessons, folder)
    fresh = assemble(lesson, linked, address=address, run_seconds=notebook.metadata["course"]["run_seconds"])
    built, wanted = (
        [(cell.id, cell.cell_type, cell.source, cell.metadata) for cell in made.cells] for made in (notebook, fresh)
    )
    for number, (one, other) in enumerate(zip(built, wanted, strict=False), start=1):
        if one != other:
            return f"differs from its source at cell {number}: {other[2][:60]!r}"
    if len(built) != len(wanted) or notebook.metadata["course"] != fresh.metadata["course"]:
        return "differs from its source in its last cells or its head"
    return None


def refresh_links(lessons: list[LessonSource], *, folder: Path, address: str, readme: Path) -> None:
    """Bring links, times and the README's table of every built lesson up to date. Executes nothing."""
    run_seconds = {}
    lessons = built_lessons(lessons, folder)
    for lesson in lessons:
        notebook = read_built(lesson, folder)
        seconds = run_seconds[lesson.name] = notebook.metadata["course"]["run_seconds"]
        before = nbformat.writes(notebook)
        renew_generated(notebook, assemble(lesson, lessons, address=address, run_seconds=seconds))
        if nbformat.writes(notebook) != before:
            write_notebook(notebook, folder / f"{lesson.name}.ipynb")
    parts = split_readme(readme.read_text(encoding="utf-8"))
    if parts is None:
        print(f"  no lesson table: {readme.name} has no markers <!-- lessons:start --> and <!-- lessons:end -->")
        return
    with atomic_write(readme) as temporary:
        table = lesson_table(lessons, run_seconds, address=address)
        temporary.write_text(parts[0] + table + parts[2], encoding="utf-8", newline="\n")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "lessons", nargs="*", metavar="LESSON", help="1, 01, or a beginning of its name; none means all"
    )
    parser.add_argument("--check", action="store_true", help="compare what is built with the sources")
    parser.add_argument("--links", action="store_true", help="only renew the generated links and the README's table")
    parser.add_argument("--test", action="store_true", help="execute as a build does, and write nothing")
    parser.add_argument("--folder", type=Path, default=NOTEBOOKS, help="where notebooks and src/ are (notebooks/)")
    options = parser.parse_args(arguments)

    folder = options.folder.resolve()
    lessons = [read_source(path) for path in list_sources(folder / "src")]
    names = [lesson.name for lesson in lessons]
    try:
        address = repository_address()
        wanted = {find_name(word, names) for word in options.lessons} or set(names)
    except (LessonError, SourceError) as error:
        parser.error(str(error))
    chosen = [lesson for lesson in lessons if lesson.name in wanted]

    failures = 0
    for lesson in chosen:
        try:
            if options.check:
                if problem := stale(lesson, lessons, folder=folder, address=address):
                    raise BuildError(f"{problem}; run `python tools/build_notebooks.py {lesson.number}`")
            elif options.test:
                _, seconds = prove(lesson, lessons, folder=folder, address=address)
                print(f"  {lesson.name}: {seconds:.1f} s of {lesson.budget_seconds} s", flush=True)
            elif not options.links:
                print(f"{lesson.name} …", flush=True)
                build(lesson, lessons, folder=folder, address=address)
        except (BuildError, SourceError) as error:
            failures += 1
            print(f"  FAILED {lesson.name}: {error}", file=sys.stderr)
    if not options.test and not options.check:
        refresh_links(lessons, folder=folder, address=address, readme=folder.parent / "README.md")
        if folder == NOTEBOOKS:
            renew_film(folder / f"{names[0]}.ipynb")
    print(f"{len(chosen) - failures} of {len(chosen)} lessons are in order.")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
