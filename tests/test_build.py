"""The build of the lessons, on tiny lessons made up here."""

import ast
import base64
import functools
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
import zipfile
from pathlib import Path

import nbformat
import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))

import build_notebooks
from lesson_tools import generated, published, source

import course_utils
from course_utils.classroom import execution, exercises, pages

HEAD = """\
# ---
# jupyter:
#   course: {{study_minutes: 20, budget_seconds: {budget}}}
# ---

# %% [markdown]
# # {number} · {title}
#
# **What is it?**

"""
EXERCISE = """\
# %% tags=["exercise"]
legs = ...
exercises.check("99.1", legs)

# %% tags=["wrong"] hint="one dog"
legs = 4
exercises.check("99.1", legs)

# %% tags=["solution"]
legs = 12
exercises.check("99.1", legs)
"""
ADDRESS = "https://github.com/someone/course"


@pytest.fixture
def course(tmp_path, monkeypatch):
    """An empty course in a folder with a space and a letter beyond ASCII, with a README that holds the markers.

    It is not published, whatever address this repository, or a fork of it, has in its own pyproject.toml.
    """
    monkeypatch.setattr(build_notebooks, "repository_address", lambda: generated.PLACEHOLDER)
    (tmp_path / "mein Kürs" / "notebooks" / "src").mkdir(parents=True)
    readme = "# Course\n\n<!-- lessons:start -->\nold\n<!-- lessons:end -->\n\nThe end.\n"
    (tmp_path / "mein Kürs" / "README.md").write_text(readme, encoding="utf-8")
    return tmp_path / "mein Kürs" / "notebooks"


def add_lesson(course, body, *, number="01", title="Try it", budget=60):
    """Write a source into the course and return its path."""
    path = course / "src" / f"{number}_{title.lower().replace(' ', '_')}.py"
    path.write_text(HEAD.format(number=number, title=title, budget=budget) + body, encoding="utf-8")
    return path


def run_build(course, *arguments):
    return build_notebooks.main(["--folder", str(course), *arguments])


def built(course, name="01_try_it"):
    return nbformat.read(course / f"{name}.ipynb", as_version=4)


@pytest.fixture
def pretend_execution(monkeypatch):
    """Build without a kernel: no outputs, and the seconds that the test sets."""
    seconds = {"taken": 12.0}

    def execute(notebook, **_):
        for count, cell in enumerate((cell for cell in notebook.cells if cell.cell_type == "code"), start=1):
            cell.execution_count = count
        notebook.cells = [cell for cell in notebook.cells if "aside" not in execution.tags(cell)]
        return seconds["taken"], []

    monkeypatch.setattr(build_notebooks, "execute", execute)
    return seconds


def test_a_build_executes_offline_and_leaves_nothing_of_this_machine(course, monkeypatch):
    monkeypatch.setenv("COURSE_DATASET", "photos")
    monkeypatch.setenv("COURSE_DEVICE", "cuda")
    body = """\
    # %%
    import os
    print([os.environ.get(name) for name in ("COURSE_OFFLINE", "COURSE_DEVICE", "COURSE_DATASET")])
    print(os.path.basename(os.getcwd()))

    # %%
    import ipywidgets
    ipywidgets.IntSlider(description="slide")
    """
    add_lesson(course, textwrap.dedent(body))
    assert run_build(course) == 0
    notebook = built(course)
    setup, environment, slider = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [setup.execution_count, environment.execution_count, slider.execution_count] == [1, 2, 3]
    assert environment.outputs[0].text == "['1', 'cpu', None]\nnotebooks\n"
    assert setup.outputs[0].text == f"course_utils {course_utils.__version__} is ready.\n"
    assert list(slider.outputs[0].data) == ["text/markdown", "text/plain"]
    assert "widgets" not in notebook.metadata
    assert all("execution" not in cell.metadata for cell in notebook.cells)
    assert notebook.metadata.kernelspec == source.KERNELSPEC
    assert notebook.metadata.language_info == {"name": "python"}
    assert notebook.metadata.course.run_seconds % 5 == 0


