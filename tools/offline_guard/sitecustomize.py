"""Python runs this file as it starts where this folder is on PYTHONPATH: every process is guarded, kernels included.

Python runs one file of this name. The one that stands behind this one, the system's own perhaps, runs after it.
"""

import importlib.util
import sys
from importlib.machinery import PathFinder
from pathlib import Path

import offline_guard

offline_guard.install()

_here = Path(__file__).resolve().parent
_spec = PathFinder.find_spec("sitecustomize", [folder for folder in sys.path if Path(folder).resolve() != _here])
if _spec is not None and _spec.loader is not None:
    _spec.loader.exec_module(importlib.util.module_from_spec(_spec))
