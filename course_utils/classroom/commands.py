"""The commands that the doctor gives to be copied, as the shell of this system wants them (on Windows: PowerShell).

Standard library only: the doctor speaks where torch, numpy and all the rest are missing.
"""

import importlib.metadata
import importlib.util
import os
import re
import shlex
import shutil
import sys
from pathlib import Path

PACKAGE = "course-utils"
_REPOSITORY = Path(__file__).parents[2]
# For a learner to replace, where nothing on this machine knows the place.
_SOME_FOLDER = "FOLDER_OF_THE_COURSE"


def lessons_are_here() -> bool:
    """True in a clone of the repository, False where only the package is installed."""
    return (_REPOSITORY / "notebooks" / "src").is_dir()


def short_path(path: str | Path) -> str:
    """Return `path` as seen from the repository, or with `~` for the home folder: short, and fit to be published."""
    for start, prefix in ((_REPOSITORY, ""), (Path.home(), "~/")):
        if Path(path).is_relative_to(start):
            return prefix + Path(path).relative_to(start).as_posix()
    return str(path)


def quote(text: str) -> str:
    """Quote for this system's shell, so that a path with spaces or a `>=` stays one word."""
    if os.name != "nt":
        return shlex.quote(text)
    return text if re.fullmatch(r"[\w.:/\\+-]+", text) else '"' + re.sub(r"([`$])", r"`\1", text) + '"'


def command(program: str, *words: str) -> str:
    """Return the line that calls `program` with `words`."""
    line = " ".join(quote(word) for word in (program, *words))
    return f"& {line}" if os.name == "nt" and line.startswith('"') else line  # PowerShell prints a quoted word


def install(*requirements: str) -> str:
    """Return the command that installs into this very environment, which may hold no pip (uv makes such)."""
    if importlib.util.find_spec("pip"):
        return command(sys.executable, "-m", "pip", "install", *requirements)
    own_uv = _REPOSITORY / "build" / "uv" / Path(sys.executable).parent.name / "uv"  # put there by the Makefile
    uv = str(own_uv) if own_uv.exists() and not shutil.which("uv") else "uv"
    return command(uv, "pip", "install", "--python", sys.prefix, *requirements)


def install_course() -> str:
    """Return the command that installs this package (again), from where it comes from: it is in no index."""
    if lessons_are_here():
        return install("-e", f"{_REPOSITORY}[lab]")
    return install("--force-reinstall", "--no-deps", _source())


def _source() -> str:
    """The version that is installed, at the published address."""
    try:
        head = importlib.metadata.metadata(PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        return _SOME_FOLDER
    addresses = dict(line.split(", ", 1) for line in head.get_all("Project-URL", []))
    address = addresses.get("Repository", "OWNER/REPOSITORY")
    return _SOME_FOLDER if "OWNER/REPOSITORY" in address else f"git+{address}@v{head['Version']}"


def set_variable(name: str, value: str = "") -> str:
    """Return the command that sets an environment variable, or removes it."""
    if os.name == "nt":
        return f'$env:{name} = "{value}"' if value else f"Remove-Item Env:{name}"
    return f"export {name}={quote(value)}" if value else f"unset {name}"
