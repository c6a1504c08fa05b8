"""Pictures of words: lines, bars, places and depths are those of the numbers, and every word is named."""

import matplotlib
import numpy as np
import pytest
import torch

from course_utils import plotting
from course_utils.plotting import words
from course_utils.plotting.style import COLORS
from course_utils.text import BagOfWords, encode, telling_words, word_scores

CLASSES = ("torch", "standard library")
VOCABULARY = {"<padding>": 0, "<unknown>": 1, "the": 2, "tensor": 3, "file": 4, "open": 5}


@pytest.fixture
def model():
    """ "tensor" speaks for the first class by 2, "file" and "open" for the second by 1.5 and 0.5, "the" for none."""
    bag = BagOfWords(len(VOCABULARY), 2, width=3)
    with torch.no_grad():
        bag.words.weight.zero_()
        bag.head.weight.copy_(torch.tensor([[1.0, 0, 0], [0, 1.0, 0]]))
        bag.head.bias.copy_(torch.tensor([0.3, 0.0]))
        bag.words.weight[3:] = torch.tensor([[4.0, 0, 0], [0, 3.0, 0], [0, 1.0, 2.0]])
    return bag


def test_lengths_are_counted_for_each_class():
    picture = plotting.plot_lengths({"torch": [3, 3, 5], "NumPy": [2, 4]})
    (ax,) = picture.figure.axes
    first, second = ax.lines
    assert first.get_ydata().tolist() == [0, 0, 0, 2, 0, 1]
    assert second.get_ydata().tolist() == [0, 0, 1, 0, 1, 0]
    assert first.get_linestyle() != second.get_linestyle()
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["torch", "NumPy"]
    assert picture.alt.endswith("up to 5. torch half at most 3; NumPy half at most 3.")
    with pytest.raises(ValueError, match="no texts"):
        plotting.plot_lengths({"torch": []})


def test_telling_words_have_a_panel_for_each_class_and_one_scale(model):
    picture = plotting.plot_telling_words(telling_words(model, VOCABULARY, number=2), CLASSES)
    first, second = picture.figure.axes
    assert [bar.get_width() for bar in first.patches] == [2.0, 0.0]
    assert [label.get_text() for label in second.get_yticklabels()] == ["file", "open"]
    assert first.get_xlim() == second.get_xlim()
    assert second.get_title(loc="left") == "standard\nlibrary"
    colors = [matplotlib.colors.to_hex(ax.patches[0].get_facecolor()) for ax in (first, second)]
    assert colors == list(COLORS[:2])
    assert picture.alt.endswith("torch: tensor, the; standard library: file, open.")
    with pytest.raises(ValueError, match="2 lists of words need as many classes, not 1"):
        plotting.plot_telling_words([[], []], CLASSES[:1])


def test_panels_that_no_class_needs_stay_empty():
    picture = plotting.plot_telling_words([[("a", 1.0)]] * 5, list("abcde"))
    assert [ax.axison for ax in picture.figure.axes] == [True] * 5 + [False] * 3


def test_the_map_shows_the_three_directions_of_most_spread():
    torch.manual_seed(0)
    bag = BagOfWords(len(VOCABULARY), 2, width=6)
    bag.init_weights(1.0)
    picture = plotting.plot_word_map(bag, VOCABULARY, CLASSES, telling=4, frequent=0)
    names = picture.figure.axes[0].texts
    assert {text.get_text() for text in names} <= {"the", "tensor", "file", "open"}
    vectors = bag.words.weight.detach().numpy()[2:].astype(float)
    vectors -= vectors.mean(0)
    spread = np.linalg.svd(vectors, compute_uv=False)[:3]
    left, right = picture.figure.axes
    spots = [np.concatenate([line.get_xydata() for line in ax.lines]) for ax in (left, right)]
    found = [spots[0][:, 0], spots[0][:, 1], spots[1][:, 1]]
    np.testing.assert_allclose([np.linalg.norm(each) for each in found], spread, rtol=1e-6)
    np.testing.assert_allclose(spots[0][:, 0], spots[1][:, 0])
    winners = word_scores(bag)[2:].argmax(1).bincount(minlength=2).tolist()
    assert [len(line.get_xdata()) for line in left.lines] == winners
    assert {line.get_marker() for line in left.lines} == {"o", "s"}


def test_the_map_takes_the_most_frequent_words_in_too_and_each_word_once(model):
    picture = plotting.plot_word_map(model, VOCABULARY, CLASSES, telling=1, frequent=2)
    assert picture.alt.startswith("A map of 3 words from two sides")
    assert all(word in picture.alt for word in ("the", "tensor", "file"))


def test_names_on_the_map_cover_neither_each_other_nor_a_spot():
    torch.manual_seed(0)
    vocabulary = {f"word{number}": number for number in range(60)}
    bag = BagOfWords(len(vocabulary), 2)
    picture = plotting.plot_word_map(bag, vocabulary, CLASSES, telling=30, frequent=0)
    picture.figure.draw_without_rendering()
    for ax in picture.figure.axes:
        boxes = [text.get_window_extent() for text in ax.texts]
        assert len(boxes) > 10
        assert all(box.count_overlaps(boxes) == 1 for box in boxes)  # itself only
        spots = np.concatenate([ax.transData.transform(line.get_xydata()) for line in ax.lines])
        assert not any(box.count_contains(spots) for box in boxes)
        assert all(ax.bbox.containsx(side) for box in boxes for side in (box.x0, box.x1))


def test_a_text_is_taken_apart_word_by_word(model):
    text = "Open the tensor, zebra"
    picture = plotting.draw_text(text, model=model, vocabulary=VOCABULARY, classes=CLASSES)
    top, bottom = picture.figure.axes
    assert [label.get_text() for label in top.texts[::2]] == ["open", "the", "tensor", "zebra"]
    captions = [label.get_text() for label in top.texts[1::2]]
    assert (captions[0], captions[2], captions[3]) == ("standard +0.1", "torch +0.5", "unknown")
    grounds = [label.get_bbox_patch().get_facecolor() for label in top.texts[::2]]
    assert matplotlib.colors.to_hex(grounds[0]) == COLORS[1]
    assert matplotlib.colors.to_hex(grounds[2]) == COLORS[0]
    assert grounds[2][3] == pytest.approx(0.6)
    assert grounds[1][3] == pytest.approx(0.08)
    shares = model(encode([text], VOCABULARY))[0].softmax(0).tolist()
    assert [bar.get_width() for bar in bottom.patches] == pytest.approx(sorted(shares, reverse=True))
    assert [matplotlib.colors.to_hex(bar.get_facecolor()) for bar in bottom.patches] == list(COLORS[:2])
    assert picture.alt.startswith("A text taken apart: open standard +0.1, the ")
    assert f"The answer: torch {shares[0]:.1%}" in picture.alt


@pytest.mark.parametrize("text", ["", "42", "$the$ tensor"])
def test_any_text_can_be_drawn(model, text):
    assert "The answer" in plotting.draw_text(text, model=model, vocabulary=VOCABULARY, classes=CLASSES).alt


def test_long_texts_are_broken_into_lines_that_fit():
    lines = words._lines(["word"] * 20 + ["x" * 100, "end"])
    assert [len(line) for line in lines] == [6, 6, 6, 2, 1, 1]
    assert words._places([["ab", "c" * 15], ["d"]]) == [(0, 0), (0, 12), (1, 0)]


def test_nobody_is_asked_for_room_by_an_empty_text():
    assert words._lines([]) == [[]]
    assert words._places([[]]) == []
