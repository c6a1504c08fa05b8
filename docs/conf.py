"""How Sphinx makes the site (`make site`) of what tools/build_site.py lays out."""

import inspect
import re
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(REPOSITORY), str(REPOSITORY / "tools")]

from docutils import nodes  # noqa: E402
from lesson_tools.generated import PLACEHOLDER, repository_address  # noqa: E402

from course_utils import __version__  # noqa: E402
from course_utils.classroom.pages import formula  # noqa: E402

project = html_title = "The student goes to school"
version = release = __version__
language = "en"
exclude_patterns = ["downloads"]
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]

# The lessons show the outputs that they were built with; nothing is executed, and no script comes from elsewhere.
nb_execution_mode = "off"
nb_merge_streams = True
nb_ipywidgets_js = {}
myst_enable_extensions = ["dollarmath", "amsmath", "attrs_inline", "colon_fence"]
myst_heading_anchors = 3
html_math_renderer = "mathml"

html_theme = "furo"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_favicon = html_logo = "static/cap.svg"
html_copy_source = html_show_copyright = html_use_index = html_domain_indices = False
html_theme_options = {
    "top_of_page_buttons": [],
    "light_css_variables": {"color-brand-primary": "#0550ae", "color-brand-content": "#0550ae"},
    "dark_css_variables": {"color-brand-primary": "#6cb6ff", "color-brand-content": "#6cb6ff"},
}
if repository_address() != PLACEHOLDER:
    html_theme_options["footer_icons"] = [
        {"name": "The repository", "url": repository_address(), "html": "The repository", "class": ""}
    ]

# Docstrings are written in Markdown's manner: a name stands between single backticks, and becomes a link where it is
# a public one.
default_role = "py:obj"
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
autodoc_inherit_docstrings = False
python_maximum_signature_line_length = 70
python_use_unqualified_type_names = True
add_module_names = False
toc_object_entries_show_parents = "hide"


def setup(app) -> None:
    app.add_html_math_renderer("mathml", inline_renderers=(visit_inline, None), block_renderers=(visit_block, None))
    app.connect("autodoc-process-docstring", markdown_to_rst, priority=400)  # before napoleon
    app.connect("autodoc-process-signature", mend_signature)
    app.connect("autodoc-skip-member", skip_what_has_no_words)
    app.connect("html-page-context", mend_for_those_who_hear_the_page, priority=900)  # after the theme


def visit_inline(translator, node: nodes.math) -> None:
    translator.body.append(formula(node.astext(), "inline"))
    raise nodes.SkipNode


def visit_block(translator, node: nodes.math_block) -> None:
    translator.body.append(f'<div class="formula" tabindex="0">{formula(node.astext(), "block")}</div>')
    raise nodes.SkipNode


def markdown_to_rst(app, what, name, obj, options, lines: list[str]) -> None:  # noqa: ARG001
    """Code that is no name, lists that follow their sentence at once, and `name  what it is` in columns."""
    text = "\n".join(lines)
    text = re.sub(r"\n\n(?= {4}\S)", "\n\n::\n\n", text)
    text = re.sub(r"^([^\s-]\S*(?:, \S+)*) {2,}(\S.*(?:\n {6,}\S.*)*)", definition, text, flags=re.MULTILINE)
    text = re.sub(r"^(?!- |  )(.+)\n(?=- )", r"\1\n\n", text, flags=re.MULTILINE)
    # Outside code these say nothing in Markdown, and something in reStructuredText.
    text = re.sub(r"`+([^`]+)`+", code, text)
    parts = re.split(r"(`+[^`]+`+|\n::\n\n(?: {4}.*\n|\n)+)", text)
    parts[::2] = [re.sub(r"\||(?<=\w)_(?!\w)", r"\\\g<0>", part) for part in parts[::2]]
    lines[:] = "".join(parts).split("\n")
    if what == "property":
        lines.insert(0, "\\ ")  # nothing, but a line: else napoleon takes what stands before a colon for its type


def code(found: re.Match[str]) -> str:
    """A name stays between single backticks."""
    return f"`{found[1]}`" if re.fullmatch(r"[A-Za-z_][\w.]*", found[1]) else f"``{found[1]}``"


def definition(found: re.Match[str]) -> str:
    return f"{found[1]}\n    {' '.join(found[2].split())}"


def mend_signature(app, what, name, obj, options, signature, returns):  # noqa: ARG001
    """The default of a dataclass's field is no Python where it is made anew each time."""
    return (signature.replace("<factory>", "..."), returns) if "<factory>" in (signature or "") else None


def skip_what_has_no_words(app, what, name, obj, skip, options) -> bool | None:  # noqa: ARG001
    """The fields of a NamedTuple are told by its own docstring."""
    return True if (inspect.getdoc(obj) or "").startswith("Alias for field number") else None


def mend_for_those_who_hear_the_page(app, pagename, templatename, context, doctree) -> None:  # noqa: ARG001
    """Sphinx leaves out the rank of the headings at the side, and makes half a list of a signature of several lines."""
    context["furo_navigation_tree"] = context.get("furo_navigation_tree", "").replace(
        'role="heading"', 'role="heading" aria-level="2"'
    )
    context["body"] = re.sub(r"<dl>\n((?:<dd>.*,</dd>\n)+)</dl>", lines_of_a_signature, context.get("body", ""))


def lines_of_a_signature(found: re.Match[str]) -> str:
    lines = found[1].replace("<dd>", '<span class="sig-line">').replace("</dd>", "</span>")
    return f'<span class="sig-lines">\n{lines}</span>'
