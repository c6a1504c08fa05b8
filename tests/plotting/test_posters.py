"""The poster: a panel for each exhibit, the healthy run behind, words where there is no run."""

import pytest
from made_up import card

from course_utils.plotting import Poster, draw_poster


def panels():
    healthy, broken = card([2.0, 1.5], [2.0, 1.0]), card([2.0, 1.5], [2.0, 3.5], monitor="val_loss")
    return {
        "no eval": Poster(broken, healthy, "card +4 points"),
        "loud": Poster(None, None, "no curve", words="refused"),
        "last": Poster(card([2.0, 1.5], [1.0, 2.0]), healthy, "loss up by 1.00", keeps_last=True),
    }


def test_each_exhibit_has_its_panel_and_all_have_one_scale():
    axes = draw_poster(panels(), guessing=2.3, title="Museum", num_columns=2).figure.axes
    assert [ax.get_title(loc="left") for ax in axes] == ["No eval", "Loud", "Last", ""]
    assert [ax.get_xlabel() for ax in axes[:3]] == ["card +4 points", "no curve", "loss up by 1.00"]
    assert {ax.get_ylim() for ax in axes[:3]} == {(0, 1.4 * 2.3)}
    assert not axes[3].axison
    assert [text.get_text() for text in axes[1].texts] == ["refused"]
    assert not axes[1].get_lines()


def test_the_ring_marks_the_weights_that_were_kept():
    first, _, last, _ = draw_poster(panels(), guessing=2.3, title="Museum", num_columns=2).figure.axes
    assert [ax.collections[0].get_offsets().tolist() for ax in (first, last)] == [[[1, 2.0]], [[2, 2.0]]]


def test_the_alt_text_tells_every_panel():
    alt = draw_poster(panels(), guessing=2.3, title="Museum").alt
    assert "3 exhibits" in alt
    assert "loud no curve" in alt


def test_an_empty_poster_is_refused():
    with pytest.raises(ValueError, match="nothing to put"):
        draw_poster({}, guessing=2.3, title="Museum")
