"""What an executed lesson must not hold: a sentence for each thing that is amiss in its outputs."""

import re
import sys
import tempfile
from html.parser import HTMLParser
from pathlib import Path

from nbformat import NotebookNode

from lesson_tools.source import REPOSITORY, named


def published_problems(notebook: NotebookNode) -> list[str]:
    """Return what is amiss in an executed notebook's outputs and pictures."""
    return [*execution_problems(notebook), *output_problems(notebook), *picture_problems(notebook)]


def execution_problems(notebook: NotebookNode) -> list[str]:
    """Every code cell ran, in order from 1, and none ended in an error."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    counts = [cell.execution_count for cell in code]
    problems = [] if counts == list(range(1, len(code) + 1)) else [f"execution counts are out of order: {counts}"]
    for cell in code:
        problems += [f"{named(cell)} ends in {out.ename}" for out in cell.outputs if out.output_type == "error"]
    return problems


def output_problems(notebook: NotebookNode) -> list[str]:
    """Return one sentence for each output that a published lesson must not hold."""
    problems = []
    private = {str(REPOSITORY), str(Path.home()), sys.prefix, tempfile.gettempdir()}
    pattern = re.compile("|".join(rf"{re.escape(path)}(?![\w-])" for path in sorted(private, key=len, reverse=True)))
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            text = _text_of(output)
            if output.get("name") == "stderr":
                problems.append(f"{named(cell)} writes to standard error: {text.strip()[:300]}")
            if found := pattern.search(text):
                problems.append(f"{named(cell)} shows a path of this machine: {found[0]}")
    return problems


def _text_of(output: NotebookNode) -> str:
    """Return what an output says, without the pictures inside it."""
    parts = [output.get("text", ""), *output.get("traceback", [])]
    parts += [value for kind, value in output.get("data", {}).items() if kind.startswith("text/")]
    return re.sub(r"base64,[A-Za-z0-9+/=\s]+", "base64,", "\n".join(parts))


def picture_problems(notebook: NotebookNode) -> list[str]:
    """Every picture says in words what it shows."""
    problems = []
    for cell in notebook.cells:
        shown = [cell.source] if cell.cell_type == "markdown" else []
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if bare := [kind for kind in data if kind.startswith("image/")]:
                problems.append(f"{named(cell)} shows {bare[0]} without alt text: end it in a plotting.Picture")
            shown += [data[kind] for kind in ("text/html", "text/markdown") if kind in data]
        for text in shown:
            parser = _Pictures()
            parser.feed(text)
            if parser.without_alt or re.search(r"!\[\s*\]\(", text):
                problems.append(f"{named(cell)} shows a picture without alt text")
    return problems


class _Pictures(HTMLParser):
    """Counts `<img>` without alt text, and `<svg>` without a label."""

    without_alt = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        label = {"img": "alt", "svg": "aria-label"}.get(tag)
        if label and not (dict(attrs).get(label) or "").strip():
            self.without_alt += 1