def test_a_lesson_that_stops_fails_and_leaves_the_old_notebook(course, capsys):
    path = add_lesson(course, "# %%\nprint(1)\n")
    with pytest.MonkeyPatch.context() as without_a_kernel:
        without_a_kernel.setattr(build_notebooks, "execute", lambda *_, **__: (1.0, []))
        assert run_build(course) == 0
    old = (course / "01_try_it.ipynb").read_bytes()
    path.write_text(path.read_text(encoding="utf-8").replace("print(1)", "1 / 0"), encoding="utf-8")
    assert run_build(course) == 1
    assert "ZeroDivisionError: division by zero" in capsys.readouterr().err
    assert (course / "01_try_it.ipynb").read_bytes() == old
    assert sorted(path.name for path in course.iterdir()) == ["01_try_it.ipynb", "src"]


@pytest.mark.parametrize(
    ("output", "words"),
    [
        (nbformat.v4.new_output("stream", name="stderr", text="UserWarning: beware"), "standard error: UserWarning"),
        (nbformat.v4.new_output("stream", name="stdout", text=f"in {Path.home()}/x.py"), "path of this machine"),
        (nbformat.v4.new_output("execute_result", data={"text/plain": str(source.REPOSITORY)}), "path of this"),
        (nbformat.v4.new_output("stream", name="stdout", text=f"{tempfile.gettempdir()}/tmpx1/found"), "path of this"),
    ],
)
def test_outputs_that_must_not_be_published_are_refused(output, words):
    cell = nbformat.v4.new_code_cell("look(1)\n", outputs=[output])
    (problem,) = published.output_problems(nbformat.v4.new_notebook(cells=[cell]))
    assert words in problem
    assert "'look(1)'" in problem


def test_a_path_inside_a_pictures_bytes_is_no_path():
    data = {"text/html": f'<img alt="a" src="data:image/png;base64,{Path.home()}/aaa=">'}
    cell = nbformat.v4.new_code_cell("", outputs=[nbformat.v4.new_output("display_data", data=data)])
    assert published.output_problems(nbformat.v4.new_notebook(cells=[cell])) == []


def test_wrong_answers_are_dropped_and_solutions_collapsed(course):
    lesson = source.read_source(add_lesson(course, EXERCISE))
    title, exercise, solution = source.learner_cells(lesson)
    assert title.source.startswith("# 01 · Try it")
    assert exercise.source == 'legs = ...\nexercises.check("99.1", legs)'
    assert solution.cell_type == "markdown"
    assert solution.source.startswith("<details>\n<summary>Solution</summary>\n\n```python\nlegs = 12\n")
    assert solution.source.endswith("\n```\n\n</details>")


def test_a_stored_picture_travels_inside_the_notebook_and_onto_the_page(course, tmp_path, monkeypatch):
    monkeypatch.setattr(source, "SOURCES", course / "src")
    lesson = source.read_source(add_lesson(course, "# %% [markdown]\n# ![A red square](../docs/red/square.png)\n"))
    with pytest.raises(source.SourceError, match=r"shows \.\./docs/red/square\.png, and there is no such file"):
        source.learner_cells(lesson)

    picture = course.parent / "docs" / "red" / "square.png"
    picture.parent.mkdir(parents=True)
    Image.new("RGB", (4, 4), "red").save(picture)
    cells = source.learner_cells(lesson)
    assert cells[1].source == "![A red square](attachment:square.png)"
    assert list(cells[1].attachments) == ["square.png"]
    stored = base64.b64encode(picture.read_bytes()).decode()
    assert cells[1].attachments["square.png"] == {"image/png": stored}
    nbformat.validate(nbformat.v4.new_notebook(cells=cells))
    pages.write_page(nbformat.v4.new_notebook(cells=cells), tmp_path / "page.html")
    assert f"data:image/png;base64,{stored}" in (tmp_path / "page.html").read_text(encoding="utf-8")

    before = source.source_hash(lesson)
    Image.new("RGB", (4, 4), "darkred").save(picture)
    assert source.source_hash(lesson) != before, "a new picture asks for a new build"


