"""A table says the same as text and as a page, and what learners write never becomes markup."""

from xml.etree import ElementTree

import pytest

from course_utils.report.tables import html_table, text_table

ROWS = [["class", "pictures"], ["hat", "1,234"], ["dress", "9"]]


def page(rows=ROWS, **options):
    return ElementTree.fromstring(html_table(rows, **{"caption": "Counted"} | options))


def cells(table):
    return [["".join(cell.itertext()) for cell in row] for row in table.iter("tr")]


def test_columns_are_as_wide_as_their_longest_cell():
    assert text_table(ROWS) == text_table(ROWS, align="right")
    assert text_table(ROWS).splitlines() == ["class  pictures", "  hat     1,234", "dress         9"]
    assert text_table(ROWS, align="left").splitlines() == ["class  pictures", "hat    1,234", "dress  9"]


@pytest.mark.parametrize("ragged", [[["a", "b"], ["1"]], [["a"], ["1", "2"]]])
def test_rows_of_different_lengths_are_refused(ragged):
    with pytest.raises(ValueError, match="zip"):
        text_table(ragged)


def test_an_empty_last_column_leaves_no_blanks():
    assert text_table([["a", ""], ["b", ""]]) == "a\nb"


def test_a_table_of_headings_only_is_shown():
    assert text_table(ROWS[:1]) == "class  pictures"
    assert cells(page(ROWS[:1])) == ROWS[:1]


@pytest.mark.parametrize("show", [text_table, lambda rows: html_table(rows, caption="")])
def test_the_page_and_the_text_show_every_cell(show):
    shown = show(ROWS)
    assert all(cell in shown for row in ROWS for cell in row)


def test_the_page_holds_the_rows_under_their_headings():
    table = page()
    assert "".join(table.itertext()) == "Counted" + "".join(map("".join, ROWS)), "and nothing beside them"
    assert cells(table) == ROWS
    assert [cell.get("scope") for cell in table.iter("th")] == ["col", "col", "row", "row"]
    assert table.find("caption").text == "Counted"


@pytest.mark.parametrize("bold", [(), {0}, [1], (0, 1)])
def test_the_rows_that_were_named_are_bold_and_no_others(bold):
    head, *body = page(bold=bold).iter("tr")
    styles = [{cell.get("style") for cell in row} for row in body]
    assert styles == [{f"text-align: right; font-weight: {'bold' if n in bold else 'normal'}"} for n in range(2)]
    assert "font-weight" not in head[0].get("style")


def test_a_last_cell_that_says_something_makes_no_row_bold():
    rows = [["class", ""], ["hat", "rare"]]
    assert not [cell for cell in page(rows).iter() if "bold" in cell.get("style", "")]


def test_alignment_reaches_every_cell():
    for side in ("left", "right"):
        table = page(align=side)
        assert all(
            f"text-align: {side}" in cell.get("style") for tag in ("caption", "th", "td") for cell in table.iter(tag)
        )


def test_text_is_never_markup():
    rows = [["<b>", "&amp;"], ["$5_$10", 'a "quoted" <i>']]
    table = page(rows, caption="1 < 2 & 3")
    assert cells(table) == rows
    assert table.find("caption").text == "1 < 2 & 3"
    assert {"tex2jax_ignore", "mathjax_ignore"} <= set(table.get("class").split())


def test_a_line_break_breaks_the_line():
    table = page([["found"], ["1.0\nToo old."]])
    assert [list(cell.itertext()) for cell in table.iter("th")][1] == ["1.0", "Too old."]
    assert len(list(table.iter("br"))) == 1
