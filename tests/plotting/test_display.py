"""A picture on the page: the figure's own pixels, with the sentence that says what it shows."""

import pytest
from matplotlib.figure import Figure

from course_utils import plotting
from course_utils.plotting import display


def line(alt: str = "A line.", **options) -> plotting.Picture:
    figure, ax = plotting.new_figure(height=2)
    ax.plot([0, 1])
    return plotting.Picture(figure, alt, **options)


def test_a_picture_shows_itself_with_its_alt_text(page_of):
    picture = line('A line "up" & <more>\n  of it')
    bundle = picture._repr_mimebundle_(include=None, exclude=None)
    page = page_of(picture)
    assert bundle["text/html"] == picture.html()
    assert page.alt == bundle["text/plain"] == 'A line "up" & <more> of it'
    assert page.kind == "png"
    assert page.picture.size == (round(8 * display.DPI), 2 * display.DPI)
    assert page.picture.convert("RGBA").getpixel((0, 0)) == (255, 255, 255, 255)


def test_jupyter_takes_the_bundle_and_not_the_repr():
    from IPython.core.formatters import DisplayFormatter

    data, _ = DisplayFormatter().format(line("A line."))
    assert set(data) == {"text/html", "text/plain"}
    assert data["text/plain"] == "A line."


def test_a_picture_is_as_wide_on_the_page_as_its_figure(page_of):
    figure, _ = plotting.new_figure(width=4, height=2)
    assert page_of(plotting.Picture(figure, "Nothing.")).width == 384  # 4 inches at 96 pixels


def test_photographs_are_stored_as_jpeg(page_of):
    assert page_of(line(photo=True)).kind == "jpeg"
    assert page_of(line()).kind == "png"


@pytest.mark.parametrize("alt", ["", "  \n", None])
def test_a_picture_without_alt_text_is_refused(alt):
    with pytest.raises(ValueError, match="alt"):
        line(alt)


def test_a_picture_needs_a_figure_and_axes_are_told_where_theirs_is():
    _, ax = plotting.new_figure(height=1)
    with pytest.raises(TypeError, match=r"not Axes.*ax\.figure"):
        plotting.Picture(ax, "one")
    assert isinstance(plotting.Picture(ax.figure, "one").figure, Figure)


def test_show_puts_a_picture_on_the_page(monkeypatch):
    pages = []
    monkeypatch.setattr(display, "display", pages.append)
    picture = line()
    plotting.show(picture)
    assert pages == [picture]


def test_the_same_figure_gives_the_same_bytes():
    assert line().html() == line().html()


def test_alt_text_that_cannot_be_stored_is_made_storable(page_of):
    assert page_of(line("caf\udce9\x07")).alt == "caf��"
