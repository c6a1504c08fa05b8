"""The command `course` (also `python -m course_utils`): open the lessons, run them, look at this machine.

What it takes stands in `command_line.parser`, what each command does in the modules beside that.
"""

import os
import sys
from collections.abc import Sequence

from course_utils.command_line import lessons, machine, students
from course_utils.command_line.command import refuse, run_command
from course_utils.command_line.parser import parse

COMMANDS = lessons.COMMANDS | students.COMMANDS | machine.COMMANDS


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return its exit status: 0 well, 1 something failed, 2 a wrong call, 130 stopped by Ctrl-C."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # what a console cannot show must not end a command
    arguments = parse(sys.argv[1:] if argv is None else argv)
    try:
        status = run_command(COMMANDS[arguments.command], arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return refuse("stopped.", status=130)
    except BrokenPipeError:  # whoever read the output has gone (`course doctor | head`): nothing is left to be said
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return status


if __name__ == "__main__":
    sys.exit(main())
