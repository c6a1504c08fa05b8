"""A line that learns: where it runs, and how near its loss comes to the floor."""

import numpy as np
import pytest
import torch
from matplotlib.patches import Rectangle

from course_utils.plotting import animate_fit, draw_fit, fits

POINTS = torch.tensor([[-1.0], [0.0], [1.0]]), torch.tensor([[-1.5], [1.0], [3.0]])
FLOOR = {"floor": 0.25, "floor_error": 0.02}


def test_lines_run_through_the_points_under_their_names():
    picture = draw_fit(POINTS, {"after term 2": (1.0, 0.5), "the truth": (2, 1)}, [2.0, 0.5], **FLOOR)
    left, _ = picture.figure.axes
    np.testing.assert_allclose(left.collections[0].get_offsets(), [[-1, -1.5], [0, 1], [1, 3]])
    assert [list(line.get_ydata()) for line in left.lines] == [[-0.5, 1.5], [-1, 3]]
    assert [text.get_text() for text in left.get_legend().get_texts()] == ["after term 2", "the truth"]
    assert left.lines[0].get_linestyle() != left.lines[1].get_linestyle()  # not by colour alone


def test_the_loss_falls_towards_the_floor_with_its_band_of_two_errors():
    picture = draw_fit(POINTS, {"now": (1.0, 0.5)}, [2.0, 0.5, 0.3], **FLOOR)
    _, right = picture.figure.axes
    floor, curve, now = right.lines
    assert set(floor.get_ydata()) == {0.25}
    assert (list(curve.get_xdata()), list(curve.get_ydata())) == ([1, 2, 3], [2.0, 0.5, 0.3])
    assert (list(now.get_xdata()), list(now.get_ydata())) == ([3], [0.3])
    (band,) = [patch for patch in right.patches if isinstance(patch, Rectangle)]
    assert (band.get_y(), band.get_y() + band.get_height()) == pytest.approx((0.21, 0.29))
    assert right.get_ylim() == pytest.approx((0, 1.08 * 2.0))
    assert "over 3 terms the loss goes from 2.00 to 0.30; the noise floor is 0.25" in picture.alt


def test_figures_that_are_compared_share_their_axes():
    pictures = [
        draw_fit(POINTS, {"now": (1, 0)}, losses, num_epochs=9, highest=3.0, **FLOOR) for losses in ([2.0], [2.0, 1.0])
    ]
    one, other = (picture.figure.axes[1] for picture in pictures)
    assert one.get_xlim() == other.get_xlim()
    assert one.get_xlim()[1] >= 9
    assert one.get_ylim() == other.get_ylim() == pytest.approx((0, 1.08 * 3.0))


def test_no_term_is_no_picture():
    with pytest.raises(ValueError, match="no losses"):
        draw_fit(POINTS, {}, [], **FLOOR)


def test_an_animation_shows_the_line_and_the_losses_of_each_term_up_to_the_last(monkeypatch):
    monkeypatch.setattr(fits, "animate", lambda frames, *, alt: (frames, alt))
    path, losses = [(0.1 * term, 0.5) for term in range(8)], [2.0 - 0.2 * term for term in range(8)]
    frames, alt = animate_fit(POINTS, path, losses, others={"the truth": (2, 1)}, num_frames=3, **FLOOR)
    lefts, rights = zip(*(frame.figure.axes for frame in frames), strict=True)
    assert [ax.get_legend().get_texts()[0].get_text() for ax in lefts] == [f"after term {term}" for term in (1, 3, 8)]
    np.testing.assert_allclose([ax.lines[0].get_ydata() for ax in lefts], [[0.5, 0.5], [0.3, 0.7], [-0.2, 1.2]])
    assert [list(ax.lines[1].get_ydata()) for ax in rights] == [losses[:1], losses[:3], losses]
    assert len({ax.get_xlim() for ax in rights}) == len({ax.get_ylim() for ax in rights}) == 1
    assert "after term 8: 0.70 x + 0.50; the truth: 2.00 x + 1.00" in alt
    assert "from 2.00 to 0.60" in alt


def test_every_line_needs_its_loss():
    with pytest.raises(ValueError, match="2 lines for 3 losses"):
        animate_fit(POINTS, [(1, 1)] * 2, [1.0] * 3, **FLOOR)
