"""Folders of pictures become samples as torchvision's ImageFolder makes them, and loaders that a lesson can trust."""

import multiprocessing
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from made_up import refusing
from PIL import Image, features
from torch import nn
from torch.utils.data import RandomSampler, Subset
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from course_utils.checkpoints import preserved_randomness
from course_utils.datasets import ImageFolderDataset, make_dataloaders
from course_utils.pictures.folders import shown
from course_utils.runtime import set_seed
from course_utils.training import train_model
from course_utils.transforms import InputSpec, build_eval_transform, build_train_transform
from course_utils.tuning import sweep

SPEC = InputSpec(image_size=8, resize_size=10)
EVAL, TRAIN = build_eval_transform(SPEC), build_train_transform(SPEC)


def save(path: Path, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.random.default_rng(seed).integers(0, 256, (12, 16, 3), dtype=np.uint8)
    Image.fromarray(values).save(path)
    return path


@pytest.fixture
def split(tmp_path) -> Path:
    """One clean split, with a space and non-ASCII letters in its path and a folder inside a class folder."""
    root = tmp_path / "Bilder für alle" / "train"
    names = ["zebra/2.png", "zebra/10.png", "zebra/1.jpg", "Äpfel/b.PNG", "Äpfel/a.jpeg", "dog/x.bmp", "dog/more/y.png"]
    for seed, name in enumerate(names):
        save(root / name, seed)
    return root


@pytest.fixture
def root(tmp_path) -> Path:
    """Splits of 9, 6 and 3 pictures in the classes a, b and c; half of the training pictures are a."""
    counts = {"train": (5, 2, 2), "validation": (2, 2, 2), "test": (1, 1, 1)}
    seed = 0
    for name, numbers in counts.items():
        for class_name, number in zip("abc", numbers, strict=True):
            for index in range(number):
                save(tmp_path / "data" / name / class_name / f"{index}.png", seed := seed + 1)
    return tmp_path / "data"


def loaders_of(root, **options):
    return make_dataloaders(root, **{"train_transform": TRAIN, "eval_transform": EVAL, "batch_size": 4} | options)


def targets_of(loader) -> list[int]:
    return torch.cat([targets for _, targets in loader]).tolist()


def test_agrees_with_torchvisions_image_folder_on_a_clean_folder(split):
    ours, theirs = ImageFolderDataset(split), ImageFolder(split)
    assert (ours.classes, ours.class_to_idx) == (theirs.classes, theirs.class_to_idx)
    assert (ours.samples, ours.targets) == (theirs.samples, theirs.targets)
    assert len(ours) == len(theirs) == 7
    for (image, target), (expected_image, expected_target) in zip(ours, theirs, strict=True):
        assert (image.mode, target) == ("RGB", expected_target)
        np.testing.assert_array_equal(np.asarray(image), np.asarray(expected_image))
    assert ours.skipped == []
    assert "skipped" not in repr(ours)


def test_order_does_not_depend_on_how_the_system_lists_folders(split, monkeypatch):
    expected = ImageFolderDataset(split).samples
    listed, walked = Path.iterdir, os.walk
    monkeypatch.setattr(Path, "iterdir", lambda self: sorted(listed(self), reverse=True))

    def walk_backwards(*args, **options):
        for parent, folders, files in walked(*args, **options):
            folders.sort(reverse=True)
            yield parent, folders, sorted(files, reverse=True)

    monkeypatch.setattr(os, "walk", walk_backwards)
    assert ImageFolderDataset(split).samples == expected


def test_the_transform_is_applied_to_each_picture(split):
    image, target = ImageFolderDataset(split, transform=EVAL)[0]
    assert (image.shape, target) == ((3, 8, 8), 0)


def test_hidden_entries_and_other_files_are_skipped_and_reported(split):
    clean = ImageFolderDataset(split).samples
    save(split / ".ipynb_checkpoints" / "1.png")
    save(split / "dog" / ".ipynb_checkpoints" / "x-checkpoint.png")
    for name in (".DS_Store", "dog/.x.png", "zebra/Thumbs.db", "zebra/notes.txt", "loose.png"):
        (split / name).write_bytes(b"-")
    dataset = ImageFolderDataset(split)
    assert dataset.samples == clean
    assert {(path.relative_to(split).as_posix(), reason) for path, reason in dataset.skipped} == {
        (".ipynb_checkpoints", "hidden"),
        (".DS_Store", "hidden"),
        ("loose.png", "in no class folder"),
        ("dog/.ipynb_checkpoints", "hidden"),
        ("dog/.x.png", "hidden"),
        ("zebra/Thumbs.db", "hidden"),
        ("zebra/notes.txt", "not a picture's ending: '.txt'"),
    }
    assert "skipped 7: " in repr(dataset)
    assert "loose.png (in no class folder)" in repr(dataset)
    assert "and 2 more, see .skipped" in repr(dataset)


def test_given_classes_fix_the_numbers(split):
    dataset = ImageFolderDataset(split, classes=["zebra", "dog", "Äpfel"])
    assert dataset.class_to_idx == {"zebra": 0, "dog": 1, "Äpfel": 2}
    assert {Path(path).relative_to(split).parts[0]: target for path, target in dataset.samples} == dataset.class_to_idx


def test_given_classes_that_differ_from_the_folders_are_refused_with_the_difference(split):
    with pytest.raises(ValueError, match=r"no pictures of cat\. No such class: zebra\."):
        ImageFolderDataset(split, classes=["cat", "dog", "Äpfel"])
    with pytest.raises(ValueError, match="named twice"):
        ImageFolderDataset(split, classes=["zebra", "dog", "Äpfel", "dog"])


def test_repr_tells_the_size_and_each_class(split):
    lines = repr(ImageFolderDataset(split)).splitlines()
    assert lines[0] == f"ImageFolderDataset: 7 pictures in 3 classes, from {split}"
    assert [line.split() for line in lines[1:]] == [["0", "dog", "2"], ["1", "zebra", "3"], ["2", "Äpfel", "2"]]


def test_repr_of_many_classes_stays_short(tmp_path):
    for index in range(25):
        save(tmp_path / f"class {index:02d}" / "1.png")
    lines = repr(ImageFolderDataset(tmp_path)).splitlines()
    assert lines[10:] == ["   9  class 09       1", "      ... 15 more classes"]


@pytest.mark.parametrize(("num_classes", "num_lines"), [(20, 20), (21, 11)])
def test_repr_names_up_to_twenty_classes(tmp_path, num_classes, num_lines):
    for index in range(num_classes):
        save(tmp_path / f"{index:02d}" / "1.png")
    assert len(repr(ImageFolderDataset(tmp_path)).splitlines()) == 1 + num_lines


@pytest.mark.parametrize(("number", "more"), [(5, ""), (6, ", and 1 more, see .skipped")])
def test_up_to_five_skipped_files_are_named(split, number, more):
    for index in range(number):
        (split / "zebra" / f"{index}.txt").write_bytes(b"-")
    named = ", ".join(f"zebra/{index}.txt (not a picture's ending: '.txt')" for index in range(5))
    assert repr(ImageFolderDataset(split)).splitlines()[-1] == f"skipped {number}: {named}{more}"


def test_a_root_may_begin_with_the_home_folder(split, monkeypatch):
    monkeypatch.setenv("HOME", str(split.parent))
    monkeypatch.setenv("USERPROFILE", str(split.parent))
    assert ImageFolderDataset("~/train").samples == ImageFolderDataset(split).samples


def test_a_missing_root_and_a_root_that_is_a_file_are_named(split):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        ImageFolderDataset(split / "nowhere")
    with pytest.raises(NotADirectoryError, match=r"x\.bmp"):
        ImageFolderDataset(split / "dog" / "x.bmp")


def test_pictures_without_class_folders_are_refused_with_the_right_layout(split):
    with pytest.raises(FileNotFoundError, match=r"No class folders in .*zebra.*dress/1\.jpg"):
        ImageFolderDataset(split / "zebra")


def test_class_folders_without_pictures_are_all_named_with_what_they_hold_instead(split):
    (split / "empty").mkdir()
    (split / "apple").mkdir()
    (split / "apple" / "photo.heic").write_bytes(b"-")
    with pytest.raises(FileNotFoundError, match=r"No pictures in .*apple, .*empty: .*apple/photo\.heic"):
        ImageFolderDataset(split)


def test_a_folder_of_splits_is_not_taken_for_a_folder_of_classes(root):
    with pytest.raises(ValueError, match=r"holds splits \(test, train, validation\), not classes"):
        ImageFolderDataset(root)
    assert len(ImageFolderDataset(root, classes=["train", "validation", "test"])) == 18


def test_a_bad_file_is_named_when_it_is_asked_for_and_leaves_the_others_usable(split):
    (split / "dog" / "x.bmp").write_bytes(b"not a picture")
    dataset = ImageFolderDataset(split)
    with pytest.raises(OSError, match=r"x\.bmp.*scan_images\(.*\) lists every bad file"):
        [dataset[index] for index in range(len(dataset)) if "x.bmp" in dataset.samples[index][0]]
    assert dataset[len(dataset) - 1][0].mode == "RGB"


def test_selected_samples_keep_classes_and_numbers(split):
    dataset = ImageFolderDataset(split)
    chosen = dataset.select([6, 2])
    assert chosen.samples == [dataset.samples[6], dataset.samples[2]]
    assert chosen.targets == [dataset.targets[6], dataset.targets[2]]
    assert chosen.classes == dataset.classes
    assert len(dataset) == 7


def test_a_mask_selects_where_it_is_true(split):
    dataset = ImageFolderDataset(split)
    chosen = dataset.select(torch.tensor(dataset.targets) == 1)
    assert chosen.samples == [sample for sample in dataset.samples if sample[1] == 1]
    assert len(chosen) == 3


def test_numbers_that_are_no_sample_s_are_refused_wherever_they_are_asked_for(split):
    dataset = ImageFolderDataset(split)
    for ask in (dataset.__getitem__, lambda index: dataset.select([index])):
        with pytest.raises(IndexError, match="no sample 7"):
            ask(7)
        with pytest.raises(TypeError, match=r"0\.5 is no number of a sample"):
            ask(0.5)


def test_a_mask_given_to_subset_is_refused_instead_of_showing_other_pictures(split):
    dataset = ImageFolderDataset(split)
    subset = Subset(dataset, torch.tensor(dataset.targets) == 1)
    with pytest.raises(TypeError, match=r"mask goes into dataset\.select"):
        subset[0]


def test_a_transform_that_fails_names_the_picture(split):
    dataset = ImageFolderDataset(split, transform=lambda image: image.missing)
    with pytest.raises(AttributeError) as caught:
        dataset[0]
    assert caught.value.__notes__ == [f"The transform was given the picture {dataset.samples[0][0]}."]


def test_loaders_cover_each_split_once_with_one_class_mapping(root):
    loaders = loaders_of(root)
    assert [len(loader.dataset) for loader in loaders] == [9, 9, 6, 3]
    assert sorted(targets_of(loaders.train)) == targets_of(loaders.train_eval) == [0] * 5 + [1] * 2 + [2] * 2
    assert targets_of(loaders.val) == [0, 0, 1, 1, 2, 2]
    assert len({tuple(loader.dataset.classes) for loader in loaders}) == 1
    images, targets = next(iter(loaders.train))
    assert (images.shape, images.dtype, targets.dtype) == ((4, 3, 8, 8), torch.float32, torch.int64)


def test_only_training_pictures_are_shuffled_and_augmented(root):
    loaders = loaders_of(root)
    for loader, folder in ((loaders.train_eval, "train"), (loaders.val, "validation"), (loaders.test, "test")):
        expected = torch.stack([image for image, _ in ImageFolderDataset(root / folder, EVAL)])
        for _ in range(2):
            assert torch.equal(torch.cat([images for images, _ in loader]), expected)
    plain = {image.numpy().tobytes() for image in torch.cat([images for images, _ in loaders.train_eval])}
    seen = {image.numpy().tobytes() for image in torch.cat([images for images, _ in loaders.train])}
    assert not seen <= plain


def test_unless_asked_otherwise_a_batch_holds_32_and_the_seed_is_0(root):
    plain = make_dataloaders(root, train_transform=EVAL, eval_transform=EVAL)
    assert [loader.batch_size for loader in plain] == [32] * 4
    assert not any(loader.drop_last for loader in plain)
    seeded = loaders_of(root, train_transform=EVAL, batch_size=32, seed=0)
    assert targets_of(plain.train) == targets_of(seeded.train)
    assert torch.equal(next(iter(plain.train))[0], next(iter(seeded.train))[0])


def test_the_two_training_loaders_do_not_share_a_transform(root):
    loaders = loaders_of(root)
    loaders.train_eval.dataset.transform = None
    assert loaders.train.dataset.transform is TRAIN


def order_of_three_epochs(root, seed) -> list[list[bytes]]:
    loader = loaders_of(root, train_transform=EVAL, seed=seed).train
    return [[image.numpy().tobytes() for images, _ in loader for image in images] for _ in range(3)]


def test_a_seed_repeats_the_order_epoch_by_epoch(root):
    first = order_of_three_epochs(root, seed=0)
    assert first == order_of_three_epochs(root, seed=0)
    assert first != order_of_three_epochs(root, seed=1)
    assert first[0] != first[1]
    assert sorted(first[0]) == sorted(first[1])


def test_an_evaluation_in_between_does_not_change_the_training_that_follows(root):
    loaders = loaders_of(root)
    set_seed(5)
    before = torch.get_rng_state()
    for loader in (loaders.train_eval, loaders.val, loaders.test):
        targets_of(loader)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("name", ["val", "valid", "VALIDATION", "Valid"])
def test_other_names_of_the_validation_folder_are_known_and_a_test_folder_is_optional(root, name):
    (root / "validation").rename(root / name)
    (root / "test").rename(root / "later")
    loaders = loaders_of(root)
    assert loaders.val.dataset.root == root / name
    assert loaders.test is None


def test_splits_are_known_in_any_case_and_by_their_longer_names(root):
    for name, other in (("train", "Training"), ("validation", "Valid"), ("test", "TESTING")):
        (root / name).rename(root / other)
    assert [len(loader.dataset) for loader in loaders_of(root)] == [9, 9, 6, 3]
    with pytest.raises(ValueError, match=r"holds splits \(TESTING, Training, Valid\).*pass .*Training"):
        ImageFolderDataset(root)
    assert len(ImageFolderDataset(root / "Training")) == 9  # as the error advises


def test_two_validation_folders_are_refused(root):
    save(root / "val" / "a" / "1.png")
    with pytest.raises(ValueError, match="two folders for val: val and validation"):
        loaders_of(root)


@pytest.mark.parametrize("name", ["train", "validation"])
def test_a_missing_split_is_named_with_the_right_layout(root, name):
    (root / name).rename(root / "other")
    with pytest.raises(FileNotFoundError, match=rf"no folder named {name}.*train/dress/1\.jpg"):
        loaders_of(root)


def test_a_class_called_like_a_split_is_a_warning_unless_it_is_said_to_be_a_class(root):
    save(root / "train" / "Test" / "1.png")
    with pytest.warns(UserWarning, match="Test is taken for a class, and called like a split"):
        dataset = ImageFolderDataset(root / "train")
    assert dataset.classes == ["Test", "a", "b", "c"]
    ImageFolderDataset(root / "train", classes=dataset.classes)


def test_a_warning_points_at_the_learners_line(root):
    save(root / "train" / "Test" / "1.png")
    with pytest.warns(UserWarning, match="called like a split") as caught:
        ImageFolderDataset(root / "train")
    assert caught[0].filename == __file__


# The same name to the eye: é as one letter, and as e with an accent on top.
CAFE, CAFE_APART = "caf\u00e9", "cafe\u0301"


@pytest.mark.parametrize(
    ("trained", "other", "difference"),
    [
        (CAFE, CAFE_APART, "the Unicode form of their letters"),
        ("dress", "dress ", "blanks"),
        ("dress", "Dress", "upper and lower case"),
        ("dress", "dr\u200bess", "invisible characters"),
    ],
)
def test_a_class_name_that_only_looks_like_another_is_told_apart_and_mended_as_the_error_says(
    tmp_path, trained, other, difference
):
    for name in ("hat", trained):
        save(tmp_path / "train" / name / "1.png")
    save(tmp_path / "val" / other / "1.png")
    if other not in [path.name for path in (tmp_path / "val").iterdir()]:
        pytest.skip("this file system keeps no such name")
    with pytest.raises(ValueError, match=f"differ in {difference} only; to rename the folder: Path") as caught:
        loaders_of(tmp_path)
    assert f"No such class: {shown(other)}." in str(caught.value)
    exec(str(caught.value).partition("rename the folder: ")[2], {"Path": Path})
    assert targets_of(loaders_of(tmp_path).val) == [sorted(["hat", trained]).index(trained)]


def test_two_classes_that_look_alike_are_a_warning(tmp_path):
    for name in (CAFE, CAFE_APART, "tea"):
        save(tmp_path / name / "1.png")
    if len(list(tmp_path.iterdir())) < 3:
        pytest.skip("on this file system both are one folder")
    with pytest.warns(UserWarning, match=r"'cafe\\u0301' and 'caf\\xe9' are two classes, and differ in the Unicode"):
        dataset = ImageFolderDataset(tmp_path)
    assert "cafe\\u0301" in repr(dataset)


@pytest.mark.parametrize("suffix", [".jfif", ".JPE", ".avif"])
def test_a_picture_is_read_whatever_its_ending_where_pillow_reads_it(tmp_path, suffix):
    if suffix == ".avif" and not features.check("avif"):
        pytest.skip("this Pillow reads no AVIF")
    path = save(tmp_path / "a" / "1.png")
    with Image.open(path) as image:
        image.save(path.with_name(f"2{suffix}"), "AVIF" if suffix == ".avif" else "JPEG")
    assert [dataset_image.size for dataset_image, _ in ImageFolderDataset(tmp_path)] == [(16, 12)] * 2


def test_a_photo_that_pillow_does_not_read_here_is_left_out_with_advice(root, capsys, monkeypatch):
    monkeypatch.setattr(Image, "registered_extensions", dict)
    for name in ("1.heic", "2.AVIF"):
        (root / "train" / "a" / name).write_bytes(b"-")
    loaders_of(root)
    assert capsys.readouterr().out == (
        "train: skipped 2: a/1.heic (Pillow does not read .heic here: save it as .jpg), "
        "a/2.AVIF (Pillow does not read .avif here: save it as .jpg)\n"
    )


@pytest.mark.skipif(os.name == "nt", reason="links need a right of their own on Windows")
def test_links_to_nowhere_and_to_a_folder_above_are_told_and_end_nothing(split, tmp_path):
    clean = ImageFolderDataset(split).samples
    (split / "hat").symlink_to(tmp_path / "unplugged")
    (split / "dog" / "all").symlink_to(split)
    dataset = ImageFolderDataset(split)
    assert dataset.samples == clean
    assert {(path.relative_to(split).as_posix(), reason) for path, reason in dataset.skipped} == {
        ("hat", "a link to nowhere"),
        ("dog/all", "a link to a folder that it lies in"),
    }


def test_a_file_that_vanishes_is_named_when_it_is_asked_for(split):
    dataset = ImageFolderDataset(split)
    Path(dataset.samples[0][0]).unlink()
    with pytest.raises(OSError, match=r"x\.bmp.*scan_images"):
        dataset[0]


def test_a_folder_that_may_not_be_read_is_named_with_a_way_out(split, monkeypatch):
    monkeypatch.setattr(os, "scandir", refusing(os.scandir, lambda path: path.name == "dog"))
    with pytest.raises(PermissionError, match=r"may not be read: ask its owner.*dog"):
        ImageFolderDataset(split)


def test_an_exam_with_pictures_of_a_class_that_was_not_practised_is_refused_until_they_are_gone(root):
    (root / "test" / "c").rename(root / "test" / "d")
    with pytest.raises(ValueError, match=r"test are not the expected .*no pictures of c\. No such class: d\."):
        loaders_of(root)
    (root / "test" / "d").rename(root / "d")
    assert targets_of(loaders_of(root).test) == [0, 1]


@pytest.mark.parametrize("is_there", [True, False])
def test_a_class_may_be_absent_outside_the_training_set_and_is_named(root, is_there, capsys):
    folder = root / "validation" / "b"
    for path in folder.iterdir():
        path.unlink()
    if not is_there:
        folder.rmdir()
    loaders = loaders_of(root)
    assert targets_of(loaders.val) == [0, 0, 2, 2]
    assert loaders.val.dataset.classes == ["a", "b", "c"]
    assert loaders.val.dataset.empty_classes == ["b"]
    assert capsys.readouterr().out == "validation: no pictures of b\n"


def test_a_class_folder_emptied_in_training_may_be_filled_or_removed_as_the_error_says(root):
    (root / "train" / "d").mkdir()
    (root / "test" / "d").mkdir()
    with pytest.raises(FileNotFoundError, match=r"No pictures in .*d: add some .* or remove the folder"):
        loaders_of(root)
    picture = save(root / "train" / "d" / "1.png")
    assert loaders_of(root).train.dataset.classes == ["a", "b", "c", "d"]
    picture.unlink()
    (root / "train" / "d").rmdir()
    assert loaders_of(root).train.dataset.classes == ["a", "b", "c"]


def test_an_exam_without_any_picture_is_refused(root):
    for path in (root / "validation").rglob("*.png"):
        path.unlink()
    with pytest.raises(FileNotFoundError, match=r"No pictures in .*a, .*b, .*c: add some"):
        loaders_of(root)


def test_what_the_loaders_leave_out_is_printed_once_and_hidden_files_are_nobodys_loss(root, capsys):
    for name in ("train/a/notes.txt", "train/.DS_Store", "validation/loose.png", "test/c/raw.cr2"):
        (root / name).write_bytes(b"-")
    loaders_of(root)
    assert capsys.readouterr().out.splitlines() == [
        "train: skipped 1: a/notes.txt (not a picture's ending: '.txt')",
        "validation: skipped 1: loose.png (in no class folder)",
        "test: skipped 1: c/raw.cr2 (not a picture's ending: '.cr2')",
    ]


def test_nothing_is_printed_for_a_clean_data_set(root, capsys):
    loaders_of(root)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(("limit", "expected"), [(3, [1, 1, 1]), (6, [2, 2, 2]), (7, [3, 2, 2]), (100, [5, 2, 2])])
def test_a_limit_takes_equally_many_training_pictures_of_each_class(root, limit, expected):
    loaders = loaders_of(root, limit=limit)
    counts = Counter(targets_of(loaders.train_eval))
    assert [counts[target] for target in range(3)] == expected
    assert loaders.train.dataset.samples == loaders.train_eval.dataset.samples
    assert len(loaders.val.dataset) == 6


def test_a_limit_draws_by_seed(root):
    drawn = [tuple(loaders_of(root, limit=3, seed=seed).train.dataset.samples) for seed in (0, 0, *range(1, 8))]
    assert drawn[0] == drawn[1]
    assert len(set(drawn)) > 1


def test_a_limit_that_is_no_whole_number_above_zero_is_refused(root):
    with pytest.raises(ValueError, match="limit=0"):
        loaders_of(root, limit=0)
    for limit in (2.0, True, "3"):
        with pytest.raises(TypeError, match=f"limit={limit!r}"):
            loaders_of(root, limit=limit)


@pytest.mark.parametrize("available", [True, False])
def test_memory_is_pinned_only_where_there_is_a_gpu(root, monkeypatch, available):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: available)
    assert [loader.pin_memory for loader in loaders_of(root)] == [available] * 4


@pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning")  # on a machine with one core
def test_workers_are_off_unless_asked_for(root):
    assert {loader.num_workers for loader in loaders_of(root)} == {0}
    assert {loader.num_workers for loader in loaders_of(root, num_workers=2)} == {2}


# Workers: a forked process may warn of the threads that it leaves behind.
forks = pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")


class Draw:
    """A transform that gives a picture of chance alone, (3,), whatever it is shown."""

    def __call__(self, _):
        return torch.rand(3)


def two_passes(loader, seed=None):
    """What two passes give, with the loader's generators seeded before."""
    with preserved_randomness((loader,)) as generators:
        for generator in generators if seed is not None else ():
            generator.manual_seed(seed)
        return [[(inputs.tolist(), targets.tolist()) for inputs, targets in loader] for _ in range(2)]


@forks
def test_the_order_is_the_same_with_any_number_of_workers(root):
    alone, helped = (two_passes(loaders_of(root, train_transform=EVAL, num_workers=number).train) for number in (0, 1))
    assert alone == helped


def test_the_order_is_drawn_with_the_seed_and_by_nothing_else(root):
    loader = loaders_of(root, seed=7).train
    order = RandomSampler(range(9), generator=torch.Generator().manual_seed(7))
    labels = torch.tensor(loader.dataset.targets)
    for _ in range(2):
        assert targets_of(loader) == labels[list(order)].tolist()