@pytest.fixture
def dogs():
    """Exercise 99.1, while a test runs."""
    exercises.exercise("99.1", "How many legs have three dogs?")(
        lambda answer: None if answer == 12 else "That is one dog." if answer == 4 else "No."
    )
    yield
    del exercises._registry["99.1"]


def run_proofs(course, body):
    """Run the code cells of a lesson and those that prove it, here and now, as a kernel would."""
    lesson = source.read_source(add_lesson(course, body))
    notebook = nbformat.v4.new_notebook(cells=source.learner_cells(lesson))
    execution.weave(notebook, source.proofs(lesson))
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    names = {"exercises": exercises, "In": [""], "Out": {}}
    for number, cell in enumerate(cells, start=1):
        names["In"].append(cell)
        *statements, last = ast.parse(cell).body
        exec(compile(ast.Module(statements, []), "<cell>", "exec"), names)
        if isinstance(last, ast.Expr):
            names["Out"][number] = eval(compile(ast.Expression(last.value), "<cell>", "eval"), names)
        else:
            exec(compile(ast.Module([last], []), "<cell>", "exec"), names)
    return len(cells)


@pytest.mark.usefixtures("dogs")
def test_a_lesson_is_proven_when_every_answer_gets_its_verdict(course):
    assert run_proofs(course, EXERCISE) == 6, "three answers, and an assertion behind each"


@pytest.mark.usefixtures("dogs")
@pytest.mark.parametrize(
    ("before", "after", "complaint"),
    [
        # a hint that the wrong answer does not get
        ("one dog", "two dogs", "99.1: the wrong cell with hint='two dogs' is to be refused, and gets: That is one"),
        # a wrong answer that is right
        ("legs = 4", "legs = 12", "the wrong cell with hint='one dog' is to be refused, and gets: ✓ Solved"),
        # a solution that is wrong
        ("legs = 12", "legs = 13", "99.1: the solution cell is to be solved, and gets: "),
        # an exercise that comes with an answer
        ("legs = ...", "legs = 5", "99.1: the exercise cell is to be unanswered, and gets: "),
        # a solution that checks nothing
        ('legs = 12\nexercises.check("99.1", legs)', "legs = 12", "the solution cell is to be solved, and gets: None"),
        # a solution whose verdict no reader would see
        ("legs = 12\nexerc", "legs = 12\nseen = exerc", "the solution cell is to be solved, and gets: None"),
    ],
)
def test_a_lesson_is_not_proven_where_an_answer_gets_another_verdict(course, before, after, complaint):
    assert before in EXERCISE
    with pytest.raises(AssertionError, match=re.escape(complaint)):
        run_proofs(course, EXERCISE.replace(before, after))


def test_a_wrong_answer_without_a_hint_is_refused(course, capsys):
    add_lesson(course, EXERCISE.replace(' hint="one dog"', ""))
    assert run_build(course, "--test") == 1
    assert '"wrong" needs hint=' in capsys.readouterr().err


OWN_EXERCISE = """\
# %% tags=["exercise"]
pictures = ...
exercises.check("13.2", pictures)

# %% tags=["wrong"] hint="the root"
pictures = 15
exercises.check("13.2", pictures)

# %% tags=["solution"]
pictures = 225
exercises.check("13.2", pictures)
"""


@pytest.mark.parametrize(
    ("before", "after", "complaint"),
    [
        ("225", "300", "exercise 13.2: the solution cell is to be solved"),
        ("the root", "the variance", "hint='the variance' is to be refused"),
    ],
)
def test_a_build_fails_where_an_answer_gets_another_verdict(course, capsys, before, after, complaint):
    """An exercise that changed without its check, or a check that changed without its exercise."""
    body = "# %%\nfrom course_utils.classroom import exercises\n\n" + OWN_EXERCISE.replace(before, after)
    add_lesson(course, body)
    assert run_build(course) == 1
    assert complaint in capsys.readouterr().err


CLAIM = """\
# %%
gain = 3

# %% tags=["claim"]
assert gain > 2, "The student gains more than two points."
"""


