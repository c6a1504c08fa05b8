"""Is this machine ready for the lessons? What is installed, what is missing, and the one command that mends it.

This module and `__main__` import only the standard library and `findings` at the top, so that they can still speak
where torch is missing or broken.
"""

import difflib
import importlib.metadata
import importlib.util
import os
import platform
import re
import shlex
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from course_utils.classroom.findings import EnvironmentReport, Finding

_PACKAGE = "course-utils"
_OLDEST_PYTHON = (3, 11)
_FREE_DISK_BYTES = 10**9  # the real photos, their archive and a few checkpoints
# What the benchmark gives on the 2-core CPU that the lessons' times are measured on.
_REFERENCE_IMAGES_PER_SECOND = 240
# Variables that begin with COURSE_ without being settings: the notebooks' set-up cell and the tests read them.
_OTHER_VARIABLES = ("COURSE_INSTALL_FROM", "COURSE_TEST_MIRROR")


def check_environment(*, measure_speed: bool = True) -> EnvironmentReport:
    """Look at Python, the installed packages, the device, the disk, the settings, the weights and the pictures.

    Nothing is changed and nothing is downloaded. `measure_speed` runs a network for about a second, to say how long
    the lessons take here. What depends on a working torch is left out where torch does not work.
    """
    findings = [_check_python(), *_check_packages()]
    torch_pair = _check_torch_pair()
    findings.append(torch_pair)
    if not torch_pair.problem:
        findings += [_check_device(), _check_disk(), _check_weights(), _check_pictures()]
        if _lessons_are_here():
            findings.append(_check_kernel())
        if measure_speed and not any(finding.problem for finding in findings):
            findings.append(_measure_speed())
        findings += _check_settings()
    return EnvironmentReport(tuple(findings))


def _quote(text: str) -> str:
    """Quote for this system's shell, so that a path with spaces or a `>=` stays one word."""
    if os.name == "nt":
        return f'"{text}"'
    return shlex.quote(text)


def _install_command(*requirements: str) -> str:
    """Return the command that installs into this very environment, which may hold no pip (uv makes such)."""
    options = " ".join(_quote(requirement) for requirement in requirements)
    if importlib.util.find_spec("pip"):
        return f"{_quote(sys.executable)} -m pip install {options}"
    return f"uv pip install --python {_quote(sys.prefix)} {options}"


def _set_command(name: str, value: str = "") -> str:
    """Return the shell's command that sets an environment variable, or removes it."""
    if os.name == "nt":
        return f"set {name}={value}"
    return f"export {name}={value}" if value else f"unset {name}"


def _lessons_are_here() -> bool:
    return (Path(__file__).parents[2] / "notebooks" / "src").is_dir()


def _short(path: str | Path) -> str:
    """Return `path` as seen from the repository, or with `~` for the home folder: short, and fit to be published."""
    for start, prefix in ((Path(__file__).parents[2], ""), (Path.home(), "~/")):
        if Path(path).is_relative_to(start):
            return prefix + Path(path).relative_to(start).as_posix()
    return str(path)


def _check_python() -> Finding:
    found = f"{platform.python_version()} on {platform.system()} {platform.machine()} ({_short(sys.executable)})"
    if sys.version_info >= _OLDEST_PYTHON:
        return Finding("Python", found)
    oldest = ".".join(map(str, _OLDEST_PYTHON))
    return Finding("Python", found, f"The course needs Python {oldest} or newer.", "uv venv --python 3.13 .venv")


def _release(version: str) -> tuple[int, ...]:
    """`"2.15.0+cpu"` -> `(2, 15, 0)`"""
    return tuple(int(number) for number in re.match(r"\d+(\.\d+)*", version)[0].split("."))


