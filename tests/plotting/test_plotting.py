"""Figures: one look, alt text, real numbers in the marks, and helpful refusals."""

import base64
import html
import io
import math
import re

import matplotlib
import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex
from matplotlib.container import ErrorbarContainer
from PIL import Image

from course_utils import plotting
from course_utils.plotting import curves, display
from course_utils.report.history import History
from course_utils.transforms import InputSpec, build_eval_transform
from course_utils.tuning import RangeTest, Run, SweepResult


def decode(tag: str) -> tuple[str, str, Image.Image]:
    """The alt text, the format and the picture of an `<img>` tag."""
    alt, kind, data = re.fullmatch(r'<img alt="(.*?)" .*src="data:image/(\w+);base64,(.*)">', tag, re.DOTALL).groups()
    picture = Image.open(io.BytesIO(base64.b64decode(data)))
    picture.load()
    return html.unescape(alt), kind, picture


@pytest.fixture(autouse=True)
def _coarse(monkeypatch):
    """Coarse pictures are drawn faster; what they show is the same."""
    monkeypatch.setattr(display, "DPI", 30)
    monkeypatch.setattr(display, "PHOTO_DPI", 30)


@pytest.fixture
def shown(monkeypatch):
    """What the code under test puts on the page, in order."""
    pages = []
    monkeypatch.setattr(display, "display", lambda page, **_: pages.append(page))
    return pages


@pytest.fixture
def history() -> History:
    return History(
        train_loss=[2.0, 1.0, 0.5],
        train_accuracy=[0.3, 0.6, 0.9],
        val_loss=[1.8, 1.1, 1.3],
        val_accuracy=[0.4, 0.7, 0.6],
        learning_rate=[0.1] * 3,
        seconds=[1.0] * 3,
        num_train=200,
        num_val=100,
    )


# The page -------------------------------------------------------------------------------------------------------------


def test_show_puts_one_picture_with_its_alt_text_on_the_page(shown):
    figure, ax = plotting.new_figure(height=2)
    ax.plot([0, 1])
    plotting.show(figure, alt='A line "up" & <more>\n  of it')
    (page,) = shown
    alt, kind, picture = decode(page["text/html"])
    assert alt == page["text/plain"] == 'A line "up" & <more> of it'
    assert kind == "png"
    assert picture.size == (round(8 * display.DPI), 2 * display.DPI)
    assert picture.convert("RGBA").getpixel((0, 0)) == (255, 255, 255, 255)


def test_a_picture_is_as_wide_on_the_page_as_its_figure():
    figure, _ = plotting.new_figure(width=4, height=2)
    assert 'width="384"' in plotting.figure_html(figure, alt="Nothing")  # 4 inches at 96 pixels


def test_photographs_are_stored_as_jpeg():
    figure = plotting.draw_images(torch.rand(3, 32, 32))
    assert decode(plotting.figure_html(figure, alt="Noise", photo=True))[1] == "jpeg"


@pytest.mark.parametrize("alt", ["", "  \n", None])
def test_a_figure_without_alt_text_is_refused(alt, shown):
    with pytest.raises(ValueError, match="alt"):
        plotting.show(plotting.new_figure()[0], alt=alt)
    assert not shown


def test_show_takes_axes_and_arrays_of_axes_but_nothing_else(shown):
    _, ax = plotting.new_figure(height=1)
    _, several = plotting.new_figure(2, 2, height=2)
    plotting.show(ax, alt="one")
    plotting.show(several, alt="four")
    assert len(shown) == 2
    with pytest.raises(TypeError, match="str"):
        plotting.show("a figure", alt="none")


def test_the_same_figure_gives_the_same_bytes():
    tags = {plotting.figure_html(plotting.plot_predictions([("hat", 0.5)]), alt="x") for _ in range(2)}
    assert len(tags) == 1


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


# Pictures -------------------------------------------------------------------------------------------------------------


def test_a_picture_is_the_same_whatever_it_comes_as():
    array = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    tensor = torch.from_numpy(array).permute(2, 0, 1)
    for picture in (Image.fromarray(array), array, tensor):
        np.testing.assert_array_equal(plotting.to_pixels(picture), array)
    np.testing.assert_allclose(plotting.to_pixels(tensor / 255), array / 255, atol=1e-6)


