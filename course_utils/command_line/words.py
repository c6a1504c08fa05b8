"""Each command's own words: its line in the help, its arguments, and examples; a function and an entry for each."""

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, NoReturn

Examples = Sequence[tuple[str, str]]  # a call, and what it does
_LESSON = "its number or name: 1, 01, 01_pretrained_inference"
_OWN = f"{_LESSON}, or a notebook of yours"
_STUDENT = "the student's file, as course train writes it"


class Parser(ArgumentParser):
    """Prints description and examples as they are written, and one line where a call is wrong."""

    def __init__(self, *, examples: Examples = (), epilog: str = "", **options: Any) -> None:
        width = max((len(call) for call, _ in examples), default=0)
        lines = [f"  {call:<{width}}  {does}" for call, does in examples]
        ending = "\n".join(["examples:", *lines, *(["", epilog] if epilog else [])])
        super().__init__(epilog=ending, formatter_class=RawDescriptionHelpFormatter, **options)

    def error(self, message: str) -> NoReturn:
        """Print one line and end with status 2."""
        stop = "" if message.endswith((".", "?")) else "."
        self.exit(2, f"{self.prog}: {message}{stop} `{self.prog} --help` shows how it is called.\n")


class Words(NamedTuple):
    """What is said of a command: one line, the function that adds its arguments to a parser, and examples."""

    summary: str
    add: Callable[[ArgumentParser], None]
    examples: Examples


# Lessons -------------------------------------------------------------------------------------------------------------


def _lab(parser: ArgumentParser) -> None:
    parser.add_argument("lesson", nargs="?", metavar="LESSON", help=f"{_LESSON} (default: the first)")
    parser.add_argument("--fresh", action="store_true", help="open a fresh copy, beside your own")
    parser.add_argument("--sources", action="store_true", help="for authors: open the lessons' sources instead")


def _run(parser: ArgumentParser) -> None:
    parser.add_argument("lessons", nargs="*", metavar="LESSON", help=f"{_OWN} (default: all)")
    parser.add_argument("--handout", action="store_true", help="pages without solutions, in build/handout/")
    parser.add_argument("--online", action="store_true", help="leave the network open (default: it is closed)")


def _verify(parser: ArgumentParser) -> None:
    parser.add_argument("lessons", nargs="*", metavar="LESSON", help=f"{_OWN} (default: all)")


def _page(parser: ArgumentParser) -> None:
    parser.add_argument("notebooks", nargs="+", metavar="NOTEBOOK", help="a notebook of yours, or a lesson")


def _reset(parser: ArgumentParser) -> None:
    parser.add_argument("lessons", nargs="+", metavar="LESSON", help=f"{_LESSON}; all")


def _progress(parser: ArgumentParser) -> None:
    collected = "a learner's folder, or one that holds a folder for each learner (default: your own, notebooks/my/)"
    parser.add_argument("folders", nargs="*", metavar="FOLDER", help=collected)
    parser.add_argument("--page", metavar="FILE.html", help="write it as a page, too")


# Pictures and students of one's own ----------------------------------------------------------------------------------


def _split(parser: ArgumentParser) -> None:
    parser.add_argument("folder", metavar="FOLDER", help="pictures, a folder for each class: pets/cat/1.jpg")
    parser.add_argument("target", metavar="TARGET", help="a new folder, for copies: TARGET/train/cat/1.jpg")
    _add_split_options(parser)


def _add_split_options(parser: ArgumentParser) -> None:
    parts = "for practice, mock exam and final exam (default: 0.7 0.15 0.15)"
    parser.add_argument("--shares", nargs=3, type=float, metavar="PART", default=(0.7, 0.15, 0.15), help=parts)
    together = r"what in a name stays together: '(.+)_\d+\.' makes violin_07 of violin_07_3.jpg"
    parser.add_argument("--group", metavar="PATTERN", help=together)
    parser.add_argument("--seed", type=int, default=0, help="another one, another split and start (default: 0)")


def _train(parser: ArgumentParser) -> None:
    of_pictures = "train and validation folders (and test), or a folder for each class, which is then split"
    parser.add_argument("folder", metavar="FOLDER", help=of_pictures)
    _add_split_options(parser)
    file = "the student's file (default: student.pt); its report stands beside it"
    parser.add_argument("--output", metavar="FILE", default="student.pt", help=file)
    eyes = "which trained network to begin with (default: COURSE_WEIGHTS, else course)"
    parser.add_argument("--weights", choices=["course", "imagenet"], default=None, help=eyes)
    parser.add_argument("--resume", action="store_true", help="go on with a run that was broken off")
    _add_device(parser)


def _add_device(parser: ArgumentParser) -> None:
    machine = "cpu, cuda or mps (default: COURSE_DEVICE, else cuda where there is one)"
    parser.add_argument("--device", help=machine)


