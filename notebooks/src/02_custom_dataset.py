# ---
# jupyter:
#   course:
#     study_minutes: 55
#     budget_seconds: 60
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 02 · Custom dataset
#
# **How do pictures in folders become samples, and which of them are broken?**
#
# A student learns from examples: pictures with the right answers beside them. In this lesson we turn folders of files
# into such examples, build a doctor that finds what is broken in them, and keep some for the exams.
#
# ## What you will learn
#
# - **write** a data set as a class of three methods, and check it against two others
# - **explain** why pictures are opened one at a time, with the memory in numbers
# - **build** a doctor for folders in fifteen lines, and mend what it finds by a table of decisions
# - **compute** the mark that someone gets who knows nothing
# - **keep** practice, mock exam and final exam apart, and recognise a leak between them
#
# ## Before you start
#
# You need lesson 00 (tensors, and who is who). Of lesson 01 you need three things: a picture becomes a tensor with the
# shape `(C, H, W)`, a batch is several of them, and a student who has been to school turns each into 1,280 numbers
# before its last layer gives names to them.

# %% tags=["settings"]
import os

# "photos": 3,781 real photos, a download of 107 MB
DATASET = os.environ.get("COURSE_DATASET") or "drawn"
WEIGHTS = os.environ.get("COURSE_WEIGHTS") or "course"  # the student of lesson 01
# Pictures of your own: a folder with train/ and validation/, in each a folder a class
MY_FOLDER = ""
THUMBNAIL = 8  # side of the small pictures that one student learns by heart, in pixels

# %%
import shutil
import tempfile
from contextlib import chdir
from pathlib import Path

import numpy as np
import torch
import torchvision
from PIL import Image, ImageEnhance
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from course_utils import load_pretrained, plotting, widgets
from course_utils.classroom import exercises
from course_utils.classroom.book import compare_with_book
from course_utils.classroom.predictions import what_happened
from course_utils.pictures import catalog
from course_utils.pictures.messy import make_messy_folder
from course_utils.pictures.scan import scan_images
from course_utils.report.metrics import standard_error
from course_utils.transforms import build_eval_transform, load_image

root = Path(MY_FOLDER) if MY_FOLDER else catalog.clothing(DATASET)

# %% [markdown]
# ## Look at the pictures first
#
# The subject of this series is clothing, ten kinds of it. (`catalog.clothing` draws or downloads the pictures at its
# first call.) Before anything else, look at them. Which two kinds will be hardest to tell apart? Remember your answer;
# at the end of the series the student shows which kinds *it* mixes up.
#
# Nobody wrote "this is a hat" into the files. The right answer is the name of the **folder** in which a picture lies.
# Many collections of pictures come like this, since they can be made by dragging files with the mouse.
#
# Python's `pathlib` walks through folders: `root / "train"` is a path below `root`, `iterdir()` lists what lies in it,
# and `glob("*.jpg")` finds the files with that ending.

# %%
plotting.show(
    plotting.draw_class_folders(root / "train", title="Two of each kind", width=3.7)
)
folders = sorted(path for path in (root / "train").iterdir() if path.is_dir())
for folder in folders:
    names = sorted(path.name for path in folder.glob("*.jpg"))
    print(
        f"train/{folder.name + '/':12}{len(names):4} pictures: {', '.join(names[:2])}"
    )

classes = [folder.name for folder in folders]
class_to_idx = {name: index for index, name in enumerate(classes)}
print(class_to_idx)

# %% tags=["claim"]
assert class_to_idx["dress"] == 0, "The folders are counted from 0, dress first."
assert class_to_idx["t-shirt"] == 9, "Counting from 0, the last of ten is 9."

# %% [markdown]
# Three names need a word: `outwear` stands for coats and jackets, `longsleeve` for pullovers and other tops with long
# sleeves and no buttons, `pants` for trousers. We keep the words of the data set.
#
# A network calculates, so its answers have to be numbers. The folders are sorted by name and counted from 0: `dress` is
# 0, and of ten kinds the last, `t-shirt`, is 9. That gives each kind, each **class**, its number. The number that
# belongs to a picture is its **target**, and a picture together with its target is a **sample**. (`[... for ...]` is a
# loop that fills a list, `{name: index for ...}` one that fills a dictionary.)
#
# Sorting matters. The operating system lists folders in no fixed order, and if `hat` is 1 today and 7 tomorrow,
# everything learned is nonsense.
#
# ## What is a data set, for PyTorch?
#
# Surprisingly little: a thing that says how many samples it has, and hands over the sample with a given number. Both
# are things that a Python object can learn, by being given functions with special names. The smallest example, without
# any picture:


# %%
class Squares:
    def __init__(self, size):
        self.size = size

    def __len__(self):
        return self.size

    def __getitem__(self, index):
        if index >= self.size:
            raise IndexError(f"There is no number {index}.")  # where a loop stops
        return index, index**2


squares = Squares(1_000_000_000)
print(len(squares), squares[3], squares[999])
print(list(Squares(3)))