def test_a_build_executes_claims_and_answers_and_shows_none_of_them(course, capsys):
    body = """\
    # %%
    from course_utils.classroom import exercises
    seen = ["open"]

    # %% tags=["claim"]
    assert seen.append("claim") is None, "It is there."

    # %%
    print(seen)
    """
    add_lesson(course, textwrap.dedent(body) + "\n" + OWN_EXERCISE)
    assert run_build(course) == 0, capsys.readouterr().err
    notebook = built(course)
    shown = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in shown] == [1, 2, 3, 4]
    assert shown[2].outputs[0].text == "['open', 'claim']\n"
    assert "Replace the dots" in shown[3].outputs[0].data["text/plain"]
    text = (course / "01_try_it.ipynb").read_text(encoding="utf-8")
    assert not [
        word for word in ("It is there", "aside", "raises-exception", "pictures = 15", "assert") if word in text
    ]


@pytest.mark.parametrize("arguments", [(), ("--test",)])
def test_a_claim_that_the_run_does_not_show_fails_with_lesson_and_sentence(course, capsys, arguments):
    other = 'assert gain > 9, f"It gains nine points; it gained {gain}."'
    add_lesson(course, f"{CLAIM}{other}\n\n# %%\n1\n\n# %% tags=['claim']\n{other}\n".replace("> 2", "> 3"))
    assert run_build(course, *arguments) == 1
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "FAILED" in line]
    assert line.startswith("  FAILED 01_try_it: the run does not show what the lesson says")
    assert "The student gains more than two points." in line
    assert "It gains nine points; it gained 3." in line  # the run goes on: all that fails is said at once
    assert not (course / "01_try_it.ipynb").exists()


@pytest.mark.usefixtures("pretend_execution")
def test_a_test_run_writes_nothing(course, capsys):
    path = add_lesson(course, CLAIM)
    readme = (course.parent / "README.md").read_bytes()
    assert run_build(course, "--test") == 0
    assert "01_try_it: 12.0 s of 60 s" in capsys.readouterr().out
    assert sorted(course.iterdir()) == [path.parent]
    assert (course.parent / "README.md").read_bytes() == readme


@pytest.mark.parametrize(
    ("claim", "words"),
    [
        ("assert gain > 2", "without saying in a sentence"),
        ("assert gain > 2, gain", "without saying in a sentence"),
        ('wide = gain > 2\nassert wide, "It gains."', "more than assertions"),
        ("# nothing", "without saying in a sentence"),
    ],
)
def test_a_claim_that_says_or_does_something_else_is_refused(course, claim, words):
    path = add_lesson(course, f'# %% tags=["claim"]\n{claim}\n')
    with pytest.raises(source.SourceError, match=f"01_try_it.py: the claim .*{words}"):
        source.read_source(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("# %%\n1\n", "study_minutes"),
        (HEAD.format(number="02", title="Other", budget=9), "begins with '# 01"),
        (HEAD.format(number="01", title="Try", budget="soon"), "budget_seconds"),
    ],
)
def test_a_source_without_its_head_is_refused(course, text, words):
    path = course / "src" / "01_try.py"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(source.SourceError, match=words):
        source.read_source(path)


def test_an_edit_leaves_the_ids_of_other_cells_alone(course):
    before = source.learner_cells(source.read_source(add_lesson(course, "# %%\na = 1\n\n# %%\na = 1\n")))
    after = source.learner_cells(
        source.read_source(add_lesson(course, "# %%\nnew = 0\n\n# %%\na = 1\n\n# %%\na = 1\n"))
    )
    assert [cell.id for cell in before] == [cell.id for cell in after if "new" not in cell.source]
    assert len({cell.id for cell in after}) == len(after)