def _check_packages() -> Iterator[Finding]:
    """Hold each installed version to the package's own lower bounds; Jupyter's only where the lessons are."""
    try:
        requirements = importlib.metadata.requires(_PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        install = _install_command("-e", ".[lab]") if _lessons_are_here() else _install_command(_PACKAGE)
        yield Finding(_PACKAGE, "not installed", "Its dependencies cannot be checked.", install)
        return
    yield Finding(_PACKAGE, importlib.metadata.version(_PACKAGE))
    fine = []
    for requirement in requirements:
        name, bound, extra = re.match(r"([\w.-]+)>=([\d.]+)(?:.*extra == ['\"](\w+)['\"])?", requirement).groups()
        if extra not in ((None, "lab") if _lessons_are_here() else (None,)):
            continue
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            yield Finding(name, "not installed", f"{bound} or newer is needed.", _install_command(f"{name}>={bound}"))
            continue
        if _release(version) < _release(bound):
            yield Finding(name, version, f"{bound} or newer is needed.", _install_command(f"{name}>={bound}"))
        else:
            fine.append(f"{name} {version}")
    yield Finding("packages", ", ".join(fine))


def _check_torch_pair() -> Finding:
    """torchvision is compiled for one version of torch; with another one even its import may fail."""
    what, mend = "torch + torchvision", _install_command("--upgrade", "torch", "torchvision")
    try:
        versions = {name: importlib.metadata.version(name) for name in ("torch", "torchvision")}
        wanted = importlib.metadata.requires("torchvision") or []
    except importlib.metadata.PackageNotFoundError as error:
        return Finding(what, f"{error.name} is not installed", "Every lesson needs both.", mend)
    found = f"{versions['torch']} + {versions['torchvision']}"
    try:
        import torch
        from torchvision.ops import nms

        nms(torch.tensor([[0.0, 0.0, 1.0, 1.0]]), torch.tensor([1.0]), 0.5)  # compiled code, not only Python
    except (ImportError, OSError, RuntimeError, AttributeError) as error:
        declared = re.search(r"^torch *\(?(==|>=)([\d.]+)", "\n".join(wanted), flags=re.MULTILINE)
        sign, bound = declared.groups() if declared else (">=", "0")
        installed, needed = _release(versions["torch"]), _release(bound)
        if installed < needed or (sign == "==" and installed != needed):
            needs = bound if sign == "==" else f"{bound} or newer"
            problem = f"torchvision {versions['torchvision']} was made for torch {needs}."
        else:
            problem = f"They do not load: {type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
        return Finding(what, found, problem, mend)
    return Finding(what, f"{found}, and they fit each other")


def _check_device() -> Finding:
    import torch

    from course_utils.runtime import get_device

    try:
        device = get_device()
    except (RuntimeError, ValueError) as error:
        return Finding("device", os.environ["COURSE_DEVICE"], str(error), _set_command("COURSE_DEVICE"))
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or platform.machine()
    return Finding("device", f"{device} ({name}), {torch.get_num_threads()} threads of {os.cpu_count()} processors")


def _check_settings() -> Iterator[Finding]:
    """List the settings, and every COURSE_ variable that nothing reads: a misspelt one, most likely."""
    from course_utils.runtime import SETTINGS

    for name, meaning in SETTINGS.items():
        yield Finding(name, f"{os.environ.get(name) or 'not set'} - {meaning}")
    for name in sorted(os.environ):
        if name.startswith("COURSE_") and name not in SETTINGS and name not in _OTHER_VARIABLES:
            close = difflib.get_close_matches(name, SETTINGS, n=1, cutoff=0)[0]
            problem = f"Nothing reads this variable. Did you mean {close}?"
            yield Finding(name, os.environ[name], problem, _set_command(name))


def _check_disk() -> Finding:
    from course_utils.runtime import data_dir

    folder = data_dir()
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free = shutil.disk_usage(existing).free
    found = f"{free / 10**9:.1f} GB free where the data live ({_short(folder)})"
    if free < _FREE_DISK_BYTES:
        remedy = _set_command("COURSE_DATA_DIR", "FOLDER_ON_A_LARGER_DISK")
        return Finding("disk", found, "1 GB is needed for the pictures.", remedy)
    return Finding("disk", found)


def _check_weights() -> Finding:
    from course_utils.pretrained import COURSE_WEIGHTS_FILE, read_course_weights

    try:
        weights = read_course_weights()
    except (FileNotFoundError, ValueError) as error:
        restore = f"git restore {_quote(str(COURSE_WEIGHTS_FILE))}"
        reinstall = _install_command("--force-reinstall", "--no-deps", _PACKAGE)
        return Finding("course weights", "not usable", str(error), restore if _lessons_are_here() else reinstall)
    return Finding("course weights", f"{COURSE_WEIGHTS_FILE.name}, {len(weights.classes)} classes")


def _check_pictures() -> Finding:
    from course_utils.pictures.catalog import DRAWN_FOLDER, PHOTOS_FOLDER
    from course_utils.runtime import data_dir

    folders = {"drawn": DRAWN_FOLDER, "photos": PHOTOS_FOLDER}
    prepared = [name for name, folder in folders.items() if (data_dir() / folder).is_dir()]
    return Finding("pictures", ", ".join(prepared) or "drawn at first use; `course data drawn` does it ahead of class")


def _check_kernel() -> Finding:
    """Jupyter starts the kernel `python3`; one made for another Python would run the lessons without the course."""
    mend = f"{_quote(sys.executable)} -m ipykernel install --sys-prefix"
    try:
        from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
    except ImportError:
        return Finding("Jupyter kernel", "no Jupyter", "The lessons need it.", _install_command("-e", ".[lab]"))
    try:
        program = Path(KernelSpecManager().get_kernel_spec("python3").argv[0])
    except NoSuchKernel:
        return Finding("Jupyter kernel", "none is called python3", "The lessons need it.", mend)
    # A bare "python" is replaced by the Python that runs Jupyter. Folders are compared: programs there may be links.
    if program.is_absolute() and program.parent.resolve() != Path(sys.executable).parent.resolve():
        return Finding("Jupyter kernel", str(program), "Lessons would run in this other Python.", mend)
    return Finding("Jupyter kernel", "python3 starts this Python")


def _measure_speed() -> Finding:
    images_per_second = measure_images_per_second()
    found = f"{images_per_second:.0f} pictures (96x96) a second through MobileNetV2"
    if not _lessons_are_here():
        return Finding("speed", found)
    from course_utils.classroom.lessons import LessonError, all_lessons

    try:
        lessons = all_lessons()
    except LessonError:
        return Finding("speed", found)
    measured = sum(lesson.run_seconds or lesson.budget_seconds for lesson in lessons)
    minutes = max(1, round(measured * _REFERENCE_IMAGES_PER_SECOND / images_per_second / 60))
    return Finding("speed", f"{found}; running all {len(lessons)} lessons takes roughly {minutes} min here")


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
