"""Break one module line by line, and list the breaks that its own tests do not notice (mutmut does the breaking).

    python tools/mutate.py report/metrics     # course_utils/report/metrics.py, tests/report/test_metrics.py
    python tools/mutate.py training tests/test_training.py tests/test_checks.py

All of it happens on a copy in build/mutate/. A break that nobody notices is a place to look, not a verdict: some change
nothing that anyone could see. What is not broken: constants outside of functions, and decorated functions.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

REPOSITORY = Path(__file__).resolve().parent.parent
# mutmut's own `show`, for many breaks in one process.
_SHOW = "import sys; from mutmut.__main__ import show\nfor name in sys.argv[1:]: show.callback(name)"


def module_and_tests(word: str, tests: list[str]) -> tuple[Path, list[Path]]:
    """`"report/metrics"` -> its file in the package, and the test file that mirrors it, both within the repository.

    Raises FileNotFoundError, naming the file, where one of them is not there.
    """
    module = Path("course_utils", word.removeprefix("course_utils/").removesuffix(".py") + ".py")
    mirror = Path("tests", *module.parts[1:-1], f"test_{module.name}")
    chosen = [Path(test) for test in tests] or [mirror]
    for path in (module, *chosen):
        if not (REPOSITORY / path).is_file():
            raise FileNotFoundError(f"There is no {path.as_posix()}.")
    return module, chosen


def copy_repository(folder: Path, module: Path, tests: list[Path]) -> None:
    """Copy what git tracks, and what it does not ignore, to `folder`, with mutmut's settings for this module."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=REPOSITORY, check=True, capture_output=True, text=True).stdout.split("\0")
    shutil.rmtree(folder, ignore_errors=True)
    for name in filter(None, names):
        if (REPOSITORY / name).is_file():  # a file deleted a moment ago is still listed
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, target)
    settings = {
        "source_paths": ["course_utils"],
        "only_mutate": [module.as_posix()],
        # Under mutmut there is a call between a learner's line and ours, so a warning points at that.
        "pytest_add_cli_args": ["-k", "not learners_line and not killed_run"],
        "pytest_add_cli_args_test_selection": [path.as_posix() for path in tests],
        "timeout_multiplier": 5,  # a break that makes the tests run for ever is noticed; this is how soon
        "also_copy": sorted(path.name for path in folder.iterdir() if path.name not in ("course_utils", "tests")),
    }
    lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
    with (folder / "pyproject.toml").open("a", encoding="utf-8") as project:
        project.write("\n".join(["", "[tool.mutmut]", *lines, ""]))


def python(folder: Path, *words: str, stdout: IO[str] | int | None = None) -> "subprocess.CompletedProcess[str]":
    """Run this Python in `folder`, on one thread: each break runs in a fork, which torch's threads survive badly."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    errors = subprocess.STDOUT if stdout else None
    return subprocess.run(
        [sys.executable, *words], cwd=folder, env=environment, text=True, stdout=stdout, stderr=errors, check=False
    )


def main() -> int:
    """Break the module; exit status 1 where its tests do not pass as they are, 0 otherwise."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("module", metavar="MODULE", help="within the package, as in report/metrics")
    parser.add_argument("tests", nargs="*", metavar="TEST", help="test files (default: the one that mirrors it)")
    arguments = parser.parse_args()
    try:
        module, tests = module_and_tests(arguments.module, arguments.tests)
    except FileNotFoundError as error:
        parser.error(str(error))
    folder = REPOSITORY / "build" / "mutate" / module.with_suffix("").name
    copy_repository(folder, module, tests)

    started = time.perf_counter()
    with (folder / "mutmut.log").open("w", encoding="utf-8") as log:
        output = None if sys.stdout.isatty() else log  # a spinner is for somebody who watches
        run = python(folder, "-m", "mutmut", "run", stdout=output)
    if run.returncode != 0:
        print(
            f"mutmut could not run: do the tests pass as they are? {folder / 'mutmut.log'} says more.", file=sys.stderr
        )
        return 1
    results = python(folder, "-m", "mutmut", "results", "--all", "true", stdout=subprocess.PIPE).stdout
    verdicts = dict(line.strip().rsplit(": ", 1) for line in results.splitlines())
    unnoticed = [name for name, verdict in verdicts.items() if verdict in ("survived", "no tests")]
    if unnoticed:
        python(folder, "-c", _SHOW, *unnoticed)
    seconds = time.perf_counter() - started
    print(f"{module.as_posix()}: {len(unnoticed)} of {len(verdicts)} breaks went unnoticed ({seconds:.0f} s).")
    return 0


if __name__ == "__main__":
    sys.exit(main())
