"""The commands for pictures of one's own, and for the student that learned from them."""

import argparse
from pathlib import Path

from course_utils.command_line.command import Command, from_here, refuse


def _split(arguments: argparse.Namespace) -> int:
    from course_utils.classroom.commands import command
    from course_utils.pictures.splitting import split_folder

    options = {"shares": arguments.shares, "group": arguments.group, "seed": arguments.seed}
    print(split_folder(arguments.folder, arguments.target, **options))
    print(f"\nThe copies are in {from_here(Path(arguments.target))}, the list of them in split.csv there.")
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
        return refuse(f"stopped.{way_on}", status=130)
    Desk(output).clear()
    print(f"The student is in {from_here(output)}, its report in {from_here(report)}. What it can do now:")
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
        refuse(f"left out: {item.problem}", status=1)
    return 1 if bad else 0


def _export(arguments: argparse.Namespace) -> int:
    from course_utils.proof import export_with_proof

    student = Path(arguments.student)
    output = Path(arguments.output) if arguments.output else student.with_suffix(".onnx")
    print(f"Writing {from_here(output)}, then asking it a whole exam beside PyTorch: a minute or so.", flush=True)
    written, proof = export_with_proof(student, arguments.exam, output, in_8_bits=not arguments.no_int8)
    print(f"Written: {' and '.join(str(from_here(path)) for path in written)}")
    print(f"The proof, on an exam of {proof.num_pictures} pictures in {from_here(proof.folder)}:\n\n{proof}")
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


COMMANDS = {
    "split": Command(
        _split,
        needs=("course_utils.pictures.splitting",),
        explained=(ValueError,),  # too few pictures, names without groups, a folder that is split already
    ),
    "train": Command(
        _train,
        needs=("course_utils.schooling.run", "course_utils.schooling.page"),
        explained=(ValueError, RuntimeError, MemoryError),  # leaked pictures, no such device, no room
    ),
    "predict": Command(
        _predict,
        needs=("course_utils.schooling.answers",),
        explained=(ValueError, RuntimeError),  # another kind of file, no such device
    ),
    "export": Command(
        _export,
        needs=("course_utils.inference",),
        explained=(RuntimeError, ValueError),  # a library is missing, another kind of file, another answer
    ),
    "demo": Command(
        _demo,
        needs=("course_utils.inference",),
        explained=(ValueError,),  # another kind of file, no such port
    ),
}
