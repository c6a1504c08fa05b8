"""What things cost: the marks stand at the numbers, and the alt text tells them."""

import numpy as np

from course_utils import plotting

ZOO = {"small": {"operations": 0.3, "accuracy": 71.9}, "$large$": {"operations": 15.5, "accuracy": 73.4}}


def test_networks_stand_at_their_cost_and_accuracy_and_ours_is_a_star():
    picture = plotting.plot_zoo(ZOO, highlight="small")
    (ax,) = picture.figure.axes
    places = [dots.get_offsets()[0] for dots in ax.collections]
    np.testing.assert_allclose(places, [[0.3, 71.9], [15.5, 73.4]])
    star, circle = (len(dots.get_paths()[0].vertices) for dots in ax.collections)
    assert star == 11 != circle  # a star has five points, five corners between, and closes
    assert ax.get_xscale() == "log"
    assert [text.get_text() for text in ax.texts] == list(ZOO)
    assert "2 networks by cost and accuracy, small as a star" in picture.alt
    assert "small, 0.3 billion operations, 72 %" in picture.alt
    assert picture.html()


def test_log_axes_of_costs_write_plain_numbers():
    for picture in (
        plotting.plot_zoo(ZOO, highlight="small"),
        plotting.plot_memory({100: 0.06, 10**6: 602}, one_batch=0.02),
    ):
        picture.figure.draw_without_rendering()
        (ax,) = picture.figure.axes
        labels = [label.get_text() for label in ax.get_xticklabels()]
        assert any(labels)
        assert not any("$" in label for label in labels)


def test_memory_grows_with_the_pictures_and_a_batch_does_not():
    picture = plotting.plot_memory({100: 0.0602, 10_000: 6.02}, one_batch=0.0193, machine=16)
    (ax,) = picture.figure.axes
    line, batch, laptop = ax.lines
    np.testing.assert_allclose(line.get_xydata(), [[100, 0.0602], [10_000, 6.02]])
    assert (batch.get_ydata()[0], laptop.get_ydata()[0]) == (0.0193, 16)
    assert ax.get_yscale() == ax.get_xscale() == "log"
    assert [text.get_text() for text in ax.texts] == ["0.06 GB", "6 GB"]
    assert "0.06 GB for 100, 6 GB for 10,000" in picture.alt
    assert "0.019 GB" in picture.alt
    assert "16 GB" in picture.alt


def test_times_are_bars_from_top_to_bottom():
    picture = plotting.plot_times({"open": 2.04, "look": 5.5})
    (ax,) = picture.figure.axes
    assert [bar.get_width() for bar in ax.patches] == [2.04, 5.5]
    assert [text.get_text() for text in ax.texts] == ["2.0", "5.5"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["open", "look"]
    assert ax.yaxis_inverted()
    assert picture.alt == "Where the time goes, milliseconds for one picture: open 2.0, look 5.5."
