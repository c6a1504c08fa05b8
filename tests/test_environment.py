"""The list of dependencies stands in pyproject.toml; what repeats it elsewhere is held to it here."""

import json
import re
import tomllib
from pathlib import Path

import pytest
import yaml

from course_utils import __version__
from course_utils.runtime import SETTINGS

REPOSITORY = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
# Where conda-forge calls a package otherwise than PyPI.
CONDA_NAMES = {"torch": "pytorch", "matplotlib": "matplotlib-base"}


def parts(requirement: str) -> tuple[str, str]:
    """`"torch>=2.6"` -> `("torch", "2.6")`. Only lower bounds are allowed: an upper one would break Colab's image."""
    match = re.fullmatch(r"([\w.-]+)>=([\d.]+)", requirement)
    assert match, f"{requirement!r} is not NAME>=VERSION"
    return match.groups()


def requirements(*extras: str) -> dict[str, str]:
    listed = [*PROJECT["dependencies"], *(line for extra in extras for line in PROJECT["optional-dependencies"][extra])]
    return dict(parts(line) for line in listed)


@pytest.fixture(scope="module")
def conda_file() -> dict:
    return yaml.safe_load((REPOSITORY / "environment.yml").read_text(encoding="utf-8"))


def test_conda_gets_what_a_learner_needs_with_the_same_bounds(conda_file):
    wanted = {CONDA_NAMES.get(name, name): bound for name, bound in requirements("lab").items()}
    wanted["python"] = PROJECT["requires-python"].removeprefix(">=")
    listed = [line for line in conda_file["dependencies"] if line != "pip"]
    assert dict(parts(line) for line in listed) == wanted
    assert len(listed) == len(wanted)


def test_conda_asks_conda_forge_alone(conda_file):
    assert conda_file["channels"] == ["conda-forge", "nodefaults"]


def test_conda_can_parse_every_line(conda_file):
    rattler = pytest.importorskip("rattler")
    for line in conda_file["dependencies"]:
        spec = rattler.MatchSpec(line, strict=True)
        assert spec.name.normalized == re.match(r"[\w-]+", line)[0]


@pytest.mark.parametrize(
    ("name", "extras"), [("environment.yml", ["lab"]), ("pyproject.toml", ["lab", "export", "site", "dev"])]
)
def test_every_dependency_has_its_reason_beside_it(name, extras):
    text = (REPOSITORY / name).read_text(encoding="utf-8")
    lines = re.findall(r'^ +(?:- |")[\w.-]+>=.*$', text, flags=re.MULTILINE)
    assert len(lines) >= len(requirements(*extras))
    for line in lines:
        assert re.search(r"# \S+ \S+", line), f"{name}: no reason beside {line.strip()}"


def pinned(name: str) -> dict[str, str]:
    """Each package of a lock and its version, where a hash stands beside it."""
    lock = (REPOSITORY / name).read_text(encoding="utf-8")
    return dict(re.findall(r"^([\w.-]+)==([\w.+]+)[^\n]* \\\n +--hash=sha256:", lock, flags=re.MULTILINE))


@pytest.mark.parametrize(
    ("name", "extras"), [("requirements.lock", ["lab"]), ("requirements-dev.lock", ["lab", "export", "site", "dev"])]
)
def test_a_lock_pins_every_dependency_with_hashes_and_names_no_address(name, extras):
    assert "://" not in (REPOSITORY / name).read_text(encoding="utf-8")
    for package, bound in requirements(*extras).items():
        assert package in pinned(name), f"{package} is not in {name}: run `make lock`"
        release = tuple(int(number) for number in re.findall(r"\d+", pinned(name)[package])[:3])
        assert release >= tuple(int(number) for number in bound.split("."))


def test_learners_get_nothing_that_only_maintainers_need():
    by_the_way = {"pytest"}  # nbmake, for teachers, is a plugin of it
    only_maintainers = requirements("export", "site", "dev").keys() - requirements().keys() - by_the_way
    assert not only_maintainers & pinned("requirements.lock").keys()


def test_both_locks_pin_the_same_versions():
    """So that the step from the one to the other, in one environment, only adds."""
    lock = (REPOSITORY / "requirements.lock").read_text(encoding="utf-8")
    larger = (REPOSITORY / "requirements-dev.lock").read_text(encoding="utf-8")
    pins = set(re.findall(r"^[\w.-]+==\S+", lock, flags=re.MULTILINE))
    assert len(pins) > 100
    assert pins <= set(re.findall(r"^[\w.-]+==\S+", larger, flags=re.MULTILINE))


def test_the_workflow_tests_the_oldest_python_that_is_promised():
    workflow = yaml.safe_load((REPOSITORY / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8"))
    versions = workflow["jobs"]["test"]["strategy"]["matrix"]["python"]
    assert f">={versions[0]}" == PROJECT["requires-python"]
    assert len(versions) == 2


def test_the_workflow_may_only_read_and_ends_what_a_newer_push_has_overtaken():
    workflow = yaml.safe_load((REPOSITORY / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8"))
    assert workflow["permissions"] == {"contents": "read"}
    assert workflow["concurrency"]["cancel-in-progress"] is True


def test_every_system_runs_the_lessons_as_learners_do_and_with_their_solutions():
    workflow = yaml.safe_load((REPOSITORY / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8"))
    job = workflow["jobs"]["test"]
    assert {"ubuntu-latest", "macos-latest", "windows-latest"} == set(job["strategy"]["matrix"]["system"])
    commands = [step.get("run") for step in job["steps"]]
    assert "python -m course_utils run" in commands
    assert "python tools/build_notebooks.py --test" in commands


def test_what_the_documents_call_a_setting_is_one():
    names = set(re.findall(r"COURSE_[A-Z_]+[A-Z]", (REPOSITORY / "README.md").read_text(encoding="utf-8")))
    assert names - {"COURSE_INSTALL_FROM"} == set(SETTINGS)


def test_no_document_installs_the_course_by_its_name():
    """Nobody has registered it: whoever does would be installed in its place."""
    for name in ("README.md", "CONTRIBUTING.md", "notebooks/glossary.md", "data/README.md"):
        assert not re.search(r"install[^\n`]* course[-_]utils", (REPOSITORY / name).read_text(encoding="utf-8"))


# What else stands in the repository's root ---------------------------------------------------------------------------


def test_a_citation_names_this_version():
    citation = yaml.safe_load((REPOSITORY / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == __version__
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert citation["license"] in PROJECT["license"]


def test_issue_forms_can_be_read_and_ask_for_something():
    forms = [path for path in (REPOSITORY / ".github" / "ISSUE_TEMPLATE").glob("*.yml") if path.stem != "config"]
    assert len(forms) >= 2
    for path in forms:
        form = yaml.safe_load(path.read_text(encoding="utf-8"))
        assert {"name", "description", "body"} <= set(form)
        assert any(field.get("validations", {}).get("required") for field in form["body"])


def test_the_container_sets_up_what_make_knows():
    text = (REPOSITORY / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8")
    container = json.loads(re.sub(r"^//.*\n", "", text, flags=re.MULTILINE))
    target = container["postCreateCommand"].removeprefix("make ")
    assert re.search(rf"^{re.escape(target)}:", (REPOSITORY / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
