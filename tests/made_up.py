"""Lessons and report cards made up for a test."""

from pathlib import Path

import nbformat

from course_utils.report.history import History


def write_lesson(folder: Path, name: str, *code: str, budget: int = 60, text: str = "# A lesson") -> Path:
    cells = [nbformat.v4.new_markdown_cell(text)]
    for number, source in enumerate(code, start=1):
        output = nbformat.v4.new_output("stream", text="the answer")
        cells.append(nbformat.v4.new_code_cell(source, outputs=[output], execution_count=number))
    course = {"study_minutes": 30, "budget_seconds": budget, "run_seconds": 20}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"course": course})
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.ipynb"
    nbformat.write(notebook, path)
    return path


def card(train_loss, val_loss, train_accuracy=None, val_accuracy=None, **more):
    """A report card made up. 100 mock-exam samples: at an accuracy of 0.8 one standard error is 0.04."""
    return History(
        train_loss=train_loss,
        val_loss=val_loss,
        train_accuracy=train_accuracy or [],
        val_accuracy=val_accuracy or [],
        **{"num_val": 100, **more},
    )
