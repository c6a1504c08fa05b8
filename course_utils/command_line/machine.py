"""The commands that look after this machine: `course doctor` and `course data`."""

import argparse

from course_utils.command_line.command import Command, from_here


def _doctor(_arguments: argparse.Namespace) -> int:
    from course_utils.classroom.doctor import check_environment

    report = check_environment()
    print(report)
    return 0 if report.ok else 1


def _data(arguments: argparse.Namespace) -> int:
    from course_utils.pictures.catalog import clothing, instruments
    from course_utils.pictures.drawn import worker_per_core

    if arguments.source == "instruments":
        print(f"The instruments are in {from_here(instruments(num_workers=worker_per_core()))}")
    else:
        folder = clothing(arguments.source, num_workers=worker_per_core())
        print(f"The {arguments.source} pictures are in {from_here(folder)}")
    return 0


COMMANDS = {
    "doctor": Command(_doctor),  # needs nothing: it says what is missing
    "data": Command(
        _data,
        needs=("course_utils.pictures.catalog",),
        explained=(RuntimeError, ValueError),  # no network, a folder that somebody has changed
    ),
}
