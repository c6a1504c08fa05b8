"""Tensors as tables: every number stands in its place, copies are told apart from what was there."""

import pytest
import torch

from course_utils import plotting

POINTS = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 9.0]])


def cells(picture):
    """The numbers of a drawing by row and then column, each with its frame's line style."""
    (ax,) = picture.figure.axes
    frames = [patch for patch in ax.patches if hasattr(patch, "get_xy") and patch.get_width() < 1]
    found = []
    for frame in frames:
        (x, y), (width, height) = frame.get_xy(), (frame.get_width(), frame.get_height())
        inside = [
            text.get_text()
            for text in ax.texts
            if x < text.get_position()[0] < x + width and y < text.get_position()[1] < y + height
        ]
        assert len(inside) == 1
        found.append((round(y, 3), round(x, 3), inside[0], frame.get_linestyle()))
    return [(number, style) for _, _, number, style in sorted(found)]


def test_broadcasting_shows_both_tensors_filled_up_and_the_result():
    picture = plotting.draw_broadcasting(POINTS, torch.tensor([10.0, 20.0]), "+", title="sum")
    rows = [cells(picture)[start : start + 6] for start in (0, 6, 12)]
    assert [[number for number, _ in row] for row in rows] == [
        ["1.00", "2.00", "10.00", "20.00", "11.00", "22.00"],
        ["3.00", "4.00", "10.00", "20.00", "13.00", "24.00"],
        ["5.00", "9.00", "10.00", "20.00", "15.00", "29.00"],
    ]
    assert [[style for _, style in row] for row in rows] == [["-"] * 6, *2 * [["-", "-", ":", ":", "-", "-"]]]
    assert picture.alt == "Three tables of numbers: (3, 2) + (2,) gives (3, 2). Pale copies fill up the second one."


def test_the_trap_of_broadcasting_copies_both():
    column, row = torch.tensor([[1], [0]]), torch.tensor([1, 0])
    picture = plotting.draw_broadcasting(column, row, "==", title="trap")
    assert [number for number, _ in cells(picture)] == [*"1110", "True", "False", *"0010", "False", "True"]
    assert [style for _, style in cells(picture)] == ["-", ":", "-", "-", "-", "-", "-", ":", ":", ":", "-", "-"]
    assert picture.alt.endswith("(2, 1) == (2,) gives (2, 2). Pale copies fill up the first and the second one.")
    assert "Pale" not in plotting.draw_broadcasting(row, row, "==", title="no copies").alt


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(ValueError, match="'%'"):
        plotting.draw_broadcasting(POINTS, POINTS, "%", title="modulo")
    with pytest.raises(ValueError, match="3 and 2 dimensions"):
        plotting.draw_broadcasting(POINTS[None], POINTS, "+", title="three")
    with pytest.raises(RuntimeError):
        plotting.draw_broadcasting(POINTS, torch.zeros(3), "+", title="misfits")


def test_dims_stand_where_they_point():
    picture = plotting.draw_dims(POINTS)
    numbers = [number for number, _ in cells(picture)]
    assert numbers == ["1.00", "2.00", "1.50", "3.00", "4.00", "3.50", "5.00", "9.00", "7.00", "3.00", "5.00"]
    assert "mean(dim=0) goes down the 3 rows and leaves (2,)" in picture.alt
    assert "mean(dim=1) goes across the 2 columns and leaves (3,)" in picture.alt
