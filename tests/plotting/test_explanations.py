"""What the sliders of lesson 05 show: PyTorch's probabilities, loss and steps."""

import numpy as np
import pytest
import torch

from course_utils import plotting


def test_softmax_picture_holds_pytorchs_probabilities_and_loss():
    logits = [2.0, 1.0, 3.5, 0.5]
    picture = plotting.plot_softmax_loss(logits, 2, classes=list("abcd"))
    axes = picture.figure.axes
    expected = torch.softmax(torch.tensor(logits), dim=0)
    np.testing.assert_allclose([bar.get_height() for bar in axes[1].patches], expected.numpy(), atol=1e-6)
    loss = torch.nn.functional.cross_entropy(torch.tensor([logits]), torch.tensor([2])).item()
    assert axes[2].get_title(loc="left") == f"3. Loss = {loss:.3f}" == "3. Loss = 0.304"
    assert "c: logit 3.5, probability 73.8%" in picture.alt
    assert picture.alt.endswith("The truth is c, so the loss is 0.304.")
    assert [bool(bar.get_hatch()) for bar in axes[0].patches] == [False, False, True, False]


def test_softmax_picture_survives_huge_logits():
    axes = plotting.plot_softmax_loss([0.0, 1000.0], 0).figure.axes
    assert axes[2].lines[-1].get_marker() == "^"  # above the picture


def test_softmax_picture_refuses_targets_that_are_no_class():
    with pytest.raises(ValueError, match="target is 2"):
        plotting.plot_softmax_loss([0.0, 1.0], 2)
    with pytest.raises(ValueError, match="2 class names"):
        plotting.plot_softmax_loss([0.0, 1.0], 1, classes=["hat"])


@pytest.mark.parametrize("name", plotting.LANDSCAPES)
def test_slopes_of_the_landscapes_are_those_of_autograd(name):
    hill = plotting.LANDSCAPES[name]
    places = np.linspace(-5, 5, 41)
    step = 1e-6
    numeric = (hill.height(places + step) - hill.height(places - step)) / (2 * step)
    np.testing.assert_allclose(hill.slope(places), numeric, atol=1e-4)
    assert hill.lowest == pytest.approx(min(np.linspace(-6, 6, 1201), key=hill.height), abs=0.01)


@pytest.mark.parametrize(("learning_rate", "momentum"), [(0.3, 0.0), (0.1, 0.9)])
def test_descent_takes_the_steps_of_torchs_sgd(learning_rate, momentum):
    weight = torch.nn.Parameter(torch.tensor(plotting.LANDSCAPES["bowl"].start, dtype=torch.float64))
    optimizer = torch.optim.SGD([weight], lr=learning_rate, momentum=momentum)
    expected = [weight.item()]
    for _ in range(5):
        optimizer.zero_grad()
        (weight**2).backward()
        optimizer.step()
        expected.append(weight.item())
    places = plotting.descend(plotting.LANDSCAPES["bowl"], learning_rate=learning_rate, momentum=momentum, num_steps=5)
    np.testing.assert_allclose(places, expected)


@pytest.mark.parametrize(
    ("landscape", "learning_rate", "verdict"),
    [
        ("bowl", 0.01, "too small, it is still"),
        ("bowl", 0.3, "good"),
        ("bowl", 0.8, "large, it overshoots"),
        ("bowl", 0.97, "too large, it jumps"),
        ("bowl", 1.03, "much too large"),
        ("bumpy", 0.03, "small, it is caught"),
        ("bumpy", 0.2, "good"),
    ],
)
def test_walks_downhill_are_judged_by_where_they_lead(landscape, learning_rate, verdict):
    hill = plotting.LANDSCAPES[landscape]
    assert plotting.judge_descent(hill, plotting.descend(hill, learning_rate=learning_rate)).startswith(verdict)


def test_a_diverging_walk_ends_before_it_overflows():
    places = plotting.descend(plotting.LANDSCAPES["bowl"], learning_rate=50.0, num_steps=10_000)
    assert len(places) < 10
    assert plotting.plot_descent(50.0).html()


