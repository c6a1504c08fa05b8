"""Executed lessons as pages that open anywhere: no script, picture or font comes from another host.

Formulas stand in them as MathML, which browsers draw by themselves.
"""

import re
from collections.abc import Iterable, Sequence
from functools import cache
from html import escape
from pathlib import Path
from typing import Any, Literal

from course_utils.classroom.lessons import Lesson, notebooks_dir, read_notebook
from course_utils.runtime import atomic_write

# JupyterLab's own look, without the scripts that it would fetch; a folded cell is folded here too.
_TEMPLATE = """
{%- extends 'lab/index.html.j2' -%}
{%- block html_head_js -%}{%- endblock -%}
{%- block html_head_js_mathjax -%}{%- endblock -%}
{%- block html_head_js_mermaidjs -%}{%- endblock -%}
{%- block jupyter_widgets -%}{%- endblock -%}
{%- block input -%}
{%- if cell.metadata.get('jupyter', {}).get('source_hidden') -%}
<details><summary>Set-up</summary>{{ super() }}</details>
{%- else -%}{{ super() }}{%- endif -%}
{%- endblock -%}
{%- block html_head_css -%}
<style type="text/css">
:root { /* a little darker than JupyterLab's: at least 4.5 : 1 against their ground */
  --jp-cell-prompt-not-active-opacity: 1;
  --jp-cell-prompt-opacity: 1;
  --jp-cell-prompt-not-active-font-color: #616161;
  --jp-cell-inprompt-font-color: #616161;
  --jp-cell-outprompt-font-color: #616161;
  --jp-mirror-editor-comment-color: #2d6a6a;
  --jp-mirror-editor-number-color: #006a00;
  --jp-mirror-editor-operator-color: #8a10d8;
}
.jp-RenderedHTMLCommon a:is(:link, :visited):not(.anchor-link) { text-decoration: underline; } /* more than a colour */
details > summary { font-family: var(--jp-content-font-family); }
math { font-size: 1.1em; }
</style>
{%- endblock -%}
"""


_WIDGET = "application/vnd.jupyter.widget-view+json"
INSTEAD_OF_WIDGET = "*Run this cell: its sliders and buttons appear here.*"


def put_words_for_widgets(notebook: Any) -> None:
    """Put a sentence in place of each slider and button, which live as long as their kernel only."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if _WIDGET in output.get("data", {}):
                output.data = {"text/markdown": INSTEAD_OF_WIDGET, "text/plain": INSTEAD_OF_WIDGET.strip("*")}


def write_as_it_stands(notebook: Path, page: Path) -> None:
    """Write a notebook file as a page without executing it: what its cells showed when it was saved.

    Raises LessonError where the file is no notebook.
    """
    import nbformat

    read_notebook(notebook)  # says in words what is wrong with a file that is none
    written = nbformat.read(notebook, as_version=4)  # type: ignore[no-untyped-call]
    put_words_for_widgets(written)
    write_page(written, page)


def write_page(notebook: Any, path: Path, *, solutions: bool = True) -> None:
    """Write an executed notebook (nbformat's) as an HTML page; without `solutions` as a handout."""
    if not solutions:
        cells = [cell for cell in notebook.cells if "solution" not in cell.metadata.get("tags", [])]
        notebook = type(notebook)(notebook | {"cells": cells})
    title = _title_and_question(notebook)[0] or path.stem
    page, _ = _exporter().from_notebook_node(notebook, resources={"metadata": {"name": title}})
    # Lessons and the glossary are pages too and stand beside this one, wherever a learner's own copy looks for them.
    page = re.sub(r'href="(?:[^":#]*/)?(\d\d_\w+|glossary)\.(?:ipynb|md)(?=["#])', r'href="\1.html', page)
    with atomic_write(path) as temporary:
        temporary.write_text(page, encoding="utf-8")


def write_neighbours(pages: Path, lessons: Sequence[Lesson], *, own: Iterable[Path] = ()) -> None:
    """Write what the pages of `lessons` link to: the glossary, an index, and a word where a page is not written yet.

    The index also names the pages of a learner's own notebooks: those in `pages`, and those that `own` says will be.
    """
    ours = {pages / f"{name}.html" for name in ("index", "glossary", *(lesson.name for lesson in lessons))}
    table = ["| lesson | the question it answers |", "|---|---|"]
    for lesson in lessons:
        title, question = _title_and_question(read_notebook(lesson.path))
        table.append(f"| [{title}]({lesson.name}.html) | {question} |")
        page = pages / f"{lesson.name}.html"
        if not page.exists():
            words = f"This lesson has no page yet: `course run {lesson.name[:2]}` writes it."
            write_prose(f"# {title}", words, "[All lessons](index.html)", path=page)
    glossary = (notebooks_dir() / "glossary.md").read_text(encoding="utf-8")
    write_prose(glossary, "[All lessons](index.html)", path=pages / "glossary.html")
    copies = "\n".join(f"- [{page.stem}]({page.name})" for page in sorted({*pages.glob("*.html"), *own} - ours))
    yours = ["## Your own", copies] if copies else []
    write_prose("# The lessons", "\n".join(table), "[Glossary](glossary.html)", *yours, path=pages / "index.html")


def _title_and_question(notebook: Any) -> tuple[str, str]:
    """Return a lesson's first heading and the bold line that follows it; "" where there is none."""
    prose = "\n".join("".join(cell["source"]) for cell in notebook["cells"][:1] if cell["cell_type"] == "markdown")
    found = re.match(r"# (.+)\n*(?:\*\*([^*]+)\*\*)?", prose)
    return (found[1].strip(), " ".join((found[2] or "").split())) if found else ("", "")


def write_prose(*paragraphs: str, path: Path) -> None:
    """Write paragraphs of Markdown as a page."""
    from nbformat.v4 import new_markdown_cell, new_notebook

    write_page(new_notebook(cells=[new_markdown_cell("\n\n".join(paragraphs))]), path)  # type: ignore[no-untyped-call]


def formula(latex: str, display: Literal["inline", "block"]) -> str:
    """Return a formula of LaTeX as MathML; what cannot be read as one stands as it was typed."""
    from latex2mathml.converter import convert

    try:
        return convert(latex, display=display)
    except Exception:  # its errors have no common base
        return f"<code>{escape(latex)}</code>"


@cache
def _exporter() -> Any:
    """Return nbconvert's exporter with the template above, and with formulas as MathML."""
    from jinja2 import pass_context
    from nbconvert import HTMLExporter
    from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

    class Renderer(IPythonRenderer):
        """Turns formulas into MathML, and a picture on another host into its words."""

        def inline_math(self, body: str) -> str:
            return formula(body, "inline")

        def block_math(self, body: str) -> str:
            return formula(body, "block")

        def latex_environment(self, name: str, body: str) -> str:
            return formula(f"\\begin{{{name}}}{body}\\end{{{name}}}", "block")

        def image(self, text: str, url: str, title: str | None = None) -> str:
            return text if re.match(r"(https?:)?//", url) else super().image(text, url, title)

    exporter: Any = HTMLExporter(raw_template=_TEMPLATE)  # type: ignore[no-untyped-call]

    @pass_context
    def markdown2html(context: Any, text: str) -> Any:
        """Render what a cell says; a picture stored in the cell goes onto the page."""
        attachments = context.get("cell", {}).get("attachments", {})
        return MarkdownWithMath(Renderer(escape=False, attachments=attachments)).render(text)

    exporter.register_filter("markdown2html", markdown2html)
    return exporter
