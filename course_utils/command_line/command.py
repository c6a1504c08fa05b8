"""What a command of `course` is, and how one ends: well, or with one line on standard error that says the way out.

Standard library only, as in all of this wing: `course doctor` speaks where torch is missing or broken.
"""

import argparse
import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple


class Command(NamedTuple):
    """What one word after `course` does, and what keeps it from doing so without being a fault of the course.

    `run` returns the exit status: 0 well, 1 something failed, 2 a wrong call.

    Each of `needs` is imported first; what cannot be is a matter for the doctor. The messages of `explained` say all
    that a learner needs, as do those of LessonError, SettingError and OSError: they come as one line, no traceback.
    """

    run: Callable[[argparse.Namespace], int]
    needs: tuple[str, ...] = ()
    explained: tuple[type[Exception], ...] = ()


def from_here(path: Path) -> Path:
    """Return `path` as seen from the current folder, where it lies below it."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def refuse(message: object, *, status: int) -> int:
    """Print one line on standard error; return the exit status."""
    print(f"course: {message}", file=sys.stderr)
    return status


def run_command(command: Command, arguments: argparse.Namespace) -> int:
    """Run a command; what a learner can mend comes as one line, not as a traceback. Returns the exit status."""
    doctor = "`course doctor` says how to mend it."
    try:
        try:
            for module in command.needs:
                importlib.import_module(module)
        except (OSError, RuntimeError) as error:  # a torchvision made for another torch raises RuntimeError
            return refuse(f"{error} {doctor}", status=2)
        if not command.needs:
            return command.run(arguments)
        from course_utils.classroom.lessons import LessonError
        from course_utils.runtime import SettingError

        explained: tuple[type[Exception], ...] = (OSError, *command.explained)
        try:
            return command.run(arguments)
        except (LessonError, SettingError) as error:
            return refuse(error, status=2)
        except BrokenPipeError:
            raise
        except explained as error:
            return refuse(error, status=1)
    except ImportError as error:
        if (error.name or "course_utils").startswith("course_utils"):
            raise  # a fault of the course
        problem = f"{error.name} is not installed." if isinstance(error, ModuleNotFoundError) else error
        return refuse(f"{problem} {doctor}", status=2)