def test_a_normalised_tensor_is_turned_back():
    image = Image.new("RGB", (8, 8), (255, 0, 51))
    spec = InputSpec(8)
    pixels = plotting.to_pixels(build_eval_transform(spec)(image), spec=spec)
    np.testing.assert_allclose(pixels[0, 0], [1, 0, 0.2], atol=1e-6)


def test_a_normalised_tensor_without_its_spec_is_refused():
    with pytest.raises(ValueError, match="spec="):
        plotting.to_pixels(torch.full((3, 4, 4), -2.0))
    with pytest.raises(ValueError, match="nan"):
        plotting.to_pixels(torch.full((3, 4, 4), math.nan))


def test_grey_pictures_are_drawn_grey():
    assert plotting.to_pixels(torch.zeros(1, 4, 6)).shape == (4, 6)
    figure = plotting.draw_images([torch.full((4, 6), 0.5)])
    np.testing.assert_allclose(figure.axes[0].images[0].to_rgba(0.5)[:3], 0.5, atol=0.01)


@pytest.mark.parametrize("shape", [(4,), (2, 4, 4), (1, 3, 4, 4)])
def test_a_picture_of_another_shape_is_refused_by_name(shape):
    with pytest.raises(ValueError, match=re.escape(str(shape)[1:-1].rstrip(",").split(",")[-1].strip())):
        plotting.to_pixels(torch.zeros(shape))


def test_what_is_no_picture_is_refused():
    with pytest.raises(TypeError, match="str"):
        plotting.draw_images(["photo.jpg"])


def test_a_batch_fills_a_grid_with_its_titles():
    figure = plotting.draw_images(torch.rand(7, 3, 8, 8), titles=list("abcdefg"), num_columns=3)
    drawn = [ax for ax in figure.axes if ax.images]
    assert [ax.get_title() for ax in drawn] == list("abcdefg")
    assert len(figure.axes) == 9
    assert not any(ax.axison for ax in figure.axes)


def test_show_images_shows_jpeg_unless_every_pixel_counts(shown):
    plotting.show_images(Image.new("RGB", (4, 4)), alt="black")
    plotting.show_images(Image.new("RGB", (4, 4)), alt="black", photo=False)
    assert [decode(page["text/html"])[1] for page in shown] == ["jpeg", "png"]


def test_pictures_and_titles_must_agree():
    with pytest.raises(ValueError, match="2 pictures need 2 titles, not 1"):
        plotting.draw_images(torch.rand(2, 3, 4, 4), titles=["one"])
    with pytest.raises(ValueError, match="no picture"):
        plotting.draw_images([])


def test_feature_maps_are_shown_one_a_channel():
    maps = torch.randn(1, 10, 4, 4)
    grid = plotting.plot_feature_maps(maps, num_maps=8, num_columns=3)
    drawn = [ax for ax in grid.flat if ax.images]
    assert len(drawn) == 8
    np.testing.assert_allclose(drawn[5].images[0].get_array(), maps[0, 5].numpy())
    with pytest.raises(ValueError, match="one picture"):
        plotting.plot_feature_maps(torch.randn(2, 10, 4, 4))


# Classes --------------------------------------------------------------------------------------------------------------


def test_predictions_are_bars_with_their_probabilities_likeliest_on_top():
    ax = plotting.plot_predictions([("hat", 0.75), ("shoe", 0.25)])
    assert [bar.get_width() for bar in ax.patches] == [0.75, 0.25]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["hat", "shoe"]
    assert [text.get_text() for text in ax.texts] == ["75.0%", "25.0%"]
    assert ax.yaxis_inverted()
    with pytest.raises(ValueError, match="no predictions"):
        plotting.plot_predictions([])


def test_charts_draw_into_the_axes_they_are_given():
    _, ax = plotting.new_figure()
    assert plotting.plot_predictions([("hat", 0.75)], ax) is ax


def test_class_counts_name_the_majority_baseline():
    ax = plotting.plot_class_counts({"hat": 10, "shoe": 30})
    assert [bool(bar.get_hatch()) for bar in ax.patches] == [False, True]
    assert "“shoe”" in ax.get_legend().get_texts()[0].get_text()
    assert "75.0%" in ax.get_legend().get_texts()[0].get_text()
    with pytest.raises(ValueError, match="no pictures"):
        plotting.plot_class_counts({"hat": 0})