# %% [markdown]
# A **class** in Python (the same word, another meaning) is a plan for objects. Functions in it are called methods, and
# `self` is the object that they work on. Python calls the three with the underscores itself:
#
# | you write | Python calls | its job here |
# |---|---|---|
# | `Squares(1_000_000_000)` | `__init__` | note down what is needed later |
# | `len(squares)` | `__len__` | say how many samples there are |
# | `squares[3]` | `__getitem__` | make sample 3, now |
#
# A billion squares took no time and no memory: they do not exist. A sample is made at the moment when somebody asks for
# it. That is **lazy loading**, and pictures need it badly.
#
# ## Write the class
#
# Now the same with pictures. `__init__` walks through the folders and notes down names and targets, `__getitem__` opens
# one file. The `transform` is a function that may change the picture on its way out, for instance into a tensor.
# `Dataset`, in the brackets, is PyTorch's own class for data sets, and ours takes over what it has.


# %% tags=["write-it:course_utils.datasets.ImageFolderDataset"]
class MyImageFolder(Dataset):
    """Pictures in `root`, a folder a class: `dataset[index]` is `(picture, target)`."""

    def __init__(self, root, transform=None):
        self.transform = transform
        folders = sorted(
            entry
            for entry in Path(root).iterdir()
            if entry.is_dir() and entry.name[0] != "."
        )
        self.classes = [folder.name for folder in folders]
        self.class_to_idx = {name: index for index, name in enumerate(self.classes)}
        self.samples = []
        for folder in folders:
            for path in sorted(folder.glob("*.jpg")):
                self.samples.append((str(path), self.class_to_idx[folder.name]))

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, index):
        path, target = self.samples[index]
        image = Image.open(path).convert("RGB")
        if self.transform is not None:
            image = self.transform(image)
        return image, target


# %% [markdown]
# Two lines deserve a second look. `entry.name[0] != "."` leaves out hidden folders: Jupyter puts one called
# `.ipynb_checkpoints` beside every notebook, and it is no kind of clothing. And `convert("RGB")` sees to it that each
# picture has three colours, even one stored in grey.