@forks
def test_seeding_the_generators_repeats_order_and_chance_with_a_worker(root):
    """As a sweep does before each run, in the middle of a loader's life."""
    train = loaders_of(root, train_transform=Draw(), num_workers=1).train
    first = two_passes(train, seed=3)
    assert first[0] != first[1]
    next(iter(train))
    assert two_passes(train, seed=3) == first
    assert two_passes(train, seed=4) != first


def pupil(learning_rate=0.1):
    model = nn.Linear(3, 3)
    return model, torch.optim.SGD(model.parameters(), lr=learning_rate)


@forks
def test_a_resumed_run_equals_the_uninterrupted_one_with_a_worker(root, tmp_path):
    def learn(num_epochs, **options):
        set_seed(1)
        model, optimizer = pupil()
        loaders = loaders_of(root, train_transform=Draw(), eval_transform=Draw(), num_workers=1)
        options |= {"criterion": nn.CrossEntropyLoss(), "optimizer": optimizer, "device": "cpu", "progress": False}
        return train_model(model, loaders.train, loaders.val, num_epochs=num_epochs, **options)

    whole = learn(3)
    learn(1, checkpoint_path=tmp_path / "run.pt")
    resumed = learn(3, checkpoint_path=tmp_path / "run.pt", resume=True)
    assert (resumed.train_loss, resumed.val_loss) == (whole.train_loss, whole.val_loss)


@forks
def test_two_equal_settings_of_a_sweep_meet_equal_chances_with_a_worker(root):
    loaders = loaders_of(root, train_transform=Draw(), eval_transform=Draw(), num_workers=1)
    options = {"seeds": (0,), "num_epochs": 2, "criterion": nn.CrossEntropyLoss(), "device": "cpu", "progress": False}
    found = sweep(lambda name: pupil(), loaders.train, loaders.val, parameter="name", values=("a", "b"), **options)  # noqa: ARG005
    first, second = (found.histories[value][0] for value in ("a", "b"))
    assert (first.train_loss, first.val_loss) == (second.train_loss, second.val_loss)


def test_loaders_with_workers_refuse_what_cannot_reach_them(root, monkeypatch):
    monkeypatch.setattr(multiprocessing, "get_start_method", lambda **_: "spawn")
    for which in ("train_transform", "eval_transform"):
        with pytest.raises(RuntimeError, match=r"lambda.*num_workers=0"):
            loaders_of(root, **{which: v2.Lambda(lambda image: image)}, num_workers=1)
        loaders_of(root, **{which: v2.Lambda(lambda image: image)})  # without workers, all is well
    assert loaders_of(root, num_workers=1).train.num_workers == 1
