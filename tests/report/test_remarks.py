"""Each remark on made-up report cards, on both sides of its border, and in its order."""

import math
from itertools import pairwise

import pytest
from made_up import card

from course_utils.report.history import History


def said(history, words):
    return any(words in remark for remark in history.remarks())


# Remarks: (history that calls for it, history just on the other side, words)

STEADY = [1.0, 0.8, 0.7, 0.65, 0.645]
BORDERS = {
    "majority": (
        card([1.0, 0.5], [1.0, 0.9], [0.3, 0.4], [0.3, 0.39], majority=0.3),  # two standard errors: 0.0917
        card([1.0, 0.5], [1.0, 0.9], [0.3, 0.4], [0.3, 0.40], majority=0.3),
        "no better than always answering",
    ),
    "still improving": (
        card([1.0, 0.9, 0.8], [1.0, 0.9, 0.88]),
        card([1.0, 0.9, 0.8], [1.0, 0.9, 0.885]),
        "still improving",
    ),
    "still improving only in the last term": (
        card([1.0, 0.9, 0.8, 0.7], [1.0, 0.9, 0.8, 0.7]),
        card([1.0, 0.9, 0.8, 0.7], [1.0, 0.6, 0.8, 0.7]),
        "still improving",
    ),
    "overfitting": (
        card([1.0, 0.8, 0.6, 0.4], [1.0, 0.9, 0.9, 0.95]),
        card([1.0, 0.8, 0.6, 0.4], [1.0, 0.9, 0.9, 0.94]),
        "Since term 2",
    ),
    "overfitting for two terms": (
        card([1.0, 0.8, 0.6, 0.4], [1.0, 0.8, 1.0, 1.2]),
        card([1.0, 0.8, 0.6], [1.0, 0.8, 1.2]),
        "overfitting",
    ),
    "overfitting needs a falling practice loss": (
        card([1.0, 0.8, 0.6, 0.7], [1.0, 0.8, 1.0, 1.2]),
        card([1.0, 0.8, 0.6, 0.8], [1.0, 0.8, 1.0, 1.2]),
        "overfitting",
    ),
    "overfitting needs a steady practice loss": (
        card([1.0, 0.8, 0.6, 0.7], [1.0, 0.8, 1.0, 1.2]),
        card([1.0, 0.8, 1.2, 0.7], [1.0, 0.8, 1.0, 1.2]),  # turns around twice
        "overfitting",
    ),
    "either would do is left unsaid where overfitting names the better term": (
        card([1.0, 0.8, 0.6], [1.0, 0.8, 0.83], [0.4, 0.5, 0.6], [0.4, 0.5, 0.49]),
        card([1.0, 0.8, 0.6, 0.4], [1.0, 0.8, 1.0, 1.2], [0.4, 0.5, 0.6, 0.7], [0.4, 0.5, 0.5, 0.49]),
        "either would do",
    ),
    "up and down": (
        card([1.0, 1.2, 0.9, 1.2], [1.0] * 4),  # mean 1.075: moves of more than 0.1075
        card([1.0, 1.1, 1.0, 1.1], [1.0] * 4),
        "practice loss goes up and down",
    ),
    "up and down twice": (
        card([1.0, 0.9, 0.8, 0.7], [1.0, 2.0, 1.0, 2.0]),
        card([1.0, 0.9, 0.8, 0.7], [1.0, 2.0, 1.0, 1.0]),
        "mock-exam loss goes up and down",
    ),
    "hardly moving": (
        card([2.3, 2.29, 2.26], [2.3] * 3),
        card([2.3, 2.29, 2.25], [2.3] * 3),
        "hardly moves",
    ),
    "hardly moving in three terms": (
        card([2.3, 2.3, 2.3], [2.3] * 3),
        card([2.3, 2.3], [2.3] * 2),
        "hardly moves",
    ),
    "mock exam better": (
        card([1.0], [0.9], [0.75], [0.80]),
        card([1.0], [0.9], [0.77], [0.80]),
        "better than practice",
    ),
    "mock exam better, by loss": (
        card([1.0], [0.94], monitor="val_loss"),
        card([1.0], [0.96], monitor="val_loss"),
        "better than practice",
    ),
    "any would do": (
        card([1.0, 0.9], [1.0, 1.0], [0.9, 0.9], [0.80, 0.77]),
        card([1.0, 0.9], [1.0, 1.0], [0.9, 0.9], [0.80, 0.75]),
        "either would do",
    ),
    "not finite": (
        card([1.0, math.nan], [1.0, 1.0]),
        card([1.0, 1e9], [1.0, 1.0]),
        "no longer a finite number",
    ),
}


