"""Every lesson: its built notebook is its source, executed, and is made as CONTRIBUTING.md says. And the glossary."""

import os
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))

import build_notebooks
from lesson_tools import checks, generated, published, source

from course_utils.classroom.execution import kernel_environment
from course_utils.classroom.exercises import exercises_of

NOTEBOOKS = source.SOURCES.parent
SOURCES = source.list_sources()
GLOSSARY = NOTEBOOKS / "glossary.md"
README = source.REPOSITORY / "README.md"

each_lesson = pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)


def built_notebook(path):
    """Return the notebook built from a source; skip where the lesson is still being written."""
    built = NOTEBOOKS / f"{path.stem}.ipynb"
    if not built.exists():
        pytest.skip(f"{path.name} is not built yet: python tools/build_notebooks.py {path.stem[:2]}")
    return nbformat.read(built, as_version=4)


def learners_notebook(path):
    """Return what a learner will see of a source, without outputs."""
    lesson = source.read_source(path)
    return build_notebooks.assemble(lesson, [lesson], address=generated.PLACEHOLDER, run_seconds=5)


# Each lesson ---------------------------------------------------------------------------------------------------------


def percent_cells(text):
    """Read a percent script by hand, as (header, text) of each cell: what the build's reading is compared with."""
    cells = re.split(r"^# %%(.*)\n", text, flags=re.MULTILINE)[1:]
    for header, body in zip(cells[::2], cells[1::2], strict=True):
        lines = body.strip("\n").split("\n")
        if "[markdown]" in header:
            lines = [line.removeprefix("#").removeprefix(" ") for line in lines]
        yield header, "\n".join(lines)


@each_lesson
def test_source_and_notebook_hold_together_cell_by_cell(path):
    shown = [cell for cell in built_notebook(path).cells if "generated" not in cell.metadata.get("tags", [])]
    written = [
        each
        for each in percent_cells(path.read_text(encoding="utf-8"))
        if '"wrong"' not in each[0] and '"claim"' not in each[0]
    ]
    assert len(shown) == len(written)
    for cell, (header, text) in zip(shown, written, strict=True):
        if '"solution"' in header:
            assert cell.source.startswith("<details>\n<summary>Solution</summary>")
            assert text in cell.source
        else:
            # A stored picture stands in the notebook itself.
            assert cell.source == re.sub(r"\]\(\.\./docs/(?:\S+/)?([^/\s]+)\)", r"](attachment:\1)", text)
            assert (cell.cell_type == "markdown") == ("[markdown]" in header)


@each_lesson
def test_generated_cells_are_up_to_date(path):
    built_notebook(path)
    lessons = [source.read_source(each) for each in SOURCES]
    lesson = lessons[SOURCES.index(path)]
    problem = build_notebooks.stale(lesson, lessons, folder=NOTEBOOKS, address=generated.repository_address())
    assert problem is None, f"{path.stem} {problem}; run make notebooks"


@each_lesson
def test_a_lesson_has_the_agreed_structure(path):
    assert checks.structure_problems(learners_notebook(path)) == []


@each_lesson
def test_a_lessons_code_fits_on_the_page_and_draws_in_one_call(path):
    assert checks.look_problems(source.read_source(path)) == []


@each_lesson
def test_a_lessons_exercises_are_complete(path):
    lesson = source.read_source(path)
    assert checks.exercise_problems(lesson, list(exercises_of(lesson.number))) == []


@each_lesson
def test_a_published_lesson_ran_through_and_describes_its_pictures(path):
    notebook = built_notebook(path)
    assert published.published_problems(notebook) == []
    assert "widgets" not in notebook.metadata


@each_lesson
def test_a_published_lesson_is_small_and_within_its_time(path):
    course = built_notebook(path).metadata["course"]
    assert (NOTEBOOKS / f"{path.stem}.ipynb").stat().st_size <= build_notebooks.SIZE_LIMIT
    assert course["run_seconds"] <= 3 * course["budget_seconds"]


def test_a_lesson_runs_as_a_test_under_nbmake(tmp_path):
    """As a teacher tests notebooks, the course's or their own; a broken one fails."""
    lesson = nbformat.read(NOTEBOOKS / "01_pretrained_inference.ipynb", as_version=4)
    nbformat.write(lesson, tmp_path / "lesson.ipynb")
    nbformat.write(new_notebook(cells=[new_code_cell("1 / 0")]), tmp_path / "broken.ipynb")
    command = [sys.executable, "-m", "pytest", "--nbmake", "-p", "no:cacheprovider", str(tmp_path)]
    environment = os.environ | kernel_environment() | {"COURSE_DATA_DIR": str(source.REPOSITORY / "data")}
    ran = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, encoding="utf-8", check=False)
    assert "1 failed, 1 passed" in ran.stdout, ran.stdout
    assert "ZeroDivisionError" in ran.stdout


