"""The cells that the build adds to a lesson, and the lesson table of the README.

A link between lessons is relative, so it works on GitHub, in JupyterLab and without a network. Colab cannot follow
relative links; once the course is published, a second line, meant for Colab, holds absolute ones beside the badge.
"""

import re
import tomllib
from pathlib import Path

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

from course_utils import __version__
from lesson_tools.source import REPOSITORY, LessonSource, SourceError

PLACEHOLDER = "https://github.com/OWNER/REPOSITORY"
_BADGE = "https://colab.research.google.com/assets/colab-badge.svg"
_ADDRESS = re.compile(
    r"(?:https?://|ssh://)?(?:git@)?(?P<host>[\w-]+(?:\.[\w-]+)+)[/:](?P<path>[\w.-]+(?:/[\w.-]+?)+)(?:\.git)?/?"
)
# A notebook and the package that it installs in Colab are of one version, however old the notebook grows.
_TAG = f"v{__version__}"
_START, _END = "<!-- lessons:start -->", "<!-- lessons:end -->"


def repository_address(pyproject: Path = REPOSITORY / "pyproject.toml") -> str:
    """Return the published address of the repository, which stands in `[project.urls]` alone, as `https://host/path`.

    Other ways to write it are understood (`git@host:path.git`, no scheme). Raises SourceError for what is no address.
    """
    written = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]["urls"]["Repository"]
    found = _ADDRESS.fullmatch(written.strip())
    if found is None or (found["host"] == "github.com" and found["path"].count("/") > 1):
        raise SourceError(
            f"{pyproject.name}: [project.urls] Repository = {written!r} is not the address of a repository. "
            f"Write it like {PLACEHOLDER}, without a file or a branch behind it."
        )
    return f"https://{found['host']}/{found['path']}"


def colab_link(address: str, name: str) -> str:
    """Return the address at which Colab opens the lesson `name`; "" where it cannot: it reads GitHub alone."""
    path = address.removeprefix("https://github.com/")
    if address == PLACEHOLDER or path == address:
        return ""
    return f"https://colab.research.google.com/github/{path}/blob/{_TAG}/notebooks/{name}.ipynb"


def rounded_seconds(seconds: float) -> int:
    """Round a measured time to 5 s, so that it stays the same from one build to the next; 5 at least."""
    return max(5, 5 * round(seconds / 5))


def navigation_cell(
    lesson: LessonSource, lessons: list[LessonSource], *, address: str, run_seconds: int
) -> NotebookNode:
    """Return the Markdown cell under the title: how long it takes, where to go, and the Colab badge."""
    position = [other.name for other in lessons].index(lesson.name)
    before = lessons[position - 1] if position > 0 else None
    after = lessons[position + 1] if position + 1 < len(lessons) else None
    time = f"**Time:** study about {lesson.study_minutes} minutes; runs in about {run_seconds} s on two CPU cores."
    paragraphs = [time, _links(before, after, lambda name: f"{name}.ipynb", "glossary.md")]
    if colab_link(address, lesson.name):
        badge = f"[![Open in Colab]({_BADGE})]({colab_link(address, lesson.name)})"
        glossary = f"{address}/blob/{_TAG}/notebooks/glossary.md"
        in_colab = _links(before, after, lambda name: colab_link(address, name), glossary)
        paragraphs.append(f"{badge} In Colab: {in_colab}")
    return _generated(new_markdown_cell("\n\n".join(paragraphs)), "generated-navigation")


def setup_cell(address: str) -> NotebookNode:
    """Return the first code cell of every lesson: `setup_cell.py` with the repository's address and this version."""
    code = Path(__file__).with_name("setup_cell.py").read_text(encoding="utf-8").strip()
    if address != PLACEHOLDER:
        code = code.replace(PLACEHOLDER, f"{address}@{_TAG}")
    cell = _generated(new_code_cell(code), "generated-set-up")
    # Folded: the first for JupyterLab, Notebook 7 and the pages, the second for Colab, which shows the title alone.
    cell.metadata |= {"jupyter": {"source_hidden": True}, "cellView": "form"}
    return cell


def lesson_table(lessons: list[LessonSource], run_seconds: dict[str, int], *, address: str) -> str:
    """Return the README's table of the lessons that are built: `run_seconds` by name."""
    published = bool(colab_link(address, "00"))
    rows = ["| lesson | the question it answers | study | runs in |", "|---|---|---|---|"]
    if published:
        rows = [rows[0] + " in Colab |", rows[1] + "---|"]
    for lesson in lessons:
        if lesson.name not in run_seconds:
            continue
        row = f"| [{lesson.title}](notebooks/{lesson.name}.ipynb) | {lesson.question} "
        row += f"| {lesson.study_minutes} min | {run_seconds[lesson.name]} s |"
        rows.append(row + (f" [open]({colab_link(address, lesson.name)}) |" if published else ""))
    return "\n".join(rows)


def split_readme(text: str) -> tuple[str, str, str] | None:
    """Return what stands before, between and after the markers of the lesson table; None where there are none."""
    if _START not in text or _END not in text:
        return None
    before, rest = text.split(_START, 1)
    table, after = rest.split(_END, 1)
    return f"{before}{_START}\n", table.strip("\n"), f"\n{_END}{after}"


def _links(before: LessonSource | None, after: LessonSource | None, to_lesson, glossary: str) -> str:
    links = [f"[Glossary]({glossary})"]
    if before:
        links.insert(0, f"[← {before.title}]({to_lesson(before.name)})")
    if after:
        links.append(f"[{after.title} →]({to_lesson(after.name)})")
    return " | ".join(links)


def _generated(cell: NotebookNode, cell_id: str) -> NotebookNode:
    cell.metadata["tags"] = ["generated"]
    cell["id"] = cell_id
    return cell
