"""The bar under verdicts, predictions and comparisons."""

from course_utils.classroom.callout import GREEN, callout


def test_words_label_and_message_are_text_never_markup():
    bar = callout("<i>Solved</i>", "a < b & `x[0] < 1`\nnext", colour=GREEN, label="<01.1>")
    assert "<strong>&lt;i&gt;Solved&lt;/i&gt;</strong> · &lt;01.1&gt;" in bar
    assert "a &lt; b &amp; <code>x[0] &lt; 1</code><br>next" in bar
    assert GREEN in bar


def test_without_a_label_no_dot_is_left_over():
    assert " · " not in callout("Yours", "0.81", colour=GREEN)
