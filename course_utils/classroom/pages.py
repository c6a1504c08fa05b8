"""Executed lessons as pages that open anywhere, without a network."""

import re
from pathlib import Path
from typing import Any

from course_utils.runtime import atomic_write

# The exporter's own colours of prompts and of some code are too pale to read for many (WCAG AA: 4.5 to 1).
_READABLE = """<style>
.jp-InputPrompt, .jp-OutputPrompt { color: #616161 !important; opacity: 1 !important; }
.highlight .c1 { color: #2f6565 !important; }
.highlight .mi, .highlight .mf { color: #006400 !important; }
.highlight .o, .highlight .ow { color: #7a14c4 !important; }
</style>
"""


def write_page(notebook: Any, path: Path) -> None:
    """Write an executed notebook as an HTML page."""
    from nbconvert import HTMLExporter

    page, _ = HTMLExporter().from_notebook_node(notebook, resources={"metadata": {"name": path.stem}})
    page = re.sub(r'(href="\d\d_\w+)\.ipynb', r"\1.html", page)  # the lessons before and after are pages too
    with atomic_write(path) as temporary:
        temporary.write_text(page.replace("</head>", f"{_READABLE}</head>", 1), encoding="utf-8")
