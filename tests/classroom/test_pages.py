import re
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest
from made_up import write_lesson
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from course_utils.classroom import lessons, pages
from course_utils.classroom.lessons import LessonError

WIDGET_DATA = {"application/vnd.jupyter.widget-view+json": {"model_id": "1"}, "text/plain": "IntSlider(value=1)"}


def page_of(tmp_path, *cells, **options) -> str:
    """Return the page of a notebook with these cells; a text is a Markdown cell."""
    made = [new_markdown_cell(cell) if isinstance(cell, str) else cell for cell in cells]
    path = tmp_path / "page.html"
    pages.write_page(new_notebook(cells=made), path, **options)
    return path.read_text(encoding="utf-8")


class Fetched(HTMLParser):
    """Collects what a browser would fetch from another host when it opens a page; a link to follow is not fetched."""

    def __init__(self):
        super().__init__()
        self.found, self.inside = [], None

    def handle_starttag(self, tag, attrs):
        self.inside = tag
        for name, value in attrs:
            fetches = name in ("src", "srcset", "data", "poster") or (name == "href" and tag != "a")
            if fetches and re.match(r"\s*(?:https?:)?//", value or ""):
                self.found.append((tag, value))

    def handle_data(self, data):
        if self.inside == "script":
            self.found += [("script", address) for address in re.findall(r"[\"'`](?:https?:)?//[^\"'`]+", data)]
        if self.inside == "style":
            self.found += [("style", address) for address in re.findall(r"(?:url\(|@import)\W*(?:https?:)?//\S+", data)]


def fetched(page: str) -> list[tuple[str, str]]:
    parser = Fetched()
    parser.feed(page)
    return parser.found


@pytest.mark.parametrize(
    "html",
    [
        '<script src="https://cdn.example/x.js"></script>',
        '<link rel="stylesheet" href="//cdn.example/x.css">',
        '<img alt="a" src="http://cdn.example/x.png">',
        '<script type="module">import mermaid from "https://cdn.example/mermaid.mjs";</script>',
        "<style>@import 'https://cdn.example/x.css';</style>",
        "<style>a { background: url(https://cdn.example/x.png) }</style>",
    ],
)
def test_the_look_for_other_hosts_finds_each_way_to_name_one(html):
    assert len(fetched(html)) == 1
    assert fetched('<a href="https://example.org">x</a><img alt="a" src="data:image/png;base64,aa//aa=">') == []


