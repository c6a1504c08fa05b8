"""One answer's bars and arrows, the film of their corrections, and the coaches beside each other."""

import numpy as np
import pytest
from PIL import Image

from course_utils import plotting
from course_utils.plotting import COLORS, marking

PICTURE = Image.new("RGB", (8, 8), "red")
MARKING = {"truth": 1, "classes": ["hat", "shirt", "shoes"]}
ANSWER = [0.5, 0.2, 0.3]


def bars_of(picture):
    """The axes with the bars, and their lengths from top to bottom."""
    ax = picture.figure.axes[-1]
    return ax, [bar.get_width() for bar in ax.containers[0]]


def test_bars_are_the_probabilities_and_the_truth_is_hatched():
    picture = plotting.draw_marking(ANSWER, **MARKING, title="Before")
    ax, lengths = bars_of(picture)
    assert lengths == ANSWER
    assert [bool(bar.get_hatch()) for bar in ax.containers[0]] == [False, True, False]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["hat", "shirt (the truth)", "shoes"]
    assert [text.get_text() for text in ax.texts] == ["50%", "20%", "30%"]
    assert picture.alt.startswith("Before. ")
    assert picture.alt.endswith("hat 50%; shirt 20%; shoes 30%. The truth is shirt.")


def test_the_picture_stands_beside_its_answer():
    without, beside = (plotting.draw_marking(ANSWER, **MARKING, image=image) for image in (None, PICTURE))
    assert (len(without.figure.axes), len(beside.figure.axes)) == (1, 2)
    assert (beside.figure.axes[0].images[0].get_array()[0, 0] == [255, 0, 0]).all()
    assert (without.photo, beside.photo) == (False, True)
    assert without.alt == beside.alt


def test_arrows_lead_from_each_bar_to_what_was_due_and_name_the_gradient():
    picture = plotting.draw_marking(ANSWER, **MARKING, pushes=True)
    ax, _ = bars_of(picture)
    arrows = [text for text in ax.texts if getattr(text, "arrow_patch", None)]
    np.testing.assert_allclose([arrow.xyann[0] for arrow in arrows], ANSWER)
    np.testing.assert_allclose([arrow.xy[0] for arrow in arrows], [0, 1, 0], atol=1e-9)
    assert [text.get_text() for text in ax.texts if text.get_text()] == ["+0.50", "−0.80", "+0.30"]
    assert "shirt 20%, gradient −0.80" in picture.alt


def test_an_earlier_answer_is_an_outline_and_labels_stand_clear_of_it():
    picture = plotting.draw_marking([0.1, 0.8, 0.1], before=ANSWER, **MARKING)
    ax, lengths = bars_of(picture)
    assert lengths == [0.1, 0.8, 0.1]
    assert [bar.get_width() for bar in ax.containers[1]] == ANSWER
    assert all(bar.get_facecolor()[3] == 0 for bar in ax.containers[1])
    assert [round(text.get_position()[0], 3) for text in ax.texts] == [0.515, 0.815, 0.315]


@pytest.mark.parametrize("change", [{"truth": 3}, {"truth": -1}, {"classes": ["hat", "shirt"]}, {"before": [0.5, 0.5]}])
def test_numbers_that_do_not_agree_are_refused(change):
    with pytest.raises(ValueError, match="do not agree"):
        plotting.draw_marking(ANSWER, **MARKING | change)


def test_the_film_tells_where_the_truth_begins_and_ends():
    answers = [ANSWER, [0.3, 0.4, 0.3], [0.1, 0.8, 0.1]]
    film = plotting.animate_marking(answers, [1.61, 0.92, 0.22], **MARKING)
    assert "in 2 corrections" in film.alt
    assert "shirt, the truth, goes from 20% to 80%, the loss from 1.61 to 0.22" in film.alt
    assert film.alt.endswith("the answer in the end is shirt.")
    assert film.content != film.still


def test_a_coach_has_a_line_of_means_dots_for_its_runs_and_a_ring_at_its_best():
    losses = {"SGD": {0.1: [3.0, 2.0], 1.0: [9.0, 7.0]}, "Adam": {0.1: [2.0, 2.2], 1.0: [1.0, 1.4]}}
    picture = plotting.plot_coaches(losses, levels={"guessing": 2.3}, highest=5)
    (ax,) = picture.figure.axes
    lines = {line.get_label(): line for line in ax.lines}
    np.testing.assert_allclose(lines["SGD"].get_ydata(), [2.5, 8.0])
    np.testing.assert_allclose(lines["Adam"].get_ydata(), [2.1, 1.2])
    assert lines["SGD"].get_color() == COLORS[0]
    rings = [dots.get_offsets().tolist()[0] for dots in ax.collections if dots.get_sizes()[0] > 100]
    np.testing.assert_allclose(rings, [[0.1, 2.5], [1.0, 1.2]])
    runs = [dots.get_offsets()[:, 1].tolist() for dots in ax.collections if dots.get_sizes()[0] < 100]
    assert runs == [[3.0, 2.0], [9.0, 7.0], [2.0, 2.2], [1.0, 1.4]]
    assert (ax.get_xscale(), ax.get_ylim()) == ("log", (0.92, 5.0))
    assert [text.get_text() for text in ax.texts] == ["guessing"]
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["SGD", "Adam", "its best rate (small dots: single runs)"]
    assert "SGD is best at 0.1, with 2.50; Adam is best at 1, with 1.20." in picture.alt


def test_each_frame_of_the_film_outlines_the_first_answer_and_tells_its_loss(monkeypatch):
    frames = []
    monkeypatch.setattr(marking, "animate", lambda pictures, **_: frames.extend(pictures))
    plotting.animate_marking([ANSWER, [0.3, 0.4, 0.3]], [1.61, 0.92], **MARKING)
    outlines = [[bar.get_width() for bar in frame.figure.axes[0].containers[1]] for frame in frames]
    assert outlines == [ANSWER, ANSWER]
    titles = [frame.alt.split(". ")[0] for frame in frames]
    assert titles == ["0 corrections: loss 1.61, answer “hat”", "1 correction: loss 0.92, answer “shirt”"]
