"""One look: colours that can be told apart, figures that nobody else keeps, styles of practice and mock exam."""

import matplotlib
import pytest
from matplotlib.colors import to_hex

from course_utils import plotting
from course_utils.plotting.style import axes_or_new, blank, figure_of


def test_pyplot_knows_nothing_of_the_figures():
    import matplotlib.pyplot as plt

    plotting.plot_predictions([("hat", 0.5)])
    assert plt.get_fignums() == []


def test_the_style_holds_for_figures_that_a_learner_makes():
    assert matplotlib.rcParams["axes.spines.top"] is False
    assert matplotlib.rcParams["savefig.transparent"] is False
    assert matplotlib.rcParams["axes.prop_cycle"].by_key()["color"] == list(plotting.COLORS)


def test_the_colours_are_petroffs():
    if "petroff10" not in matplotlib.style.library:  # matplotlib 3.9
        pytest.skip("this matplotlib does not ship the reference")
    reference = matplotlib.style.library["petroff10"]["axes.prop_cycle"].by_key()["color"]
    assert {to_hex(color) for color in plotting.COLORS} == {to_hex(color) for color in reference}


def test_practice_and_mock_exam_differ_in_more_than_colour():
    """The one place where their looks are written down a second time: every lesson's text speaks of them."""
    assert {name: plotting.PRACTICE[name] for name in ("color", "marker", "linestyle", "label")} == {
        "color": "#3f90da",
        "marker": "o",
        "linestyle": "--",
        "label": "practice (training)",
    }
    assert {name: plotting.MOCK_EXAM[name] for name in ("color", "marker", "linestyle", "label")} == {
        "color": "#bd1f01",
        "marker": "s",
        "linestyle": "-",
        "label": "mock exam (validation)",
    }


def test_a_new_figure_has_the_size_and_the_title_asked_for():
    figure, axes = plotting.new_figure(2, 3, height=4, width=5, title="Six", sharey=True)
    assert figure.get_size_inches().tolist() == [5, 4]
    assert figure.get_suptitle() == "Six"
    assert axes.shape == (2, 3)
    assert axes[0, 0].get_shared_y_axes().joined(axes[0, 0], axes[1, 2])


def test_charts_draw_into_the_axes_they_are_given_or_make_their_own():
    figure, ax = plotting.new_figure()
    assert axes_or_new(ax) is ax
    assert plotting.plot_predictions([("hat", 0.75)], ax).figure is figure
    assert figure_of(axes_or_new(None, height=1.5)).get_size_inches().tolist() == [8, 1.5]


def test_axes_in_a_part_of_a_figure_belong_to_the_whole():
    figure, _ = plotting.new_figure()
    part, _ = figure.subfigures(1, 2)
    assert figure_of(part.subplots()) is figure


def test_blank_axes_show_neither_ticks_nor_frame():
    _, axes = plotting.new_figure(1, 2)
    blank(axes)
    assert not any(ax.axison for ax in axes)
