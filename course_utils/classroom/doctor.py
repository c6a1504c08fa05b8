"""Is this machine ready for the lessons? What is installed, what is missing, and the one command that mends it.

This module, what it imports at the top, and `__main__` stand on the standard library alone, so that they can still
speak where torch is missing or broken.
"""

import importlib.metadata
import platform
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from course_utils.classroom.commands import (
    PACKAGE,
    command,
    install,
    install_course,
    lessons_are_here,
    set_variable,
    short_path,
)
from course_utils.classroom.findings import EnvironmentReport, Finding
from course_utils.classroom.supplies import (
    check_instruments,
    check_mirror,
    check_pictures,
    check_settings,
    check_weights,
)

_OLDEST_PYTHON = (3, 11)
_FREE_DISK_BYTES = 10**9  # the real photos, their archive and a few checkpoints
# What the benchmark gives on the 2-core CPU that the lessons' times are measured on.
_REFERENCE_IMAGES_PER_SECOND = 240


def check_environment(*, measure_speed: bool = True) -> EnvironmentReport:
    """Look at Python, the installed packages, the device, the disk, the settings, the weights and the pictures.

    No picture is changed and nothing is downloaded. `measure_speed` runs a network for about a second, to say how long
    the lessons take here. What depends on a working torch is left out where torch does not work. Nothing that is wrong
    with this machine raises: a check that fails is a finding too.
    """
    findings = [*_findings("Python", _check_python), *_findings("packages", _check_packages)]
    torch_pair = _findings("torch + torchvision", _check_torch_pair)
    findings += torch_pair
    if not any(finding.problem for finding in torch_pair):
        findings += _findings("device", _check_device)
        findings += _findings("course weights", check_weights)
    findings += _findings("disk", _check_disk)
    findings += _findings("pictures", check_pictures)
    findings += _findings("instruments", check_instruments)
    if lessons_are_here():
        findings += _findings("Jupyter kernel", _check_kernel)
    findings += _findings("mirror", check_mirror)
    findings += _findings("settings", check_settings)
    if measure_speed and not any(finding.problem for finding in findings):
        findings += _findings("speed", _measure_speed)
    return EnvironmentReport(tuple(findings))


def _findings(what: str, check: Callable[[], Iterator[Finding]]) -> list[Finding]:
    """Return what a check finds; what keeps it from looking is a finding as well."""
    try:
        return list(check())
    except (ImportError, OSError, RuntimeError, ValueError, LookupError) as error:
        problem = f"{type(error).__name__}: {error}. Mend what else is marked, then look again:"
        return [Finding(what, "could not be looked at", problem, "course doctor")]


def _check_python() -> Iterator[Finding]:
    found = f"{platform.python_version()} on {platform.system()} {platform.machine()} ({short_path(sys.executable)})"
    oldest = ".".join(map(str, _OLDEST_PYTHON))
    problem = "" if sys.version_info >= _OLDEST_PYTHON else f"The course needs Python {oldest} or newer."
    yield Finding("Python", found, problem, "uv venv --python 3.13 .venv")


def _check_packages() -> Iterator[Finding]:
    """Hold each installed version to the package's own bounds; Jupyter's only where the lessons are."""
    try:
        requirements = importlib.metadata.requires(PACKAGE) or []
    except importlib.metadata.PackageNotFoundError:
        yield Finding(PACKAGE, "not installed", "Its dependencies cannot be checked.", install_course())
        return
    yield Finding(PACKAGE, importlib.metadata.version(PACKAGE))
    try:
        from packaging.requirements import Requirement
        from packaging.version import InvalidVersion
    except ImportError:
        yield Finding("packages", "not compared", "packaging, which reads versions, is missing.", install("packaging"))
        return
    extras = ("", "lab") if lessons_are_here() else ("",)
    fine = []
    for text in requirements:
        wanted = Requirement(text)
        if wanted.marker and not any(wanted.marker.evaluate({"extra": extra}) for extra in extras):
            continue
        problem, mend = f"{_in_words(str(wanted.specifier))} is needed.", install(f"{wanted.name}{wanted.specifier}")
        try:
            version = importlib.metadata.version(wanted.name)
            fits = wanted.specifier.contains(version, prereleases=True)
        except importlib.metadata.PackageNotFoundError:
            yield Finding(wanted.name, "not installed", problem, mend)
            continue
        except (InvalidVersion, TypeError):  # what an interrupted installation leaves behind: no version, or half of it
            fits = False
        if fits:
            fine.append(f"{wanted.name} {version}")
        else:
            yield Finding(wanted.name, version or "no version", problem, mend)
    yield Finding("packages", ", ".join(fine))


def _in_words(specifier: str) -> str:
    """`">=2.6"` -> `"2.6 or newer"`, `"==2.15.0"` -> `"2.15.0"`"""
    if re.fullmatch(r">=[\w.]+", specifier):
        return f"{specifier[2:]} or newer"
    return specifier.removeprefix("==") or "any version"


