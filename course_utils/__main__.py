"""The command `course` (also `python -m course_utils`): open the lessons, run them, look at this machine."""

import argparse
import importlib
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

_EXAMPLES = """\
examples:
  course lab                     open lesson 00 in JupyterLab (your own copy, in notebooks/my/)
  course lab 4 -- --no-browser   open lesson 04; what follows -- goes to JupyterLab
  course run                     run every lesson without a network; pages in build/lessons/
  course run 1 04                run lessons 01 and 04
  course lab 4 --fresh           open a fresh copy of lesson 04, beside your own
  course reset 1 2               put fresh copies of lessons 01 and 02 beside your own (all: of every lesson)
  course progress                how far am I, and what is next? (of a class: course progress FOLDER...)
  course doctor                  is this machine ready? what is missing, and how is it mended?
  course data photos             fetch the real photographs ahead of class
  course split pets pets_split   divide a folder of class folders into practice, mock exam and final exam
  course train pets              school a student on pictures of your own: student.pt, and its report
  course predict student.pt new  name the pictures in a folder, or single ones
  course export student.pt --exam pictures   write student.onnx, which needs no PyTorch, and prove it on an exam
  course demo student.pt         a page on this machine: drop a picture, and the student answers

Environment variables choose other pictures, weights, folders or devices; `course doctor` lists them.
"""


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
    from course_utils.pictures.catalog import clothing, instruments
    from course_utils.pictures.drawn import worker_per_core

    if arguments.source == "instruments":
        print(f"The instruments are in {_shown(instruments(num_workers=worker_per_core()))}")
    else:
        folder = clothing(arguments.source, num_workers=worker_per_core())
        print(f"The {arguments.source} pictures are in {_shown(folder)}")
    return 0


def _reset(arguments: argparse.Namespace) -> int:
    from course_utils.classroom.copies import copy_lesson
    from course_utils.classroom.lessons import all_lessons, find_lesson

    chosen = all_lessons() if arguments.lessons == ["all"] else [find_lesson(word) for word in arguments.lessons]
    for lesson in chosen:
        print(f"A fresh copy: {_shown(copy_lesson(lesson, fresh=True))}")
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
        print(f"\nAs a page: {_shown(Path(arguments.page))}")
    for problem in progress.problems:
        print(problem, file=sys.stderr)
    return 1 if progress.problems else 0


def _split(arguments: argparse.Namespace) -> int:
    from course_utils.classroom.commands import command
    from course_utils.pictures.splitting import split_folder

    options = {"shares": arguments.shares, "group": arguments.group, "seed": arguments.seed}
    print(split_folder(arguments.folder, arguments.target, **options))
    print(f"\nThe copies are in {_shown(Path(arguments.target))}, the list of them in split.csv there.")
    print(f"To school a student on them: {command('course', 'train', arguments.target)}")
    return 0


def _train(arguments: argparse.Namespace) -> int:
    from course_utils.schooling.desk import Desk
    from course_utils.schooling.page import what_next, write_report
    from course_utils.schooling.run import check_output, school

    output = check_output(arguments.output, resume=arguments.resume)
    options = {name: getattr(arguments, name) for name in ("weights", "shares", "group", "seed", "device", "resume")}
    report = output.with_suffix(".html")
    try:
        schooling = school(arguments.folder, output, **options)
        if schooling is None:  # one of torchrun's further processes
            return 0
        write_report(report, schooling)
    except KeyboardInterrupt:
        desk = Desk(output).folder
        way_on = f" What was done stands in {desk}: the same command with --resume goes on." if desk.exists() else ""
        return _refuse(f"stopped.{way_on}", status=130)
    Desk(output).clear()
    print(f"The student is in {_shown(output)}, its report in {_shown(report)}. What it can do now:")
    print(*what_next(schooling), sep="\n")
    return 0


def _predict(arguments: argparse.Namespace) -> int:
    from course_utils.inference import load_classifier
    from course_utils.runtime import get_device
    from course_utils.schooling import answers

    model, files = load_classifier(arguments.student), answers.find_pictures(arguments.pictures)
    given = list(answers.answer(model, files, k=arguments.top, device=get_device(arguments.device)))
    print({"json": answers.as_json, "csv": answers.as_csv, "table": answers.as_table}[arguments.form](given))
    bad = [item for item in given if item.problem]
    for item in bad:
        print(f"course: left out: {item.problem}", file=sys.stderr)
    return 1 if bad else 0


def _export(arguments: argparse.Namespace) -> int:
    from course_utils.proof import export_with_proof

    student = Path(arguments.student)
    output = Path(arguments.output) if arguments.output else student.with_suffix(".onnx")
    print(f"Writing {_shown(output)}, then asking it a whole exam beside PyTorch: a minute or so.", flush=True)
    written, proof = export_with_proof(student, arguments.exam, output, in_8_bits=not arguments.no_int8)
    print(f"Written: {' and '.join(str(_shown(path)) for path in written)}")
    print(f"The proof, on an exam of {proof.num_pictures} pictures in {_shown(proof.folder)}:\n\n{proof}")
    print("\nHow to use it without PyTorch: docs/without_pytorch.md in the course's folder.")
    return 0


