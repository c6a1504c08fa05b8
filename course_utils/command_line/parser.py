"""The words that `course` takes, and its help: what `command_line.words` says of each command, in groups.

Standard library only: the help speaks at once, also where torch is missing.
"""

import difflib
import sys
from argparse import SUPPRESS, Namespace
from collections.abc import Sequence

from course_utils.command_line.words import GROUPS, Parser

_NAMES = [name for commands in GROUPS.values() for name in commands]
_EXAMPLES = (
    ("course lab 4", "open lesson 04 in JupyterLab, in a copy of your own"),
    ("course progress", "how far am I, and what is next?"),
    ("course train pets", "school a student on the pictures in pets/cat, pets/dog, ..."),
    ("course doctor", "is this machine ready? what is missing, and how is it mended?"),
)
_INTRODUCTION = """\
The student goes to school: how a neural network is trained.
`course COMMAND --help` says more of a command, with examples."""
_VARIABLES = "Environment variables choose other pictures, weights, folders or devices:\n`course doctor` lists them."


def parse(words: Sequence[str]) -> Namespace:
    """Read what was typed after `course`; what follows `--` goes to JupyterLab, as `jupyter_options`.

    Raises SystemExit: 0 after the help that was asked for, 2 after one line about what is wrong.
    """
    end = words.index("--") if "--" in words else len(words)
    own, rest = list(words[:end]), list(words[end + 1 :])
    parser = build_parser()
    if not own:
        parser.print_help(sys.stderr)
        parser.exit(2)
    if not own[0].startswith("-") and own[0] not in _NAMES:
        close = difflib.get_close_matches(own[0], _NAMES, n=1)
        parser.error(f"there is no command {own[0]!r}.{f' Did you mean {close[0]}?' if close else ''}")
    arguments, unknown = parser.parse_known_args(own)
    if unknown:  # argparse would send the reader to the help of `course`, which does not show the command's words
        Parser(prog=f"course {arguments.command}").error(f"it takes no {' '.join(unknown)}")
    if rest and arguments.command != "lab":
        parser.error("only `course lab` takes options for JupyterLab after --.")
    arguments.jupyter_options = rest
    return arguments


def build_parser() -> Parser:
    """Return the parser of `course`, with a parser of its own for each command."""
    import course_utils

    listing = [
        "\n".join([f"{title}:", *(f"  {name:<10}{words.summary}" for name, words in commands.items())])
        for title, commands in GROUPS.items()
    ]
    parser = Parser(
        prog="course",
        usage="course COMMAND ...",
        description="\n\n".join([_INTRODUCTION, *listing]),
        epilog=_VARIABLES,
        examples=_EXAMPLES,
    )
    parser.add_argument(
        "--version", action="version", version=f"course {course_utils.__version__}", help="show the version"
    )
    # The listing above shows the commands in groups, which argparse cannot.
    subparsers = parser.add_subparsers(prog="course", dest="command", metavar="COMMAND", required=True, help=SUPPRESS)
    for commands in GROUPS.values():
        for name, words in commands.items():
            told = f"{words.summary[0].upper()}{words.summary[1:]}."
            words.add(subparsers.add_parser(name, description=told, examples=words.examples))
    return parser