def _check_torch_pair() -> Iterator[Finding]:
    """torchvision is compiled for one version of torch; with another one even its import may fail."""
    what, mend = "torch + torchvision", install("--upgrade", "torch", "torchvision")
    try:
        versions = {name: importlib.metadata.version(name) for name in ("torch", "torchvision")}
    except importlib.metadata.PackageNotFoundError as error:
        yield Finding(what, f"{error.name} is not installed", "Every lesson needs both.", mend)
        return
    found = f"{versions['torch']} + {versions['torchvision']}"
    try:
        import torch
        from torchvision.ops import nms

        nms(torch.tensor([[0.0, 0.0, 1.0, 1.0]]), torch.tensor([1.0]), 0.5)  # compiled code, not only Python
    except (ImportError, OSError, RuntimeError, AttributeError) as error:
        problem = f"They do not load: {type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
        made_for = _torch_that_torchvision_wants(versions["torch"])
        if made_for:
            problem = f"torchvision {versions['torchvision']} was made for torch {made_for}."
        yield Finding(what, found, problem, mend)
    else:
        yield Finding(what, f"{found}, and they fit each other")


def _torch_that_torchvision_wants(installed: str) -> str:
    """Return the torch that torchvision was made for, in words; empty where `installed` is such a one."""
    try:
        from packaging.requirements import Requirement
    except ImportError:  # nothing can be compared, and what else is wrong is told all the same
        return ""
    for text in importlib.metadata.requires("torchvision") or []:
        wanted = Requirement(text)
        if wanted.name == "torch" and not wanted.specifier.contains(installed, prereleases=True):
            return _in_words(str(wanted.specifier))
    return ""


def _check_device() -> Iterator[Finding]:
    import torch

    from course_utils.runtime import get_device, num_processors, setting

    try:
        device = get_device()
    except (RuntimeError, ValueError) as error:
        yield Finding("device", setting("COURSE_DEVICE"), str(error), set_variable("COURSE_DEVICE"))
        return
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or platform.machine()
    yield Finding("device", f"{device} ({name}), {torch.get_num_threads()} threads of {num_processors()} processors")


def _check_disk() -> Iterator[Finding]:
    from course_utils.runtime import data_dir, setting

    try:
        folder = data_dir()
        existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    except (OSError, ValueError) as error:
        yield Finding("disk", setting("COURSE_DATA_DIR"), str(error), set_variable("COURSE_DATA_DIR"))
        return
    except StopIteration:  # a drive letter that is not there
        problem = f"There is no {folder.anchor}."
        yield Finding("disk", setting("COURSE_DATA_DIR"), problem, set_variable("COURSE_DATA_DIR"))
        return
    free = shutil.disk_usage(existing).free
    found = f"{free / 10**9:.1f} GB free where the data live ({short_path(folder)})"
    problem = "1 GB is needed for the pictures." if free < _FREE_DISK_BYTES else ""
    yield Finding("disk", found, problem, set_variable("COURSE_DATA_DIR", "FOLDER_ON_A_LARGER_DISK"))


def _check_kernel() -> Iterator[Finding]:
    """Jupyter starts the kernel `python3`; one made for another Python would run the lessons without the course."""
    what, mend = "Jupyter kernel", command(sys.executable, "-m", "ipykernel", "install", "--sys-prefix")
    try:
        from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
    except ImportError:
        yield Finding(what, "no Jupyter", "The lessons need it.", install_course())
        return
    try:
        program = Path(KernelSpecManager().get_kernel_spec("python3").argv[0])
    except NoSuchKernel:
        yield Finding(what, "none is called python3", "The lessons need it.", mend)
        return
    except (ValueError, LookupError) as error:
        yield Finding(what, "its kernel.json cannot be read", f"{type(error).__name__}: {error}", mend)
        return
    # A bare "python" is replaced by the Python that runs Jupyter. Folders are compared: programs there may be links.
    if program.is_absolute() and program.parent.resolve() != Path(sys.executable).parent.resolve():
        yield Finding(what, str(program), "Lessons would run in this other Python.", mend)
    else:
        yield Finding(what, "python3 starts this Python")


def _measure_speed() -> Iterator[Finding]:
    images_per_second = measure_images_per_second()
    found = f"{images_per_second:.0f} pictures (96x96) a second through MobileNetV2"
    from course_utils.classroom.lessons import LessonError, all_lessons

    try:
        lessons = all_lessons()
    except LessonError:  # only the package is here, or no lesson is built
        yield Finding("speed", found)
        return
    measured = sum(lesson.run_seconds or lesson.budget_seconds or 0 for lesson in lessons)
    minutes = max(1, round(measured * _REFERENCE_IMAGES_PER_SECOND / images_per_second / 60))
    yield Finding("speed", f"{found}; running all {len(lessons)} lessons takes roughly {minutes} min here")


def measure_images_per_second(seconds: float = 1.0) -> float:
    """Return how many pictures a second go through an untrained MobileNetV2 on this machine's device.

    Batches of 16 at 96x96, in evaluation mode. The random generators keep their state.
    """
    import torch
    from torchvision.models import mobilenet_v2

    from course_utils.runtime import get_device

    device = get_device()
    with torch.random.fork_rng(devices=[]):
        model = mobilenet_v2().eval().to(device)
    images = torch.zeros(16, 3, 96, 96, device=device)
    num_images, started = 0, None
    with torch.inference_mode():
        while started is None or time.perf_counter() - started < seconds:
            model(images).sum().item()  # item() waits for a GPU to finish
            if started is None:
                started = time.perf_counter()  # the first batch warms up
            else:
                num_images += len(images)
    return num_images / (time.perf_counter() - started)