def test_confusion_matrix_shades_rows_by_share_and_writes_counts():
    ax = plotting.plot_confusion_matrix(torch.tensor([[3, 1], [0, 0]]), ["hat", "shoe"])
    np.testing.assert_allclose(ax.images[0].get_array(), [[0.75, 0.25], [0, 0]])
    assert {text.get_position(): text.get_text() for text in ax.texts} == {(0, 0): "3", (1, 0): "1"}
    assert ax.get_ylabel() == "the truth"
    with pytest.raises(ValueError, match="3 classes"):
        plotting.plot_confusion_matrix(np.eye(2), ["a", "b", "c"])


# Curves ---------------------------------------------------------------------------------------------------------------


def test_history_curves_hold_the_figures_of_the_report_card(history):
    loss_ax, accuracy_ax = plotting.plot_history(history)
    np.testing.assert_allclose(loss_ax.lines[0].get_xydata(), [[1, 2.0], [2, 1.0], [3, 0.5]])
    np.testing.assert_allclose(loss_ax.lines[1].get_ydata(), history.val_loss)
    np.testing.assert_allclose(accuracy_ax.lines[0].get_ydata(), history.train_accuracy)


def test_history_marks_the_best_epoch_in_both_curves(history):
    assert history.best_epoch == 2
    loss_ax, accuracy_ax = plotting.plot_history(history)
    rings = [ax.collections[-1].get_offsets().tolist() for ax in (loss_ax, accuracy_ax)]
    np.testing.assert_allclose(rings, [[[2, 1.1]], [[2, 0.7]]])


def test_history_error_bars_are_one_standard_error_of_the_mock_exam(history):
    _, ax = plotting.plot_history(history)
    (bars,) = [container for container in ax.containers if isinstance(container, ErrorbarContainer)]
    (segments,) = [lines.get_segments() for lines in bars.lines[2]]
    for (low, high), accuracy in zip(segments, history.val_accuracy, strict=True):
        error = math.sqrt(accuracy * (1 - accuracy) / 100)
        np.testing.assert_allclose([low[1], high[1]], [accuracy - error, accuracy + error])


def test_history_without_accuracy_shows_the_loss_alone(history):
    history.train_accuracy = history.val_accuracy = [None] * 3
    history.monitor = "val_loss"
    assert len(plotting.plot_history(history)) == 1
    assert "accuracy" not in plotting.describe_history(history)


def test_history_without_sample_counts_has_no_error_bars(history):
    history.num_val = None
    _, ax = plotting.plot_history(history)
    (bars,) = [container for container in ax.containers if isinstance(container, ErrorbarContainer)]
    assert not bars.has_yerr


def test_history_that_is_not_finite_is_drawn_all_the_same(history):
    history.train_loss = history.val_loss = [math.nan] * 3
    assert history.best_epoch is None
    plotting.figure_html(plotting.plot_history(history), alt=plotting.describe_history(history))


def test_an_empty_history_is_refused():
    with pytest.raises(ValueError, match="no epoch"):
        plotting.plot_history(History())


def test_describe_history_tells_the_figures(history):
    text = plotting.describe_history(history)
    assert "3 terms" in text
    assert "2.00 to 0.50" in text
    assert "40.0% to 60.0%" in text
    assert "best term is 2" in text


def test_live_curves_redraw_one_figure_in_place(history, monkeypatch):
    pages = []

    class Handle:
        def update(self, page, **options):
            assert options == {"raw": True}
            pages.append(("update", page))

    def display_page(page, **options):
        assert options == {"raw": True, "display_id": True}
        pages.append(("new", page))
        return Handle()

    monkeypatch.setattr(curves, "display", display_page)
    live = plotting.LiveCurves()
    for num_epochs in (1, 2, 3, 1):
        names = ("train_loss", "train_accuracy", "val_loss", "val_accuracy")
        live(History(**{name: getattr(history, name)[:num_epochs] for name in names}, num_val=100))
    assert [kind for kind, _ in pages] == ["new", "update", "update", "new"]
    assert [decode(page["text/html"])[0].split(".")[0] for _, page in pages] == [
        "Curves over 1 term",
        "Curves over 2 terms",
        "Curves over 3 terms",
        "Curves over 1 term",
    ]


