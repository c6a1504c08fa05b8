"""One look for every table, as text and in a notebook. Rows hold strings, the first one headings."""

from html import escape


def text_table(rows: list[list[str]]) -> str:
    """Return the rows as lines of text, columns aligned to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return "\n".join(line.rstrip() for line in lines)


def html_table(rows: list[list[str]], *, caption: str) -> str:
    """Return the rows as an HTML table; a row whose last cell says something (the best one) is bold."""
    head, *body = [[escape(cell) for cell in row] for row in rows]
    header = "".join(f'<th scope="col">{cell}</th>' for cell in head)
    lines = []
    for row in body:
        style = ' style="font-weight: bold"' if row[-1] else ""
        lines.append(f"<tr{style}>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>")
    return (
        f"<table><caption>{escape(caption)}</caption><thead><tr>{header}</tr></thead>"
        f"<tbody>{''.join(lines)}</tbody></table>"
    )