def test_every_notebook_has_a_source():
    assert {path.stem for path in NOTEBOOKS.glob("[0-9][0-9]_*.ipynb")} <= {path.stem for path in SOURCES}


def test_the_readmes_lesson_table_is_that_of_the_lessons():
    parts = generated.split_readme(README.read_text(encoding="utf-8"))
    if parts is None:
        pytest.skip("README.md has no markers <!-- lessons:start --> and <!-- lessons:end --> yet")
    lessons = [source.read_source(path) for path in SOURCES]
    seconds = {
        lesson.name: notebook.metadata["course"]["run_seconds"]
        for lesson in lessons
        if (notebook := build_notebooks.read_built(lesson, NOTEBOOKS)) is not None
    }
    address = generated.repository_address()
    assert parts[1] == generated.lesson_table(lessons, seconds, address=address), "run make notebooks"


def hand_written_parts(path):
    """Yield, for each cell tagged `write-it:NAME`, the package's NAME and the code of that cell and the next three."""
    code = [cell for cell in learners_notebook(path).cells if cell.cell_type == "code"]
    for number, cell in enumerate(code):
        for tag in cell.metadata.get("tags", []):
            if tag.startswith("write-it:"):
                yield tag.removeprefix("write-it:"), "\n".join(each.source for each in code[number : number + 4])


@each_lesson
def test_what_a_lesson_writes_by_hand_is_held_to_the_package(path):
    for name, code in hand_written_parts(path):
        assert callable(pkgutil.resolve_name(name))
        assert "assert" in code, f"{path.stem} writes {name} and never compares it with the package's"


def test_the_lessons_write_the_functions_that_later_ones_import():
    written = {name.rpartition(".")[2] for path in SOURCES for name, _ in hand_written_parts(path)}
    assert {
        "predict_topk",
        "ImageFolderDataset",
        "build_eval_transform",
        "TransferClassifier",
        "train_model",
    } <= written


@pytest.mark.parametrize("path", SOURCES[:-1], ids=lambda path: path.stem)
def test_a_lessons_last_words_lead_to_the_lesson_after_it(path):
    last_words = " ".join(source.read_source(path).cells[-1].source.split())
    assert last_words.startswith("## Next ")
    assert f"**Lesson {int(path.stem[:2]) + 1:02}**" in last_words


# The glossary --------------------------------------------------------------------------------------------------------


def glossary_rows(text):
    """Return the cells of each row of a Markdown table, its head and rule apart."""
    rows = [line.strip()[1:-1].split("|") for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows[2:]]


def glossary_problems(text, lessons):
    """Return what is amiss in the glossary: term | in one sentence | in the story | lesson | code name."""
    problems = []
    rows = glossary_rows(text)
    terms = [row[0].lower() for row in rows]
    problems += [f"{term!r} stands twice" for term in sorted({term for term in terms if terms.count(term) > 1})]
    for row in rows:
        if len(row) != 5 or not row[0] or not row[1]:
            problems.append(f"{row}: five columns are needed, and a term and a sentence in the first two")
            continue
        term, sentence, _, lesson, code_name = row
        number = re.search(r"\d\d", lesson)
        if not sentence.endswith("."):
            problems.append(f"{term!r}: the sentence has no full stop")
        if number is None or number[0] not in lessons:
            problems.append(f"{term!r}: there is no lesson {lesson!r}")
        problems += [
            f"{term!r}: there is no object {name!r}"
            for name in re.findall(r"`([^`]+)`", code_name)
            if not names_an_object(name)
        ]
    return problems


def names_an_object(name):
    """True for the dotted name of an object, from its package on; `nn.Linear` and `training.History` are enough."""
    dotted = name.removesuffix("()")
    for prefix in ("", "torch.", "course_utils."):
        try:
            pkgutil.resolve_name(prefix + dotted)
        except (ImportError, AttributeError, ValueError):
            continue
        return True
    return False


