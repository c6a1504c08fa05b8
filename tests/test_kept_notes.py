"""Notes kept on the disk are found again, and never where something has changed."""

import os

import pytest
import torch
from made_up import frozen_backbone, random_pictures
from PIL import Image
from torch.utils.data import DataLoader, Subset

from course_utils import kept_notes
from course_utils.datasets import ImageFolderDataset
from course_utils.features import extract_features
from course_utils.transforms import InputSpec, build_eval_transform


@pytest.fixture(autouse=True)
def _data_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA_DIR", str(tmp_path / "data"))


@pytest.fixture
def folder(tmp_path):
    for number in range(6):
        path = tmp_path / "pictures" / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (20, 20), (40 * number, 80, 120)).save(path)
    return tmp_path / "pictures"


def dataset(folder, size=16):
    return ImageFolderDataset(folder, transform=build_eval_transform(InputSpec(image_size=size)))


@pytest.fixture
def asked(monkeypatch):
    """How many samples the network was asked about, call by call."""
    counts = []
    from course_utils import features

    original = features._take_notes

    def counted(task, **options):
        counts.append(task.num_samples)
        return original(task, **options)

    monkeypatch.setattr(features, "_take_notes", counted)
    return counts


def take(network, data, **options):
    torch.manual_seed(0)
    return extract_features(network, DataLoader(data, batch_size=4), device="cpu", keep=True, **options).tensors


def test_notes_are_taken_once_and_found_again(folder, asked):
    network = frozen_backbone()
    first, again = take(network, dataset(folder)), take(network, dataset(folder))
    assert asked == [6]
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])


def test_whatever_decides_the_notes_asks_again(folder, asked):
    network = frozen_backbone()
    take(network, dataset(folder))
    take(network, dataset(folder, size=12))  # another transform
    take(network, dataset(folder), views=("plain", "mirrored"))
    take(network, dataset(folder), views=("mirrored", "plain"))
    take(network, dataset(folder), views=("plain",))  # float16
    take(network, Subset(dataset(folder), [0, 1, 2]))
    take(network, Subset(dataset(folder), [0, 1, 3]))
    network[0].bias.data[0] += 0.001
    take(network, dataset(folder))
    assert asked == [6, 6, 6, 6, 6, 3, 3, 6]


def test_a_picture_that_has_changed_asks_again(folder, asked):
    network = frozen_backbone()
    take(network, dataset(folder))
    changed = folder / "a" / "0.png"
    Image.new("RGB", (20, 20), (1, 2, 3)).save(changed)
    os.utime(changed, ns=(1, 1))
    take(network, dataset(folder))
    (folder / "a" / "0.png").rename(folder / "a" / "9.png")
    take(network, dataset(folder))
    assert asked == [6, 6, 6]


def test_damaged_notes_are_taken_once_more_and_mended(folder, asked, tmp_path, capsys):
    network = frozen_backbone()
    due = take(network, dataset(folder))
    (path,) = (tmp_path / "data" / "notes").iterdir()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(content)
    again = take(network, dataset(folder))
    assert torch.equal(due[0], again[0])
    assert str(path) in capsys.readouterr().out
    take(network, dataset(folder))
    assert asked == [6, 6]


def test_a_data_set_that_names_no_files_is_refused(folder):
    with pytest.raises(ValueError, match="TensorDataset does not tell them"):
        take(frozen_backbone(), random_pictures())
    unnamed = ImageFolderDataset(folder, transform=lambda _: torch.zeros(3, 16, 16))
    with pytest.raises(ValueError, match="build_eval_transform"):
        take(frozen_backbone(), unnamed)


def test_the_notes_used_longest_ago_go_first(folder, asked, tmp_path, monkeypatch):
    network, home = frozen_backbone(), tmp_path / "data" / "notes"
    for age, size in enumerate((12, 14, 16)):
        before = set(home.glob("*"))
        take(network, dataset(folder, size))
        (new,) = set(home.glob("*")) - before
        os.utime(new, (1000 + age, 1000 + age))
    take(network, dataset(folder, 12))  # used again: now the newest
    monkeypatch.setattr(kept_notes, "MAX_BYTES", sum(path.stat().st_size for path in home.glob("*")))
    take(network, dataset(folder, 18))
    asked.clear()
    for size in (12, 16, 18, 14):
        take(network, dataset(folder, size))
    assert asked == [6]  # for 14, which nobody had used since


def test_where_nothing_can_be_kept_the_notes_are_used_all_the_same(folder, asked, tmp_path, capsys):
    network = frozen_backbone()
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "notes").write_text("a file where the folder is meant")
    notes, targets = take(network, dataset(folder))
    assert (len(notes), len(targets)) == (6, 6)
    assert "not kept on the disk" in capsys.readouterr().out
    assert asked == [6]