@pytest.mark.usefixtures("pretend_execution")
def test_check_passes_after_a_build_and_fails_after_an_edit(course, capsys):
    path = add_lesson(course, "# %%\na = 1\n\n" + EXERCISE)
    assert run_build(course, "--check") == 1
    assert "not built" in capsys.readouterr().err
    assert run_build(course) == 0
    assert run_build(course, "--check") == 0
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("legs = 4", "legs = 5"), encoding="utf-8")  # a learner never sees this
    assert run_build(course, "--check") == 0
    path.write_text(text.replace("a = 1", "a = 2"), encoding="utf-8")
    assert run_build(course, "--check") == 1
    assert "'a = 2'" in capsys.readouterr().err
    path.write_text(text.replace("study_minutes: 20", "study_minutes: 25"), encoding="utf-8")
    assert run_build(course, "--check") == 1
    path.write_text(text.replace("budget_seconds: 60", "budget_seconds: 70"), encoding="utf-8")  # in no cell
    assert run_build(course, "--check") == 1
    path.write_text(text + "\n# %% [markdown]\n# One more.\n", encoding="utf-8")
    assert run_build(course, "--check") == 1
    assert "last cells" in capsys.readouterr().err
    path.write_text(text, encoding="utf-8")
    assert run_build(course, "--check") == 0
    edited = built(course)
    edited.cells.append(nbformat.v4.new_markdown_cell("Written into the built notebook."))
    nbformat.write(edited, course / "01_try_it.ipynb")
    assert run_build(course, "--check") == 1


def test_over_budget_warns_and_three_times_over_fails(course, pretend_execution, capsys):
    add_lesson(course, "# %%\na = 1\n", budget=10)
    assert run_build(course) == 0
    assert "warning: 01_try_it ran for 12 s; its budget is 10 s" in capsys.readouterr().out
    pretend_execution["taken"] = 31.0
    assert run_build(course) == 1
    assert "over 3 times its budget of 10 s" in capsys.readouterr().err


@pytest.mark.usefixtures("pretend_execution")
def test_a_notebook_that_is_too_large_is_not_written(course, capsys):
    add_lesson(course, f"# %%\na = '{'x' * 750_000}'\n")
    assert run_build(course) == 1
    assert "over 750,000" in capsys.readouterr().err
    assert not (course / "01_try_it.ipynb").exists()


@pytest.mark.usefixtures("pretend_execution")
def test_links_and_the_readme_follow_when_a_lesson_is_added(course):
    add_lesson(course, "# %%\na = 1\n")
    assert run_build(course) == 0
    assert "02_next" not in built(course).cells[1].source
    add_lesson(course, "# %%\nb = 1\n", number="02", title="Next")
    assert run_build(course, "--links") == 0
    assert "02_next" not in built(course).cells[1].source  # not built yet: the link would lead nowhere
    assert run_build(course, "--check", "01") == 0
    assert run_build(course, "02") == 0
    assert "[02 · Next →](02_next.ipynb)" in built(course).cells[1].source
    assert "[← 01 · Try it](01_try_it.ipynb) | [Glossary](glossary.md)" in built(course, "02_next").cells[1].source
    assert run_build(course, "--check") == 0
    assert (course.parent / "README.md").read_text(encoding="utf-8") == (
        "# Course\n\n<!-- lessons:start -->\n"
        "| lesson | the question it answers | study | runs in |\n|---|---|---|---|\n"
        "| [01 · Try it](notebooks/01_try_it.ipynb) | What is it? | 20 min | 10 s |\n"
        "| [02 · Next](notebooks/02_next.ipynb) | What is it? | 20 min | 10 s |\n"
        "<!-- lessons:end -->\n\nThe end.\n"
    )


def test_an_unknown_lesson_is_an_error_that_names_the_known_ones(course, capsys):
    add_lesson(course, "# %%\na = 1\n")
    with pytest.raises(SystemExit):
        run_build(course, "7")
    assert "No lesson is called '7'. The lessons: 01_try_it." in capsys.readouterr().err


def test_a_published_address_brings_badge_and_absolute_links_for_colab(course):
    lessons = [source.read_source(add_lesson(course, "", number=number)) for number in ("01", "02")]
    cell = generated.navigation_cell(lessons[0], lessons, address=ADDRESS, run_seconds=10)
    colab = f"https://colab.research.google.com/github/someone/course/blob/v{course_utils.__version__}/notebooks/"
    assert f"[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({colab}01_try_it.ipynb)" in (
        cell.source
    )
    assert f"]({colab}02_try_it.ipynb)" in cell.source
    assert f"[Glossary]({ADDRESS}/blob/v{course_utils.__version__}/notebooks/glossary.md)" in cell.source
    assert "study about 20 minutes; runs in about 10 s on two CPU cores" in cell.source
    assert f"({colab}01_try_it.ipynb) |" in generated.lesson_table(lessons, {"01_try_it": 10}, address=ADDRESS)


