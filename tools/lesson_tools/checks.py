"""What a lesson must be (CONTRIBUTING.md, "How a lesson is written"): a sentence for each thing that is amiss."""

import ast
import re
import sys
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

from nbformat import NotebookNode

from course_utils.classroom.execution import tags
from lesson_tools.source import REPOSITORY, LessonSource, exercise_key

SECTIONS = ("What you will learn", "Before you start", "Recap", "Exercises", "Next")
CELLS = range(30, 81)
GOALS = range(3, 6)
EXERCISES = range(2, 5)
WRONG_ANSWERS = 2  # at least, for each exercise
LINES, LINES_OF_A_CLASS_OR_LOOP = 25, 40
# What hides an error, or leaks one figure into another: a slider is built on course_utils.widgets.
_FORBIDDEN = re.compile(
    r"\b(interact|interact_manual|interactive|interactive_output|Output)\b\s*(?=\()|@\w*\.?interact\b"
)


def structure_problems(notebook: NotebookNode) -> list[str]:
    """Return what is amiss in the cells themselves, outputs apart."""
    return [
        *heading_problems(notebook),
        *section_problems(notebook),
        *size_problems(notebook),
        *code_problems(notebook),
    ]


def published_problems(notebook: NotebookNode) -> list[str]:
    """Return what is amiss in an executed notebook's outputs and pictures."""
    return [*execution_problems(notebook), *output_problems(notebook), *picture_problems(notebook)]


def headings(notebook: NotebookNode) -> list[tuple[int, str]]:
    """Return (level, text) of every Markdown heading, code fences apart."""
    found = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            prose = re.sub(r"^(```|~~~).*?^\1", "", cell.source, flags=re.MULTILINE | re.DOTALL)
            found += [(len(marks), text.strip()) for marks, text in re.findall(r"^(#{1,6}) (.+)$", prose, re.MULTILINE)]
    return found


def heading_problems(notebook: NotebookNode) -> list[str]:
    """One H1, which comes first, and no level skipped on the way down."""
    found = headings(notebook)
    titles = [text for level, text in found if level == 1]
    problems = [] if len(titles) == 1 else [f"one H1 is needed, there are {len(titles)}: {titles}"]
    if found and found[0][0] != 1:
        problems.append(f"the first heading, {found[0][1]!r}, is not the H1")
    for (level, text), (next_level, next_text) in pairwise(found):
        if next_level > level + 1:
            problems.append(f"{next_text!r} (H{next_level}) follows {text!r} (H{level}): a level is skipped")
    return problems


def section_problems(notebook: NotebookNode) -> list[str]:
    """The skeleton's sections, in order; as many lines in the recap as there are goals."""
    titles = [text for level, text in headings(notebook) if level == 2]
    if missing := [title for title in SECTIONS if title not in titles]:
        return [f"sections are missing: {', '.join(missing)}"]
    if (order := [title for title in titles if title in SECTIONS]) != list(SECTIONS):
        return [f"the sections are to stand in the order {', '.join(SECTIONS)}; they stand as {', '.join(order)}"]
    goals, recap = (len(_bullets(notebook, title)) for title in ("What you will learn", "Recap"))
    problems = [] if goals in GOALS else [f"{goals} goals; {GOALS.start} to {GOALS.stop - 1} are wanted"]
    if recap != goals:
        problems.append(f"the recap has {recap} lines for {goals} goals: one line for each")
    return problems


def _bullets(notebook: NotebookNode, title: str) -> list[str]:
    """Return the top-level list items of a section."""
    prose = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    section = re.search(rf"^## {re.escape(title)}\s*$(.*?)(?=^#{{1,2}} |\Z)", prose, re.MULTILINE | re.DOTALL)
    return re.findall(r"^(?:[-*]|\d+\.) (.+)$", section[1], re.MULTILINE) if section else []


def size_problems(notebook: NotebookNode) -> list[str]:
    """The number of cells, the length of code cells, and a sentence between two of them."""
    cells = notebook.cells
    problems = []
    if len(cells) not in CELLS:
        problems.append(f"{len(cells)} cells; {CELLS.start} to {CELLS.stop - 1} are wanted")
    for cell in cells:
        lines = len(cell.source.splitlines())
        limit = LINES_OF_A_CLASS_OR_LOOP if _has_class_or_loop(cell) else LINES
        if cell.cell_type == "code" and lines > limit:
            problems.append(f"{_named(cell)} has {lines} lines; {limit} are allowed")
    for cell, after in pairwise(cells):
        apart = {"generated", "settings", "exercise"} & {*tags(cell), *tags(after)}
        if cell.cell_type == after.cell_type == "code" and not apart:
            problems.append(f"no sentence stands between {_named(cell)} and {_named(after)}")
    return problems


def code_problems(notebook: NotebookNode) -> list[str]:
    """Nothing that swallows errors or draws where it should not."""
    return [
        f"{_named(cell)} uses {found[0]}, which hides errors: build sliders on course_utils.widgets"
        for cell in notebook.cells
        if cell.cell_type == "code" and (found := _FORBIDDEN.search(cell.source))
    ]


