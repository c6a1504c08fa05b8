"""Build the lessons: notebooks/src/NN_name.py → notebooks/NN_name.ipynb, executed, with its outputs.

    python tools/build_notebooks.py                 all lessons
    python tools/build_notebooks.py 01 04_model     those whose names begin so
    python tools/build_notebooks.py --check         are the built lessons those of the sources? Executes nothing
    python tools/build_notebooks.py --links         only the links, times and the README's table. Executes nothing
    python tools/build_notebooks.py --solved DIR    the tests' version: wrong answers and solutions, with assertions

A lesson that fails leaves the notebook built before as it was. CONTRIBUTING.md says how a source is written.
"""

import argparse
import shutil
import sys
from pathlib import Path

import nbformat
from lesson_tools.execution import SIZE_LIMIT, LessonError, execute, output_problems, tidy
from lesson_tools.generated import (
    lesson_table,
    navigation_cell,
    repository_address,
    rounded_seconds,
    setup_cell,
    split_readme,
)
from lesson_tools.source import (
    KERNELSPEC,
    SOURCES,
    Lesson,
    SourceError,
    learner_cells,
    list_sources,
    read_lesson,
    solved_cells,
    source_hash,
)
from nbformat import NotebookNode
from nbformat.v4 import new_notebook

from course_utils.classroom.lessons import OVERTIME
from course_utils.runtime import atomic_write

NOTEBOOKS = SOURCES.parent


def assemble(lesson: Lesson, lessons: list[Lesson], *, address: str, run_seconds: int) -> NotebookNode:
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


def build(lesson: Lesson, lessons: list[Lesson], *, folder: Path, address: str) -> NotebookNode:
    """Execute a lesson and write `folder/NN_name.ipynb`; where it falls short, write nothing and raise LessonError."""
    notebook = assemble(lesson, lessons, address=address, run_seconds=0)
    seconds = execute(notebook, folder=folder, cell_timeout=OVERTIME * lesson.budget_seconds + 60)
    tidy(notebook)
    problems = output_problems(notebook)
    if seconds > OVERTIME * lesson.budget_seconds:
        problems.append(f"it ran for {seconds:.0f} s, over {OVERTIME} times its budget of {lesson.budget_seconds} s")
    elif seconds > lesson.budget_seconds:
        print(f"  warning: {lesson.name} ran for {seconds:.0f} s; its budget is {lesson.budget_seconds} s")
    if problems:
        raise LessonError("; ".join(problems))
    renew_generated(notebook, assemble(lesson, lessons, address=address, run_seconds=rounded_seconds(seconds)))
    size = write_notebook(notebook, folder / f"{lesson.name}.ipynb")
    print(f"  {lesson.name}: {seconds:.1f} s of {lesson.budget_seconds} s, {len(notebook.cells)} cells, {size:,} bytes")
    return notebook


def renew_generated(notebook: NotebookNode, fresh: NotebookNode) -> None:
    """Take the generated cells' text and the course's figures from `fresh`; outputs, and what they came of, stay."""
    sources = {cell.id: cell.source for cell in fresh.cells}
    for cell in notebook.cells:
        if "generated" in cell.metadata.get("tags", []) and cell.id in sources:
            cell.source = sources[cell.id]
    built_from = notebook.metadata["course"]["source_sha256"]
    notebook.metadata["course"] = fresh.metadata["course"] | {"source_sha256": built_from}


def write_notebook(notebook: NotebookNode, path: Path) -> int:
    """Write a valid notebook of at most SIZE_LIMIT bytes, atomically; return its bytes."""
    nbformat.validate(notebook)
    content = (nbformat.writes(notebook, version=4) + "\n").encode()
    if len(content) > SIZE_LIMIT:
        raise LessonError(f"it takes {len(content):,} bytes, over {SIZE_LIMIT:,}: show fewer pictures, or JPEG")
    with atomic_write(path) as temporary:
        temporary.write_bytes(content)
    return len(content)