def test_while_the_address_is_a_placeholder_there_is_no_badge(course):
    lesson = source.read_source(add_lesson(course, ""))
    cell = generated.navigation_cell(lesson, [lesson], address=generated.PLACEHOLDER, run_seconds=10)
    assert "colab" not in cell.source.lower()


def address_of(tmp_path, written):
    (tmp_path / "pyproject.toml").write_text(f'[project.urls]\nRepository = "{written}"\n', encoding="utf-8")
    return generated.repository_address(tmp_path / "pyproject.toml")


@pytest.mark.parametrize(
    "written",
    [
        "https://github.com/some-one/my.course",
        "https://github.com/some-one/my.course.git",
        "https://github.com/some-one/my.course/",
        "http://github.com/some-one/my.course",
        "github.com/some-one/my.course",
        "git@github.com:some-one/my.course.git",
        "ssh://git@github.com/some-one/my.course.git",
    ],
)
def test_the_address_is_the_one_of_pyproject_however_it_is_written(tmp_path, written):
    assert address_of(tmp_path, written) == "https://github.com/some-one/my.course"
    assert generated.repository_address().startswith("https://")


@pytest.mark.parametrize(
    "written",
    [
        "",
        "some-one/my-course",
        "github.com",
        "https://github.com/some-one",
        "https://github.com/a/b/tree/main",
        "c.d/e f",
    ],
)
def test_an_address_that_would_give_broken_links_is_refused(tmp_path, written):
    with pytest.raises(source.SourceError, match=r"Repository = .* is not the address .* Write it like https://github"):
        address_of(tmp_path, written)


def test_a_build_says_that_the_address_is_none(course, monkeypatch, capsys):
    def refuse():
        raise source.SourceError("Repository = 'x' is not the address of a repository.")

    monkeypatch.setattr(build_notebooks, "repository_address", refuse)
    add_lesson(course, "# %%\na = 1\n")
    with pytest.raises(SystemExit):
        run_build(course, "--links")
    assert "is not the address" in capsys.readouterr().err


@pytest.mark.usefixtures("pretend_execution")
@pytest.mark.parametrize(("address", "in_colab"), [(ADDRESS, True), ("https://gitlab.com/a/b/course", False)])
def test_links_follow_a_new_address_without_a_build(course, monkeypatch, address, in_colab):
    """What a fork does: one line changed, and --links. Colab opens what is on GitHub, nothing else."""
    add_lesson(course, "# %%\na = 1\n")
    assert run_build(course) == 0
    monkeypatch.setattr(build_notebooks, "repository_address", lambda: address)
    assert run_build(course, "--check") == 1
    monkeypatch.setattr(build_notebooks, "execute", None)
    assert run_build(course, "--links") == 0
    assert run_build(course, "--check") == 0
    _, navigation, setup, _ = built(course).cells
    assert f"git+{address}" in setup.source
    assert ("colab" in navigation.source) == in_colab
    readme = (course.parent / "README.md").read_text(encoding="utf-8")
    assert ("colab" in readme) == ("in Colab" in readme) == in_colab
    assert readme.count("|\n") == 3


@pytest.mark.usefixtures("pretend_execution")
def test_the_setup_cell_is_folded_in_jupyterlab_and_colab(course):
    """nbformat validates what a build writes: `jupyter.source_hidden` is a word of the format."""
    add_lesson(course, "# %%\na = 1\n")
    assert run_build(course) == 0
    cell = built(course).cells[2]
    assert cell.metadata["jupyter"] == {"source_hidden": True}
    assert cell.metadata["cellView"] == "form"
    assert cell.source.startswith("# @title ")  # Colab's form shows this line alone
    assert [each for each in built(course).cells if "jupyter" in each.metadata] == [cell]


