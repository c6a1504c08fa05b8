"""What goes into a plain file comes out equal, or is refused before anything is written."""

import collections
import enum
import hashlib
import io
import pickle
import random
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from course_utils.plain import as_plain, parse_plain, write_plain


class Level(enum.IntEnum):
    HIGH = 3


class Label(str):
    pass


MADE_PLAIN = {
    "NumPy's float": (np.geomspace(1e-3, 1e-1, 3)[1], 0.01),
    "NumPy's whole number": (np.int64(3), 3),
    "NumPy's half": (np.float16(0.5), 0.5),
    "NumPy's truth": (np.True_, True),
    "NumPy's text": (np.str_("hat"), "hat"),
    "a member of an enumeration": (Level.HIGH, 3),
    "a text of a kind of its own": (Label("hat"), "hat"),
    "an ordered dictionary": (collections.OrderedDict(b=np.float32(1)), {"b": 1.0}),
    "a counter": (collections.Counter({np.int64(2): np.int64(3)}), collections.Counter({2: 3})),
    "deep inside": ([(1, {"rates": {np.float64(2)}})], [(1, {"rates": {2.0}})]),
    "what is plain already": (
        [None, True, 2**70, 1.5, 1j, "a", b"a", torch.Size([2]), torch.float16, torch.device("cpu")],
        [None, True, 2**70, 1.5, 1j, "a", b"a", torch.Size([2]), torch.float16, torch.device("cpu")],
    ),
}


def kinds(value):
    """The types of a value and of everything in it."""
    if isinstance(value, dict):
        return [type(value), *(kinds(part) for pair in value.items() for part in pair)]
    return [type(value), *map(kinds, value)] if isinstance(value, list | tuple | set) else type(value)


@pytest.mark.parametrize("case", MADE_PLAIN)
def test_what_goes_in_comes_out_equal_in_plain_types(case, tmp_path):
    value, plain = MADE_PLAIN[case]
    path = tmp_path / "content.pt"
    write_plain(path, {"value": value})
    back = parse_plain(path.read_bytes(), path)["value"]
    assert back == plain
    assert kinds(back) == kinds(plain)


class Picture(torch.Tensor):
    """A tensor of a kind of its own, as torchvision has for pictures and boxes."""


@pytest.mark.parametrize("kind", [torch.Tensor, nn.Parameter, nn.Buffer, Picture])
def test_tensors_of_every_kind_come_back(kind, tmp_path):
    path = tmp_path / "content.pt"
    tensor = torch.randn(2, 3)
    write_plain(path, {"value": [tensor.as_subclass(kind) if kind is Picture else kind(tensor)]})
    (back,) = parse_plain(path.read_bytes(), path)["value"]
    assert torch.equal(back, tensor)
    assert type(back) in (torch.Tensor, nn.Parameter)


Point = collections.namedtuple("Point", "x")
REFUSED = {
    "a network": nn.Linear(2, 2),
    "an array": np.zeros(2),
    "a function": as_plain,
    "a path": Path("a"),
    "a queue": collections.deque([1]),
    "a dictionary with a factory": collections.defaultdict(list),
    "a named tuple": Point(1),
    "a lock": threading.Lock(),
    "a number without a counterpart": np.longdouble(1),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_would_not_come_back_is_refused_by_its_place_and_nothing_is_written(case, tmp_path):
    path = tmp_path / "content.pt"
    path.write_text("old")
    with pytest.raises(ValueError, match=r"^optimizer\['groups'\]\[0\]\['lr'\] is of the kind .*make it a number"):
        write_plain(path, {"optimizer": {"groups": [{"lr": REFUSED[case]}]}})
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_refused_could_not_have_been_read_back():
    """PyTorch's own rules, held against the table: nothing is refused that would have come back as it was."""
    for name, value in REFUSED.items():
        buffer = io.BytesIO()
        try:
            torch.save(value, buffer)
            back = torch.load(io.BytesIO(buffer.getvalue()), weights_only=True)
        except (pickle.PicklingError, pickle.UnpicklingError, TypeError, AttributeError):
            continue
        assert type(back) is not type(value), name


def test_equal_contents_give_equal_bytes_and_their_hash(tmp_path):
    content = {"weights": torch.arange(3.0), "classes": ["hat"]}
    hashes = {write_plain(tmp_path / name, content) for name in ("a.pt", "other name.pt")}
    assert hashes == {hashlib.sha256((tmp_path / "a.pt").read_bytes()).hexdigest()}


# Reading


def written(content):
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


FOREIGN = {
    "a page": (b"<!DOCTYPE html><html>not found</html>", r"x.pt cannot be read: it is damaged, or was never a file"),
    "nothing": (b"", r"x.pt cannot be read: it is damaged, or was never a file"),
    "half a file": (written({"a": torch.zeros(9)})[:400], r"x.pt cannot be read: it is damaged"),
    "a network": (written({"model": nn.Linear(2, 2)}), r"x.pt is whole, but holds torch.nn.modules.linear.Linear"),
    "NumPy's number": (written({"lr": np.float64(1)}), r"x.pt is whole, but holds numpy.\S*scalar, and reading that"),
    "a tensor": (written(torch.zeros(2)), r"x.pt holds a Tensor, not a dict"),
}


@pytest.mark.parametrize("case", FOREIGN)
def test_another_kind_of_file_is_called_what_it_is(case):
    content, words = FOREIGN[case]
    with pytest.raises(ValueError, match=words):
        parse_plain(content, Path("x.pt"))


def test_an_archive_of_something_else_is_whole_but_foreign(tmp_path):
    np.savez(tmp_path / "arrays.npz", a=np.zeros(2))
    with pytest.raises(ValueError, match=r"arrays.npz is whole, but was not written by torch.save"):
        parse_plain((tmp_path / "arrays.npz").read_bytes(), tmp_path / "arrays.npz")


@pytest.mark.filterwarnings("ignore:Detected pickle protocol:UserWarning", "ignore:Duplicate name:UserWarning")
def test_a_changed_byte_never_reads_as_other_content():
    """Whatever a bad disk does to a file, it reads as it was, or one sentence names it."""
    content = {"weights": torch.arange(64.0), "epochs": [1, 2, 3]}
    data, chance = written(content), random.Random(0)
    refused = 0
    for _ in range(400):
        changed = bytearray(data)
        for place in chance.sample(range(len(data)), 3):
            changed[place] ^= 1 << chance.randrange(8)
        try:
            back = parse_plain(bytes(changed), Path("x.pt"))
        except ValueError as error:
            refused += str(error).startswith("x.pt")
        else:  # the bytes between the entries mean nothing
            assert torch.equal(back["weights"], content["weights"])
            assert back["epochs"] == content["epochs"]
            refused += 1
    assert refused == 400