@pytest.mark.parametrize("rule", BORDERS)
def test_each_remark_is_made_on_one_side_of_its_border_only(rule):
    calls_for_it, does_not, words = BORDERS[rule]
    assert said(calls_for_it, words), calls_for_it.remarks()
    assert not said(does_not, words), does_not.remarks()


# The words of the rules, in the order of `History.remarks`.
ORDER = (
    "no better than always answering",
    "hardly moves",
    "goes up and down",
    "learns by heart",
    "still improving",
    "better than practice",
    "either would do",
)
TOGETHER = (
    card([2.3] * 3, [2.3] * 3, [0.1] * 3, [0.20, 0.19, 0.18], majority=0.2),
    card([1.0, 0.9, 0.8, 0.7, 0.6], [1.0, 2.0, 1.0, 2.0, 2.5], [0.1] * 5, [0.2] * 5, majority=0.2),
    card([2.3] * 3, [2.3, 2.2, 2.1], [0.1] * 3, [0.80, 0.80, 0.79]),
    card([1.0, 1.0, 1.0], [1.0, 2.0, 1.0], [0.1] * 3, [0.80, 0.80, 0.79]),
    card([1.0, 0.5, 1.0, 0.5], [1.0] * 4, [0.1] * 4, [0.80, 0.80, 0.80, 0.79]),
)


def test_the_most_important_remark_comes_first():
    seen = set()
    for history in TOGETHER:
        places = [next(n for n, words in enumerate(ORDER) if words in remark) for remark in history.remarks()]
        assert places == sorted(places)
        seen |= set(pairwise(places))
    assert {(0, 1), (0, 2), (1, 4), (2, 3), (2, 5), (3, 5), (4, 5), (5, 6)} <= seen, "pairs that make the order"


def test_remarks_are_silent_where_the_figures_do_not_carry_them():
    assert History().remarks() == []
    steady = card(STEADY, STEADY, [0.6, 0.7, 0.75, 0.8, 0.8], [0.6, 0.7, 0.75, 0.78, 0.8])
    assert steady.remarks() == []
    unknown = card([1.0, 0.9], [1.0, 1.0], [0.5, 0.5], [0.80, 0.79], num_val=None, majority=0.9)
    assert unknown.remarks() == []


def test_a_loss_that_is_not_finite_silences_the_others():
    remarks = card([1.0, 1.0, 1.0, math.inf], [1.0] * 4, learning_rate=[0.5] * 4).remarks()
    assert len(remarks) == 1
    assert "In term 4" in remarks[0]
    assert "it was 0.5" in remarks[0]


