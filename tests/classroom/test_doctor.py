import importlib.metadata
import os
import subprocess
import sys
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest
import torch

from course_utils import pretrained, runtime
from course_utils.classroom import doctor, lessons
from course_utils.classroom.doctor import EnvironmentReport, Finding, check_environment
from course_utils.pictures import catalog

REPORT = EnvironmentReport((Finding("disk", "9 GB <free>"), Finding("torch", "1.0", "Too old.", "install it")))


@pytest.fixture
def healthy(monkeypatch):
    """This machine with the weights at hand, whatever the state of the clone."""
    monkeypatch.setattr(pretrained, "read_course_weights", lambda: SimpleNamespace(classes=["a", "b"]))


def finding(what: str, **options) -> Finding:
    report = check_environment(measure_speed=False, **options)
    [found] = [finding for finding in report.findings if finding.what == what]
    return found


def pretend_version(monkeypatch, package: str, version: str | None) -> None:
    real = importlib.metadata.version

    def pretend(name):
        if name == package and version is None:
            raise importlib.metadata.PackageNotFoundError(name)
        return version if name == package else real(name)

    monkeypatch.setattr(importlib.metadata, "version", pretend)


@pytest.mark.usefixtures("healthy")
def test_this_machine_is_ready():
    report = check_environment(measure_speed=False)
    assert report.ok, report
    assert f"{torch.__version__.split('+')[0]}" in finding("torch + torchvision").found


def test_the_text_marks_what_needs_mending_and_gives_the_command():
    assert str(REPORT).splitlines() == [
        "1 thing to mend, marked below.",
        "",
        "ok    disk   9 GB <free>",
        "MEND  torch  1.0",
        "             Too old.",
        "             -> install it",
    ]
    assert str(EnvironmentReport(REPORT.findings[:1])).startswith("This machine is ready.")


def test_the_text_wraps_long_lists_but_never_a_command():
    command = "install " + "very-long-path/" * 20
    text = repr(EnvironmentReport((Finding("packages", "name 1.0, " * 40, "Bad.", command),)))
    assert f"-> {command}" in text
    assert max(len(line) for line in text.splitlines() if "->" not in line) <= 120


def test_the_page_shows_the_same_in_a_well_formed_table():
    page = ElementTree.fromstring(REPORT._repr_html_().replace("<br>", "<br/>"))
    texts = set(page.itertext())
    assert {"1 thing to mend, marked below.", "9 GB <free>", "Too old.", "install it", "mend", "ok"} <= texts
    bold = ["".join(row.itertext()) for row in page.iter("tr") if "bold" in row[0].get("style")]
    assert bold == ["torchmend1.0Too old.install it"]


def test_an_old_package_is_named_with_the_command_that_mends_it(monkeypatch):
    pretend_version(monkeypatch, "numpy", "1.9.3")
    found = finding("numpy")
    assert (found.found, found.problem) == ("1.9.3", "1.26 or newer is needed.")
    assert found.remedy.endswith(doctor._quote("numpy>=1.26"))
    assert "numpy" not in finding("packages").found


def test_a_missing_package_is_named(monkeypatch):
    pretend_version(monkeypatch, "jupytext", None)
    assert finding("jupytext").found == "not installed"


def test_jupyter_is_asked_for_only_where_the_lessons_are(monkeypatch):
    pretend_version(monkeypatch, "jupytext", None)
    monkeypatch.setattr(doctor, "_lessons_are_here", lambda: False)
    report = check_environment(measure_speed=False)
    assert {"jupytext", "Jupyter kernel"}.isdisjoint(finding.what for finding in report.findings)


@pytest.mark.parametrize(("has_pip", "start"), [(True, "-m pip install"), (False, "uv pip install --python")])
def test_the_command_fits_an_environment_with_and_without_pip(monkeypatch, has_pip, start):
    monkeypatch.setattr(doctor.importlib.util, "find_spec", {"pip": object() if has_pip else None}.get)
    monkeypatch.setattr(sys, "prefix", "/home/Jane Doe/.venv")
    monkeypatch.setattr(sys, "executable", "/home/Jane Doe/.venv/bin/python")
    command = doctor._install_command("torch>=2.6")
    assert start in command
    quote = '"' if os.name == "nt" else "'"
    assert f"{quote}/home/Jane Doe/.venv" in command
    assert f"{quote}torch>=2.6{quote}" in command


