"""Does it run today? What each machine of the workflow reports, and the page of the site that says so.

    python tools/today.py JOB FOLDER    write FOLDER/JOB.json: this machine, and how the steps in $STEPS ended

The workflow runs this at the end of each job (`STEPS` is its `toJSON(steps)`), and hands the files over to the site:
`python tools/build_site.py --runs FOLDER`. The standard library alone: it must speak where an installation failed.
"""

import argparse
import importlib.metadata
import itertools
import json
import os
import platform
import re
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

PACKAGES = ("torch", "torchvision", "numpy", "jupyterlab")
# The columns of the page, and the workflow's steps that tell about each.
CHECKS = {
    "unit tests": ("tests", "make_test"),
    "every lesson": ("lessons", "make_test"),
    "its answers": ("answers", "make_test"),
}
OUTCOMES = {"success": "passes", "failure": "**fails**", "cancelled": "**cut off**", "skipped": "**not reached**"}
BY_HAND = """\
This copy of the site was built by hand, so nobody has asked today. Where the course is published, the workflow that
tests it fills this page, each week and after each change: it runs the unit tests and every lesson on three systems,
with the oldest Python and the newest, and writes down what each machine said. On your own machine, `course doctor` says
what is missing, and `course run` executes every lesson.
"""


def record(job: str, steps: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return what this machine reports: who it is, what is installed, and how each step ended."""
    asked = os.environ
    run = f"{asked.get('GITHUB_SERVER_URL')}/{asked.get('GITHUB_REPOSITORY')}/actions/runs/{asked.get('GITHUB_RUN_ID')}"
    return {
        "job": job,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {name: version for name in PACKAGES if (version := _version(name))},
        "steps": {name: step["outcome"] for name, step in steps.items()},
        "finished": datetime.now(UTC).isoformat(timespec="minutes"),
        "commit": asked.get("GITHUB_SHA", ""),
        "run": run if "GITHUB_RUN_ID" in asked else "",
    }


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def read_records(folder: Path) -> list[dict[str, Any]]:
    """Return the records under a folder, by job."""
    records = [json.loads(path.read_text(encoding="utf-8")) for path in folder.rglob("*.json")]
    return sorted(records, key=lambda each: each["job"])


def jobs_of(workflow: Mapping[str, Any]) -> list[str]:
    """Return the name of every job of a workflow, one for each combination of its matrix."""
    names = []
    for job in workflow["jobs"].values():
        matrix = job.get("strategy", {}).get("matrix", {})
        for values in itertools.product(*matrix.values()):
            chosen = dict(zip(matrix, values, strict=True))
            names.append(
                re.sub(r"\$\{\{ matrix\.(\w+) \}\}", lambda found, chosen=chosen: chosen[found[1]], job["name"])
            )
    return names


def page(records: Iterable[Mapping[str, Any]], jobs: Iterable[str]) -> str:
    """Return the page in Markdown: a row for each of `jobs`, also where one has not reported."""
    reports = {each["job"]: each for each in records}
    if not reports:
        return f"# Does it run today?\n\n{BY_HAND}"
    names = list(dict.fromkeys([*jobs, *reports]))
    good = sum(name in reports and _is_good(reports[name]) for name in names)
    last = max(reports.values(), key=lambda each: each["finished"])
    when = datetime.fromisoformat(last["finished"]).strftime("%d %B %Y, %H:%M UTC")
    verdict = "Yes" if good == len(names) else "Not everywhere"
    where = f"[the run]({last['run']})" if last["run"] else "the run"
    rows = ["| machine | system | Python | torch | " + " | ".join(CHECKS) + " |", "|---" * (4 + len(CHECKS)) + "|"]
    return "\n".join(
        [
            "# Does it run today?",
            "",
            f"**{verdict}: on {good} of {len(names)} machines all is well.** {when}, commit "
            f"`{last['commit'][:7]}`; {where} has the logs.",
            "",
            *rows,
            *(_row(name, reports.get(name)) for name in names),
            "",
            "*Every lesson* is run as a learner runs it; *its answers* are the wrong ones and the solutions of its "
            "exercises. A sign – stands where a machine is not asked.",
            "",
        ]
    )


def _row(name: str, report: Mapping[str, Any] | None) -> str:
    if report is None:
        return f"| {name} | **no report** |" + " – |" * (2 + len(CHECKS))
    cells = [name, report["system"], report["python"], report["versions"].get("torch", "**none**")]
    cells += [OUTCOMES.get(_outcome(report, steps), "–") for steps in CHECKS.values()]
    return f"| {' | '.join(cells)} |"


def _outcome(report: Mapping[str, Any], steps: Iterable[str]) -> str:
    return next((report["steps"][step] for step in steps if step in report["steps"]), "")


def _is_good(report: Mapping[str, Any]) -> bool:
    """Every step that was asked for has passed, and one of the columns says so."""
    seen = {_outcome(report, steps) for steps in CHECKS.values()} - {""}
    return seen == {"success"} and set(report["steps"].values()) == {"success"}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("job", help="the job's name, as the workflow shows it")
    parser.add_argument("folder", type=Path)
    options = parser.parse_args(arguments)
    options.folder.mkdir(parents=True, exist_ok=True)
    path = options.folder / f"{re.sub(r'[^a-zA-Z0-9.]+', '-', options.job)}.json"
    path.write_text(json.dumps(record(options.job, json.loads(os.environ["STEPS"])), indent=1), encoding="utf-8")
    print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