def _demo(arguments: argparse.Namespace) -> int:
    from course_utils.classroom.demo import DemoServer, run_demo
    from course_utils.inference import load_classifier

    server = DemoServer(
        load_classifier(arguments.student),
        name=Path(arguments.student).name,
        host=arguments.host,
        port=arguments.port,
        threshold=arguments.threshold,
    )
    run_demo(server, open_browser=not arguments.no_open)
    return 0


class Command(NamedTuple):
    """One word after `course`: what it does, and what keeps it from doing so without being a fault of the course.

    Each of `needs` is imported first; what cannot be is a matter for the doctor. The messages of `explained` say all
    that a learner needs, as do those of LessonError, SettingError and OSError: they come as one line, no traceback.
    """

    run: Callable[[argparse.Namespace], int]
    help: str
    needs: tuple[str, ...] = ()
    explained: tuple[type[Exception], ...] = ()


_COMMANDS = {
    "lab": Command(
        _lab,
        "copy the lessons for you and open one in JupyterLab",
        needs=("course_utils.classroom.copies", "jupyterlab"),
    ),
    "run": Command(
        _run,
        "run lessons from top to bottom and write them as pages",
        needs=("nbformat", "nbclient", "nbconvert", "course_utils.classroom.execution"),
    ),
    "doctor": Command(_doctor, "say whether this machine is ready, and how to mend it"),
    "data": Command(
        _data,
        "prepare a data set ahead of class",
        needs=("course_utils.pictures.catalog",),
        explained=(RuntimeError, ValueError),  # no network, a folder that somebody has changed
    ),
    "progress": Command(
        _progress,
        "cells run, predictions made, exercises solved, and what to do next; of a learner, or of a class",
        needs=("course_utils.classroom.progress",),
    ),
    "split": Command(
        _split,
        "divide a folder of class folders into practice, mock exam and final exam",
        needs=("course_utils.pictures.splitting",),
        explained=(ValueError,),  # too few pictures, names without groups, a folder that is split already
    ),
    "train": Command(
        _train,
        "school a student on a folder of your own pictures, and write its report",
        needs=("course_utils.schooling.run", "course_utils.schooling.page"),
        explained=(ValueError, RuntimeError, MemoryError),  # leaked pictures, no such device, no room
    ),
    "predict": Command(
        _predict,
        "let a student of yours name pictures",
        needs=("course_utils.schooling.answers",),
        explained=(ValueError, RuntimeError),  # another kind of file, no such device
    ),
    "export": Command(
        _export,
        "write a student as one file that needs no PyTorch, and prove that it says the same",
        needs=("course_utils.inference",),
        explained=(RuntimeError, ValueError),  # a library is missing, another kind of file, another answer
    ),
    "demo": Command(
        _demo,
        "put a student to work on a page of this machine",
        needs=("course_utils.inference",),
        explained=(ValueError,),  # another kind of file, no such port
    ),
    "reset": Command(_reset, "put a fresh copy of a lesson beside your own", needs=("course_utils.classroom.copies",)),
}


