"""The commands about lessons: `course lab`, `run`, `verify`, `page`, `reset` and `progress`."""

import argparse
import sys
from pathlib import Path

from course_utils.command_line.command import Command, from_here


def _lab(arguments: argparse.Namespace) -> int:
    from course_utils.classroom.copies import copy_lesson, renew_copies
    from course_utils.classroom.lessons import all_lessons, find_lesson, notebooks_dir, open_in_jupyterlab

    if arguments.sources:
        target = notebooks_dir() / "src"
    else:
        lessons = all_lessons()
        chosen = find_lesson(arguments.lesson) if arguments.lesson else lessons[0]
        outdated = [path.stem for path in renew_copies(lessons).outdated]
        target = copy_lesson(chosen, fresh=arguments.fresh)
        if outdated:
            print(f"Your copies of {', '.join(outdated)} are of an older edition and hold your work: they stay.")
            numbers = " ".join(name[:2] for name in outdated)
            print(f"The new edition: course lab {numbers[:2]} --fresh, or course reset {numbers}")
    print(f"Opening {from_here(target)} in JupyterLab. Ctrl-C here ends it.", flush=True)
    open_in_jupyterlab(target, arguments.jupyter_options)
    return 0


def _run(arguments: argparse.Namespace) -> int:
    from course_utils.classroom.execution import run_lessons
    from course_utils.classroom.lessons import all_lessons, find_notebook, notebooks_dir

    lessons = [find_notebook(word) for word in arguments.lessons] or all_lessons()
    pages = notebooks_dir().parent / "build" / ("handout" if arguments.handout else "lessons")
    runs = list(run_lessons(lessons, pages, online=arguments.online, solutions=not arguments.handout))
    failed = [run for run in runs if run.problem]
    print(f"\n{len(runs) - len(failed)} of {len(runs)} ran well in {sum(run.seconds for run in runs):.0f} s. ", end="")
    print(f"Pages: {from_here(pages)}")
    for run in failed:
        print(f"{run.lesson.name}: {run.problem}", file=sys.stderr)
    return 1 if failed else 0


def _verify(arguments: argparse.Namespace) -> int:
    from course_utils.classroom.lessons import all_lessons, find_notebook
    from course_utils.classroom.verify import verify_lesson

    lessons = [find_notebook(word) for word in arguments.lessons] or all_lessons()
    good = 0
    for lesson in lessons:
        print(f"{lesson.name} ...", end="", flush=True)
        found = verify_lesson(lesson)
        print(f" {found.seconds:.0f} s\n{found}\n", flush=True)
        good += found.ok
    print(f"{good} of {len(lessons)} say what the book says.")
    return 0 if good == len(lessons) else 1


def _page(arguments: argparse.Namespace) -> int:
    from course_utils.classroom.execution import page_of
    from course_utils.classroom.lessons import all_lessons, find_notebook, notebooks_dir
    from course_utils.classroom.pages import write_as_it_stands, write_neighbours

    notebooks = [find_notebook(word) for word in arguments.notebooks]
    folder = notebooks_dir().parent / "build" / "lessons"
    pages = [page_of(notebook, folder) for notebook in notebooks]
    write_neighbours(folder, all_lessons(), own=pages)
    for notebook, page in zip(notebooks, pages, strict=True):
        write_as_it_stands(notebook.path, page)
        print(f"As it stands: {from_here(page)}")
    return 0


def _reset(arguments: argparse.Namespace) -> int:
    from course_utils.classroom.copies import copy_lesson
    from course_utils.classroom.lessons import all_lessons, find_lesson

    chosen = all_lessons() if arguments.lessons == ["all"] else [find_lesson(word) for word in arguments.lessons]
    for lesson in chosen:
        print(f"A fresh copy: {from_here(copy_lesson(lesson, fresh=True))}")
    return 0


def _progress(arguments: argparse.Namespace) -> int:
    from course_utils.classroom.copies import own_folder
    from course_utils.classroom.lessons import all_lessons
    from course_utils.classroom.progress import (
        ClassProgress,
        Progress,
        read_class,
        read_goals,
        read_progress,
        write_progress,
    )

    goals = read_goals(all_lessons())
    progress: Progress | ClassProgress
    if arguments.folders:
        progress = read_class([Path(folder) for folder in arguments.folders], goals)
        progress = progress.learners[0] if len(progress.learners) == 1 else progress
    else:
        progress = read_progress(own_folder(), goals)
    print(progress)
    if arguments.page:
        write_progress(progress, Path(arguments.page))
        print(f"\nAs a page: {from_here(Path(arguments.page))}")
    for problem in progress.problems:
        print(problem, file=sys.stderr)
    return 1 if progress.problems else 0


COMMANDS = {
    "lab": Command(_lab, needs=("course_utils.classroom.copies", "jupyterlab")),
    "run": Command(_run, needs=("nbformat", "nbclient", "nbconvert", "course_utils.classroom.execution")),
    "verify": Command(_verify, needs=("nbformat", "nbclient", "course_utils.classroom.verify")),
    "page": Command(_page, needs=("nbformat", "nbconvert", "course_utils.classroom.pages")),
    "reset": Command(_reset, needs=("course_utils.classroom.copies",)),
    "progress": Command(_progress, needs=("course_utils.classroom.progress",)),
}
