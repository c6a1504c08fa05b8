"""Shards: every picture once, whoever reads."""

import tarfile
from itertools import chain, product
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader

from course_utils import shards
from course_utils.shards import ShardedImages, write_shards


@pytest.fixture
def samples(tmp_path):
    """Twenty-three pictures, each of a colour of its own, and their labels."""
    made = []
    for number in range(23):
        path = tmp_path / "söurce" / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (4, 4), (number, 0, 0)).save(path)
        made.append((str(path), number % 5))
    return made


def number_of(picture):
    return picture.getpixel((0, 0))[0]


def read(paths, *, num_rooms=1, num_workers=1, epoch=0):
    """What each reader gets, without starting any: (number, label) of its samples."""
    parts = []
    for room, worker in product(range(num_rooms), range(num_workers)):
        images = ShardedImages(paths, member=(room, num_rooms))
        images.epoch = epoch
        info = type("Info", (), {"id": worker, "num_workers": num_workers})
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(shards, "get_worker_info", lambda info=info: info)
            parts.append([(number_of(picture), label) for picture, label in images])
    return parts


@pytest.mark.parametrize(("num_rooms", "num_workers"), [(1, 1), (2, 1), (1, 3), (2, 3), (4, 2)])
def test_together_the_readers_see_every_sample_once(samples, tmp_path, num_rooms, num_workers):
    paths = write_shards(samples, tmp_path / "shards", shard_size=2)
    assert len(paths) == 12
    parts = read(paths, num_rooms=num_rooms, num_workers=num_workers)
    assert sorted(chain(*parts)) == [(number, number % 5) for number in range(23)]
    assert max(map(len, parts)) - min(map(len, parts)) <= 2  # one shard


def test_real_workers_share_the_stream_as_well(samples, tmp_path):
    paths = write_shards(samples, tmp_path / "shards", shard_size=4)
    loader = DataLoader(ShardedImages(paths), batch_size=None, num_workers=2)
    assert sorted(number_of(picture) for picture, _ in loader) == list(range(23))


def test_a_transform_is_applied_and_batches_are_made(samples, tmp_path):
    paths = write_shards(samples, tmp_path / "shards")
    images = ShardedImages(paths, transform=lambda picture: torch.tensor(picture.getpixel((0, 0))))
    pixels, labels = next(iter(DataLoader(images, batch_size=23)))
    assert pixels.shape == (23, 3)
    assert (pixels[:, 0] % 5 == labels).all()


def test_shards_are_mixed_once_and_their_order_follows_the_epoch(samples, tmp_path):
    paths = write_shards(samples, tmp_path / "shards", shard_size=5)
    (first,), (again,), (second,) = (read(paths, epoch=epoch) for epoch in (0, 0, 1))
    assert first == again != second
    ((*one_shard,),) = read(write_shards(samples, tmp_path / "one"))
    assert one_shard != sorted(one_shard)
    same = write_shards(samples, tmp_path / "same", shard_size=5)
    assert [path.read_bytes() for path in same] == [path.read_bytes() for path in paths]


def test_the_layout_is_that_of_webdataset(samples, tmp_path):
    (path,) = write_shards(samples[:2], tmp_path / "shards")
    assert path.name == "shard-00000.tar"
    with tarfile.open(path) as shard:
        names = shard.getnames()
        content = shard.extractfile("00000001.png").read()
        assert shard.extractfile("00000001.cls").read() == b"1"
    assert sorted(names) == ["00000000.cls", "00000000.png", "00000001.cls", "00000001.png"]
    assert [name[:8] for name in names[::2]] == [name[:8] for name in names[1::2]]
    assert content == Path(samples[1][0]).read_bytes()


def test_a_reader_that_would_get_nothing_is_an_error(samples, tmp_path):
    paths = write_shards(samples, tmp_path / "shards", shard_size=12)
    with pytest.raises(ValueError, match=r"2 shards are too few for 3 readers \(3 processes, 1 in each\)"):
        list(ShardedImages(paths, member=(0, 3)))


def test_a_shard_of_another_layout_is_named(tmp_path):
    with tarfile.open(tmp_path / "odd.tar", "w") as shard:
        shards._add(shard, "a.png", b"")
        shards._add(shard, "b.cls", b"1")
    with pytest.raises(ValueError, match=r"odd\.tar holds b\.cls without its picture"):
        list(ShardedImages([tmp_path / "odd.tar"]))


def test_folders_in_a_shard_are_passed_over(samples, tmp_path):
    (path,) = write_shards(samples[:2], tmp_path / "shards")
    with tarfile.open(path, "a") as shard:
        folder = tarfile.TarInfo("folder")
        folder.type = tarfile.DIRTYPE
        shard.addfile(folder)
    assert len(list(ShardedImages([path]))) == 2


@pytest.mark.parametrize(("number", "size"), [(0, 5), (3, 0)])
def test_no_samples_and_no_room_are_refused(samples, tmp_path, number, size):
    with pytest.raises(ValueError, match="Shards need"):
        write_shards(samples[:number], tmp_path, shard_size=size)


def test_a_missing_shard_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no file .*gone\.tar"):
        ShardedImages([tmp_path / "gone.tar"])
