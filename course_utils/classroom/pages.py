"""Executed lessons as pages that open anywhere, without a network."""

import re
from pathlib import Path
from typing import Any

from course_utils.runtime import atomic_write


def write_page(notebook: Any, path: Path) -> None:
    """Write an executed notebook as an HTML page."""
    from nbconvert import HTMLExporter

    page, _ = HTMLExporter().from_notebook_node(notebook, resources={"metadata": {"name": path.stem}})
    page = re.sub(r'(href="\d\d_\w+)\.ipynb', r"\1.html", page)  # the lessons before and after are pages too
    with atomic_write(path) as temporary:
        temporary.write_text(page, encoding="utf-8")
