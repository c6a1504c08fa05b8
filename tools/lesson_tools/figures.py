"""The key figures of a lesson, taken from its executed cells and recorded in the book."""

import json
from pathlib import Path

from nbformat import NotebookNode

from course_utils.classroom.book import BOOK_FILE, FIGURE, GREEN, Figure, callout, figures_in, shown
from course_utils.runtime import atomic_write


def take_figures(notebook: NotebookNode) -> dict[str, Figure]:
    """Return the figures that the lesson's cells compared with the book; each output now says that it is the book's.

    Raises ValueError where two cells compare under one key.
    """
    figures = figures_in(notebook)
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if found := output.get("data", {}).pop(FIGURE, None):
                words, message = "The book's number", shown(figures[found["key"]])
                html = callout(words, message, colour=GREEN, label=f"figure {found['key']}")
                output.data = {"text/plain": f"{words}: {message}", "text/html": html}
    return figures


def record_figures(lesson: str, figures: dict[str, Figure], *, book: Path = BOOK_FILE) -> None:
    """Put the figures of a lesson ("07") into the book, in place of those that it had there."""
    others = json.loads(book.read_text(encoding="utf-8")) if book.exists() else {}
    kept = {key: figure for key, figure in others.items() if not key.startswith(f"{lesson}.")}
    with atomic_write(book) as temporary:
        content = json.dumps(dict(sorted((kept | figures).items())), indent=1, ensure_ascii=False)
        temporary.write_text(content + "\n", encoding="utf-8", newline="\n")