# Learning rates -------------------------------------------------------------------------------------------------------


def sweep_result(scores: dict[float, list[float]], parameter: str = "learning_rate") -> SweepResult:
    def run(score):
        loss = 1.0 if math.isfinite(score) else math.nan
        return History([loss], [0.5], [loss], [score], [0.1], [1.0], num_train=100, num_val=100)

    runs = [Run(value, seed, run(score)) for value, row in scores.items() for seed, score in enumerate(row)]
    return SweepResult(parameter, runs)


def test_sweep_draws_the_means_and_errors_of_its_result():
    result = sweep_result({0.001: [0.5, 0.6], 0.01: [0.8, 0.9], 0.1: [0.8, 0.84]})
    ax = plotting.plot_sweep(result)
    (bars,) = ax.containers
    np.testing.assert_allclose(bars.lines[0].get_xydata(), [[0, 0.55], [1, 0.85], [2, 0.82]])
    (segments,) = [lines.get_segments() for lines in bars.lines[2]]
    halves = [(segment[1, 1] - segment[0, 1]) / 2 for segment in segments]
    np.testing.assert_allclose(halves, result.errors)
    assert [label.get_text() for label in ax.get_xticklabels()] == ["0.001", "0.01", "0.1"]
    assert ax.get_xlabel() == "learning rate"


def test_sweep_rings_what_cannot_be_told_apart():
    result = sweep_result({0.001: [0.5, 0.6], 0.01: [0.8, 0.9], 0.1: [0.8, 0.84]})
    assert result.indistinguishable == [0.01, 0.1]
    ax = plotting.plot_sweep(result)
    (rings,) = [dots for dots in ax.collections if "the best" in str(dots.get_label())]
    np.testing.assert_allclose(rings.get_offsets(), [[1, 0.85], [2, 0.82]])


def test_sweep_says_where_a_run_diverged():
    ax = plotting.plot_sweep(sweep_result({0.0: [0.5, 0.6], 0.5: [0.8, math.nan]}, parameter="dropout"))
    assert [(text.get_text(), text.get_position()[0]) for text in ax.texts] == [("diverged", 1.06)]
    assert ax.get_title(loc="left") == "Which dropout?"
    plotting.figure_html(ax, alt="dropout")


def test_range_test_keeps_the_valley_in_view_when_the_loss_blows_up():
    rates, losses = [1e-4, 1e-3, 1e-2, 1e-1], [2.0, 1.0, 500.0, math.nan]
    ax = plotting.plot_range_test(RangeTest(rates, losses, losses, 1e-3, "steepest"))
    assert ax.get_ylim() == pytest.approx((0.9, 4.1))
    assert "suggested: 0.001" in [text.get_text() for text in ax.get_legend().get_texts()]
    ax = plotting.plot_range_test(RangeTest(rates, losses, losses, None, "never fell"))
    assert not any("suggested" in text.get_text() for text in ax.get_legend().get_texts())


def test_range_test_that_is_nan_from_the_start_is_drawn_all_the_same():
    nothing = [math.nan] * 2
    plotting.figure_html(plotting.plot_range_test(RangeTest([0.1, 1.0], nothing, nothing, None, "")), alt="nothing")


# Flow -----------------------------------------------------------------------------------------------------------------


def boxes(ax) -> list[tuple[float, float]]:
    frames = [patch for patch in ax.patches if patch.get_label() == "" and hasattr(patch, "get_boxstyle")]
    return [(frame.get_x(), frame.get_y()) for frame in frames]


def test_flow_runs_to_the_right_and_back_in_the_next_row():
    ax = plotting.draw_flow(list("abcdef"), num_columns=3)
    (ax_, ay), (bx, by), (cx, cy), (dx, dy), (ex, _), _ = boxes(ax)
    assert ay == by == cy > dy
    assert ax_ < bx < cx == pytest.approx(dx)
    assert ex == pytest.approx(bx)


def test_flow_texts_stay_inside_their_boxes():
    steps = [("global average pooling", "(32, 1280, 1, 1)"), ("student\nmodel", "(32, 3, 224, 224)"), ("x", "")] * 2
    ax = plotting.draw_flow(steps, num_columns=5)
    figure = ax.figure
    figure.canvas.draw()
    frames = [patch.get_window_extent() for patch in ax.patches if hasattr(patch, "get_boxstyle")]
    for text in ax.texts:
        if text.get_text():
            extent = text.get_window_extent()
            assert any(
                frame.x0 <= extent.x0 and extent.x1 <= frame.x1 and frame.y0 <= extent.y0 and extent.y1 <= frame.y1
                for frame in frames
            ), text.get_text()


