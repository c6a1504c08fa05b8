"""Covering parts of a picture: the map finds the part that a made-up student looks at."""

import pytest
import torch

from course_utils.occlusion import Look, cover_and_ask, visible_part
from course_utils.transforms import InputSpec


def looks_at(rows: slice, columns: slice):
    """A student of two classes, surer of the second the brighter this part of the picture is."""

    def answer(pictures):
        brightness = pictures[:, :, rows, columns].mean(dim=(1, 2, 3))
        return torch.stack([torch.zeros_like(brightness), 4 * brightness], dim=1)

    return answer


PARTS = {
    "upper left": (slice(0, 12), slice(0, 12)),
    "upper right": (slice(0, 12), slice(36, 48)),
    "lower left": (slice(36, 48), slice(0, 12)),
    "lower right": (slice(36, 48), slice(36, 48)),
    "middle": (slice(18, 30), slice(18, 30)),
    "top": (slice(0, 12), slice(18, 30)),
    "bottom": (slice(36, 48), slice(18, 30)),
    "left side": (slice(18, 30), slice(0, 12)),
    "right side": (slice(18, 30), slice(36, 48)),
}


@pytest.mark.parametrize("place", PARTS)
def test_the_part_that_decides_is_found_and_named(place):
    look = cover_and_ask(looks_at(*PARTS[place]), torch.ones(3, 48, 48))
    assert look.target == 1
    assert look.probability == pytest.approx(0.982, abs=1e-3)  # 1 / (1 + exp(-4))
    assert look.covered.min() == pytest.approx(0.5, abs=1e-5)
    assert look.describe("hat") == f"It looked at the {place} most: with that covered, “hat” falls from 98 % to 50 %."
    rows, columns = (slice(part.start // 6, part.stop // 6) for part in PARTS[place])
    inside = look.heat[rows, columns].mean()
    assert inside > 0.6
    assert inside > 2 * look.heat.mean()
    assert (look.heat.min(), look.heat.max()) == (pytest.approx(0, abs=1e-6), 1)


def test_where_no_part_decides_none_is_named():
    look = cover_and_ask(lambda pictures: torch.tensor([[3.0, 0.0]]).repeat(len(pictures), 1), torch.ones(3, 20, 20))
    assert not look.decides
    assert look.describe("hat") == "No single part decides: whichever is covered, “hat” keeps 95 % or more."
    assert look.heat.abs().max() == 0


def test_a_side_that_8_does_not_divide_is_covered_to_its_end():
    seen = []

    def answer(pictures):
        seen.append(pictures)
        return torch.zeros(len(pictures), 2)

    picture = torch.ones(3, 37, 37)
    cover_and_ask(answer, picture)
    assert len(seen[0]) == 37  # the picture, and 6 x 6 covers
    assert torch.equal(seen[0][0], picture)
    assert (seen[0][1:] == 0).any(dim=0).all(), "some pixel is never covered"
    assert (picture == 1).all(), "the picture itself was covered"


def test_covering_that_makes_surer_is_no_heat():
    look = Look(0, 0.5, torch.full((6, 6), 0.9))
    assert look.largest_drop == pytest.approx(-0.4)
    assert not look.decides
    assert look.heat.max() == 0


def test_the_part_that_the_network_gets_is_the_middle_or_all():
    assert visible_part(300, 100, InputSpec(96, None)) == (0, 0, 1, 1)
    assert visible_part(300, 100, InputSpec(96, 96)) == pytest.approx((1 / 3, 0, 2 / 3, 1))
    assert visible_part(100, 200, InputSpec(50, 100)) == pytest.approx((0.25, 0.375, 0.75, 0.625))
