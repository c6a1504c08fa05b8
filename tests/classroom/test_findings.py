"""How the report of the doctor reads, as text and as a page."""

from xml.etree import ElementTree

from course_utils.classroom.findings import EnvironmentReport, Finding

REPORT = EnvironmentReport((Finding("disk", "9 GB <free>"), Finding("torch", "1.0", "Too old.", "install it")))


def test_the_text_marks_what_needs_mending_and_gives_the_command():
    assert str(REPORT).splitlines() == [
        "1 thing to mend, marked below.",
        "",
        "ok    disk   9 GB <free>",
        "MEND  torch  1.0",
        "             Too old.",
        "             -> install it",
    ]
    assert str(EnvironmentReport(REPORT.findings[:1])).startswith("This machine is ready.")


def test_the_text_wraps_long_lists_but_never_a_command():
    command = "install " + "very-long-path/" * 20
    text = repr(EnvironmentReport((Finding("packages", "name 1.0, " * 40, "Bad.", command),)))
    assert f"-> {command}" in text
    assert max(len(line) for line in text.splitlines() if "->" not in line) <= 120


def page(report):
    return ElementTree.fromstring(report._repr_html_().replace("<br>", "<br/>"))


def test_where_all_is_well_the_page_is_one_line_and_the_rest_is_folded_away():
    shown = page(EnvironmentReport(REPORT.findings[:1]))
    assert shown.tag == "details"
    assert "open" not in shown.attrib
    assert shown[0].text == "This machine is ready."
    assert "9 GB <free>" in set(shown.itertext())


def test_where_something_is_amiss_the_page_shows_that_alone_with_its_remedy():
    in_view, folded = page(REPORT)
    assert next(iter(in_view.itertext())) == "1 thing to mend, marked below."
    assert {"torch", "Too old.", "install it"} <= set(in_view.itertext())
    assert "disk" not in set(in_view.itertext())
    assert folded.tag == "details"
    assert {"disk", "9 GB <free>", "torch", "1.0"} <= set(folded.itertext())


def test_the_count_of_things_to_mend_reads_as_a_sentence():
    bad = Finding("a", "b", "c", "d")
    assert EnvironmentReport((bad, bad)).summary == "2 things to mend, marked below."
    assert EnvironmentReport((bad, bad)).problems == (bad, bad)


def test_a_report_without_findings_can_be_shown():
    empty = EnvironmentReport(())
    assert str(empty).startswith("This machine is ready.")
    assert "<table" in empty._repr_html_()


def test_a_remedy_is_kept_from_view_where_all_is_well():
    assert "install it" not in str(EnvironmentReport((Finding("torch", "2.6", "", "install it"),)))
    assert "install it" not in EnvironmentReport((Finding("torch", "2.6", "", "install it"),))._repr_html_()
