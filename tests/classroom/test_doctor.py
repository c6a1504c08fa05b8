"""The machine that a lesson runs on; what it takes from there is in `test_supplies.py`."""

import importlib.metadata
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch

from course_utils import runtime
from course_utils.classroom import doctor, lessons
from course_utils.classroom.commands import quote, set_variable
from course_utils.classroom.doctor import Finding, check_environment


@pytest.fixture
def healthy(monkeypatch):
    """This machine with room on its disk, and all at hand that a lesson takes, whatever the clone's state."""
    monkeypatch.setattr(doctor, "check_weights", lambda: iter(()))
    monkeypatch.setattr(doctor, "check_pictures", lambda: iter(()))
    monkeypatch.setattr(doctor, "check_instruments", lambda: iter(()))
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: SimpleNamespace(free=10**12))


def finding(what: str) -> Finding:
    report = check_environment(measure_speed=False)
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


def test_an_old_package_is_named_with_the_command_that_mends_it(monkeypatch):
    pretend_version(monkeypatch, "numpy", "1.9.3")
    found = finding("numpy")
    assert (found.found, found.problem) == ("1.9.3", "1.26 or newer is needed.")
    assert found.remedy.endswith(quote("numpy>=1.26"))
    assert "numpy" not in finding("packages").found


def test_a_missing_package_is_named(monkeypatch):
    pretend_version(monkeypatch, "jupytext", None)
    assert finding("jupytext").found == "not installed"


def test_jupyter_is_asked_for_only_where_the_lessons_are(monkeypatch):
    pretend_version(monkeypatch, "jupytext", None)
    monkeypatch.setattr(doctor, "lessons_are_here", lambda: False)
    report = check_environment(measure_speed=False)
    assert {"jupytext", "Jupyter kernel"}.isdisjoint(finding.what for finding in report.findings)


@pytest.mark.parametrize(
    ("declared", "told"),
    [
        ("torch==2.15.0", "torchvision 0.99.1 was made for torch 2.15.0."),
        ("torch>=2.14.0", "torchvision 0.99.1 was made for torch 2.14.0 or newer."),
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
    [found] = doctor._check_torch_pair()
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
    assert found.remedy == set_variable("COURSE_DEVICE")


@pytest.mark.usefixtures("healthy")
def test_a_full_disk_is_found_although_the_data_folder_is_not_there_yet(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_DATA_DIR", str(tmp_path / "not" / "yet"))
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: SimpleNamespace(free=10**8 if path.exists() else 0))
    found = finding("disk")
    assert found.found.startswith("0.1 GB free")
    assert "COURSE_DATA_DIR" in found.remedy


@pytest.mark.usefixtures("healthy")
def test_a_kernel_of_another_python_is_found(monkeypatch, tmp_path):
    from jupyter_client.kernelspec import KernelSpecManager

    spec = SimpleNamespace(argv=[str(tmp_path / "python")])
    monkeypatch.setattr(KernelSpecManager, "get_kernel_spec", lambda *_: spec)
    assert "other Python" in finding("Jupyter kernel").problem
    spec.argv = ["python"]
    assert not finding("Jupyter kernel").problem


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
        [speed] = doctor._measure_speed()
        assert speed.found.endswith(f"running all 2 lessons takes roughly {minutes} min here")


def test_every_requirement_of_the_package_can_be_read():
    assert runtime.SETTINGS  # the table that the report lists
    names = {finding.what for finding in check_environment(measure_speed=False).findings}
    assert {"Python", "course-utils", "packages", "torch + torchvision", *runtime.SETTINGS} <= names


@pytest.mark.usefixtures("healthy")
@pytest.mark.parametrize("missing", ["numpy", "packaging", "jupyter_client"])
def test_whatever_is_missing_the_rest_is_still_reported(missing):
    code = f"import sys; sys.modules[{missing!r}] = None\n"
    code += "from course_utils.__main__ import main\nsys.exit(main(['doctor']))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert run.returncode == 1, run.stderr
    assert "Traceback" not in run.stderr
    assert "MEND" in run.stdout
    assert "Python" in run.stdout


@pytest.mark.usefixtures("healthy")
@pytest.mark.parametrize(
    ("requirement", "version", "told"),
    [
        ("numpy", "0.1", ""),
        ("numpy>=1.26,<3", "3.1", "<3,>=1.26 is needed."),
        ("numpy~=2.0", "1.9", "~=2.0 is needed."),
        ("numpy==2.0.0", "2.0.1", "2.0.0 is needed."),
        ("numpy!=1.9; python_version < '3'", "1.9", ""),
        ("numpy>=99; extra == 'dev'", "1.9", ""),
        ("numpy[extras]>=2 ; sys_platform != 'none'", "1.9", "2 or newer is needed."),
        ("numpy>=2", "2.1.0rc1+local", ""),
        ("numpy>=2", "not-a-version", "2 or newer is needed."),
        ("numpy>=2", "", "2 or newer is needed."),
        ("numpy @ https://example.org/numpy.whl", "1.0", ""),
    ],
)
def test_every_form_of_requirement_is_read(monkeypatch, requirement, version, told):
    monkeypatch.setattr(importlib.metadata, "requires", lambda _: [requirement])
    pretend_version(monkeypatch, "numpy", version)
    problems = [found.problem for found in doctor._check_packages() if found.what == "numpy"]
    assert problems == ([told] if told else [])


@pytest.mark.usefixtures("healthy")
@pytest.mark.parametrize("requires", [None, []])
def test_a_package_without_requirements_is_reported_too(monkeypatch, requires):
    monkeypatch.setattr(importlib.metadata, "requires", lambda _: requires)
    assert not finding("packages").problem


def test_a_check_that_fails_is_a_finding_too(monkeypatch):
    def broken():
        raise OSError("the disk is on fire")
        yield

    monkeypatch.setattr(doctor, "check_pictures", broken)
    assert "the disk is on fire" in finding("pictures").problem


@pytest.mark.usefixtures("healthy")
def test_a_data_folder_that_cannot_be_one_is_found(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    for wrong in (tmp_path / "file", "https://example.org/data"):
        monkeypatch.setenv("COURSE_DATA_DIR", str(wrong))
        assert str(wrong) in finding("disk").problem
        assert finding("disk").remedy == set_variable("COURSE_DATA_DIR")


@pytest.mark.usefixtures("healthy")
def test_a_drive_that_is_not_there_is_found(monkeypatch):
    monkeypatch.setattr(doctor.Path, "exists", lambda _: False)
    [disk] = doctor._check_disk()
    assert disk.problem.startswith("There is no ")


@pytest.mark.usefixtures("healthy")
def test_a_kernel_that_cannot_be_read_is_found(monkeypatch):
    from jupyter_client.kernelspec import KernelSpecManager

    def damaged(*_):
        raise ValueError("Expecting value: line 1 column 1")

    monkeypatch.setattr(KernelSpecManager, "get_kernel_spec", damaged)
    assert "Expecting value" in finding("Jupyter kernel").problem


@pytest.mark.usefixtures("healthy")
def test_the_processors_are_those_that_may_be_used(monkeypatch):
    monkeypatch.setattr(runtime, "num_processors", lambda: 3)
    assert finding("device").found.endswith("of 3 processors")


def test_the_instruments_of_lesson_13_are_looked_at(monkeypatch):
    monkeypatch.setattr(doctor, "check_instruments", lambda: iter([Finding("instruments", "drawn")]))
    assert finding("instruments").found == "drawn"