def exercise_problems(lesson: LessonSource, registered: list[str]) -> list[str]:
    """The exercises of a source: how many, their cells in order, a hint of its own for each wrong answer.

    `registered` are the keys that `course_utils.classroom.exercises` knows for this lesson.
    """
    runs = _exercise_runs(lesson)
    keys = [exercise_key(run[0]) or "" for run in runs]
    problems = []
    if len(runs) not in EXERCISES:
        problems.append(f"{len(runs)} exercises; {EXERCISES.start} to {EXERCISES.stop - 1} are wanted")
    if keys != [f"{lesson.number}.{count}" for count in range(1, len(runs) + 1)]:
        problems.append(f"the exercises' keys are to count up from {lesson.number}.1; they are {keys}")
    if keys != registered:
        problems.append(f"the lesson asks {keys}, course_utils.classroom.exercises has {registered}")
    for key, run in zip(keys, runs, strict=True):
        kinds = [next(iter({"exercise", "wrong", "solution"} & set(tags(cell)))) for cell in run]
        hints = [cell.metadata.get("hint", "") for cell, kind in zip(run, kinds, strict=True) if kind == "wrong"]
        if kinds != ["exercise", *["wrong"] * len(hints), "solution"]:
            problems.append(f"exercise {key}: its cells are to be exercise, wrong, ..., solution; they are {kinds}")
        if len(hints) < WRONG_ANSWERS or len(set(hints)) < len(hints) or not all(hints):
            problems.append(f"exercise {key}: at least {WRONG_ANSWERS} wrong answers, each with its own hint; {hints}")
        if {exercise_key(cell) for cell in run if cell.cell_type == "code"} != {key}:
            problems.append(f"exercise {key}: all its cells are to check {key}")
    return problems


def _exercise_runs(lesson: LessonSource) -> list[list[NotebookNode]]:
    """Return the cells of each exercise: the learner's cell, and the tagged cells that follow it."""
    runs: list[list[NotebookNode]] = []
    for cell in lesson.cells:
        if "exercise" in tags(cell):
            runs.append([cell])
        elif {"wrong", "solution"} & set(tags(cell)) and runs:
            runs[-1].append(cell)
    return runs


def execution_problems(notebook: NotebookNode) -> list[str]:
    """Every code cell ran, in order from 1, and none ended in an error."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    counts = [cell.execution_count for cell in code]
    problems = [] if counts == list(range(1, len(code) + 1)) else [f"execution counts are out of order: {counts}"]
    for cell in code:
        problems += [f"{_named(cell)} ends in {out.ename}" for out in cell.outputs if out.output_type == "error"]
    return problems


def picture_problems(notebook: NotebookNode) -> list[str]:
    """Every picture says in words what it shows."""
    problems = []
    for cell in notebook.cells:
        shown = [cell.source] if cell.cell_type == "markdown" else []
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if bare := [kind for kind in data if kind.startswith("image/")]:
                problems.append(f"{_named(cell)} shows {bare[0]} without alt text: end it in a plotting.Picture")
            shown += [data[kind] for kind in ("text/html", "text/markdown") if kind in data]
        for text in shown:
            parser = _Pictures()
            parser.feed(text)
            if parser.without_alt or re.search(r"!\[\s*\]\(", text):
                problems.append(f"{_named(cell)} shows a picture without alt text")
    return problems


def output_problems(notebook: NotebookNode) -> list[str]:
    """Return one sentence for each output that a published lesson must not hold."""
    problems = []
    private = {str(REPOSITORY), str(Path.home()), sys.prefix}
    pattern = re.compile("|".join(rf"{re.escape(path)}(?![\w-])" for path in sorted(private, key=len, reverse=True)))
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            text = _text_of(output)
            if output.get("name") == "stderr":
                problems.append(f"{_named(cell)} writes to standard error: {text.strip()[:300]}")
            if found := pattern.search(text):
                problems.append(f"{_named(cell)} shows a path of this machine: {found[0]}")
    return problems


def _text_of(output: NotebookNode) -> str:
    """Return what an output says, without the pictures inside it."""
    parts = [output.get("text", ""), *output.get("traceback", [])]
    parts += [value for kind, value in output.get("data", {}).items() if kind.startswith("text/")]
    return re.sub(r"base64,[A-Za-z0-9+/=\s]+", "base64,", "\n".join(parts))


class _Pictures(HTMLParser):
    """Counts `<img>` without alt text, and `<svg>` without a label."""

    without_alt = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        label = {"img": "alt", "svg": "aria-label"}.get(tag)
        if label and not (dict(attrs).get(label) or "").strip():
            self.without_alt += 1


def _has_class_or_loop(cell: NotebookNode) -> bool:
    if cell.cell_type != "code":
        return False
    plain = re.sub(r"^\s*[%!].*$", "pass", cell.source, flags=re.MULTILINE)  # magics are no Python
    return any(isinstance(node, ast.ClassDef | ast.For | ast.While) for node in ast.walk(ast.parse(plain)))


def _named(cell: NotebookNode) -> str:
    first_line = next(iter(cell.source.splitlines()), "")
    return f"the cell {first_line[:60]!r}"
