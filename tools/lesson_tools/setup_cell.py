# @title Set-up: makes the course's package ready (run it; you need not read it)
import importlib.util
import os
import shutil
import subprocess
import sys

if importlib.util.find_spec("course_utils") is None:
    source = os.environ.get("COURSE_INSTALL_FROM") or "git+https://github.com/OWNER/REPOSITORY"
    if source.endswith("OWNER/REPOSITORY"):
        raise RuntimeError(
            "The package course_utils is missing, and this course has no published address yet. Set the "
            "environment variable COURSE_INSTALL_FROM to the course's folder, and run this cell again."
        )
    installer = [sys.executable, "-m", "pip", "install"]
    if importlib.util.find_spec("pip") is None:  # an environment made by uv
        installer = [shutil.which("uv") or "uv", "pip", "install", "--python", sys.executable]
    print(f"Installing the course's package from {source} ...")
    finished = subprocess.run([*installer, source], capture_output=True, text=True)
    if finished.returncode != 0:
        raise RuntimeError(f"The installation failed:\n{finished.stdout}{finished.stderr}")
    importlib.invalidate_caches()
from course_utils import __version__

print(f"course_utils {__version__} is ready.")