@pytest.mark.parametrize(
    ("declared", "told"),
    [
        ("torch==2.15.0", "torchvision 0.99.1 was made for torch 2.15.0."),
        ("torch (>=2.14.0)", "torchvision 0.99.1 was made for torch 2.14.0 or newer."),
        ("torch==2.12.0", "torchvision 0.99.1 was made for torch 2.12.0."),
        ("torch==2.13.0", "They do not load: RuntimeError: operator torchvision::nms does not exist"),
        ("torch-scatter==2.15.0", "They do not load: RuntimeError: operator torchvision::nms does not exist"),
    ],
)
def test_a_torchvision_that_does_not_fit_torch_is_told_in_words(monkeypatch, declared, told):
    versions = {"torch": "2.13.0+cpu", "torchvision": "0.99.1"}
    monkeypatch.setattr(importlib.metadata, "version", versions.get)
    monkeypatch.setattr(importlib.metadata, "requires", lambda _: ["numpy", declared])

    def broken(*_):
        raise RuntimeError("operator torchvision::nms does not exist")

    monkeypatch.setattr("torchvision.ops.nms", broken)
    found = doctor._check_torch_pair()
    assert found.found == "2.13.0+cpu + 0.99.1"
    assert found.problem == told
    assert found.remedy.replace('"', "").endswith("--upgrade torch torchvision")


def test_without_torch_the_rest_is_still_reported():
    """In a fresh interpreter where importing torch fails, as it does where it is missing or damaged."""
    code = "import sys; sys.modules['torch'] = None\nfrom course_utils.__main__ import main\nsys.exit(main(['doctor']))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert run.returncode == 1, run.stderr
    assert "They do not load: ModuleNotFoundError" in run.stdout
    assert "Python" in run.stdout


@pytest.mark.usefixtures("healthy")
def test_a_device_that_is_not_there_is_a_finding(monkeypatch):
    monkeypatch.setenv("COURSE_DEVICE", "tpu")
    found = finding("device")
    assert "Unknown device 'tpu'" in found.problem
    assert found.remedy == ("set COURSE_DEVICE=" if os.name == "nt" else "unset COURSE_DEVICE")


@pytest.mark.usefixtures("healthy")
def test_settings_are_listed_and_a_misspelt_one_is_found(monkeypatch):
    monkeypatch.setenv("COURSE_DATASET", "photos")
    monkeypatch.setenv("COURSE_WEIGTHS", "imagenet")
    assert finding("COURSE_DATASET").found.startswith("photos - ")
    assert finding("COURSE_MIRROR").found.startswith("not set - ")
    assert finding("COURSE_WEIGTHS").problem.endswith("Did you mean COURSE_WEIGHTS?")


@pytest.mark.usefixtures("healthy")
def test_a_full_disk_is_found_although_the_data_folder_is_not_there_yet(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_DATA_DIR", str(tmp_path / "not" / "yet"))
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: SimpleNamespace(free=10**8 if path.exists() else 0))
    found = finding("disk")
    assert found.found.startswith("0.1 GB free")
    assert "COURSE_DATA_DIR" in found.remedy


@pytest.mark.parametrize("error", [FileNotFoundError("gone"), ValueError("damaged")])
def test_unusable_course_weights_are_found(monkeypatch, error):
    def fail():
        raise error

    monkeypatch.setattr(pretrained, "read_course_weights", fail)
    found = finding("course weights")
    assert found.problem == str(error)
    assert "git restore" in found.remedy


@pytest.mark.usefixtures("healthy")
def test_a_kernel_of_another_python_is_found(monkeypatch, tmp_path):
    from jupyter_client.kernelspec import KernelSpecManager

    spec = SimpleNamespace(argv=[str(tmp_path / "python")])
    monkeypatch.setattr(KernelSpecManager, "get_kernel_spec", lambda *_: spec)
    assert "other Python" in finding("Jupyter kernel").problem
    spec.argv = ["python"]
    assert not finding("Jupyter kernel").problem


@pytest.mark.usefixtures("healthy")
def test_prepared_pictures_are_named(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_DATA_DIR", str(tmp_path))
    assert "course data drawn" in finding("pictures").found
    for folder in (catalog.DRAWN_FOLDER, catalog.PHOTOS_FOLDER):
        (tmp_path / folder).mkdir()
    assert finding("pictures").found == "drawn, photos"


def test_measuring_the_speed_leaves_the_random_generator_as_it_was():
    before = torch.get_rng_state()
    assert doctor.measure_images_per_second(0.05) > 0
    assert torch.equal(torch.get_rng_state(), before)


def test_the_time_estimate_scales_the_lessons_times_with_the_measured_speed(monkeypatch):
    reference = doctor._REFERENCE_IMAGES_PER_SECOND
    times = [(60, 30), (150, None)]  # measured once, else the budget stands in
    known = [SimpleNamespace(budget_seconds=budget, run_seconds=seconds) for budget, seconds in times]
    monkeypatch.setattr(lessons, "all_lessons", lambda: known)
    for speed, minutes in ((reference, 3), (reference / 4, 12)):
        monkeypatch.setattr(doctor, "measure_images_per_second", lambda speed=speed: speed)
        assert doctor._measure_speed().found.endswith(f"running all 2 lessons takes roughly {minutes} min here")


def test_every_requirement_of_the_package_can_be_read():
    assert runtime.SETTINGS  # the table that the report lists
    names = {finding.what for finding in check_environment(measure_speed=False).findings}
    assert {"Python", "course-utils", "packages", "torch + torchvision", *runtime.SETTINGS} <= names
