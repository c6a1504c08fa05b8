"""The pages that `course run` writes, opened from the disk: nothing comes from elsewhere, all can read them."""

import nbformat
import pytest

from course_utils.classroom import lessons
from course_utils.classroom.pages import write_page

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is in the extra `dev`")
LESSONS = lessons.all_lessons()


def faults(page) -> list[str]:
    """What axe calls serious or worse, with the place."""
    found = axe.Axe().run(page).response["violations"]
    return [
        f"{fault['id']}: {fault['help']} ({len(fault['nodes'])} times, first {fault['nodes'][0]['html'][:160]})"
        for fault in found
        if fault["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)
def test_a_page_is_whole_without_a_network_and_has_no_serious_fault(lesson, page, tmp_path):
    path = tmp_path / f"{lesson.name}.html"
    write_page(nbformat.read(lesson.path, as_version=4), path)
    page.goto(path.as_uri())
    assert page.locator("h1").count() == 1
    assert (
        page.evaluate("Array.from(document.images).filter(image => !image.complete || !image.naturalWidth).length") == 0
    )
    assert faults(page) == []


def test_a_fault_would_be_found(page):
    page.set_content(
        "<html lang='en'><title>t</title><main><h1>t</h1><img src='data:image/gif;base64,R0lGODlhAQABAAAAACw='></main>"
    )
    assert [fault.split(":")[0] for fault in faults(page)] == ["image-alt"]
