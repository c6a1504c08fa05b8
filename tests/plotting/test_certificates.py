"""The certificate: a tick for each demand that is met, and no certificate while one is not."""

import pytest

from course_utils.plotting import draw_certificate


def texts(picture):
    return [text.get_text() for text in picture.figure.axes[0].texts]


def test_all_demands_met_make_a_certificate():
    picture = draw_certificate("Ten instruments", "91 %", {"a clean folder": True, "one exam": True})
    assert texts(picture)[:3] == ["Certificate", "Ten instruments", "91 %"]
    assert texts(picture)[3:] == ["✓", "a clean folder", "✓", "one exam"]
    assert picture.alt == ("Certificate. Ten instruments. 91 %. 2 of 2 demands are met: a clean folder; one exam.")


def test_a_demand_that_is_not_met_is_crossed_and_named():
    picture = draw_certificate("Ten instruments", "91 %", {"a clean folder": True, "one exam": False})
    assert texts(picture)[0] == "Not yet a certificate"
    assert texts(picture)[3:] == ["✓", "a clean folder", "✗", "one exam"]
    assert picture.alt.endswith("1 of 2 demands are met; not met: one exam.")


def test_every_line_stands_inside_the_frame():
    rubric = {f"demand {number}": True for number in range(12)}
    picture = draw_certificate("Subject", "Mark", rubric)
    height = picture.figure.get_figheight()
    assert all(0 < text.get_position()[1] < height - 0.16 for text in picture.figure.axes[0].texts)


def test_a_certificate_for_nothing_is_refused():
    with pytest.raises(ValueError, match="at least one demand"):
        draw_certificate("Subject", "Mark", {})


def test_a_long_subject_is_wrapped_and_the_sheet_grows():
    subject = "has learned " + ", ".join(f"kind number {number}" for number in range(20))
    long, short = (draw_certificate(each, "91 %", {"one exam": True}) for each in (subject, "Ten instruments"))
    assert long.figure.get_figheight() > short.figure.get_figheight()
    lines = texts(long)[1:-3]
    assert " ".join(lines) == subject
    assert max(map(len, lines)) <= 80
    assert subject in long.alt