def test_the_glossary_names_real_lessons_and_real_objects():
    text = GLOSSARY.read_text(encoding="utf-8")
    assert glossary_rows(text)
    assert glossary_problems(text, {path.stem[:2] for path in SOURCES}) == []


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("| loss | How wrong. | mark | 01 | `nn.CrossEntropyLoss` |", None),
        ("| loss | How wrong. | mark | 01 | `torch.Tensor.backward()` |", None),
        ("| loss | How wrong. | mark | 01 | |", None),
        ("| loss | How wrong. | mark | 01 | `nn.CrossEntropy` |", "no object 'nn.CrossEntropy'"),
        ("| loss | How wrong. | mark | 44 | `nn.CrossEntropyLoss` |", "no lesson '44'"),
        ("| loss | How wrong | mark | 01 | `nn.CrossEntropyLoss` |", "full stop"),
        ("| loss | How wrong. | 01 | `nn.CrossEntropyLoss` |", "five columns"),
        ("| loss | How. | a | 01 | |\n| Loss | How. | a | 01 | |", "'loss' stands twice"),
    ],
)
def test_a_wrong_glossary_line_is_found(row, words):
    problems = glossary_problems(f"# Glossary\n\n| term | a | b | c | d |\n|---|---|---|---|---|\n{row}\n", {"01"})
    assert len(problems) == (words is not None)
    assert not words or words in problems[0]


# The checks themselves, on notebooks made up here --------------------------------------------------------------------


def text(*paragraphs):
    return new_markdown_cell("\n\n".join(paragraphs))


def good_cells():
    """A notebook that has everything."""
    start = [
        text(
            "# 01 · Try", "**What?**", "## What you will learn", "- one\n- two\n- three", "## Before you start", "No."
        ),
        new_code_cell("a = 1", metadata={"tags": ["generated"]}),
        new_code_cell("b = 1", metadata={"tags": ["settings"]}),
        new_code_cell("import torch"),
        text("## A section", "### A part"),
    ]
    middle = [cell for count in range(11) for cell in (new_code_cell(f"c = {count}"), text("And then?"))]
    end = [
        new_code_cell("class A:\n" + "    a = 1\n" * 30),
        text("## Recap", "- one\n- two\n- three"),
        text("## Exercises", "### First"),
        text("## Next", "Go on."),
    ]
    return start + middle + end


def changed(index, cell):
    cells = good_cells()
    cells[index] = cell
    return cells


def test_a_good_notebook_has_no_problems():
    assert len(good_cells()) == 31
    assert checks.structure_problems(new_notebook(cells=good_cells())) == []


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        (changed(6, text("# Again")), "one H1"),
        (changed(6, text("#### Deep down")), None),
        (changed(4, text("## A section", "#### A part")), "a level is skipped"),
        ([text("## Before"), *good_cells()], "is not the H1"),
        (changed(6, text("```python\n# no heading\n```", "~~~\n# none\n~~~")), None),
        (changed(-1, text("Go on.")), "sections are missing: Next"),
        ([*good_cells()[:-1], text("More."), text("## Next"), text("## Recap")], "to stand in the order"),
        (changed(-3, text("## Recap", "- one\n- two")), "2 lines for 3 goals"),
        (changed(-3, text("## Recap", "- one\n  - a part of one\n- two\n- three")), None),
        (good_cells()[1:], "one H1"),
        (good_cells()[:4] + good_cells()[7:], "28 cells"),
        (changed(5, new_code_cell("c = 1\n" * 26)), "26 lines; 25 are"),
        (changed(5, new_code_cell("%time\nfor a in b:\n" + "    c = 1\n" * 39)), "41 lines; 40 are"),
        (changed(5, new_code_cell("%time\nfor a in b:\n" + "    c = 1\n" * 38)), None),
        (changed(6, new_code_cell("d = 1")), "no sentence stands between"),
        (changed(6, new_code_cell("d = 1", metadata={"tags": ["exercise"]})), None),
        (changed(5, new_code_cell("widgets.interact(plot, x=1)")), "interact"),
        (changed(5, new_code_cell("@interact\ndef plot(x): ...")), "interact"),
        (changed(5, new_code_cell("with widgets.Output() as output:\n    1")), "Output("),
        (changed(5, new_code_cell("interaction = 1  # of Output")), None),
    ],
)
def test_a_fault_in_the_structure_is_found(cells, words):
    problems = checks.structure_problems(new_notebook(cells=cells))
    assert bool(problems) == (words is not None), problems
    assert not words or any(words in problem for problem in problems), problems


