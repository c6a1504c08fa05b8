"""Whatever a learner calls a class or a file is drawn as it stands."""

import warnings

import numpy as np
import pytest
from matplotlib import font_manager

from course_utils import plotting
from course_utils.plotting import lettering
from course_utils.plotting.display import one_line

AWKWARD = ["$5_$10", "$5 note, not $10 note", "50 % {x}_y^2", "a\\$b", r"\frac", "caf\udce9", "tab\there"]


def drawn_texts(figure) -> list[str]:
    """The texts of a figure as they are drawn: with what matplotlib takes for a formula marked."""
    lettering.render(figure, format="png", dpi=20)
    texts = [text for text in figure.findobj(lettering.Text) if text.get_text() and text.get_visible()]
    return [text._preprocess_math(text.get_text()) for text in texts]


def pictures_of(name: str) -> dict[str, plotting.Picture]:
    """Every function that draws a name that a learner chose."""
    image = np.zeros((4, 4), dtype=np.uint8)
    return {
        "plot_predictions": plotting.plot_predictions([(name, 0.5)], title=name),
        "plot_class_counts": plotting.plot_class_counts({name: 1}, title=name),
        "plot_confusion_matrix": plotting.plot_confusion_matrix(np.ones((2, 2), dtype=int), [name, "b"], title=name),
        "plot_softmax_loss": plotting.plot_softmax_loss([0.0, 1.0], 0, classes=[name, "b"]),
        "draw_images": plotting.draw_images([image], titles=[name], title=name),
        "draw_flow": plotting.draw_flow([(name, name), "b"], loops=[(1, 0, name)], title=name),
    }


@pytest.mark.parametrize("name", AWKWARD)
def test_names_are_drawn_as_they_stand(name):
    expected = name.replace("\udce9", "�").replace("\t", "�")
    for function, picture in pictures_of(name).items():
        assert expected.replace("tab�", "tab ") in one_line(picture.alt), function
        texts = drawn_texts(picture.figure)
        assert any(expected in " ".join(text.split()) for text, _ in texts), function
        assert not any(formula for _, formula in texts), function


def test_powers_of_ten_beside_an_axis_stay_formulas():
    figure, ax = plotting.new_figure(height=2, title="$1 and $2")
    ax.plot([1, 1000])
    ax.set_yscale("log")
    texts = dict(drawn_texts(figure))
    assert texts["$\\mathdefault{10^{2}}$"]
    assert not texts["$1 and $2"]


def test_letters_that_the_font_lacks_come_from_another_font():
    """cmsy10, which matplotlib brings, has a sword that DejaVu Sans lacks; the test takes one that it really lacks."""
    files = {font.name: font.fname for font in font_manager.fontManager.ttflist}
    default = lettering._letters_of(font_manager.findfont("DejaVu Sans"))
    stranger, letter = next(
        (name, letter)
        for name, file in files.items()
        if not name.startswith("Last Resort")
        for letter in sorted(lettering._letters_of(file) - default)
        if letter.isprintable()
    )
    figure, ax = plotting.new_figure(height=2)
    title = ax.set_title(f"see {letter}", loc="left")
    lettering.render(figure, format="png", dpi=20)
    assert title.get_fontfamily()[0] == "sans-serif"
    assert letter in lettering._letters_of(files[title.get_fontfamily()[-1]]), stranger


def test_letters_that_no_font_has_are_named_once(monkeypatch):
    monkeypatch.setattr(lettering, "_letters_of", lambda _file: frozenset(map(chr, range(32, 127))))
    figure, ax = plotting.new_figure(height=2)
    ax.set(title="中文", xlabel="中")
    with pytest.warns(UserWarning, match="these letters: 中 文.*Noto") as caught:
        lettering.render(figure, format="png", dpi=20)
    assert len(caught) == 1


def test_line_breaks_and_all_letters_are_legible():
    assert lettering.legible("naïve\n中文 \u00a0–") == "naïve\n中文 \u00a0–"
    assert lettering.legible("a\x00\udc80\r") == "a���"


def test_rendering_leaves_the_warnings_of_others_alone():
    figure, _ = plotting.new_figure(height=1)
    before = list(warnings.filters)
    lettering.render(figure, format="png", dpi=20)
    assert warnings.filters == before
