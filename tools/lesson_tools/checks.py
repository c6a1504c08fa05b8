"""What a lesson must be (CONTRIBUTING.md, "How a lesson is written"): a sentence for each thing that is amiss in it."""

import ast
import re
from itertools import pairwise

from nbformat import NotebookNode

from course_utils.classroom.execution import HIDDEN, tags
from lesson_tools.source import LessonSource, exercise_key, named

SECTIONS = ("What you will learn", "Before you start", "Recap", "Exercises", "Next")
CELLS = range(30, 81)
GOALS = range(3, 6)
EXERCISES = range(2, 5)
WRONG_ANSWERS = 2  # at least, for each exercise
LINES, LINES_OF_A_BLOCK = 25, 40  # the second where a class, a function or a loop is written out
COLUMNS = 88  # beyond, code is cut off on the page
DRAWING_CALLS = 3  # in a whole lesson: a picture is one call of a function that draws
# What a cell calls on axes and figures where it draws for itself.
# fmt: off
_DRAWING = {
    "annotate", "axhline", "axis", "axvline", "bar", "barh", "contourf", "errorbar", "fill_between", "grid",
    "hist", "imshow", "label_outer", "legend", "plot", "scatter", "semilogx", "semilogy", "set", "set_axis_off",
    "set_title", "set_xlabel", "set_xlim", "set_xticks", "set_ylabel", "set_ylim", "set_yticks", "stairs",
    "subplots", "suptitle", "text", "tick_params",
}
# fmt: on
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


def num_lines(code: str) -> int:
    """How many lines of a cell there are to read: imports, and lines of closing brackets alone, are none."""
    imports = re.sub(r"^(?:from \S+ )?import (?:\([^)]*\)|[^\n(]*)$", "", code, flags=re.MULTILINE)
    return sum(1 for line in imports.splitlines() if line.strip(" )]},:"))


def size_problems(notebook: NotebookNode) -> list[str]:
    """The number of cells, the length of code cells, and a sentence between two of them."""
    cells = notebook.cells
    problems = []
    if len(cells) not in CELLS:
        problems.append(f"{len(cells)} cells; {CELLS.start} to {CELLS.stop - 1} are wanted")
    for cell in cells:
        lines = num_lines(cell.source)
        limit = LINES_OF_A_BLOCK if _writes_out_a_block(cell) else LINES
        if cell.cell_type == "code" and lines > limit:
            problems.append(f"{named(cell)} has {lines} lines; {limit} are allowed")
    for cell, after in pairwise(cells):
        apart = {"generated", "settings", "exercise"} & {*tags(cell), *tags(after)}
        if cell.cell_type == after.cell_type == "code" and not apart:
            problems.append(f"no sentence stands between {named(cell)} and {named(after)}")
    return problems


def code_problems(notebook: NotebookNode) -> list[str]:
    """Nothing that swallows errors or draws where it should not."""
    return [
        f"{named(cell)} uses {found[0]}, which hides errors: build sliders on course_utils.widgets"
        for cell in notebook.cells
        if cell.cell_type == "code" and (found := _FORBIDDEN.search(cell.source))
    ]


def look_problems(lesson: LessonSource) -> list[str]:
    """What a learner sees of the code: lines that fit on the page, and pictures in one call."""
    shown = [cell for cell in lesson.cells if cell.cell_type == "code" and not HIDDEN & set(tags(cell))]
    problems = [
        f"{named(cell)} has a line of {len(line)} columns, over {COLUMNS}: {line.strip()!r}"
        for cell in shown
        for line in cell.source.splitlines()
        if len(line) > COLUMNS and not line.startswith("#")
    ]
    calls = [f"{name} in {named(cell)}" for cell in shown for name in _drawing_calls(cell)]
    if len(calls) > DRAWING_CALLS:
        listed = "; ".join(calls)
        problems.append(f"{len(calls)} calls draw in open cells, over {DRAWING_CALLS}: a function should ({listed})")
    problems += [
        f"{named(cell)} lets no reader see its what_happened(...): display it, or end the cell with it"
        for cell in shown
        if _loses_an_outcome(cell)
    ]
    return problems


def _loses_an_outcome(cell: NotebookNode) -> bool:
    """Whether the cell calls what_happened on a line of its own that is not the cell's last, which alone is shown."""
    body = ast.parse(_plain(cell)).body
    lines = [node for each in body for node in ast.walk(each) if isinstance(node, ast.Expr) and node is not body[-1]]
    return any(ast.unparse(line).startswith("what_happened(") for line in lines)


def _drawing_calls(cell: NotebookNode) -> list[str]:
    """Return the methods of axes and figures that a cell calls; functions of `plotting` and `torch` are none."""
    calls = [node.func for node in ast.walk(ast.parse(_plain(cell))) if isinstance(node, ast.Call)]
    return [
        call.attr
        for call in calls
        if isinstance(call, ast.Attribute)
        and call.attr in _DRAWING
        and not (isinstance(call.value, ast.Name) and call.value.id in ("plotting", "torch"))
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


def _writes_out_a_block(cell: NotebookNode) -> bool:
    if cell.cell_type != "code":
        return False
    return any(
        isinstance(node, ast.ClassDef | ast.FunctionDef | ast.For | ast.While)
        for node in ast.walk(ast.parse(_plain(cell)))
    )


def _plain(cell: NotebookNode) -> str:
    """Return a cell's code without magics, which are no Python."""
    return re.sub(r"^\s*[%!].*$", "pass", cell.source, flags=re.MULTILINE)
