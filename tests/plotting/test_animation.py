"""Animated pictures: every frame in order, a few plays, a last frame that stands alone, and a bound on the bytes."""

import io
import re

import numpy as np
import pytest
from PIL import Image

from course_utils import plotting
from course_utils.plotting import animation


def walking_square(num_frames: int) -> list[Image.Image]:
    frames = []
    for place in range(num_frames):
        pixels = np.full((20, 10 * num_frames, 3), 255, np.uint8)
        pixels[5:15, 10 * place : 10 * place + 10] = (200, 30 * place, 0)
        frames.append(Image.fromarray(pixels))
    return frames


def noise(num_frames: int, side: int) -> list[Image.Image]:
    random = np.random.default_rng(0)
    return [Image.fromarray(random.integers(0, 256, (side, side, 3), np.uint8)) for _ in range(num_frames)]


def frames_of(content: bytes) -> list[np.ndarray]:
    """The default image, and after it every frame of an animated PNG."""
    found = []
    for place in range(Image.open(io.BytesIO(content)).n_frames):
        with Image.open(io.BytesIO(content)) as picture:
            picture.seek(place)
            pixels = np.asarray(picture.convert("RGBA"))
            assert (pixels[..., 3] == 255).all()  # nothing of the page shows through
            found.append(pixels[..., :3])
    return found


def test_an_animation_shows_all_frames_in_order_after_its_default_image():
    frames = walking_square(5)
    default, *shown = frames_of(plotting.animate(frames, alt="A square walks.").content)
    np.testing.assert_array_equal(shown, [np.asarray(frame) for frame in frames])
    np.testing.assert_array_equal(default, np.asarray(frames[-1]))  # for viewers that know no animation


def test_what_turns_white_leaves_nothing_behind():
    frames = []
    for place in range(3):  # a square at the edge rests, then vanishes, while another one, further in, changes
        frame = Image.new("RGB", (40, 10), "white")
        frame.paste((50 * place, 0, 0), (5, 0, 10, 10))
        if place < 2:
            frame.paste((0, 0, 200), (30, 0, 40, 10))
        frames.append(frame)
    _, *shown = frames_of(plotting.animate(frames, alt="A square vanishes.").content)
    np.testing.assert_array_equal(shown, [np.asarray(frame) for frame in frames])


def test_the_ground_stays_white_however_many_colours_there_are():
    frames = []
    for picture in noise(3, 60):
        picture.paste((255, 255, 255), (0, 0, 60, 20))
        frames.append(picture)
    for frame in frames_of(plotting.animate(frames, alt="Noise under a white strip.").content):
        assert (frame[:20] == 255).all()


def test_what_does_not_move_is_stored_once():
    still, moving = noise(1, 60)[0], []
    for place in range(6):
        moving.append(still.copy())
        for corner in (0, 55):  # the smallest box around what moves is the whole picture
            moving[-1].paste((40 * place, 0, 0), (corner, corner, corner + 5, corner + 5))
    once = plotting.animate(moving[:2], alt="Two corners glow.")
    assert len(plotting.animate(moving, alt="Two corners glow.").content) < 1.3 * len(once.content)


def test_an_animation_plays_as_long_and_as_often_as_asked_and_rests_on_its_last_frame():
    content = plotting.animate(walking_square(4), alt="walks", seconds=2, rest=5, num_plays=2).content
    with Image.open(io.BytesIO(content)) as picture:
        assert picture.info["loop"] == 2
        durations = []
        for place in range(1, picture.n_frames):
            picture.seek(place)
            durations.append(picture.info["duration"])
    assert durations == [500, 500, 500, 5000]


def test_an_animation_never_plays_for_ever_unless_it_is_asked_to():
    with Image.open(io.BytesIO(plotting.animate(walking_square(2), alt="walks").content)) as picture:
        assert picture.info["loop"] == 3


def test_in_a_terminal_an_animation_is_its_alt_text_and_no_heap_of_bytes():
    assert repr(plotting.animate(walking_square(2), alt="walks")) == "Animation(alt='walks', width=20)"


def test_who_asks_for_reduced_motion_gets_the_last_frame():
    shown = plotting.animate(walking_square(3), alt="walks")
    html = shown.html()
    assert re.fullmatch(
        r'<picture><source media="\(prefers-reduced-motion: reduce\)" srcset="data:image/png;base64,[\w+/=]+">'
        r'<img alt="walks" width="30" [^>]* src="data:image/png;base64,[\w+/=]+"></picture>',
        html,
    )
    (still,) = frames_of(shown.still)
    np.testing.assert_array_equal(still, frames_of(shown.content)[-1])


def test_an_animation_carries_its_alt_text(page_of):
    shown = plotting.animate(walking_square(3), alt='A "square"\nwalks.')
    assert page_of(shown).alt == shown._repr_mimebundle_()["text/plain"] == 'A "square" walks.'
    with pytest.raises(ValueError, match="alt"):
        plotting.animate(walking_square(3), alt=" ")


def test_pictures_of_this_package_are_frames_at_their_own_width(page_of):
    frames = []
    for height in (1, 5, 9):
        figure, ax = plotting.new_figure(height=1.5, width=2)
        ax.bar([0], [height])
        ax.set_ylim(0, 10)
        frames.append(plotting.Picture(figure, f"A bar of {height}"))
    shown = plotting.animate([frames[0], frames[1].figure, frames[2]], alt="A bar grows.")
    assert page_of(shown).width == 192
    shapes = {frame.shape for frame in frames_of(shown.content)}
    assert shapes == {(144, 192, 3)}
    heights = [
        (np.abs(frame[:, 100] - np.array([63, 144, 218])).sum(axis=1) < 30).sum() for frame in frames_of(shown.content)
    ]
    assert heights[1] < heights[2] < heights[3] == heights[0]


def test_what_is_too_large_gets_smaller_and_keeps_its_last_frame_and_its_width_on_the_page(monkeypatch, page_of):
    frames = noise(9, 60)
    whole = plotting.animate(frames, alt="noise")
    assert len(frames_of(whole.content)) == 1 + 9
    monkeypatch.setattr(animation, "LIMIT", len(whole.html()) // 3)
    smaller = plotting.animate(frames, alt="noise")
    assert len(smaller.html()) <= animation.LIMIT
    default, *shown = frames_of(smaller.content)
    assert len(shown) < 9
    assert shown[-1].shape[0] < 60
    np.testing.assert_array_equal(shown[-1], default)
    assert page_of(smaller).width == 60
    with Image.open(io.BytesIO(smaller.content)) as picture:
        picture.seek(1)
        assert picture.info["duration"] == pytest.approx(3000 / len(shown), abs=1)  # it still takes three seconds


def test_what_is_too_large_at_any_size_is_refused_with_its_numbers(monkeypatch):
    monkeypatch.setattr(animation, "LIMIT", 5_000)
    with pytest.raises(ValueError, match=r"9 frames of 60 × 60 pixels take .* 5,000 are allowed"):
        plotting.animate(noise(9, 60), alt="noise")


def test_nothing_takes_more_than_250_kilobytes():
    assert len(plotting.animate(noise(6, 250), alt="noise").html()) <= 250_000


@pytest.mark.parametrize(
    ("frames", "message"),
    [([], "not 0"), (walking_square(1), "not 1"), ([*walking_square(2), *walking_square(3)], "have 2")],
)
def test_too_few_frames_or_frames_of_two_sizes_are_refused(frames, message):
    with pytest.raises(ValueError, match=message):
        plotting.animate(frames, alt="walks")
