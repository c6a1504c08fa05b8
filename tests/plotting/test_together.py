"""Fewer digits, differing weights, and two rooms."""

import pytest
import torch

from course_utils.plotting import animate_rooms, plot_differences, plot_slope_sizes, together


def test_slopes_are_counted_as_they_are_and_moved():
    slopes = torch.tensor([0.0, 1e-9, 1e-3, -1e-3])
    picture = plot_slope_sizes(slopes, factor=1000)
    (ax,) = picture.figure.axes
    assert "as they are, 33.3% become 0; times 1,000, 0.0% become 0" in picture.alt
    plain, moved = (patch.get_xy() for patch in ax.patches[:2])
    assert plain[:, 1].max() == pytest.approx(2 / 3)
    highest = [path[path[:, 1].argmax(), 0] for path in (plain, moved)]
    assert highest[1] - highest[0] == pytest.approx(3)  # a thousand is three powers of ten
    with pytest.raises(ValueError, match="All slopes are 0"):
        plot_slope_sizes(torch.zeros(3), factor=2)


def test_what_float16_cannot_hold_is_shaded_where_it_begins():
    (ax,) = plot_slope_sizes(torch.tensor([0.1]), factor=2).figure.axes
    zero, fewer, infinite = ax.patches[2:]
    for edge, size in ((zero.get_x() + zero.get_width(), together.FLOAT16_SMALLEST / 2),
                       (fewer.get_x() + fewer.get_width(), together.FLOAT16_FULL),
                       (infinite.get_x(), together.FLOAT16_LARGEST)):  # fmt: skip
        assert 10**edge == pytest.approx(size)
    assert torch.tensor(together.FLOAT16_SMALLEST * 0.49).half() == 0
    assert torch.tensor(together.FLOAT16_SMALLEST * 0.51).half() > 0
    assert torch.finfo(torch.float16).smallest_normal == together.FLOAT16_FULL
    assert torch.finfo(torch.float16).max == together.FLOAT16_LARGEST


def test_differences_beyond_rounding_stand_out():
    picture = plot_differences({"equal": 0.0, "near": 1e-15, "far": 1e-2}, rounding=1e-9, title="How far?")
    (ax,) = picture.figure.axes
    colors = [bar.get_facecolor() for bar in ax.patches[:3]]
    assert colors[0] == colors[1] != colors[2]
    assert [text.get_text() for text in ax.texts] == ["0", "1e-15", "1e-02"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["equal", "near", "far"]
    assert ax.patches[2].get_width() == pytest.approx(1e-2)
    picture.figure.canvas.draw()
    assert ax.texts[2].get_window_extent().x1 < ax.get_window_extent().x1  # the longest bar's figure is not cut off
    assert "far 1e-02" in picture.alt
    with pytest.raises(ValueError, match="no difference"):
        plot_differences({}, rounding=1e-9, title="How far?")


def test_each_room_is_shown_with_its_own_points_and_its_share_of_all(monkeypatch):
    monkeypatch.setattr(together, "animate", lambda frames, *, alt, **_: (frames, alt))
    points, labels = torch.tensor([[-0.5, 0.0], [-0.4, 0.1], [0.5, 0.0]]), torch.tensor([0, 0, 1])

    def says(label):
        return lambda places: torch.eye(2)[label].expand(len(places), 2)

    def knows(places):
        return torch.stack([-places[:, 0], places[:, 0]], dim=1)

    rooms = {"alone": [[says(1), says(0)], [says(0), says(1)]], "together": [[knows, knows], [knows, knows]]}
    frames, alt = animate_rooms(rooms, points, labels, steps=[0, 9])
    headings = [[ax.get_title(loc="left") for ax in frame.figure.axes] for frame in frames]
    assert headings[0][:2] == ["alone, room 0: 33%", "alone, room 1: 67%"]
    assert headings[1] == [
        "alone, room 0: 67%", "alone, room 1: 33%", "together, room 0: 100%", "together, room 1: 100%",
    ]  # fmt: skip
    shown = [ax.collections[-1].get_offsets().shape[0] for ax in frames[1].figure.axes]
    assert shown == [2, 1, 2, 1]
    assert frames[1].figure.get_suptitle() == "after 9 corrections"
    assert "together, room 1: 100%" in alt
