"""Side-by-side measurements: `python benchmarks` (quick, a few minutes) or `python benchmarks --full`.

Both sides of a line run in the same process, so that what is printed is a ratio that holds on a slow or busy machine
too. Work of seconds is done in turn, and the range of the ratios stands in brackets; a training of minutes (`head`)
runs once, one side after the other. `--full` takes the real photos and ImageNet's weights; `--readme` writes the lines
that were measured into README.md, and leaves the others there as they are.
"""

import argparse
import importlib
import platform
import re
import sys
from pathlib import Path

import torch
from side_by_side import Result

from course_utils.runtime import num_processors

README = Path(__file__).resolve().parent.parent / "README.md"
NAMES = ("loop", "features", "head", "fine_tuning", "frameworks")
COMPLETE = ("head", "fine_tuning")  # what times a part of the slow side, unless told to time all of it
START, END = "<!-- benchmarks:start -->", "<!-- benchmarks:end -->"


HEAD = ["| what | against | measured | to reach | measured by |", "|---|---|---|---|---|"]


def rows(results: list[Result], command: str) -> list[str]:
    """Return the results of one command as lines of a Markdown table; the last cell says what they were measured by."""
    release = torch.__version__.split("+")[0]
    system = f"{platform.system()} {platform.machine()}, {num_processors()} cores, torch {release}"
    return [f"| {r.what} | {r.against} | {r.measured} | {r.wanted} | `{command}` ({system}) |" for r in results]


def write_readme(measured: dict[str, list[str]]) -> None:
    """Put the lines, by measurement, in the place of those that README.md has of the same measurements."""
    before, rest = README.read_text(encoding="utf-8").split(START)
    old, after = rest.split(END)
    lines = []
    for name in NAMES:
        # Each line's command ends in the name of its measurement.
        kept = [line for line in old.splitlines() if re.search(rf"`python benchmarks[^`]* {name}`", line)]
        lines += measured.get(name, kept)
    table = "\n".join([*HEAD, *lines])
    README.write_text(f"{before}{START}\n{table}\n{END}{after}", encoding="utf-8")


def main() -> int:
    """Run the chosen measurements; exit status 1 where a ratio was not reached."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__.split("\n\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)} (default: all)")
    parser.add_argument("--full", action="store_true", help="the clothing photos and ImageNet's weights at 224 px")
    parser.add_argument("--complete", action="store_true", help="with --full: time all epochs of the slow side, too")
    parser.add_argument("--readme", action="store_true", help="write the measured lines into README.md")
    args = parser.parse_args()
    if unknown := set(args.names) - set(NAMES):
        parser.error(f"no measurement is called {', '.join(sorted(unknown))}: choose from {', '.join(NAMES)}")
    results, measured = [], {}
    for name in args.names or NAMES:
        options = {"complete": args.complete} if name in COMPLETE else {}
        found = importlib.import_module(name).measure(full=args.full, **options)
        for result in found:
            print(f"{'ok  ' if result.reached else 'MISS'} {result.what}, against {result.against}: {result.measured}")
        flags = [f"--{flag}" for flag, given in (("full", args.full), ("complete", options.get("complete"))) if given]
        measured[name] = rows(found, " ".join(["python benchmarks", *flags, name]))
        results += found
    print("\n".join(["", *HEAD, *(line for lines in measured.values() for line in lines)]))
    if args.readme:
        write_readme(measured)
    return 0 if all(result.reached for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
