"""Read the source of a lesson, and make of it the learner's cells and those that only prove them."""

import ast
import base64
import hashlib
import json
import mimetypes
import re
from pathlib import Path
from typing import NamedTuple

import jupytext
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

from course_utils.classroom.execution import HIDDEN, asides, tags

REPOSITORY = Path(__file__).resolve().parents[2]
SOURCES = REPOSITORY / "notebooks" / "src"
KERNELSPEC = {"name": "python3", "display_name": "Python 3", "language": "python"}
# A stored picture that a Markdown cell shows: its path, seen from the built notebook.
_STORED = re.compile(r"(?<=\]\()\.\./docs/[^)\s]+(?=\))")
# The one line of the assertions that is the same for all: the verdict is what the cell before has shown, if anything.
_VERDICT = "verdict = Out.get(len(In) - 2)\n"


class SourceError(ValueError):
    """A lesson's source does not follow CONTRIBUTING.md, "How a lesson is written"."""


class LessonSource(NamedTuple):
    """One lesson as its author wrote it."""

    name: str  # "01_pretrained_inference"
    title: str  # "01 · Pretrained inference"
    question: str  # the bold line under the title
    study_minutes: int
    budget_seconds: int
    cells: list[NotebookNode]

    @property
    def number(self) -> str:
        return self.name.split("_")[0]


def list_sources(folder: Path = SOURCES) -> list[Path]:
    """Return the sources of all lessons, in order."""
    return sorted(folder.glob("[0-9][0-9]_*.py"))


def read_source(path: Path) -> LessonSource:
    """Read `notebooks/src/NN_name.py`. Raises SourceError where its head, title or a claim is not as agreed."""
    notebook = jupytext.read(path, fmt="py:percent")
    course = notebook.metadata.get("course", {})
    for name in ("study_minutes", "budget_seconds"):
        if not isinstance(course.get(name), int):
            raise SourceError(f"{path.name}: the head needs jupyter: course: {name}: a whole number.")
    first = notebook.cells[0].source if notebook.cells else ""
    head = re.match(r"# (?P<title>\d\d · .+)\n+\*\*(?P<question>[^*]+)\*\*", first)
    if head is None or not path.name.startswith(head["title"][:2] + "_"):
        raise SourceError(f"{path.name}: the first cell begins with '# {path.name[:2]} · Title' and a **question?**.")
    for cell in notebook.cells:
        if "claim" in tags(cell) and (problem := claim_problem(cell)):
            raise SourceError(f"{path.name}: the claim {cell.source.splitlines()[0]!r} {problem}.")
    return LessonSource(
        path.stem, head["title"].strip(), " ".join(head["question"].split()), **course, cells=notebook.cells
    )


def claim_problem(cell: NotebookNode) -> str | None:
    """Say what is amiss in a cell tagged `claim`: it holds assertions only, each with a sentence."""
    if cell.cell_type != "code":
        return "is not code"
    statements = ast.parse(cell.source).body
    if not all(isinstance(each, ast.Assert) for each in statements):
        return "holds more than assertions: what else it sets, a learner's run would lack"
    if not statements or not all(isinstance(each.msg, ast.Constant | ast.JoinedStr) for each in statements):
        return "asserts without saying in a sentence what the lesson claims"
    return None


def learner_cells(lesson: LessonSource) -> list[NotebookNode]:
    """Return the cells a learner sees, without outputs: no wrong answers, no claims, solutions collapsed."""
    return with_ids([_as_shown(cell) for cell in lesson.cells if not HIDDEN & set(tags(cell))])


def proofs(lesson: LessonSource) -> list[tuple[int, NotebookNode]]:
    """Return what is executed with a lesson and shown to nobody, as `execution.weave` takes it.

    The claims; and every wrong answer and solution, each followed by an assertion on the verdict that it gets.
    """
    found: list[tuple[int, NotebookNode]] = []
    key = ""
    for number, cell in asides(lesson.cells, {"claim", "exercise", "wrong", "solution"}):
        if cell.cell_type != "code":
            continue
        if "exercise" not in tags(cell):  # the learner's own cell is executed as it is
            found.append((number, _copy(cell)))
        if "claim" not in tags(cell):
            key = exercise_key(cell) or key
            found.append((number, new_code_cell(_assertion(cell, key))))
    return found