RATES = {"learning_rate": [0.5, 0.4, 0.3, 0.2, 0.1]}
FIGURES = {
    "not finite": (
        card([1.0, 0.5, math.nan], [1.0, 2.5, math.inf], learning_rate=[0.5, 0.4, 0.3]),
        [
            "In term 3",
            "practice nan, mock exam inf",
            "too high (it was 0.3): try a tenth. Otherwise look at",
            "labels: a batch in which the criterion ignores all of them has no loss.",
        ],
    ),
    "no better than": (
        card([1.0, 0.5], [1.0, 0.9], [0.3, 0.4], [None, 0.25], majority=0.2),
        ["mock exam, 25.0%", "(20.0% ± 4.0%)", "belong together, that the coach holds", "other learning rates."],
    ),
    "hardly moves": (
        card([2.31, 2.30, 2.29, 2.28, 2.27], [2.3] * 5, **RATES),
        [
            "2.310 in term 1, 2.270 in term 5",
            "too low (it was 0.5), try ten times as much",
            "does the optimizer hold the trainable parameters?",
        ],
    ),
    "practice loss goes up": (
        card([1.0, 1.5, 0.9, 1.4, 0.8], [1.0] * 5, **RATES),
        ["turned around 3 times in 5 terms", "between 0.800 and 1.500", "(it was 0.1): try a third", "that lowers it."],
    ),
    "mock-exam loss goes up": (
        card([1.0, 0.9, 0.8, 0.7, 0.6], [1.0, 2.0, 1.0, 2.0, 2.5], **RATES),
        ["turned around 2 times in 5 terms", "between 1.000 and 2.500"],
    ),
    "overfitting": (
        card([1.0, 0.8, 0.6, 0.4], [1.0, 0.9, 0.9, 0.95]),
        ["Since term 2", "fell from 0.800 to 0.400", "rose from 0.900 to 0.950"],
    ),
    "still improving": (
        card([1.0, 0.9, 0.8], [1.0, 0.9, 0.85]),
        ["loss 0.900 to 0.850", "3 terms are too few. Try about 6."],
    ),
    "better than practice": (
        card([1.0], [0.9], [0.75], [0.80]),
        [
            "(80.0% ± 4.0% against 75.0%)",
            "make practice harder, and it is measured all",
            "fairly, evaluate the training pictures",
            "(the loader train_eval).",
        ],
    ),
    "better than practice, by loss": (card([1.0], [0.94], monitor="val_loss"), ["(loss 0.940 against 1.000)"]),
    "would do": (
        card([1.0, 0.9], [1.0, 1.0], [0.9, 0.9], [0.80, 0.77]),
        [
            "best term (1: 80.0%)",
            "last (2: 77.0%)",
            "(± 4.0%, from 100 samples): either would do. A difference",
            "one setting to another.",
        ],
    ),
}


@pytest.mark.parametrize("rule", FIGURES)
def test_each_remark_quotes_its_figures(rule):
    history, figures = FIGURES[rule]
    [remark] = [remark for remark in history.remarks() if figures[0] in remark]
    assert [figure for figure in figures if figure not in remark] == []
    assert remark.endswith((".", "?"))


def test_a_rate_that_is_not_known_is_not_quoted():
    assert "is too high: try a tenth" in card([math.nan], [1.0]).remarks()[0]


# Histories that lie just on a border, in figures that a computer holds exactly: what is said there, and what is not.
ON_THE_BORDER = {
    "two standard errors above the majority": (
        card([1.0], [1.0], [0.5], [0.6], majority=0.5),
        "",
        "no better than always answering",
    ),
    "a practice loss that moves by 2 %": (card([50.0, 50.0, 51.0], [50.0] * 3), "hardly moves", ""),
    "turns by a tenth of the mean": (card([9.5, 10.5, 9.5, 10.5], [10.0] * 4), "", "up and down"),
    "a mock exam 5 % worse": (card([4.0, 3.0, 2.0], [20.0, 21.0, 21.0]), "", "overfitting"),
    "a mock exam 2 % better in the second term": (card([2.0, 1.0], [50.0, 49.0]), "still improving", ""),
    "one standard error better than practice": (
        card([1.0], [1.0], [0.4375], [0.5], num_val=64),
        "",
        "better than practice",
    ),
    "a loss 5 % lower than in practice": (card([20.0], [19.0], monitor="val_loss"), "", "better than practice"),
    "a large loss 10 % lower than in practice": (card([20.0], [18.0], monitor="val_loss"), "better than practice", ""),
    "one standard error worse than the best": (
        card([2.0, 1.0, 1.0], [1.0] * 3, [0.5] * 3, [0.5, 0.25, 0.4375], num_val=64),
        "either would do",
        "",
    ),
}


@pytest.mark.parametrize("case", ON_THE_BORDER)
def test_on_the_border_the_rule_is_kept_to_the_letter(case):
    history, words, unsaid = ON_THE_BORDER[case]
    assert said(history, words) or not words, history.remarks()
    assert not unsaid or not said(history, unsaid), history.remarks()


@pytest.mark.parametrize(
    "history",
    [
        card([1.0, 0.9], [1.0, 1.0], majority=0.5),
        card([1.0, 0.9], [0.9, 1.0], [0.5, 0.5], [0.8, None], monitor="val_loss"),
        card([1.0, 0.9], [0.9, 1.0], [0.5, 0.5], [None, 0.3], monitor="val_loss"),
    ],
    ids=["no accuracy, but a majority", "none in the last term", "none in the best term"],
)
def test_where_an_accuracy_is_missing_nothing_is_said_of_it(history):
    assert history.remarks() == []
