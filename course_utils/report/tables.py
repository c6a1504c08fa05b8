"""One look for every table, as text and in a notebook. Rows hold strings, the first row the headings."""

from collections.abc import Collection, Sequence
from html import escape
from typing import Literal

Rows = Sequence[Sequence[str]]
Side = Literal["left", "right"]


def text_table(rows: Rows, *, align: Side = "right") -> str:
    """Return the rows as lines of text, each column as wide as its longest cell."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    pad = str.ljust if align == "left" else str.rjust
    return "\n".join(
        "  ".join(pad(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def html_table(rows: Rows, *, caption: str, bold: Collection[int] = (), align: Side = "right") -> str:
    """Return the rows as an HTML table. `bold` numbers the rows to stress, 0 the first below the headings.

    The first cell of each row is its heading, for those who hear the table. Text stays text: nothing in a cell is taken
    for HTML or, between two `$`, for mathematics; a line break in a cell breaks the line.
    """
    head, *body = rows
    side = f' style="text-align: {align}"'
    lines = [f"<caption{side}>{_text(caption)}</caption>", f"<thead>{_row(head, side, scope='col')}</thead>", "<tbody>"]
    for number, row in enumerate(body):
        stress = "; font-weight: bold" if number in bold else "; font-weight: normal"
        lines.append(_row(row, side[:-1] + stress + '"', scope="row"))
    return f'<table class="tex2jax_ignore mathjax_ignore">{"".join(lines)}</tbody></table>'


def _row(cells: Sequence[str], style: str, *, scope: str) -> str:
    """Headings only (`scope="col"`), or a heading and what belongs to it (`scope="row"`)."""
    heads = len(cells) if scope == "col" else 1
    tags = [f'<th scope="{scope}"{style}>{_text(cell)}</th>' for cell in cells[:heads]]
    return f"<tr>{''.join(tags + [f'<td{style}>{_text(cell)}</td>' for cell in cells[heads:]])}</tr>"


def _text(text: str) -> str:
    return escape(text).replace("\n", "<br/>")