def test_a_page_fetches_nothing_from_another_host(tmp_path):
    widget = {"application/vnd.jupyter.widget-view+json": {"model_id": "a"}, "text/plain": "a slider"}
    badge = "[![Open in Colab](https://colab.example/badge.svg)](https://colab.example/lesson)"
    notebook = new_notebook(
        cells=[
            new_markdown_cell(f"# A lesson\n\n{badge}\n\nA formula: $x^2$\n\n```mermaid\ngraph TD\n```"),
            new_code_cell("1", outputs=[new_output("display_data", data=widget)]),
        ],
        metadata={"widgets": {"application/vnd.jupyter.widget-state+json": {"state": {"a": {}}}}},
    )
    pages.write_page(notebook, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert fetched(page) == []
    assert '<a href="https://colab.example/lesson">Open in Colab</a>' in page  # the picture's words stand for it


LESSONS = lessons.all_lessons()


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)
def test_no_lessons_page_fetches_anything_or_shows_a_formula_as_latex(lesson, tmp_path):
    """Without their outputs, which the tests in a browser look at: conversion then takes a moment."""
    notebook = nbformat.read(lesson.path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = []
    pages.write_page(notebook, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert fetched(page) == []
    prose = re.sub(r"<(script|style|pre|code)\b.*?</\1>", "", page, flags=re.DOTALL)
    assert re.findall(r"[^\n]*[$\\][^\n]*", prose) == []  # a command that was not understood would keep its stroke


def test_formulas_become_mathml(tmp_path):
    page = page_of(tmp_path, r"The mark for guessing is $\ln 10$." + "\n\n" + r"$$\frac{a}{b} < \hat m$$")
    inline, block = re.findall(r"<math.*?</math>", page, re.DOTALL)
    assert 'display="inline"' in inline
    assert "<mi>ln</mi><mn>10</mn>" in inline
    assert 'display="block"' in block
    assert re.search(r"<mfrac><mrow><mi>a</mi></mrow><mrow><mi>b</mi></mrow></mfrac><mo>&lt;</mo>", block)
    assert "$" not in re.sub(r"<(script|style).*?</\1>", "", page, flags=re.DOTALL)


def test_a_formula_that_cannot_be_read_stands_as_it_was_typed(tmp_path):
    assert r"<code>\left( a &lt;</code> and on" in page_of(tmp_path, r"See $\left( a <$ and on.")


def test_an_environment_is_a_formula_too(tmp_path):
    assert "<mtable" in page_of(tmp_path, "\\begin{matrix}\na & b\n\\end{matrix}")


def test_a_hidden_source_is_folded_and_others_are_open(tmp_path):
    page = page_of(
        tmp_path,
        new_code_cell("hidden = 1", metadata={"jupyter": {"source_hidden": True}}),
        new_code_cell("shown = 1"),
    )
    (folded,) = re.findall(r"<details><summary>Set-up</summary>.*?</details>", page, re.DOTALL)
    assert ">hidden<" in folded
    assert ">shown<" in page
    assert ">shown<" not in folded


def test_links_lead_to_pages(tmp_path):
    text = (
        "[next](06_training_loop.ipynb) [there](06_training_loop.ipynb#part) [word](glossary.md) "
        "[from my copy](../glossary.md) [from home](../../srv/a%20b/notebooks/glossary.md) [web](https://example.org/06_training_loop.ipynb)"
    )
    links = re.findall(r'href="([^"]*)"', page_of(tmp_path, text))
    assert links == [
        "06_training_loop.html",
        "06_training_loop.html#part",
        "glossary.html",
        "glossary.html",
        "glossary.html",
        "https://example.org/06_training_loop.ipynb",
    ]


def test_a_handout_has_no_solutions(tmp_path):
    cells = ("# A lesson", new_markdown_cell("Add them: $1 + 1$.", metadata={"tags": ["solution"]}))
    assert "Add them" in page_of(tmp_path, *cells)
    page = page_of(tmp_path, *cells, solutions=False)
    assert "Add them" not in page
    assert "A lesson</h1>" in page.replace('<a class="anchor-link" href="#A-lesson">¶</a>', "")


def test_a_page_is_called_by_its_heading(tmp_path):
    assert "<title>07 · Size &amp; rate</title>" in page_of(tmp_path, "# 07 · Size & rate\n\n**Why?**")
    assert "<title>page</title>" in page_of(tmp_path, "no heading")


@pytest.fixture
def book(notebooks, tmp_path) -> Path:
    write_lesson(notebooks, "02_data", "1", text="# 02 · Data\n\n**What is\nin it?**")
    (notebooks / "glossary.md").write_text("# Glossary\n\n| term |\n|---|\n| epoch |\n", encoding="utf-8")
    return tmp_path / "pages"


def links_of(page: Path) -> set[str]:
    return set(re.findall(r'href="([^"#]+)"', page.read_text(encoding="utf-8")))


def test_every_link_of_index_and_glossary_leads_to_a_page(book):
    pages.write_neighbours(book, lessons.all_lessons())
    index = (book / "index.html").read_text(encoding="utf-8")
    assert re.search(r'<td><a href="02_data.html">02 · Data</a></td>\s*<td>What is in it\?</td>', index)
    assert "<td>epoch</td>" in (book / "glossary.html").read_text(encoding="utf-8")
    for page in book.iterdir():
        assert {link for link in links_of(page) if not (book / link).exists()} == set()
    assert {"00_start_here.html", "02_data.html", "glossary.html"} <= links_of(book / "index.html")
    assert "`" not in re.findall(r"<p>.*?</p>", (book / "02_data.html").read_text(encoding="utf-8"))[0]


def test_a_page_that_is_there_is_not_replaced(book):
    book.mkdir()
    (book / "02_data.html").write_text("a real page", encoding="utf-8")
    pages.write_neighbours(book, lessons.all_lessons())
    assert (book / "02_data.html").read_text(encoding="utf-8") == "a real page"


def test_the_index_names_the_learners_own_pages(book):
    for _ in range(2):  # the second time around, those of the first are there
        pages.write_neighbours(book, lessons.all_lessons(), own=[book / "my_02_data.html", book / "02_data.html"])
        index = (book / "index.html").read_text(encoding="utf-8")
        assert re.findall(r'<li><a href="([^"]+)">', index) == ["my_02_data.html"]
    (book / "home_03.html").write_text("from an earlier run", encoding="utf-8")
    pages.write_neighbours(book, lessons.all_lessons())
    index = (book / "index.html").read_text(encoding="utf-8")
    assert re.findall(r'<li><a href="([^"]+)">', index) == ["home_03.html"]


def test_a_notebook_becomes_a_page_as_it_stands(tmp_path, monkeypatch):
    monkeypatch.setattr("nbclient.NotebookClient.execute", lambda *_, **__: pytest.fail("nothing is to be executed"))
    shown = [new_output("stream", text="mine, of last week"), new_output("display_data", data=WIDGET_DATA)]
    cells = [new_markdown_cell("# Mine\n\n$x^2$"), new_code_cell("1 / 0", outputs=shown), new_code_cell("never_run")]
    nbformat.write(new_notebook(cells=cells), tmp_path / "mine.ipynb")
    before = (tmp_path / "mine.ipynb").read_bytes()
    pages.write_as_it_stands(tmp_path / "mine.ipynb", tmp_path / "mine.html")
    page = (tmp_path / "mine.html").read_text(encoding="utf-8")
    for word in ("mine, of last week", "<msup>", "never_run", "its sliders and buttons appear here"):
        assert word in page
    assert (tmp_path / "mine.ipynb").read_bytes() == before


def test_what_is_no_notebook_is_said_in_words(tmp_path):
    (tmp_path / "mine.ipynb").write_text("{}", encoding="utf-8")
    with pytest.raises(LessonError, match="is no notebook"):
        pages.write_as_it_stands(tmp_path / "mine.ipynb", tmp_path / "mine.html")