def read_built(lesson: Lesson, folder: Path) -> NotebookNode | None:
    """Return the notebook built before, or None."""
    path = folder / f"{lesson.name}.ipynb"
    return nbformat.read(path, as_version=4) if path.exists() else None


def built_lessons(lessons: list[Lesson], folder: Path) -> list[Lesson]:
    """Return the lessons that a link can lead to: those with a notebook."""
    return [lesson for lesson in lessons if (folder / f"{lesson.name}.ipynb").exists()]


def stale(lesson: Lesson, lessons: list[Lesson], *, folder: Path, address: str) -> str | None:
    """Say in what the built notebook differs from its source, or return None. Executes nothing."""
    notebook = read_built(lesson, folder)
    if notebook is None:
        return "is not built"
    linked = built_lessons(lessons, folder)
    fresh = assemble(lesson, linked, address=address, run_seconds=notebook.metadata["course"]["run_seconds"])
    built, wanted = ([(cell.id, cell.cell_type, cell.source) for cell in made.cells] for made in (notebook, fresh))
    for number, (one, other) in enumerate(zip(built, wanted, strict=False), start=1):
        if one != other:
            return f"differs from its source at cell {number}: {other[2][:60]!r}"
    if len(built) != len(wanted) or notebook.metadata["course"] != fresh.metadata["course"]:
        return "differs from its source in its last cells or its head"
    return None


def refresh_links(lessons: list[Lesson], *, folder: Path, address: str, readme: Path) -> None:
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


def write_solved(lesson: Lesson, folder: Path, *, address: str) -> None:
    """Write the version that the tests run with `pytest --nbmake`, under the same rules as the lessons themselves."""
    title, *rest = solved_cells(lesson)
    metadata = {
        "course": {"budget_seconds": lesson.budget_seconds},
        "kernelspec": dict(KERNELSPEC),
        "execution": {"timeout": OVERTIME * lesson.budget_seconds + 60},  # seconds a cell; nbmake reads it
    }
    notebook = new_notebook(cells=[title, setup_cell(address), *rest], metadata=metadata)
    write_notebook(notebook, folder / f"{lesson.name}.ipynb")
    shutil.copyfile(NOTEBOOKS / "conftest.py", folder / "conftest.py")  # the network guard and the time budget


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lessons", nargs="*", metavar="LESSON", help="beginnings of names; none means all")
    parser.add_argument("--check", action="store_true", help="compare what is built with the sources")
    parser.add_argument("--links", action="store_true", help="only renew the generated links and the README's table")
    parser.add_argument("--solved", type=Path, metavar="DIR", help="write the tests' version into DIR")
    parser.add_argument("--folder", type=Path, default=NOTEBOOKS, help="where notebooks and src/ are (notebooks/)")
    options = parser.parse_args(arguments)

    address, folder = repository_address(), options.folder.resolve()
    lessons = [read_lesson(path) for path in list_sources(folder / "src")]
    chosen = [each for each in lessons if not options.lessons or each.name.startswith(tuple(options.lessons))]
    unknown = [name for name in options.lessons if not any(each.name.startswith(name) for each in lessons)]
    if unknown:
        parser.error(f"no lesson is called {', '.join(unknown)}; there are {', '.join(each.name for each in lessons)}")

    failures = 0
    for lesson in chosen:
        try:
            if options.solved:
                write_solved(lesson, options.solved, address=address)
            elif options.check:
                if problem := stale(lesson, lessons, folder=folder, address=address):
                    raise LessonError(f"{problem}; run `python tools/build_notebooks.py {lesson.number}`")
            elif not options.links:
                print(f"{lesson.name} …", flush=True)
                build(lesson, lessons, folder=folder, address=address)
        except (LessonError, SourceError) as error:
            failures += 1
            print(f"  FAILED {lesson.name}: {error}", file=sys.stderr)
    if not options.solved and not options.check:
        refresh_links(lessons, folder=folder, address=address, readme=folder.parent / "README.md")
    print(f"{len(chosen) - failures} of {len(chosen)} lessons are in order.")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