def named(cell: NotebookNode) -> str:
    """Return words that point at a cell: its first line."""
    first_line = next(iter(cell.source.splitlines()), "")
    return f"the cell {first_line[:60]!r}"


def exercise_key(cell: NotebookNode) -> str | None:
    """Return the key that a cell hands to `exercises.check`."""
    found = re.search(r"""\bcheck\(\s*["'](\d\d\.\d+)["']""", cell.source)
    return found[1] if found else None


def source_hash(lesson: LessonSource) -> str:
    """Return the SHA-256 of what the learner's notebook is made from: what it never sees does not count."""
    shown = [
        (cell.cell_type, cell.source, tags(cell), *cell.get("attachments", {}).values())
        for cell in learner_cells(lesson)
    ]
    return hashlib.sha256(json.dumps(shown, ensure_ascii=False).encode()).hexdigest()


def with_ids(cells: list[NotebookNode]) -> list[NotebookNode]:
    """Give each cell an id made from its content, so that a build repeats it and an edit elsewhere leaves it alone."""
    taken: dict[str, int] = {}
    for cell in cells:
        stem = hashlib.sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:12]
        taken[stem] = taken.get(stem, 0) + 1
        cell["id"] = stem if taken[stem] == 1 else f"{stem}-{taken[stem]}"
    return cells


def with_pictures(cell: NotebookNode) -> NotebookNode:
    """Put the stored pictures that a Markdown cell shows, `![...](../docs/...)`, into the cell itself (attachments).

    So they are seen wherever the notebook goes: in a learner's copy, in Colab, on a page without a network.
    Raises SourceError where there is no such picture.
    """
    pictures = {}

    def put_in(path: re.Match[str]) -> str:
        picture = SOURCES.parent / path[0]
        if not picture.is_file():
            raise SourceError(f"{named(cell)} shows {path[0]}, and there is no such file.")
        kind = mimetypes.guess_type(picture.name)[0] or "application/octet-stream"
        pictures[picture.name] = {kind: base64.b64encode(picture.read_bytes()).decode("ascii")}
        return f"attachment:{picture.name}"

    cell.source = _STORED.sub(put_in, cell.source)
    if pictures:
        cell["attachments"] = pictures
    return cell


def _copy(cell: NotebookNode) -> NotebookNode:
    metadata = {key: value for key, value in cell.metadata.items() if key == "tags"}
    if cell.cell_type == "code":
        return new_code_cell(cell.source, metadata=metadata)
    return with_pictures(new_markdown_cell(cell.source, metadata=metadata))


def _as_shown(cell: NotebookNode) -> NotebookNode:
    if "solution" not in tags(cell):
        return _copy(cell)
    body = f"```python\n{cell.source}\n```" if cell.cell_type == "code" else cell.source
    return new_markdown_cell(
        f"<details>\n<summary>Solution</summary>\n\n{body}\n\n</details>", metadata={"tags": ["solution"]}
    )


def _assertion(cell: NotebookNode, key: str) -> str:
    """Return the code that proves the verdict on an exercise's cell."""
    expected = {"exercise": "unanswered", "wrong": "refused", "solution": "solved"}
    tag = next(tag for tag in expected if tag in tags(cell))
    hint = cell.metadata.get("hint")
    which = f"the {tag} cell" + (f" with hint={hint!r}" if hint else "")
    complaint = f"exercise {key}: {which} is to be {expected[tag]}, and gets: "
    lines = f"assert verdict is not None and verdict[:2] == {(key, expected[tag])!r}, {complaint!r} + repr(verdict)"
    if tag == "wrong":
        if not hint:
            raise SourceError(f'Exercise {key}: a cell tagged "wrong" needs hint="words of the hint it must get".')
        lines += f"\nassert {hint!r} in verdict.message, {complaint!r} + verdict.message"
    return _VERDICT + lines