def test_descent_picture_holds_the_walk():
    picture = plotting.plot_descent(0.3, num_steps=4)
    hill_ax, loss_ax = picture.figure.axes
    places = plotting.descend(plotting.LANDSCAPES["bowl"], learning_rate=0.3, num_steps=4)
    np.testing.assert_allclose(hill_ax.lines[1].get_xdata(), places)
    np.testing.assert_allclose(loss_ax.lines[0].get_ydata(), places**2)
    assert picture.alt.startswith("Walking down a bowl landscape with learning rate 0.3: ")
    assert picture.alt.endswith(f"In 4 steps the loss goes from 16 to {places[-1] ** 2:.3g}.")


def test_momentum_rolls_through_a_hollow_that_holds_sgd():
    caught = plotting.plot_descent(0.03, landscape="bumpy")
    rolling = plotting.plot_descent(0.03, landscape="bumpy", momentum=0.9)
    assert "caught in a hollow" in caught.alt
    assert "learning rate 0.03, momentum 0.9: good, it comes close" in rolling.alt


def test_a_walk_with_momentum_that_has_turned_is_not_called_too_slow():
    places = plotting.descend(plotting.LANDSCAPES["bowl"], learning_rate=0.1, momentum=0.9)
    assert plotting.judge_descent(plotting.LANDSCAPES["bowl"], places) == "not yet, it still swings"


@pytest.mark.parametrize("learning_rate", [0.3, 1.03])
def test_the_whole_walk_is_in_the_picture_however_wild(learning_rate):
    hill_ax, loss_ax = plotting.plot_descent(learning_rate).figure.axes
    for ax, walk in ((hill_ax, hill_ax.lines[1]), (loss_ax, loss_ax.lines[0])):
        inside = ax.transLimits.transform(walk.get_xydata())
        assert ((inside >= 0) & (inside <= 1)).all()
    assert hill_ax.get_ylim() == loss_ax.get_ylim()


def test_every_fifth_step_has_its_number_beside_it_but_where_two_would_meet():
    places = plotting.descend(plotting.LANDSCAPES["bowl"], learning_rate=1.03)
    wild, timid, settled = (plotting.plot_descent(rate).figure.axes[0].texts for rate in (1.03, 0.01, 0.3))
    assert [text.get_text() for text in wild] == ["5", "10", "15"]
    np.testing.assert_allclose([text.xy for text in wild], [(x, x**2) for x in places[5:16:5]])
    assert [text.xyann[0] > 0 for text in wild] == [True, False, True], "outside the valley"
    assert all(text.xyann[1] < 0 for text in wild)
    assert len(timid) == 3
    assert not settled, "all of them would stand at the lowest point, where the last step is"


def test_the_slope_of_a_curve_is_that_of_the_line_through_its_nudged_points():
    words = {"xlabel": "weight", "ylabel": "loss", "title": "Here"}
    picture = plotting.draw_slope(lambda weight: (weight * 2 - 0.975) ** 2, 0.5, nudge=0.02, **words)
    (ax,) = picture.figure.axes
    curve, line, ends, point = ax.lines
    np.testing.assert_allclose(ends.get_xdata(), [0.48, 0.52])
    np.testing.assert_allclose(ends.get_ydata(), [0.000225, 0.004225], atol=1e-9)
    rise = np.diff(line.get_ydata()) / np.diff(line.get_xdata())
    np.testing.assert_allclose(rise, 0.1)
    np.testing.assert_allclose(np.interp(ends.get_xdata(), line.get_xdata(), line.get_ydata()), ends.get_ydata())
    np.testing.assert_allclose(curve.get_ydata(), (curve.get_xdata() * 2 - 0.975) ** 2)
    assert (point.get_xdata()[0], point.get_ydata()[0]) == pytest.approx((0.5, 0.000625))
    assert ax.get_title(loc="left") == "Here: slope 0.1"
    assert picture.alt.endswith("has the slope 0.1.")
