"""Folders of pictures become samples as torchvision's ImageFolder makes them, and loaders that a lesson can trust."""

import multiprocessing
import os
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from course_utils.checkpoints import preserved_randomness
from course_utils.datasets import ImageFolderDataset, check_workers, make_dataloaders
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
    with pytest.raises(ValueError, match=r"no folder for cat\. No such class: zebra\."):
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
    assert repr(ImageFolderDataset(tmp_path)).splitlines()[-1].strip() == "... 15 more classes"


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


@pytest.mark.parametrize("name", ["val", "valid"])
def test_other_names_of_the_validation_folder_are_known_and_a_test_folder_is_optional(root, name):
    (root / "validation").rename(root / name)
    (root / "test").rename(root / "later")
    loaders = loaders_of(root)
    assert loaders.val.dataset.root == root / name
    assert loaders.test is None


def test_two_validation_folders_are_refused(root):
    save(root / "val" / "a" / "1.png")
    with pytest.raises(ValueError, match="two folders for val: val and validation"):
        loaders_of(root)


@pytest.mark.parametrize("name", ["train", "validation"])
def test_a_missing_split_is_named_with_the_right_layout(root, name):
    (root / name).rename(root / "other")
    with pytest.raises(FileNotFoundError, match=rf"no folder named {name}.*train/dress/1\.jpg"):
        loaders_of(root)


def test_splits_with_different_classes_are_refused(root):
    (root / "test" / "c").rename(root / "test" / "d")
    with pytest.raises(ValueError, match=r"test are not the expected classes.*no folder for c\. No such class: d"):
        loaders_of(root)


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


def test_a_limit_below_one_is_refused(root):
    with pytest.raises(ValueError, match="limit=0"):
        loaders_of(root, limit=0)


@pytest.mark.parametrize("available", [True, False])
def test_memory_is_pinned_only_where_there_is_a_gpu(root, monkeypatch, available):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: available)
    assert [loader.pin_memory for loader in loaders_of(root)] == [available] * 4


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


@pytest.fixture
def notebook(monkeypatch):
    """Make `__main__` look like a notebook's: without a file. Returns a class and a function defined in it."""
    monkeypatch.delattr(sys.modules["__main__"], "__file__", raising=False)

    class Invert:
        def __call__(self, image):
            return 1 - image

    def invert(image):
        return 1 - image

    for definition in (Invert, invert):
        definition.__module__, definition.__qualname__ = "__main__", definition.__name__
        monkeypatch.setattr(sys.modules["__main__"], definition.__name__, definition, raising=False)
    return Invert, invert


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
@pytest.mark.parametrize("which", ["class", "function"])
def test_a_definition_in_a_notebook_meeting_fresh_workers_is_explained(root, notebook, monkeypatch, method, which):
    monkeypatch.setattr(multiprocessing, "get_start_method", lambda **_: method)
    transform = v2.Compose([TRAIN, notebook[0]() if which == "class" else notebook[1]])
    name = "Invert" if which == "class" else "invert"
    with pytest.raises(RuntimeError, match=rf"'{name}' is defined in this notebook.*{method}.*num_workers=0"):
        loaders_of(root, train_transform=transform, num_workers=1)
    loaders_of(root, train_transform=transform)  # without workers, all is well


def test_a_lambda_meeting_fresh_workers_is_explained(root, monkeypatch):
    monkeypatch.setattr(multiprocessing, "get_start_method", lambda **_: "spawn")
    with pytest.raises(RuntimeError, match=r"lambda.*num_workers=0"):
        loaders_of(root, eval_transform=v2.Lambda(lambda image: image), num_workers=1)


def test_what_can_be_imported_may_meet_fresh_workers(root, notebook, monkeypatch):
    monkeypatch.setattr(multiprocessing, "get_start_method", lambda **_: "spawn")
    assert loaders_of(root, num_workers=1).train.num_workers == 1
    # A script's definitions are found again, because workers import the script.
    monkeypatch.setattr(sys.modules["__main__"], "__file__", "script.py", raising=False)
    check_workers(ImageFolderDataset(root / "train", notebook[0]()))


def test_forked_workers_know_the_notebook(root, notebook, monkeypatch):
    monkeypatch.setattr(multiprocessing, "get_start_method", lambda **_: "fork")
    check_workers(ImageFolderDataset(root / "train", notebook[0]()))


def test_the_start_method_is_not_decided_by_asking(root, monkeypatch):
    monkeypatch.setattr(multiprocessing, "get_start_method", lambda allow_none=False: None if allow_none else 1 / 0)
    monkeypatch.setattr(multiprocessing, "get_all_start_methods", lambda: ["spawn", "fork"])
    with pytest.raises(RuntimeError, match="'spawn'"):
        check_workers(ImageFolderDataset(root / "train", lambda image: image))