@pytest.mark.usefixtures("pretend_execution")
def test_links_folds_a_setup_cell_that_was_built_unfolded(course):
    add_lesson(course, "# %%\na = 1\n")
    assert run_build(course) == 0
    notebook = built(course)
    del notebook.cells[2].metadata["jupyter"]
    nbformat.write(notebook, course / "01_try_it.ipynb")
    assert run_build(course, "--check") == 1
    assert run_build(course, "--links") == 0
    assert built(course).cells[2].metadata["jupyter"] == {"source_hidden": True}
    assert run_build(course, "--check") == 0


def run_setup(monkeypatch, *, address, missing=(), install_from=None):
    """Run the set-up cell as if the modules `missing` were not there; return the commands it would have run."""
    commands = []
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in missing else find_spec(name) or name)
    monkeypatch.setattr(shutil, "which", lambda name: f"/bin/{name}")
    monkeypatch.setattr(subprocess, "run", lambda command, **_: commands.append(command) or FINISHED)
    monkeypatch.delenv("COURSE_INSTALL_FROM", raising=False)
    if install_from:
        monkeypatch.setenv("COURSE_INSTALL_FROM", install_from)
    exec(compile(generated.setup_cell(address).source, "<set-up>", "exec"), {})
    return commands


FINISHED = subprocess.CompletedProcess([], 0, "", "")


def test_setup_installs_nothing_where_the_package_is_there(monkeypatch, capsys):
    assert run_setup(monkeypatch, address=ADDRESS) == []
    assert capsys.readouterr().out == f"course_utils {course_utils.__version__} is ready.\n"


def test_setup_installs_from_the_published_address_with_the_kernels_own_pip(monkeypatch, capsys):
    (command,) = run_setup(monkeypatch, address=ADDRESS, missing={"course_utils"})
    assert command == [sys.executable, "-m", "pip", "install", f"git+{ADDRESS}@v{course_utils.__version__}"]
    assert f"Installing the course's package from git+{ADDRESS}@v" in capsys.readouterr().out


def test_setup_uses_uv_where_the_environment_has_no_pip(monkeypatch):
    (command,) = run_setup(monkeypatch, address=ADDRESS, missing={"course_utils", "pip"}, install_from="a folder")
    assert command == ["/bin/uv", "pip", "install", "--python", sys.executable, "a folder"]


def test_setup_says_what_to_do_while_the_course_is_not_published(monkeypatch):
    with pytest.raises(RuntimeError, match=r"no published address yet\. Set the environment variable COURSE_INS"):
        run_setup(monkeypatch, address=generated.PLACEHOLDER, missing={"course_utils"})


def test_setup_shows_the_installers_output_when_it_fails(monkeypatch):
    failed = subprocess.CompletedProcess([], 1, "", "no such folder")
    monkeypatch.setitem(run_setup.__globals__, "FINISHED", failed)
    with pytest.raises(RuntimeError, match="no such folder"):
        run_setup(monkeypatch, address=ADDRESS, missing={"course_utils"})


def test_setup_really_installs_into_an_empty_environment(tmp_path):
    """From a wheel made here, into a fresh environment, without a network."""
    ensurepip = pytest.importorskip("ensurepip", reason="this Python comes without pip")
    (pip,) = (Path(ensurepip.__file__).parent / "_bundled").glob("pip-*.whl")  # runs from its wheel, uninstalled
    wheel = tmp_path / "course_utils-0.1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("course_utils/__init__.py", "__version__ = '7.7'\n")
        about = "course_utils-0.1.dist-info"
        archive.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: course-utils\nVersion: 0.1\n")
        archive.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{about}/RECORD", "")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "fresh"], check=True)
    python = tmp_path / "fresh" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    script = tmp_path / "cell.py"
    script.write_text(generated.setup_cell(ADDRESS).source + "\nimport course_utils\n", encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COURSE"))}
    environment |= {"COURSE_INSTALL_FROM": str(wheel), "PIP_NO_INDEX": "1", "PYTHONPATH": str(pip)}
    run = functools.partial(subprocess.run, [python, script], env=environment, cwd=tmp_path, capture_output=True)
    assert run(text=True, check=True).stdout.splitlines() == [
        f"Installing the course's package from {wheel} ...",
        "course_utils 7.7 is ready.",
    ]
    assert run(text=True, check=True).stdout == "course_utils 7.7 is ready.\n"  # the second time it is there
