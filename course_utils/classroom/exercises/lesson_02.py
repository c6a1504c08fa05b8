"""The exercises of lesson 02, custom dataset."""

from collections.abc import Callable
from typing import Any

from PIL import Image, ImageOps

from course_utils.classroom.exercises import exercise


@exercise(
    "02.1",
    "Return the names of the exam's files whose pixels occur in practice.",
    kind="function",
    solved="Names may differ, pixels tell. Near copies escape it: for those, compare fingerprints, and look.",
)
def find_leaks(answer: Callable[[dict[str, bytes], dict[str, bytes]], object]) -> str | None:
    """`answer` takes practice and exam, dictionaries name -> pixels, and returns a list of names of the exam."""
    practice = {"hat_0.jpg": b"red", "hat_1.jpg": b"blue", "dress_0.jpg": b"grey"}
    exam = {"hat_0.jpg": b"green", "a.jpg": b"blue", "b.jpg": b"white", "c.jpg": b"grey"}
    result = answer(practice, exam)
    if not isinstance(result, list | set | tuple):
        return f"Return a list of names; yours is of type `{type(result).__name__}`."
    names = sorted(map(str, result))
    if names == ["a.jpg", "c.jpg"]:
        return None
    if names == ["hat_0.jpg"]:
        return "That compares names. Two files of one name may show different things: compare the pixels."
    if names == ["dress_0.jpg", "hat_1.jpg"]:
        return "Those are their names in practice. We want to know what they are called in the exam."
    if names == ["b.jpg", "hat_0.jpg"]:
        return "Those are the ones that do *not* occur in practice."
    return f"In the test, a.jpg and c.jpg of the exam show what was practised; your function returns {result}."


class _Ten:
    """Ten pictures, each of its own grey on the left and black on the right; counts how often one is asked for."""

    def __init__(self) -> None:
        self.asked = 0

    def __len__(self) -> int:
        return 10

    def __getitem__(self, index: int) -> tuple[Image.Image, int]:
        if not -10 <= index < 10:
            raise IndexError(index)
        self.asked += 1
        picture = Image.new("RGB", (6, 4))
        picture.paste((20 * (index % 10) + 40,) * 3, (0, 0, 3, 4))
        return picture, index % 10


@exercise(
    "02.2",
    "Write the class `Mirrored` with `__init__`, `__len__` and `__getitem__`, in place of the dots.",
    kind="function",
    solved="A data set built on a data set. Nothing is opened before somebody asks, and no target has changed.",
)
def mirrored(answer: Callable[..., Any]) -> str | None:
    """`answer` is a class: `answer(dataset)[i]` is picture i of `dataset`, left and right swapped, and its target."""
    dataset = _Ten()
    result = answer(dataset)
    if dataset.asked:
        return "Your class opens pictures while it is made. Keep the data set, and open one when it is asked for."
    if not hasattr(result, "__getitem__") or not hasattr(result, "__len__"):
        return "The class needs both `__len__` and `__getitem__`."
    if len(result) != 10:
        return f"There are as many mirrored pictures as pictures: 10 here. Your `__len__` returns {len(result)}."
    sample = result[3]
    if not isinstance(sample, tuple) or len(sample) != 2:
        return "A sample is a pair: return the picture and its target, `image, target`."
    image, target = sample
    if target != 3:
        return f"The target is to stay what it was: sample 3 here has the target 3, yours has {target!r}."
    if not isinstance(image, Image.Image):
        return f"The first of the pair is to be a picture; yours is of type `{type(image).__name__}`."
    original = dataset[3][0]
    if image.tobytes() == ImageOps.mirror(original).tobytes():
        return None
    if image.tobytes() == original.tobytes():
        return "The picture comes out as it went in. `ImageOps.mirror(image)` returns a new one; use what it returns."
    return "The picture is not the mirrored one: left and right are to change places, and nothing else."


@exercise(
    "02.3",
    "Answer with one of the four words, as a text: `picture`, `patient`, `class` or `date`.",
    kind="text",
    solved="No patient is in two splits, so the exam asks what the clinic wants to know: what about a new patient?",
)
def how_to_split(answer: str) -> str | None:
    """What is to be kept together when 5,000 X-rays of 900 patients are divided."""
    answer = answer.strip().strip(".").lower()
    if answer in ("patient", "patients", "by patient"):
        return None
    if answer in ("picture", "pictures", "by picture"):
        return "Then two pictures of one patient can end up in practice and in the exam: leakage between near copies."
    if answer in ("class", "classes", "by class"):
        return "Then the exam would ask about an illness that was never practised."
    if answer in ("date", "dates", "by date"):
        return "Better than by picture, but a patient who comes back later is then in practice and in the exam."
    return "Choose one of the four words: picture, patient, class, date."
