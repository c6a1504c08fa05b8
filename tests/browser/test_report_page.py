"""The report of a schooling, opened in a real browser: light, dark, and as wide as a telephone."""

import pytest
from schooling.conftest import make_small, paint_zoo

from course_utils.schooling.page import write_report
from course_utils.schooling.run import school

from .test_pages_opened import faults


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("COURSE_WEIGHTS", "course")
        make_small(monkeypatch)
        zoo = paint_zoo(folder / "Mein Zoo")
        (zoo / "red" / "a file with a long name that holds nothing.png").touch()
        schooling = school(zoo, folder / "student.pt", device="cpu", progress=False)
    write_report(folder / "student.html", schooling)
    return folder / "student.html"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1300, 390])
def test_the_report_has_no_serious_fault_and_fits_the_window(report, page, scheme, width):
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    page.goto(report.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("Array.from(document.images).every(image => image.complete && image.naturalWidth)")
    assert faults(page) == []


def test_a_wide_table_moves_by_the_keyboard(report, page):
    page.set_viewport_size({"width": 390, "height": 900})
    page.goto(report.as_uri())
    region = page.get_by_role("region", name="The pictures")
    region.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("document.activeElement.scrollLeft > 0")
