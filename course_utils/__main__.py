"""The command `course` (also `python -m course_utils`): open the lessons, run them, look at this machine."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

_EXAMPLES = """\
examples:
  course lab                     open lesson 00 in JupyterLab (your own copy, in notebooks/my/)
  course lab 4 -- --no-browser   open lesson 04; what follows -- goes to JupyterLab
  course run                     run every lesson without a network; pages in build/lessons/
  course run 1 04                run lessons 01 and 04
  course lab 4 --fresh           open a fresh copy of lesson 04, beside your own
  course reset 1 2               put fresh copies of lessons 01 and 02 beside your own (all: of every lesson)
  course doctor                  is this machine ready? what is missing, and how is it mended?
  course data photos             fetch the real photographs ahead of class

Environment variables choose other pictures, weights, folders or devices; `course doctor` lists them.
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="course",
        description="The student goes to school: how a neural network is trained.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    lesson = "its number or name: 1, 01, 01_pretrained_inference"

    lab = commands.add_parser("lab", help="copy the lessons for you and open one in JupyterLab")
    lab.add_argument("lesson", nargs="?", metavar="LESSON", help=f"{lesson} (default: the first)")
    lab.add_argument("--fresh", action="store_true", help="open a fresh copy, beside your own")
    lab.add_argument("--sources", action="store_true", help="for authors: open the lessons' sources instead")
    lab.set_defaults(run=_lab)

    run = commands.add_parser("run", help="run lessons from top to bottom and write them as pages")
    run.add_argument("lessons", nargs="*", metavar="LESSON", help=f"{lesson}, or a notebook of yours (default: all)")
    run.add_argument("--handout", action="store_true", help="pages without solutions, in build/handout/")
    run.add_argument("--online", action="store_true", help="leave the network open (default: it is closed)")
    run.set_defaults(run=_run)

    doctor = commands.add_parser("doctor", help="say whether this machine is ready, and how to mend it")
    doctor.set_defaults(run=_doctor)

    data = commands.add_parser("data", help="prepare a data set ahead of class")
    data.add_argument("source", choices=["drawn", "photos"], help="the drawn garments, or the real photos (106 MB)")
    data.set_defaults(run=_data)

    reset = commands.add_parser("reset", help="put a fresh copy of a lesson beside your own")
    reset.add_argument("lessons", nargs="+", metavar="LESSON", help=f"{lesson}; all")
    reset.set_defaults(run=_reset)
    return parser


def _shown(path: Path) -> Path:
    """Return `path` as seen from here, where it lies below the current folder."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


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
    print(f"Opening {_shown(target)} in JupyterLab. Ctrl-C here ends it.", flush=True)
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
    print(f"Pages: {_shown(pages)}")
    for run in failed:
        print(f"{run.lesson.name}: {run.problem}", file=sys.stderr)
    return 1 if failed else 0


def _doctor(_arguments: argparse.Namespace) -> int:
    from course_utils.classroom.doctor import check_environment

    report = check_environment()
    print(report)
    return 0 if report.ok else 1


def _data(arguments: argparse.Namespace) -> int:
    from course_utils.pictures.catalog import clothing
    from course_utils.pictures.drawn import worker_per_core

    try:
        folder = clothing(arguments.source, num_workers=worker_per_core())
    except (
        RuntimeError,
        ValueError,
        OSError,
    ) as error:  # no network, no room, a folder somebody changed: all explained
        print(f"course: {error}", file=sys.stderr)
        return 1
    print(f"The {arguments.source} pictures are in {_shown(folder)}")
    return 0


def _reset(arguments: argparse.Namespace) -> int:
    from course_utils.classroom.copies import copy_lesson
    from course_utils.classroom.lessons import all_lessons, find_lesson

    chosen = all_lessons() if arguments.lessons == ["all"] else [find_lesson(word) for word in arguments.lessons]
    for lesson in chosen:
        print(f"A fresh copy: {_shown(copy_lesson(lesson, fresh=True))}")
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return its exit status: 0 well, 1 something failed, 2 a wrong call."""
    words = list(sys.argv[1:] if argv is None else argv)
    split = words.index("--") if "--" in words else len(words)
    arguments = _parser().parse_args(words[:split])
    arguments.jupyter_options = words[split + 1 :]
    if arguments.jupyter_options and arguments.command != "lab":
        print("course: only `course lab` takes options for JupyterLab after --", file=sys.stderr)
        return 2
    try:
        return _doctor(arguments) if arguments.run is _doctor else _run_command(arguments)
    except KeyboardInterrupt:
        print("\ncourse: stopped.", file=sys.stderr)
        return 130


def _run_command(arguments: argparse.Namespace) -> int:
    """Run a command that needs torch; what a learner can mend comes as one line, not as a traceback."""
    try:
        from course_utils.classroom.lessons import LessonError
    except (ImportError, OSError, RuntimeError) as error:  # a torchvision made for another torch raises RuntimeError
        print(f"course: {error}\n`course doctor` says how to mend it.", file=sys.stderr)
        return 2
    try:
        return arguments.run(arguments)
    except LessonError as error:
        print(f"course: {error}", file=sys.stderr)
    except ModuleNotFoundError as error:
        if (error.name or "course_utils").startswith("course_utils"):
            raise
        print(f"course: {error.name} is not installed. `course doctor` says how to mend it.", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
