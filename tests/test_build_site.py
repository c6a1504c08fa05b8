"""What the site is composed of; tests/browser/test_site.py looks at the whole of it."""

import ast
import json
import re
import sys
from pathlib import Path

import pytest
import torch
import yaml
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))

import build_site
from lesson_tools.generated import PLACEHOLDER

import course_utils
from course_utils.classroom.lessons import all_lessons, read_notebook

REPOSITORY = Path(__file__).resolve().parent.parent
ADDRESS = "https://github.com/someone/course"
README = "# Title\n\n**One line.**\n\nThe story.\n\n## Start\n\nmake lab\n\n## The lessons\n\n| a table |\n"


# The front page, and the rest of the README --------------------------------------------------------------------------


def test_the_readme_is_taken_apart_by_its_headings():
    assert build_site.sections(README) == {
        "first line": "**One line.**",
        "story": "The story.\n\n",
        "Start": "\nmake lab\n\n",
        "The lessons": "\n| a table |\n",
    }


def test_the_front_page_holds_what_the_readme_says():
    template = (
        "# T\n\n<!-- README.md: first line -->\n\n[Begin](../notebooks/a.ipynb)\n\n<!-- README.md: The lessons -->\n"
    )
    made = build_site.compose(template, build_site.sections(README))
    assert made == "# T\n\n**One line.**\n\n[Begin](notebooks/a.ipynb)\n\n| a table |\n"


def test_every_part_of_the_readme_stands_on_one_page_or_the_other(tmp_path):
    build_site.lay_out(tmp_path / "source", runs=None)
    shown = (tmp_path / "source" / "index.md").read_text("utf-8") + (tmp_path / "source" / "README.md").read_text(
        "utf-8"
    )
    shown = shown.replace("\N{NO-BREAK SPACE}", " ")
    for line in (REPOSITORY / "README.md").read_text("utf-8").splitlines()[1:]:
        assert shown.count(line) >= 1, line
    assert "README.md:" not in shown


# Lessons -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lesson():
    return all_lessons()[8]


def cell(notebook, name):
    return next(cell for cell in notebook["cells"] if cell.get("id") == f"generated-{name}")


def test_a_lesson_is_offered_for_download_and_in_colab_where_the_course_is_published(lesson):
    for address, colab in ((PLACEHOLDER, False), (ADDRESS, True), ("https://gitlab.com/someone/course", False)):
        shown = cell(build_site.for_the_site(read_notebook(lesson.path), lesson.name, address=address), "navigation")
        assert f'href="{lesson.name}.ipynb" download' in shown["source"]
        assert ("colab.research.google.com/github/someone/course" in shown["source"]) == colab
        assert f"about {lesson.study_minutes} minutes" in shown["source"]
        assert "badge" not in shown["source"], "a badge is a picture on another host"


def test_a_lesson_comes_folded_where_nobody_need_read_and_without_claims(lesson):
    notebook = build_site.for_the_site(read_notebook(lesson.path), lesson.name, address=ADDRESS)
    assert "hide-cell" in cell(notebook, "set-up")["metadata"]["tags"]
    assert "claim" not in {tag for each in notebook["cells"] for tag in each["metadata"].get("tags", [])}


def test_stored_pictures_stand_in_the_page_and_widgets_are_told_as_what_they_are(lesson):
    before = json.dumps(read_notebook(lesson.path))
    after = json.dumps(build_site.for_the_site(read_notebook(lesson.path), lesson.name, address=ADDRESS))
    assert "attachment:" in before
    assert "attachment:" not in after
    assert "Run this cell: its sliders" in before
    assert "Run this cell: its sliders" not in after


# Glossary ------------------------------------------------------------------------------------------------------------


def test_the_glossary_becomes_definitions_by_lesson_with_links_into_the_reference():
    table = (
        "# Glossary\n\nIntro.\n\n"
        "| term | in one sentence | in the story | lesson | code name |\n|---|---|---|---|---|\n"
        "| target, label | The right class. | the answer | 01 | – |\n"
        "| device | What calculates. | – | 00 | `course_utils.get_device` |\n"
        "| worker | A helper. | – | 00 | `torch.nn.Module` |\n"
    )
    made = build_site.glossary(table, {"00_start": "00 · Start", "01_look": "01 · Look", "02_more": "02 · More"})
    assert made.startswith("# Glossary\n\nIntro.\n")
    first, second = made.split("## [")[1:]
    assert first.startswith("00 · Start](00_start.ipynb)\n\n:::{glossary}\ndevice\n  What calculates. In code: ")
    assert "{py:obj}`course_utils.get_device <course_utils.runtime.get_device>`" in first
    assert "worker\n  A helper. In code: `torch.nn.Module`." in first
    assert "target\nlabel\n  The right class. In the story: *the answer*.\n" in second