def test_flow_draws_loops_with_their_labels_and_frames_what_matters():
    ax = plotting.draw_flow(["read", "mark", "correct"], loops=[(2, 0, "again")], emphasis=[1])
    assert "again" in [text.get_text() for text in ax.texts]
    widths = [patch.get_linewidth() for patch in ax.patches if hasattr(patch, "get_boxstyle")]
    assert widths[1] > widths[0] == widths[2]
    assert len(ax.patches) == 3 + 2 + 2  # boxes, arrows between them, line and head of the loop


def test_flow_refuses_positions_that_do_not_exist():
    with pytest.raises(ValueError, match="0 to 1"):
        plotting.draw_flow(["a", "b"], loops=[(2, 0, "")])
    with pytest.raises(ValueError, match="0 to 1"):
        plotting.draw_flow(["a", "b"], emphasis=[-1])
    with pytest.raises(ValueError, match="no steps"):
        plotting.draw_flow([])
    with pytest.raises(ValueError, match="neighbouring"):
        plotting.draw_flow(list("abc"), num_columns=1, loops=[(2, 0, "")])


# Explanations ---------------------------------------------------------------------------------------------------------


def test_softmax_picture_holds_pytorchs_probabilities_and_loss():
    logits = [2.0, 1.0, 3.5, 0.5]
    axes = plotting.plot_softmax_loss(logits, 2)
    expected = torch.softmax(torch.tensor(logits), dim=0)
    np.testing.assert_allclose([bar.get_height() for bar in axes[1].patches], expected.numpy(), atol=1e-6)
    loss = torch.nn.functional.cross_entropy(torch.tensor([logits]), torch.tensor([2])).item()
    assert axes[2].get_title(loc="left") == f"3. Loss = {loss:.3f}" == "3. Loss = 0.304"
    assert [bool(bar.get_hatch()) for bar in axes[0].patches] == [False, False, True, False]


def test_softmax_picture_survives_huge_logits():
    axes = plotting.plot_softmax_loss([0.0, 1000.0], 0)
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


def test_descent_takes_the_steps_of_torchs_sgd():
    weight = torch.nn.Parameter(torch.tensor(plotting.LANDSCAPES["bowl"].start, dtype=torch.float64))
    optimizer = torch.optim.SGD([weight], lr=0.3)
    expected = [weight.item()]
    for _ in range(5):
        optimizer.zero_grad()
        (weight**2).backward()
        optimizer.step()
        expected.append(weight.item())
    places = plotting.descend(plotting.LANDSCAPES["bowl"], learning_rate=0.3, num_steps=5)
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
    plotting.figure_html(plotting.plot_descent(50.0), alt="far out")


def test_descent_picture_holds_the_walk():
    hill_ax, loss_ax = plotting.plot_descent(0.3, num_steps=4)
    places = plotting.descend(plotting.LANDSCAPES["bowl"], learning_rate=0.3, num_steps=4)
    np.testing.assert_allclose(hill_ax.lines[1].get_xdata(), places)
    np.testing.assert_allclose(loss_ax.lines[0].get_ydata(), places**2)


# All of them ----------------------------------------------------------------------------------------------------------


def test_every_chart_has_a_title_and_labelled_axes(history):
    charts = [
        plotting.plot_predictions([("hat", 1.0)]),
        plotting.plot_class_counts({"hat": 1}),
        plotting.plot_sweep(sweep_result({0.1: [0.5, 0.6]})),
        plotting.plot_range_test(RangeTest([0.1, 0.2], [1.0, 2.0], [1.0, 1.5], None, "")),
        plotting.plot_confusion_matrix(np.eye(2, dtype=int), ["a", "b"]),
        *plotting.plot_history(history),
        *plotting.plot_descent(0.1),
    ]
    for ax in charts:
        assert ax.get_title(loc="left")
        assert ax.get_xlabel()
        assert ax.get_ylabel() or ax.get_yticklabels()[0].get_text()