# %%
dataset = MyImageFolder(root / "train")
image, target = dataset[len(dataset) // 5]
print(f"{len(dataset):,} samples in {len(dataset.classes)} classes")
print(
    f"one of them: {image.size[0]} x {image.size[1]} pixels, target {target}, ", end=""
)
print(f"which is {dataset.classes[target]!r}")
plotting.draw_flow(
    [
        ("a file in a folder", "train/hat/0007.jpg"),
        ("name and target", "__init__, once"),
        ("“number 86, please”", "dataset[86]"),
        ("opened, in colour", "__getitem__"),
        ("changed", "transform(image)"),
        ("the sample", "(image, 1)"),
    ],
    num_columns=3,
    title="From a file to a sample",
)

# %% [markdown]
# ## Check it, import it
#
# Is our class right? There are two others to ask. torchvision has `ImageFolder`, and the course's package has
# `ImageFolderDataset`. All three should agree on the names, the order, the targets and the pixels.

# %%
from course_utils.datasets import ImageFolderDataset

theirs = torchvision.datasets.ImageFolder(root / "train")
ours = ImageFolderDataset(root / "train")
for other in (theirs, ours):
    assert other.classes == dataset.classes, (
        "The classes should be the same, in the same order."
    )
    assert other.samples == dataset.samples, (
        "Names and targets should be the same, in the same order."
    )
    for index in range(0, len(dataset), 50):
        assert other[index][0].tobytes() == dataset[index][0].tobytes(), (
            f"Sample {index} should have the same pixels."
        )
print(f"Three data sets, the same {len(dataset):,} names and targets.")

OPENED = ["never", "once", "twice", "once for each picture"]
question = "We make a data set and ask for sample 3, twice. How often is a file opened?"
widgets.predict_first("02.1", question, OPENED)

# %% [markdown]
# From now on the lessons use `ImageFolderDataset`. On a clean folder it does what ours does; further down you see what
# it does on a dirty one.
#
# ## How lazy is it?
#
# A transform is called once for each picture that is opened, so a transform that only counts tells us.
# Choose above, then count.

# %%
opened = []


def count(image):
    opened.append(image)
    return image


lazy = ImageFolderDataset(root / "train", transform=count)
print("opened after making the data set:", len(opened))
lazy[3], lazy[3]
print("opened after asking twice:       ", len(opened))
what_happened("02.1", OPENED[len(opened) if len(opened) < 3 else 3])

# %% tags=["claim"]
assert len(opened) == 2, "Each request opens one picture, and nothing is kept."

# %% [markdown]
# Making it opens nothing, and asking twice opens twice: the data set keeps names, never pictures. What would it cost to
# keep them? Take a picture of 224 × 224 pixels in 3 colours. As a tensor of `float32`, a number takes four bytes.

# %%
one_picture = 3 * 224 * 224 * 4  # bytes
on_disk = Path(dataset.samples[0][0]).stat().st_size
print(f"a file of ours takes {on_disk / 1e3:.0f} kB, ", end="")
print(f"such a tensor {one_picture / 1e3:.0f} kB")
for number in (32, 10_000, 1_281_167):
    print(f"{number:9,} pictures: {number * one_picture / 1e9:8.2f} GB")

numbers = [100, 1_000, 10_000, 100_000, 1_281_167]
all_at_once = {number: number * one_picture / 1e9 for number in numbers}
plotting.plot_memory(all_at_once, one_batch=32 * one_picture / 1e9)

# %% tags=["claim"]
assert round(10_000 * one_picture / 1e9, 1) == 6.0, "10,000 pictures take 6.0 GB."
assert round(1_281_167 * one_picture / 1e9) == 771, "ImageNet takes 771 GB."
assert round(32 * one_picture / 1e6) == 19, "A batch takes 19 MB."

# %% [markdown]
# 10,000 pictures take 6.0 GB. A good laptop can hold that. The 1.28 million of ImageNet would take 771 GB, and it
# cannot hold those. A batch of 32 takes 19 MB, however many there are on the disk. The price is time: a picture is
# opened again in every school term. Lesson 03 measures it.
#
# ## A messy folder
#
# The folder so far is tidy. Folders out there are not: downloads break off, telephones turn pictures, colleagues make
# copies. `make_messy_folder` builds a small collection with such troubles. It returns an answer key, and we do not look
# at that yet. Its pictures lie in two folders: `train` is what the student practises on, `validation` is its **mock
# exam**, which asks about pictures that it has not practised on.

# %%
# This folder vanishes when you close the notebook.
desk = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
messy = Path(desk.name) / "messy"
answer_key = make_messy_folder(messy, catalog.clothing(DATASET))
for folder in sorted(path for path in [messy, *messy.rglob("*")] if path.is_dir()):
    names = sorted(path.name for path in folder.iterdir() if path.is_file())
    if names:
        print(f"{folder.relative_to(messy).as_posix()}: {', '.join(names)}")

FOUND = ["both", "only the equal one", "only the smaller one", "neither"]
widgets.predict_first(
    "02.2",
    "One practice picture lies in the mock exam as well, and so does a smaller copy "
    "of another. Which of the two will a doctor find who compares pixels?",
    FOUND,
)

# %% [markdown]
# (`rglob` looks into all folders below, too.) The names are more honest than in life.
#
# ## Build a doctor
#
# What is wrong in there? Two ideas are enough for a first doctor. A `.jpg` that Pillow cannot open is **broken**. And
# pictures are compared by their pixels: a dictionary goes from pixels to the first file that had them, and so each
# later file with the same pixels is found. Then the two places tell the rest: practice and an exam, a **leak**; one
# class and another, a **contradiction**; else a **duplicate**.
#
# Will such a doctor find the smaller copy, too? Choose above, then write it. (`setdefault` returns what the dictionary
# holds for these pixels; if that is nothing, it first puts this path there. Of a path such as
# `messy/train/hat/hat_0.jpg`, `parts[-2]` is the class, `hat`, and `parts[-3]` the **split**: one of the folders
# `train`, `validation` and `test`.)


# %%
def find_troubles(folder):
    first_with, troubles = {}, []
    for path in sorted(folder.rglob("*.jpg")):
        try:
            pixels = Image.open(path).convert("RGB").tobytes()
        except OSError:
            troubles.append(("broken", path, None))
            continue
        twin = first_with.setdefault(pixels, path)
        if twin != path:
            same_split = path.parts[-3] == twin.parts[-3]
            same_class = path.parts[-2] == twin.parts[-2]
            kind = "duplicate" if same_class else "contradiction"
            troubles.append((kind if same_split else "leak", path, twin))
    return troubles


troubles = find_troubles(messy)
for trouble, path, twin in troubles:
    print(f"{trouble:14}{path.name:28}", "" if twin is None else f"same as {twin.name}")
names = {path.name for _, path, _ in troubles}
equal, smaller = "hat_practised.jpg" in names, "dress_smaller.jpg" in names
what_happened("02.2", FOUND[3 - 2 * equal - smaller])

# %% tags=["claim"]
assert equal, "Equal pixels are found."
assert not smaller, "A near copy is not found."
assert sorted(trouble for trouble, _, _ in troubles) == [
    "broken",
    "broken",
    "contradiction",
    "duplicate",
    "leak",
], "The doctor finds broken, doubled, contradicting and leaked files."

# %% [markdown]
# Fifteen lines find five troubles. The broken ones are the loud troubles: they stop a training, perhaps an hour after
# it began. The silent ones are worse.
#
# ### Nearly the same
#
# The smaller copy escaped: its pixels are others, and fewer. What stays when a picture is saved again, made smaller or
# lighter? Where it gets lighter and where it gets darker. So shrink it to eight rows of nine grey points, and note for
# each point whether its neighbour on the right is lighter. (The ninth has none.) That is 64 times yes or no, a
# **fingerprint**. Then count in how many places two fingerprints differ. (`load_image` opens a picture as it should be
# seen; more about it below. The `?` stands for any one character.)


# %%
def fingerprint(path):
    grey = np.asarray(load_image(path).convert("L").resize((9, 8)), dtype=int)
    return grey[:, 1:] > grey[:, :-1]  # (8, 8), True where it gets lighter


practised = sorted((messy / "train").rglob("dress_?.jpg"))
for exam in sorted((messy / "validation").rglob("dress_*.jpg")):
    differing = {
        path.name: (fingerprint(path) != fingerprint(exam)).sum() for path in practised
    }
    least = min(differing, key=differing.get)
    print(f"exam {exam.name:18} nearest in practice: {least}, ", end="")
    print(f"{differing[least]} of 64 places differ")

# %% tags=["claim"]
assert exam.name == "dress_smaller.jpg", "It is the last of the three."
assert differing[least] < 5, "The copy stands out."

# %% [markdown]
# One of the three stands out by far. It shows the same dress. No threshold is perfect: too low, and
# near copies escape; too high, and different pictures are called alike. So a doctor only *lists* such pairs, and you
# look.
#
# ### The package's doctor
#
# `scan_images` does all of this for more kinds of file, and finds mirrored and cut copies, too. It changes nothing
# either.

# %%
with chdir(desk.name):  # stand in this folder for a moment, so that paths are short
    report = scan_images("messy")

found = sorted((finding.path, finding.kind) for finding in report.findings)
assert found == answer_key, "The doctor should find exactly what was planted."
to_mend = {finding.path for finding in report.problems}
by_us = {path.relative_to(messy).as_posix() for _, path, _ in troubles}
assert by_us <= to_mend, "The package's doctor should find what ours has found."
report

# %% tags=["claim"]
assert report.num_files == 40, "Hidden files are not among the 40."

# %% [markdown]
# The report counts the readable pictures of each class; it lists what **you** must mend and what wants a look, and what
# `ImageFolderDataset` copes with on its own is folded away. (*Truncated* means that a file breaks off; hidden files are
# not among the 40.) The two lines with `assert` have compared it: it found everything that was planted and nothing
# else, and all that ours had found.
#
# ## Look, decide, mend
#
# A doctor reports, but somebody has to decide, and that takes a look: at *both* pictures of each pair.

# %%
twins = [(path, twin) for _, path, twin in troubles if twin is not None]
twins.append(
    (messy / "validation/dress/dress_smaller.jpg", messy / "train/dress/dress_3.jpg")
)
plotting.draw_pairs(
    [(load_image(twin), load_image(path)) for path, twin in twins],
    names=[
        ("\n".join(twin.parts[-3:-1]), "\n".join(path.parts[-3:-1]))
        for path, twin in twins
    ],
    words=("lies in", "and in"),
    title="The suspects",
    width=4.2,
)

# %% tags=["claim"]
assert (fingerprint(twins[-1][0]) != fingerprint(twins[-1][1])).sum() <= 6, (
    "In next to no place does the near copy differ."
)

# %% [markdown]
# From left to right: a duplicate; a contradiction, one dress that is called a longsleeve as well; a leak; and the near
# copy. What happens to each is *your* decision, so write it down: the table says what is not kept as it is. (Broken
# files of your own you would fetch again before you give them up, and a `.heic` save as `.jpg`.) Nothing is deleted.
# The mended collection is a **copy**; the folder that came to you stays as it is, and whoever doubts a decision can
# change it and copy once more.

# %%
decisions = {
    "train/dress/dress_half_downloaded.jpg": "drop",
    "train/dress/dress_web_page.jpg": "drop",
    "train/hat/hat_0_copy.jpg": "drop",
    "train/hat/hat_empty.png": "drop",
    "train/hat/hat_telephone.heic": "drop",
    "train/longsleeve/longsleeve_like_dress.jpg": "drop",  # it is a dress
    "train/longsleeve/longsleeve_thumbnail.jpg": "drop",
    "train/to_sort.jpg": "train/dress",  # we looked: a dress. It moves there
    "validation/dress/dress_smaller.jpg": "drop",
    "validation/hat/hat_practised.jpg": "drop",  # the exam gives way
}
assert set(decisions) >= to_mend, "Each file to mend needs a decision."

mended = Path(desk.name) / "mended"
shutil.rmtree(mended, ignore_errors=True)  # what an earlier run of this cell made
for path in sorted(path for path in messy.rglob("*") if path.is_file()):
    name = path.relative_to(messy).as_posix()
    decision = decisions.get(name, "keep")
    if decision == "drop":
        continue
    place = mended / name if decision == "keep" else mended / decision / path.name
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(path, place)

second_report = scan_images(mended, progress=False)
assert not second_report.problems, "After mending, nothing should be left to mend."
with chdir(mended):
    print(ImageFolderDataset("train"))

# %% tags=["claim"]
assert not second_report.of_kind("near leakage"), "The near copy is gone, too."
assert {image.mode for image, _ in ImageFolderDataset(mended / "train")} == {"RGB"}, (
    "Every picture opens in three colours."
)
assert (
    sorted((each.path, each.kind) for each in scan_images(messy).findings) == answer_key
), "The folder that came is as it was."

# %% [markdown]
# The last line says what was skipped, and why. A wrong label on a picture that is there only once escapes both
# doctors. Against that, look at your pictures, folder by folder.
#
# ### What is handled for you
#
# Some pictures are fine, but stored in an unusual way: on their side with a note which way is up (EXIF), with
# transparent parts, in printer's colours, with 16 bits for a number instead of 8. The upper row shows three of them
# opened with our class's line, `Image.open(path).convert("RGB")`, the lower row the same files through `load_image`,
# which `ImageFolderDataset` uses.

# %%
odd = {
    "sideways file": messy / "train/dress/dress_sideways.jpg",
    "transparent file": messy / "train/hat/hat_cut_out.png",
    "16-bit file": messy / "train/longsleeve/longsleeve_scanner.png",
}
plotting.draw_pairs(
    [
        (np.asarray(Image.open(path).convert("RGB")), load_image(path))
        for path in odd.values()
    ],
    names=[(note, note) for note in odd],
    words=("careless", "careful"),
    title="Two ways to open",
    width=4.2,
)

# %% [markdown]
# No picture in the upper row gives an error. The first lies on its side. The second shows again what its author had cut
# away, all that is outside the circle. The third came out white all over. A student would practise on them as they are.
#
# ## How good is someone who knows nothing?
#
# Our own collection gets the same check-up, before the coming lessons build on it. The doctor also counts. In most
# collections some classes are much larger than others, which is called **imbalance**. Somebody has never seen a garment
# and gives the same answer to every question. The share of right answers is called **accuracy**; it is the mark of an
# exam, and higher is better. (The teacher's mark, the loss, is another number.) Which answer should it be, and how
# often is it right?

# %%
checkup = scan_images(root, progress=False)
assert not checkup.problems, "Mend them first: checkup.problems."
practice_counts, mock_counts = checkup.counts["train"], checkup.counts["validation"]
answer = max(practice_counts, key=practice_counts.get)
baseline = mock_counts[answer] / sum(mock_counts.values())
print(f"guessing among {len(classes)} classes: {1 / len(classes):.1%} right")
print(f"always {answer!r}: {baseline:.1%} right in the mock exam")
plotting.plot_class_counts(practice_counts, title="Practice pictures in each class")

# %% tags=["claim"]
assert abs(baseline - checkup.majority_baseline["validation"]) < 1e-9, (
    "By hand it is what the report says."
)

# %% [markdown]
# The best constant answer is the largest class. The accuracy it reaches is the **majority baseline**, and every student
# of ours has to beat it. Practice tells which class that is (the figure shows its share there); the mark is what
# this answer then gets in the mock exam, which may hold a little more or less of it.
#
# An accuracy alone says little. If 95 of 100 patients are healthy, the answer "healthy" is right in 95 % and finds not
# one ill person. So ask for the baseline first, and later for the accuracy class by class (lesson 08).
#
# ## Practice, mock exam, final exam
#
# The pictures lie in three folders. Each has its own purpose, and its own word in our story.
#
# | folder | in the story | used for | how often |
# |---|---|---|---|
# | `train` | **practice** | the student learns from it | every term |
# | `validation` | **mock exam** | we see how it goes, and choose among students | every term |
# | `test` | **final exam** | the mark that we report | once, in lesson 08 |
#
# Why is the mark on practice not enough? Meet a student who learns by heart. It stores a thumbnail of each practice
# picture. Asked about a picture, it looks for the most similar thumbnail and repeats that one's target. No network is
# in it. This is what it keeps of a picture:

# %%
shrink = v2.Compose(
    [
        v2.Resize((THUMBNAIL, THUMBNAIL)),
        v2.ToImage(),
        v2.ToDtype(torch.float32, scale=True),
        v2.ToPureTensor(),
    ]
)
practice = ImageFolderDataset(root / "train")
mock_exam = ImageFolderDataset(root / "validation", classes=practice.classes)
some = [practice[i] for i in range(0, len(practice), max(1, len(practice) // 5))][:5]
plotting.draw_pairs(
    [(image, shrink(image)) for image, _ in some],
    names=[(classes[target], f"{THUMBNAIL} x {THUMBNAIL}") for _, target in some],
    words=("a picture of", "is kept as"),
    title="What it learns by heart",
    width=4.8,
)

# %% [markdown]
# `v2.Compose` joins steps of lesson 01 into one transform; lesson 03 takes that apart. Each picture becomes a tensor
# `(3, 8, 8)`, 192 numbers. `classes=practice.classes` makes the mock exam count the classes as practice does: counted
# on its own, an exam folder without hats would give each later class another number.
#
# `torch.cdist` measures the distance from every question to every known picture (the differences of the 192 numbers,
# squared, added up, and the root of it), and `argmin` finds the nearest.


# %%
def as_rows(dataset, look):
    """Return what `look` makes of each picture, one a row: (N, numbers)."""
    return torch.stack([look(image).flatten() for image, _ in dataset])


def nearest(questions, known):
    return torch.cdist(questions, known).argmin(dim=1).tolist()


def is_right(questions, targets, known):
    return torch.tensor(practice.targets)[nearest(questions, known)] == targets


def mark(questions, targets, known):
    return is_right(questions, targets, known).float().mean().item()


exam_targets = torch.tensor(mock_exam.targets)
known, asked = as_rows(practice, shrink), as_rows(mock_exam, shrink)
marks = {
    "practice": mark(known, torch.tensor(practice.targets), known),
    "mock exam": mark(asked, exam_targets, known),
}
plotting.plot_marks(marks, majority=baseline, title="Learned by heart")

# %% tags=["claim"]
assert marks["practice"] > 0.99, "On practice it is perfect."
assert abs(marks["mock exam"] - baseline) < 0.06, "It is worth about a constant answer."

# %% [markdown]
# On practice it is perfect, and that says nothing at all: each picture finds itself. The mock exam tells what the
# memory is worth: about as much as one constant answer. It hardly **generalises** (lesson 00). Where a student does
# better in practice than on fresh pictures, because it has learned what is peculiar to the practice pictures, one
# speaks of **overfitting**.
#
# ## A leak
#
# A picture that is both in practice and in an exam is a **leak**: the student has seen the question. Our doctors found
# such pictures, and the package's also finds near copies. A second photograph of the same thing, from another side, may
# pass both. What does a leak do to a mark? We cannot photograph our garments once more, so we take 100 practice
# pictures, make them a little brighter, and put those into the mock exam. (A photograph from another side would be
# recognised less often than that: the leak would be smaller, and harder to notice.)

# %%
generator = torch.Generator().manual_seed(0)  # a source of random numbers of its own
chosen = torch.randperm(len(practice), generator=generator)[:100].tolist()
brighter = [
    ImageEnhance.Brightness(practice[index][0]).enhance(1.1) for index in chosen
]
leaked = torch.stack([shrink(image).flatten() for image in brighter])
leaked_targets = torch.tensor(practice.targets)[chosen]
marks["mock exam\nwith a leak"] = mark(
    torch.cat([asked, leaked]), torch.cat([exam_targets, leaked_targets]), known
)
plotting.show(
    plotting.plot_marks(marks, majority=baseline, title="The same student, three marks")
)

# %% tags=["claim"]
assert marks["mock exam\nwith a leak"] - marks["mock exam"] > 0.1, (
    "The mark rises by ten points and more."
)
assert not torch.equal(leaked, known[chosen]), "The pixels differ."

# %% [markdown]
# The mark leaps. The student is the same as before, and so is what it understands. But a quarter of the questions it
# now knows by heart. This is how results get into print that nobody can repeat. Leaks come from two photographs of one
# object, from the next frame of a film, from one patient with many scans, and from copying or altering pictures
# *before* dividing them. Three rules:
#
# - Divide first, and divide by **thing**: everything that shows the same object goes into the same folder.
# - Run the doctor over all folders together, and look at the near copies that it lists.
# - If a mark is too good to be true, look for the leak before you celebrate.
#
# ## Why a second exam?
#
# If the mock exam is honest, what is the final exam for? Suppose 200 students who know nothing sit a mock exam of 300
# questions with ten possible answers each. They guess. You choose the best of them, and it sits the final exam.

# %%
FINAL = [
    "about as good as in the mock exam",
    "about 10 %, as any guesser",
    "worse than 5 %",
]
widgets.predict_first("02.3", "What is its mark in the final exam?", FINAL)

# %% [markdown]
# Choose, then let all of them guess. (Broadcasting compares each student's answers, `(200, 2, 300)`, with the
# solutions of both exams, `(2, 300)`.)

# %%
generator = torch.Generator().manual_seed(0)
solutions = torch.randint(10, (2, 300), generator=generator)  # (exams, questions)
guesses = torch.randint(10, (200, 2, 300), generator=generator)
mock_marks, final_marks = (guesses == solutions).float().mean(dim=2).T
plotting.show(plotting.plot_guessers(mock_marks, final_marks, chance=0.1))
best = mock_marks.argmax()
luck = mock_marks[best] - final_marks[best]
what_happened("02.3", FINAL[0 if luck < 0.02 else 1 if final_marks[best] > 0.05 else 2])

# %% tags=["claim"]
assert mock_marks[best] > 0.14, "The best of many guessers looks good."
assert abs(final_marks[best] - 0.1) < 0.035, "In the final exam it is a guesser again."

# %% [markdown]
# Choosing by a mark makes the mark too good. The chosen student was lucky, and luck does not repeat. We shall choose
# all the time: the best term, the best size of the corrections. So the mark of the mock exam is a guide for choosing,
# and only an exam by which nothing was chosen tells the truth. That is why the folder `test` stays closed until lesson
# 08. (The doctor may open it, because a doctor teaches nobody.)
#
# ## The same memory, with better eyes
#
# One thing is left. The student who learns by heart was hardly better than a constant answer. Is it the memory that
# fails, or the eyes? Thumbnails go by what is light, dark or red in which corner. Lend it the eyes of lesson 01's
# student: of each picture it now keeps the 1,280 numbers that come before the last layer. Nobody has taught those eyes
# these ten kinds (though they know a miniskirt and a cardigan). Everything else stays: the same memory, the nearest
# picture, the same exam.

# %%
EYES = ["no better than the baseline", "clearly better than the baseline"]
widgets.predict_first("02.4", "How does it do in the mock exam now?", EYES)

# %% [markdown]
# Choose, then let it look at all pictures once; it takes some seconds. (`DataLoader` hands over the samples in batches
# of 50. Lesson 03 is about it.)

# %%
student = load_pretrained(WEIGHTS)
prepare = build_eval_transform(student.spec)  # as lesson 01 prepared a picture


def see(split):
    pictures = ImageFolderDataset(root / split, prepare, classes=practice.classes)
    with torch.no_grad():  # nothing is learned here
        batches = DataLoader(pictures, batch_size=50)
        return torch.cat([student.backbone(images) for images, _ in batches])


known_well, asked_well = see("train"), see("validation")
print("what it knows:", tuple(known_well.shape))
eyes = mark(asked_well, exam_targets, known_well)
marks = {"thumbnails": marks["mock exam"], "eyes of lesson 01": eyes}
plotting.show(
    plotting.plot_marks(
        marks,
        majority=baseline,
        num_samples=len(mock_exam),
        color=plotting.MOCK_EXAM["color"],
        title="The same memory, two pairs of eyes",
    )
)
what_happened("02.4", EYES[0 if eyes < baseline + 0.05 else 1])

# %% tags=["claim"]
assert eyes > baseline + 0.05, "With these eyes the memory beats the baseline."
assert {"miniskirt", "cardigan"} <= set(student.classes), "They know these two."
assert 0.025 < standard_error(0.5, 300) < 0.035, "300 questions: about three points."
assert 0.085 < standard_error(0.5, 30) < 0.095, "30 questions: about nine points."
assert eyes > marks["thumbnails"] + 0.05, "And it beats the thumbnails."

# %% [markdown]
# Without a single correction, and honestly, a student has left the baseline behind. (The whiskers are how far chance
# typically carries a mark; lesson 07 computes them.) Look at some of the pictures that only the new eyes got right, and
# at what each memory is reminded of. There are such pictures the other way round as well, and the cell counts both.
# (`&` is “and”, `~` is “not”, number by number.)

# %%
by_thumbnail = is_right(asked, exam_targets, known)
by_eye = is_right(asked_well, exam_targets, known_well)
better, worse = by_eye & ~by_thumbnail, by_thumbnail & ~by_eye
print(f"right by eye only: {better.sum()}, by thumbnail only: {worse.sum()}")

candidates = better.nonzero().flatten().tolist()  # their numbers
questions = candidates[:: max(1, len(candidates) // 5)][:5]
reminders = {
    "thumbnails": [practice[i] for i in nearest(asked[questions], known)],
    "lesson 01": [practice[i] for i in nearest(asked_well[questions], known_well)],
}
plotting.show(
    plotting.draw_reminders([mock_exam[i] for i in questions], reminders, classes)
)
compare_with_book(
    "02.eyes",
    eyes,
    error=standard_error(eyes, len(mock_exam)),
    pictures=DATASET,
    weights=WEIGHTS,
)

# %% [markdown]
# What a student *sees* decides what it can learn. That is the plan of this series: keep the eyes that somebody has
# schooled for hours or days, and teach them a new subject. Lessons 03 to 06 do it properly.
#
# <details><summary><b>Questions and answers</b></summary>
#
# **Could one do without a mock exam?** Then nobody could tell a student who understands from one who remembers, and
# there would be nothing to choose the best term by.
#
# **How much goes into each folder?** Often 70 to 80 % for practice and the rest in halves. What counts for an exam is
# the *number* of pictures: with 300, a mark is uncertain by three points (lesson 07), with 30 by nine.
#
# **I have one folder without splits.** Shuffle with a fixed seed, class by class so that each split has the same
# proportions, and copy the files into three folders. If one object appears on several pictures, shuffle the objects.
#
# **May I use pictures of my own?** Yes: write their folder into `MY_FOLDER` in the settings. Our class reads `.jpg`
# only, so where there are others, the three data sets differ and their comparison stops; the package's reads what
# Pillow opens. The messy folder stays the course's.
#
# **Why does torchvision's `ImageFolder` not do all this?** It is simple, and for tidy folders it is enough. It ignores
# EXIF, stops at the first broken file without naming the others, and takes `.ipynb_checkpoints` for a class: with a
# picture in it silently, without one it stops and says that the class is empty.
#
# **Why not delete bad files automatically?** Because a contradiction or a misplaced picture needs a person who looks.
# And a data set that shrinks silently cannot be compared with yesterday's.
#
# **What does `Dataset` in the brackets bring?** It says what kind of object this is. What the next lesson needs are
# `__len__` and `__getitem__`.
#
# **Should I make the classes equally large?** Not in the exams: they should look like the world. During practice one
# can weight the rare classes, which lesson 08 takes up again.
#
# **Coming from Keras?** `image_dataset_from_directory` does the reading of this lesson and the next in one call.
#
# </details>
#
# ## Recap
#
# - **Writing**: `__init__` notes names, `__len__` counts, `__getitem__` opens one; folders sorted, numbered from 0.
# - **Explaining**: 10,000 pictures of 224 × 224 take 6.0 GB as tensors; a batch of 32 takes 19 MB, always.
# - **Building**: a dictionary of pixels finds what is doubled; you look at both, decide, and mend a copy.
# - **Computing**: the majority baseline, always the most frequent answer, is the mark to beat.
# - **Keeping apart**: practice to learn, the mock exam to choose, the final exam once; a leak makes marks lie.

# %% [markdown]
# ## Exercises
#
# ### Exercise 1 · Find the leaks
#
# Write a function for the doctor. `practice` and `exam` are dictionaries from the name of a file to its pixels. Return
# the list of those names in the exam whose pixels occur in practice, whatever the file is called there.


# %% tags=["exercise"]
def find_leaks(practice, exam):
    return ...  # replace the dots


exercises.check("02.1", find_leaks)


# %% tags=["wrong"] hint="names"
def find_leaks(practice, exam):
    return [name for name in exam if name in practice]


exercises.check("02.1", find_leaks)


# %% tags=["wrong"] hint="called in the exam"
def find_leaks(practice, exam):
    return [name for name, pixels in practice.items() if pixels in exam.values()]


exercises.check("02.1", find_leaks)


# %% tags=["solution"]
def find_leaks(practice, exam):
    known = set(practice.values())
    return [name for name, pixels in exam.items() if pixels in known]


exercises.check("02.1", find_leaks)

# %% [markdown]
# ### Exercise 2 · A data set on a data set
#
# Write a class `Mirrored`. `Mirrored(dataset)` is a data set with as many samples as `dataset`, each with left and
# right swapped and with the same target. `ImageOps.mirror(image)` returns a mirrored Pillow picture. Be lazy: open
# nothing before somebody asks.

# %% tags=["exercise"]
from PIL import ImageOps

Mirrored = ...  # replace this line by your class
exercises.check("02.2", Mirrored)


# %% tags=["wrong"] hint="opens pictures while it is made"
class Mirrored(Dataset):
    def __init__(self, dataset):
        self.samples = [(ImageOps.mirror(image), target) for image, target in dataset]

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, index):
        return self.samples[index]


exercises.check("02.2", Mirrored)


# %% tags=["wrong"] hint="A sample is a pair"
class Mirrored(Dataset):
    def __init__(self, dataset):
        self.dataset = dataset

    def __len__(self):
        return len(self.dataset)

    def __getitem__(self, index):
        return ImageOps.mirror(self.dataset[index][0])


exercises.check("02.2", Mirrored)


# %% tags=["wrong"] hint="comes out as it went in"
class Mirrored(Dataset):
    def __init__(self, dataset):
        self.dataset = dataset

    def __len__(self):
        return len(self.dataset)

    def __getitem__(self, index):
        image, target = self.dataset[index]
        ImageOps.mirror(image)
        return image, target


exercises.check("02.2", Mirrored)


# %% tags=["solution"]
class Mirrored(Dataset):
    def __init__(self, dataset):
        self.dataset = dataset

    def __len__(self):
        return len(self.dataset)

    def __getitem__(self, index):
        image, target = self.dataset[index]
        return ImageOps.mirror(image), target


exercises.check("02.2", Mirrored)

# %% [markdown]
# ### Exercise 3 · Divide the X-rays
#
# A clinic has 5,000 X-rays of 900 patients, healthy and ill, taken over ten years, and wants to know how a student
# will do with *new* patients. Everything that has the same **what** must end up in the same folder: `"picture"`,
# `"patient"`, `"class"` or `"date"`?

# %% tags=["exercise"]
keep_together = ...  # replace the dots by one of the four words
exercises.check("02.3", keep_together)

# %% tags=["wrong"] hint="near copies"
keep_together = "picture"
exercises.check("02.3", keep_together)

# %% tags=["wrong"] hint="never practised"
keep_together = "class"
exercises.check("02.3", keep_together)

# %% tags=["solution"]
keep_together = "patient"
exercises.check("02.3", keep_together)

# %% [markdown]
# ## Next
#
# We have clean samples, but a Pillow picture is not yet what a network can take, and one at a time is slow. **Lesson
# 03** turns pictures into tensors, and tensors into batches.
