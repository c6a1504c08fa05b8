"""The page that says on which machines the course runs today, from records made up here."""

import json
import re
import sys
from pathlib import Path

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))

import today

REPOSITORY = Path(__file__).resolve().parent.parent
WORKFLOW = yaml.safe_load((REPOSITORY / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8"))
STEPS = {"tests": "success", "lessons": "success", "answers": "success"}


def made_up(job="ubuntu-latest, Python 3.11", *, finished="2026-11-30T04:40+00:00", steps=None, **more):
    record = {"job": job, "system": "Linux x86_64", "python": "3.11.9", "versions": {"torch": "2.15.0"}}
    return (
        record
        | {"steps": steps or STEPS, "finished": finished, "commit": "abcdef1234", "run": "https://x.test/1"}
        | more
    )


def rows(page):
    return [
        [cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if line.startswith("| ")
    ][1:]


def test_all_is_well_where_every_machine_says_so():
    page = today.page([made_up("a"), made_up("b", finished="2026-11-30T05:10+00:00")], ["a", "b"])
    assert "**Yes: on 2 of 2 machines all is well.** 30 November 2026, 05:10 UTC" in page
    assert "commit `abcdef1`; [the run](https://x.test/1)" in page
    assert rows(page)[0] == ["a", "Linux x86_64", "3.11.9", "2.15.0", "passes", "passes", "passes"]


@pytest.mark.parametrize(
    ("outcome", "word"), [("failure", "**fails**"), ("cancelled", "**cut off**"), ("skipped", "**not reached**")]
)
def test_a_step_that_did_not_pass_is_told(outcome, word):
    page = today.page([made_up("a"), made_up("b", steps=STEPS | {"lessons": outcome})], ["a", "b"])
    assert "**Not everywhere: on 1 of 2 machines" in page
    assert rows(page)[1][4:] == ["passes", word, "passes"]


def test_a_machine_that_said_nothing_is_not_taken_for_well():
    page = today.page([made_up("a")], ["a", "b"])
    assert "**Not everywhere: on 1 of 2 machines" in page
    assert rows(page)[1][:2] == ["b", "**no report**"]


def test_a_job_whose_steps_were_never_tried_is_not_well():
    assert "on 0 of 1 machines" in today.page([made_up("a", steps={"set-up": "success"})], ["a"])


def test_one_step_may_stand_for_all_columns():
    page = today.page([made_up("a", steps={"make_test": "success"})], ["a"])
    assert rows(page)[0][4:] == ["passes"] * 3


def test_what_a_machine_was_not_asked_gets_a_dash():
    page = today.page([made_up("a", steps={"tests": "success"}, versions={})], ["a"])
    assert rows(page)[0][3:] == ["**none**", "passes", "–", "–"]
    assert "on 1 of 1 machines" in page


def test_without_records_nothing_is_claimed():
    page = today.page([], ["a"])
    assert "built by hand" in page
    assert "|" not in page


def test_the_jobs_are_those_of_the_workflow():
    names = today.jobs_of(WORKFLOW)
    matrix = WORKFLOW["jobs"]["test"]["strategy"]["matrix"]
    assert len(names) == len(matrix["system"]) * len(matrix["python"]) + 2
    assert "windows-latest, Python 3.15" in names


def test_every_job_leaves_its_record_under_the_name_of_the_page_and_whatever_came_out():
    recorded = set()
    for job in WORKFLOW["jobs"].values():
        (step,) = [step for step in job["steps"] if "tools/today.py" in step.get("run", "")]
        assert step["if"] == job["steps"][-1]["if"] == "always()"
        assert job["steps"][-1]["with"]["path"] == "build/runs"
        assert {each["id"] for each in job["steps"] if "id" in each} <= {
            step for steps in today.CHECKS.values() for step in steps
        }
        assert re.search(r'today\.py "(.+?)" build/runs', step["run"])[1] == job["name"]
        recorded.add(job["steps"][-1]["with"]["name"].split("-")[0])
    assert recorded == {"run"}


def test_a_record_is_written_and_read_again(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("STEPS", json.dumps({"tests": {"outcome": "failure", "conclusion": "success", "outputs": {}}}))
    monkeypatch.setenv("GITHUB_SHA", "0123456789")
    for name, value in (("SERVER_URL", "https://x.test"), ("REPOSITORY", "some/course"), ("RUN_ID", "7")):
        monkeypatch.setenv(f"GITHUB_{name}", value)
    assert today.main(["macos-latest, Python 3.15", str(tmp_path / "runs" / "one")]) == 0
    assert capsys.readouterr().out.strip().endswith("macos-latest-Python-3.15.json")
    (record,) = today.read_records(tmp_path)
    assert record["steps"] == {"tests": "failure"}
    assert record["python"] == ".".join(map(str, sys.version_info[:3]))
    assert set(record["versions"]) == set(today.PACKAGES)
    assert record["run"] == "https://x.test/some/course/actions/runs/7"
    assert rows(today.page([record], []))[0][4] == "**fails**"
