"""Execute a lesson in a fresh kernel, and leave in it only what a reader needs."""

import os
import re
import sys
import time
from pathlib import Path

import nbclient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from course_utils.classroom.lessons import kernel_environment
from course_utils.runtime import SETTINGS
from lesson_tools.source import KERNELSPEC, REPOSITORY

SIZE_LIMIT = 600_000  # bytes: GitHub shows a larger notebook slowly or not at all
_WIDGET = "application/vnd.jupyter.widget-view+json"
_INSTEAD_OF_WIDGET = "*Run this cell: its sliders and buttons appear here.*"


class LessonError(RuntimeError):
    """A lesson that must not be published: it stopped, printed what it must not, or is too large."""


def execute(notebook: NotebookNode, *, folder: Path, cell_timeout: int) -> float:
    """Run all cells top to bottom in a fresh kernel that works in `folder`; fill in their outputs.

    Returns the seconds that took, kernel start included. Raises LessonError at the first cell that fails.
    """
    client = nbclient.NotebookClient(
        notebook,
        kernel_name=KERNELSPEC["name"],
        timeout=cell_timeout,
        record_timing=False,
        extra_arguments=["--IPKernelApp.log_level=ERROR"],
        resources={"metadata": {"path": str(folder)}},
    )
    start = time.perf_counter()
    try:
        client.execute(env=_kernel_environment())
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        raise LessonError(re.sub(r"\x1b\[[\d;]*m", "", str(error))) from error  # without the colours of a terminal
    return time.perf_counter() - start


def _kernel_environment() -> dict[str, str]:
    """Return the shell's environment without what would make two builds differ: offline, on the CPU, no bars."""
    dropped = {*SETTINGS, "MPLBACKEND"} - {"COURSE_DATA_DIR"}
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    return kept | kernel_environment() | {"COURSE_PROGRESS": "0", "COURSE_DEVICE": "cpu"}


def tidy(notebook: NotebookNode) -> None:
    """Remove what differs from run to run or belongs to this machine: times, widget state, the kernel's version."""
    notebook.metadata.pop("widgets", None)
    notebook.metadata["kernelspec"] = dict(KERNELSPEC)
    notebook.metadata["language_info"] = {"name": "python"}
    number = 0
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        if cell.execution_count is not None:
            number += 1
            cell.execution_count = number
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = cell.execution_count
            if _WIDGET in output.get("data", {}):
                output.data = {"text/markdown": _INSTEAD_OF_WIDGET, "text/plain": _INSTEAD_OF_WIDGET.strip("*")}


def output_problems(notebook: NotebookNode) -> list[str]:
    """Return one sentence for each output that a published lesson must not hold."""
    problems = []
    private = {str(REPOSITORY), str(Path.home()), sys.prefix}
    pattern = re.compile("|".join(rf"{re.escape(path)}(?![\w-])" for path in sorted(private, key=len, reverse=True)))
    for cell in notebook.cells:
        first_line = cell.source.split("\n")[0]
        for output in cell.get("outputs", []):
            text = _text_of(output)
            if output.output_type == "error":
                problems.append(f"the cell {first_line!r} ends in {output.ename}: {output.evalue}")
            if output.get("name") == "stderr":
                problems.append(f"the cell {first_line!r} writes to standard error: {text.strip()[:300]}")
            if found := pattern.search(text):
                problems.append(f"the cell {first_line!r} shows a path of this machine: {found[0]}")
    return problems


def _text_of(output: NotebookNode) -> str:
    """Return what an output says, without the pictures inside it."""
    parts = [output.get("text", ""), *output.get("traceback", [])]
    parts += [value for kind, value in output.get("data", {}).items() if kind.startswith("text/")]
    return re.sub(r"base64,[A-Za-z0-9+/=\s]+", "base64,", "\n".join(parts))
