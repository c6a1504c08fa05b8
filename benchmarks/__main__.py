"""Side-by-side measurements: `python benchmarks` (quick, a few minutes) or `python benchmarks --full`.

Both sides of each line run in the same process, in turn, so that what is printed is a ratio that holds on a slow or
busy machine too. `--full` takes the real photos and ImageNet's weights; `--readme` writes the table into README.md.
"""

import argparse
import importlib
import os
import platform
import sys
from pathlib import Path

import torch
from side_by_side import Result

README = Path(__file__).resolve().parent.parent / "README.md"
NAMES = ("loop", "features", "head", "frameworks")
START, END = "<!-- benchmarks:start -->", "<!-- benchmarks:end -->"


def table(results: list[Result], command: str) -> str:
    """Return the results as a Markdown table, and what they were measured on."""
    lines = ["| what | against | measured | to reach |", "|---|---|---|---|"]
    lines += [f"| {r.what} | {r.against} | {r.measured} | {r.wanted} |" for r in results]
    cores = os.cpu_count()
    system = f"{platform.system()} {platform.machine()}, {cores} cores, torch {torch.__version__.split('+')[0]}"
    return "\n".join([*lines, "", f"Measured by `{command}` ({system}); range in brackets."])


def write_readme(text: str) -> None:
    """Put the table between its two markers in README.md."""
    before, rest = README.read_text(encoding="utf-8").split(START)
    _, after = rest.split(END)
    README.write_text(f"{before}{START}\n{text}\n{END}{after}", encoding="utf-8")


def main() -> int:
    """Run the chosen measurements; exit status 1 where a ratio was not reached."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__.split("\n\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)} (default: all)")
    parser.add_argument("--full", action="store_true", help="the clothing photos and ImageNet's weights at 224 px")
    parser.add_argument(
        "--complete", action="store_true", help="with --full: time all ten epochs of the tutorials' loop"
    )
    parser.add_argument("--readme", action="store_true", help="write the table into README.md")
    args = parser.parse_args()
    if unknown := set(args.names) - set(NAMES):
        parser.error(f"no measurement is called {', '.join(sorted(unknown))}: choose from {', '.join(NAMES)}")
    results = []
    for name in args.names or NAMES:
        options = {"complete": args.complete} if name == "head" else {}
        for result in importlib.import_module(name).measure(full=args.full, **options):
            results.append(result)
            print(f"{'ok  ' if result.reached else 'MISS'} {result.what}, against {result.against}: {result.measured}")
    command = " ".join(["python benchmarks", *(f"--{name}" for name in ("full", "complete") if vars(args)[name])])
    text = table(results, command)
    print(f"\n{text}")
    if args.readme:
        write_readme(text)
    return 0 if all(result.reached for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