def _predict(parser: ArgumentParser) -> None:
    parser.add_argument("student", metavar="STUDENT", help=_STUDENT)
    parser.add_argument("pictures", metavar="PICTURE", nargs="+", help="files, or folders of them")
    parser.add_argument("--top", type=int, metavar="NUMBER", help="how many names a picture (default: 3)")
    form = parser.add_mutually_exclusive_group()
    for word in ("json", "csv"):
        told = f"{word.upper()} instead of a table"
        form.add_argument(f"--{word}", dest="form", action="store_const", const=word, default="table", help=told)
    _add_device(parser)


def _export(parser: ArgumentParser) -> None:
    parser.add_argument("student", metavar="STUDENT", help=_STUDENT)
    exam = "a data set with a folder test, or a folder of class folders: the pictures of the proof"
    parser.add_argument("--exam", metavar="FOLDER", required=True, help=exam)
    parser.add_argument("--output", metavar="FILE", help="the file to write (default: STUDENT's name, .onnx)")
    parser.add_argument("--no-int8", action="store_true", help="leave out the small file, in 8 bits")


def _demo(parser: ArgumentParser) -> None:
    parser.add_argument("student", metavar="STUDENT", help=_STUDENT)
    parser.add_argument("--port", type=int, default=0, help="the page's port (default: one that is free)")
    heard = "the address to listen on (default: 127.0.0.1, heard by this machine only)"
    parser.add_argument("--host", default="127.0.0.1", help=heard)
    below = "an answer less probable is “I do not know”, 0 to 1 (default: 0.5)"
    parser.add_argument("--threshold", type=float, default=0.5, metavar="SHARE", help=below)
    parser.add_argument("--no-open", action="store_true", help="do not open the browser")


# This machine --------------------------------------------------------------------------------------------------------


def _doctor(_parser: ArgumentParser) -> None:
    """It takes no words."""


def _data(parser: ArgumentParser) -> None:
    pictures = "the drawn garments, the real photos (106 MB), or the drawn instruments of lesson 13"
    parser.add_argument("source", choices=["drawn", "photos", "instruments"], help=pictures)


GROUPS = {
    "lessons": {
        "lab": Words(
            "open a lesson in JupyterLab, in a copy of your own",
            _lab,
            [
                ("course lab", "lesson 00, your copy in notebooks/my/"),
                ("course lab 4 --fresh", "a fresh copy of lesson 04, beside your own"),
                ("course lab 4 -- --no-browser", "what follows -- goes to JupyterLab"),
            ],
        ),
        "run": Words(
            "run lessons from top to bottom and write them as pages",
            _run,
            [
                ("course run", "every lesson, without a network; pages in build/lessons/"),
                ("course run 1 04", "lessons 01 and 04"),
                ("course run notebooks/my/04_building_the_model.ipynb", "your own copy"),
            ],
        ),
        "verify": Words(
            "run lessons, and hold their figures against the book's",
            _verify,
            [("course verify 7", "figure by figure: within chance, or further apart, and likely why")],
        ),
        "page": Words(
            "write a notebook of yours as a page, as it stands, without running it",
            _page,
            [("course page notebooks/my/04_building_the_model.ipynb", "build/lessons/my_04_building_the_model.html")],
        ),
        "reset": Words(
            "put a fresh copy of a lesson beside your own",
            _reset,
            [
                ("course reset 1 2", "fresh copies of lessons 01 and 02"),
                ("course reset all", "of every lesson"),
            ],
        ),
        "progress": Words(
            "how far you are, and what is next; or how far a class is",
            _progress,
            [
                ("course progress", "your own cells, predictions and exercises"),
                ("course progress class", "a row for each learner whose folder stands in class/"),
                ("course progress --page me.html", "also as a page"),
            ],
        ),
    },
    "pictures of your own": {
        "split": Words(
            "divide class folders into practice, mock exam and final exam",
            _split,
            [
                ("course split pets pets_split", "pets/cat, pets/dog, ... into pets_split/"),
                (r"course split violins new --group '(.+)_\d+\.'", "what is in one violin's pictures stays together"),
            ],
        ),
        "train": Words(
            "school a student on a folder of pictures, and write its report",
            _train,
            [
                ("course train pets", "student.pt, and its report, student.html"),
                ("course train pets --resume", "go on where Ctrl-C ended it"),
            ],
        ),
        "predict": Words(
            "let a student name pictures",
            _predict,
            [
                ("course predict student.pt new", "every picture in the folder new"),
                ("course predict student.pt a.jpg b.jpg --csv", "two of them, for a spreadsheet"),
            ],
        ),
        "export": Words(
            "write a student as one file that needs no PyTorch, and prove it",
            _export,
            [("course export student.pt --exam pictures", "student.onnx, proved on the final exam in pictures/test")],
        ),
        "demo": Words(
            "put a student to work on a page of this machine",
            _demo,
            [("course demo student.pt", "drop a picture on the page, and the student answers")],
        ),
    },
    "this machine": {
        "doctor": Words(
            "say what this machine lacks, and how to mend it",
            _doctor,
            [("course doctor", "what is installed, the settings, and the speed")],
        ),
        "data": Words(
            "prepare pictures ahead of a class",
            _data,
            [("course data photos", "fetch the real photographs")],
        ),
    },
}
