"""Numbers and masks of every library pick the samples that are meant, and whatever else is refused."""

import numpy as np
import pytest
import torch

from course_utils.pictures.selection import one_position, positions

AS_LIBRARIES_DO = (list, tuple, iter, np.array, torch.tensor, lambda values: [torch.tensor(value) for value in values])


@pytest.mark.parametrize("library", AS_LIBRARIES_DO)
def test_a_mask_selects_where_it_is_true(library):
    assert positions(library([False, True, False, False, True, True, False]), 7) == [1, 4, 5]
    assert positions(library([False] * 7), 7) == []


@pytest.mark.parametrize("library", [*AS_LIBRARIES_DO, lambda values: np.array(values, dtype=np.uint8)])
def test_whole_numbers_of_any_library_select(library):
    assert positions(library([6, 0, 6]), 7) == [6, 0, 6]
    assert positions(library([]), 7) == []


@pytest.mark.parametrize(
    ("indices", "error", "words"),
    [
        ([True, False], ValueError, "each of the 7 samples, not 2"),
        ([True, 2], TypeError, "mask goes into"),
        ([0, -1], IndexError, "no sample -1: .* 0 to 6"),
        (torch.tensor([7]), IndexError, "no sample 7: the data set has 7"),
        ([1.0], TypeError, r"1\.0 is no number"),
        (np.array([0.5]), TypeError, "0.5 is no number"),
        (torch.tensor([1.0]), TypeError, "no number"),
        ("12", TypeError, "'1' is no number"),
        ([None], TypeError, "None is no number"),
        (torch.zeros(2, 2, dtype=torch.int64), TypeError, "no number"),
        (3, TypeError, r"select\(\[number\]\)"),
        (torch.tensor(3), TypeError, r"select\(\[number\]\)"),
    ],
)
def test_whatever_is_no_mask_and_no_number_in_range_selects_nothing(indices, error, words):
    with pytest.raises(error, match=words):
        positions(indices, 7)


@pytest.mark.parametrize("index", [2, np.int64(2), np.array(2), torch.tensor(2)])
def test_a_whole_number_of_any_library_is_one_of_pythons_own(index):
    assert type(one_position(index, 7)) is int
    assert one_position(index, 7) == 2


def test_one_position_counts_from_the_end_as_every_sequence_does():
    assert [list("abcdefg")[one_position(index, 7)] for index in (-1, -7, 0, 6)] == ["g", "a", "a", "g"]


@pytest.mark.parametrize(
    ("index", "error", "words"),
    [
        (True, TypeError, r"mask goes into dataset\.select"),
        (torch.tensor(True), TypeError, r"mask goes into dataset\.select"),
        (np.bool_(False), TypeError, r"mask goes into dataset\.select"),
        (1.0, TypeError, "no number of a sample"),
        (torch.tensor([1, 2]), TypeError, "no number of a sample"),
        (slice(0, 2), TypeError, r"select\(range\(start, stop\)\)"),
        (7, IndexError, "no sample 7"),
        (-8, IndexError, "no sample -8"),
    ],
)
def test_whatever_is_no_number_of_a_sample_is_refused(index, error, words):
    with pytest.raises(error, match=words):
        one_position(index, 7)


def test_a_series_of_an_unknown_library_selects_by_what_it_holds():
    class Series:
        def __iter__(self):
            return iter([np.bool_(True), np.bool_(False)])

    assert positions(Series(), 2) == [0]