def _version() -> str:
    import course_utils

    return course_utils.__version__


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="course",
        description="The student goes to school: how a neural network is trained.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"course {_version()}")
    words = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    parsers = {name: words.add_parser(name, help=command.help) for name, command in _COMMANDS.items()}
    lesson = "its number or name: 1, 01, 01_pretrained_inference"

    parsers["lab"].add_argument("lesson", nargs="?", metavar="LESSON", help=f"{lesson} (default: the first)")
    parsers["lab"].add_argument("--fresh", action="store_true", help="open a fresh copy, beside your own")
    parsers["lab"].add_argument("--sources", action="store_true", help="for authors: open the lessons' sources instead")
    own = f"{lesson}, or a notebook of yours (default: all)"
    parsers["run"].add_argument("lessons", nargs="*", metavar="LESSON", help=own)
    parsers["run"].add_argument("--handout", action="store_true", help="pages without solutions, in build/handout/")
    parsers["run"].add_argument("--online", action="store_true", help="leave the network open (default: it is closed)")
    pictures = "the drawn garments, the real photos (106 MB), or the drawn instruments of lesson 13"
    parsers["data"].add_argument("source", choices=["drawn", "photos", "instruments"], help=pictures)
    collected = "a learner's folder, or one that holds a folder for each learner (default: your own, notebooks/my/)"
    parsers["progress"].add_argument("folders", nargs="*", metavar="FOLDER", help=collected)
    parsers["progress"].add_argument("--page", metavar="FILE.html", help="write it as a page, too")
    parsers["split"].add_argument("folder", metavar="FOLDER", help="pictures, a folder for each class: pets/cat/1.jpg")
    parsers["split"].add_argument("target", metavar="TARGET", help="a new folder, for copies: TARGET/train/cat/1.jpg")
    for name in ("split", "train"):
        _add_split_options(parsers[name])
    of_pictures = "train and validation folders (and test), or a folder for each class, which is then split"
    parsers["train"].add_argument("folder", metavar="FOLDER", help=of_pictures)
    file = "the student's file (default: student.pt); its report stands beside it"
    parsers["train"].add_argument("--output", metavar="FILE", default="student.pt", help=file)
    eyes = "which trained network to begin with (default: COURSE_WEIGHTS, else course)"
    parsers["train"].add_argument("--weights", choices=["course", "imagenet"], default=None, help=eyes)
    parsers["train"].add_argument("--resume", action="store_true", help="go on with a run that was broken off")
    parsers["predict"].add_argument("student", metavar="STUDENT", help="the file that course train has written")
    parsers["predict"].add_argument("pictures", metavar="PICTURE", nargs="+", help="files, or folders of them")
    parsers["predict"].add_argument("--top", type=int, metavar="NUMBER", help="how many names a picture (default: 3)")
    form = parsers["predict"].add_mutually_exclusive_group()
    for word in ("json", "csv"):
        told = f"{word.upper()} instead of a table"
        form.add_argument(f"--{word}", dest="form", action="store_const", const=word, default="table", help=told)
    for name in ("train", "predict"):
        machine = "cpu, cuda or mps (default: COURSE_DEVICE, else cuda where there is one)"
        parsers[name].add_argument("--device", help=machine)
    parsers["reset"].add_argument("lessons", nargs="+", metavar="LESSON", help=f"{lesson}; all")
    student = "the file of a student, as save_classifier writes it"
    parsers["export"].add_argument("student", metavar="STUDENT", help=student)
    exam = "a data set with a folder test, or a folder of class folders: the pictures of the proof"
    parsers["export"].add_argument("--exam", metavar="FOLDER", required=True, help=exam)
    parsers["export"].add_argument(
        "--output", metavar="FILE", help="the file to write (default: STUDENT's name, .onnx)"
    )
    parsers["export"].add_argument("--no-int8", action="store_true", help="leave out the small file, in 8 bits")
    parsers["demo"].add_argument("student", metavar="STUDENT", help=student)
    parsers["demo"].add_argument("--port", type=int, default=0, help="the page's port (default: one that is free)")
    heard = "the address to listen on (default: 127.0.0.1, heard by this machine only)"
    parsers["demo"].add_argument("--host", default="127.0.0.1", help=heard)
    below = "an answer less probable is “I do not know”, 0 to 1 (default: 0.5)"
    parsers["demo"].add_argument("--threshold", type=float, default=0.5, metavar="SHARE", help=below)
    parsers["demo"].add_argument("--no-open", action="store_true", help="do not open the browser")
    return parser


def _add_split_options(parser: argparse.ArgumentParser) -> None:
    parts = "for practice, mock exam and final exam (default: 0.7 0.15 0.15)"
    parser.add_argument("--shares", nargs=3, type=float, metavar="PART", default=(0.7, 0.15, 0.15), help=parts)
    together = r"what in a name stays together: '(.+)_\d+\.' makes violin_07 of violin_07_3.jpg"
    parser.add_argument("--group", metavar="PATTERN", help=together)
    parser.add_argument("--seed", type=int, default=0, help="another one, another split and start (default: 0)")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return its exit status: 0 well, 1 something failed, 2 a wrong call."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # what a console cannot show must not end a command
    words = list(sys.argv[1:] if argv is None else argv)
    split = words.index("--") if "--" in words else len(words)
    arguments = _parser().parse_args(words[:split])
    arguments.jupyter_options = words[split + 1 :]
    if arguments.jupyter_options and arguments.command != "lab":
        return _refuse("only `course lab` takes options for JupyterLab after --", status=2)
    try:
        status = _run_command(_COMMANDS[arguments.command], arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return _refuse("stopped.", status=130)
    except BrokenPipeError:  # whoever read the output has gone (`course doctor | head`): nothing is left to be said
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return status


def _refuse(message: object, *, status: int) -> int:
    print(f"course: {message}", file=sys.stderr)
    return status


def _run_command(command: Command, arguments: argparse.Namespace) -> int:
    """Run a command; what a learner can mend comes as one line, not as a traceback."""
    doctor = "`course doctor` says how to mend it."
    try:
        try:
            for module in command.needs:
                importlib.import_module(module)
        except (OSError, RuntimeError) as error:  # a torchvision made for another torch raises RuntimeError
            return _refuse(f"{error} {doctor}", status=2)
        if not command.needs:
            return command.run(arguments)
        from course_utils.classroom.lessons import LessonError
        from course_utils.runtime import SettingError

        explained: tuple[type[Exception], ...] = (OSError, *command.explained)
        try:
            return command.run(arguments)
        except (LessonError, SettingError) as error:
            return _refuse(error, status=2)
        except BrokenPipeError:
            raise
        except explained as error:
            return _refuse(error, status=1)
    except ImportError as error:
        if (error.name or "course_utils").startswith("course_utils"):
            raise  # a fault of the course
        problem = f"{error.name} is not installed." if isinstance(error, ModuleNotFoundError) else error
        return _refuse(f"{problem} {doctor}", status=2)


if __name__ == "__main__":
    sys.exit(main())
