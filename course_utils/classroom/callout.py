"""A bar with a few words beside the text: how verdicts, predictions and comparisons look in a notebook."""

import html
import re

GREEN, ORANGE, BLUE = "#1a7f37", "#b35900", "#0969da"


def callout(words: str, message: str, *, colour: str, label: str = "") -> str:
    """Return HTML: a bar of `colour`, `words` in bold, a `label`, and the message, in which `code` may be marked.

    The words carry the meaning; the colour only repeats it.
    """
    message = re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(message)).replace("\n", "<br>")
    label = f" · {html.escape(label)}" if label else ""
    return (
        f'<div style="border-left: 5px solid {colour}; padding: 0.3em 0.9em;">'
        f"<strong>{html.escape(words)}</strong>{label}<br>{message}</div>"
    )