def shows(kind, data):
    return new_code_cell("show()", execution_count=1, outputs=[new_output("display_data", data={kind: data})])


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        (shows("text/html", '<div><img src="a" alt="A cat."></div>'), None),
        (shows("text/html", '<img src="a">'), "without alt text"),
        (shows("text/html", '<img src="a" alt=" ">'), "without alt text"),
        (shows("text/html", "<svg></svg>"), "without alt text"),
        (shows("text/html", '<svg aria-label="A cat."></svg>'), None),
        (shows("image/png", "aaaa"), "image/png without alt text"),
        (text("![A cat](cat.png)"), None),
        (text("![](cat.png)"), "without alt text"),
        (text('<img src="cat.png" alt="">'), "without alt text"),
        (new_code_cell("1", execution_count=2), "out of order"),
        (new_code_cell("1"), "out of order"),
        (
            new_code_cell("1", execution_count=1, outputs=[new_output("error", ename="KeyError", evalue="a")]),
            "ends in KeyError",
        ),
    ],
)
def test_a_fault_in_what_is_published_is_found(cell, words):
    problems = published.published_problems(new_notebook(cells=[cell]))
    assert len(problems) == (words is not None), problems
    assert not words or words in problems[0]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("x = 1  # " + "a" * 79, None),
        ("x = 1  # " + "a" * 80, "a line of 89 columns, over 88"),
        ("# a remark of its own line may be longer " + "a" * 60, None),
        ("ax.plot(x)\nax.set(title='a')\naxes[0].legend()", None),
        ("ax.plot(x)\nax.set(title='a')\naxes[0].legend()\nleft.imshow(x)", "4 calls draw in open cells"),
        ("plotting.bar(x)\n" * 9 + "torch.hist(x)\n%matplotlib inline\nplot(x)\nx.sum()", None),
    ],
)
def test_code_that_a_page_cuts_off_or_that_draws_line_by_line_is_found(code, words):
    problems = checks.look_problems(lesson_of([text("# " + "a" * 99), new_code_cell(code)]))
    assert len(problems) == (words is not None), problems
    assert not words or words in problems[0]


@pytest.mark.parametrize(
    ("code", "is_lost"),
    [
        ('x = 1\nwhat_happened("01.1", x)', False),
        ('display(what_happened("01.1", x))\nx', False),
        ('what_happened("01.1", x)\nx', True),
        ('if x:\n    what_happened("01.1", x)', True),
    ],
)
def test_an_outcome_that_no_reader_gets_to_see_is_found(code, is_lost):
    problems = checks.look_problems(lesson_of([new_code_cell(code)]))
    assert ["lets no reader see" in problem for problem in problems] == [True] * is_lost


@pytest.mark.parametrize("tag", ["wrong", "claim"])
def test_of_what_no_learner_sees_no_look_is_asked(tag):
    hidden = new_code_cell("ax.plot(x)\n" * 9 + "x = 1  # " + "a" * 80, metadata={"tags": [tag]})
    assert checks.look_problems(lesson_of([hidden])) == []


def tagged(tag, key="01.1", hint=None):
    return new_code_cell(f'exercises.check("{key}", 1)', metadata={"tags": [tag]} | ({"hint": hint} if hint else {}))


def exercise_cells(key):
    return [tagged("exercise", key), tagged("wrong", key, "a"), tagged("wrong", key, "b"), tagged("solution", key)]


def lesson_of(cells):
    return source.LessonSource("01_try", "01 · Try", "What?", 20, 60, cells)


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ([], None),
        (exercise_cells("01.2")[:2] + exercise_cells("01.2")[3:], "at least 2 wrong answers"),
        (exercise_cells("01.2")[:3], "are to be exercise, wrong, ..., solution"),
        ([tagged("exercise", "01.2"), tagged("wrong", "01.2", "a")] * 1 + exercise_cells("01.2")[1:], "its own hint"),
        ([*exercise_cells("01.2")[:3], tagged("solution", "01.1")], "all its cells are to check 01.2"),
        (exercise_cells("02.2"), "count up from 01.1"),
        (exercise_cells("01.2") * 4, "5 exercises"),
    ],
)
def test_a_fault_in_the_exercises_is_found(cells, words):
    complete = exercise_cells("01.1") + (cells or exercise_cells("01.2"))
    problems = checks.exercise_problems(lesson_of(complete), ["01.1", "01.2"])
    assert bool(problems) == (words is not None), problems
    assert not words or any(words in problem for problem in problems), problems


def test_an_exercise_that_the_package_does_not_know_is_found():
    complete = exercise_cells("01.1") + exercise_cells("01.2")
    (problem,) = checks.exercise_problems(lesson_of(complete), ["01.1"])
    assert "course_utils.classroom.exercises has ['01.1']" in problem


def test_imports_closing_brackets_and_blank_lines_are_not_counted_as_lines_to_read():
    code = "import math\nfrom torch import (\n    nn,\n)\n\nprint(\n    [\n        1,\n    ],\n)\nimportant = 2\n"
    assert checks.num_lines(code) == 4