def test_no_term_of_the_glossary_is_lost():
    text = (REPOSITORY / "notebooks" / "glossary.md").read_text("utf-8")
    titles = {lesson.name: lesson.name for lesson in all_lessons()}
    made = build_site.glossary(text, titles)
    rows = [line for line in text.splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 100
    assert len(re.findall(r"^  \S", made, flags=re.MULTILINE)) == len(rows)


# Reference -----------------------------------------------------------------------------------------------------------


def test_every_module_is_in_the_reference_or_a_part_of_one():
    pages = build_site.reference()
    told = set(re.findall(r"automodule:: (\S+)", "".join(pages.values())))
    for path in build_site.PACKAGE.rglob("*.py"):
        parts = path.relative_to(REPOSITORY).with_suffix("").parts
        if len(parts) <= 3 and not parts[-1].startswith("_"):
            assert ".".join(parts) in told
    assert all(name.split(".")[1] in pages for name in told)


def test_every_public_name_is_on_the_first_page_of_the_reference():
    index = build_site.reference()["index"]
    assert set(re.findall(r"`(\w+) <course_utils", index)) == set(course_utils.__all__)


def test_docstrings_in_the_manner_of_markdown_become_what_sphinx_reads():
    pytest.importorskip("sphinx", reason="sphinx is in the extra `site`")
    scope = {"re": re}
    tree = ast.parse((REPOSITORY / "docs" / "conf.py").read_text("utf-8"))
    wanted = [each for each in tree.body if getattr(each, "name", "") in ("markdown_to_rst", "code", "definition")]
    exec(compile(ast.Module(wanted, []), "conf.py", "exec"), scope)
    lines = [
        "One `a(b)` of", "- `a_`", "- b |x|, `..`", "", "side   of the square,", "       in pixels",
        "a, b   two_ names", "", "    code_ = 1 | 2", "", "Then on.",
    ]  # fmt: skip
    scope["markdown_to_rst"](None, "function", "f", None, None, lines)
    assert lines == [
        "One ``a(b)`` of", "", "- `a_`", "- b \\|x\\|, ``..``", "", "side", "    of the square, in pixels", "a, b",
        "    two\\_ names", "", "::", "", "    code_ = 1 | 2", "", "Then on.",
    ]  # fmt: skip


# Documents -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def pictures(tmp_path):
    """A data set of two classes that can be told by their colour."""
    for split, number in (("train", 8), ("validation", 4), ("test", 4)):
        for place, name in enumerate(("hat", "shirt")):
            folder = tmp_path / "pictures" / split / name
            folder.mkdir(parents=True)
            for each in range(number):
                Image.new("RGB", (40, 40), (200 * place, 5 * each, 90)).save(folder / f"{each}.png")
    return tmp_path / "pictures"


def test_the_cheat_sheet_runs_and_its_two_loops_come_to_a_mark(pictures, tmp_path, monkeypatch, capsys):
    text = (REPOSITORY / "docs" / "cheat_sheet.md").read_text("utf-8")
    ready, plain, package = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(course_utils, "clothing", lambda: pictures)
    for loop in (plain, package):
        scope: dict = {}
        for block in (ready.replace("num_epochs = 5", "num_epochs = 2"), loop):
            exec(compile(block, "cheat_sheet.md", "exec"), scope)
        assert "final exam: " in capsys.readouterr().out
        own = {"criterion": torch.nn.CrossEntropyLoss(), "device": scope["device"]}
        test, val = (
            course_utils.evaluate(scope["model"], getattr(scope["loaders"], each), **own) for each in ("test", "val")
        )
        assert test.accuracy == (scope["accuracy"] if loop is plain else scope["marks"].accuracy)
        best = scope["best_loss"] if loop is plain else min(scope["history"].val_loss)
        assert val.loss == pytest.approx(best, abs=1e-5), "these are not the best weights"
    assert course_utils.load_classifier("student.pt").classes == ["hat", "shirt"]


def test_the_cheat_sheet_needs_no_sideways_scroll():
    text = (REPOSITORY / "docs" / "cheat_sheet.md").read_text("utf-8")
    for block in re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL):
        assert max(map(len, block.splitlines())) <= 88


def test_a_timetable_takes_as_long_as_its_lessons():
    minutes = {lesson.name[:2]: lesson.study_minutes for lesson in all_lessons()}
    text = (REPOSITORY / "docs" / "teachers.md").read_text("utf-8")
    plans = re.findall(r"^\| .+? \| ((?:\d\d )+)\| (\d+) \|$", text, flags=re.MULTILINE)
    assert len(plans) == 5
    for lessons, total in plans:
        assert sum(minutes[number] for number in lessons.split()) == int(total), lessons


def test_exercises_for_groups_are_called_what_the_lessons_call_them():
    text = (REPOSITORY / "docs" / "teachers.md").read_text("utf-8")
    named = re.findall(r"^\| (\d\d)\.(\d) ([^|]+?) \|", text, flags=re.MULTILINE)
    assert len(named) > 5
    for lesson, number, title in named:
        (source,) = (REPOSITORY / "notebooks" / "src").glob(f"{lesson}_*.py")
        assert f"# ### Exercise {number} · {title}\n" in source.read_text("utf-8")


# The workflow --------------------------------------------------------------------------------------------------------


def test_the_site_is_published_from_the_main_line_alone_and_after_the_tests():
    folder = REPOSITORY / ".github" / "workflows"
    site = yaml.safe_load((folder / "site.yml").read_text("utf-8"))
    tests = yaml.safe_load((folder / "test.yml").read_text("utf-8"))
    asked = site[True]["workflow_run"]  # YAML takes the word `on` for True
    assert asked["workflows"] == [tests["name"]]
    assert site["permissions"] == {"contents": "read"}
    job = site["jobs"]["publish"]
    assert "!= 'pull_request'" in job["if"]
    assert "default_branch" in job["if"]
    assert {"pages", "id-token"} == {name for name, right in job["permissions"].items() if right == "write"}
    assert "make site RUNS=build/runs" in [step.get("run") for step in job["steps"]]
