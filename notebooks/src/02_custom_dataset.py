# ---
# jupyter:
#   course:
#     study_minutes: 45
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
# into such examples, throw out what is broken, and put some of them aside for the exams.
#
# ## What you will learn
#
# - **write** a data set as a class of three methods, and check it against two others
# - **explain** why pictures are opened one at a time, with the memory in numbers
# - **find** the broken, doubled and misplaced files in a folder, and mend them
# - **compute** the mark that someone gets who knows nothing
# - **keep** practice, mock exam and final exam apart, and recognise a leak between them
#
# ## Before you start
#
# You need lesson 00 (tensors, and who is who). Of lesson 01 you need two things: a picture becomes a
# tensor with the shape `(C, H, W)`, and a batch is several of them.

# %% tags=["settings"]
import os

# "photos": 3,781 real photos, a download of 107 MB
DATASET = os.environ.get("COURSE_DATASET") or "drawn"
THUMBNAIL = 8  # side of the small pictures that one student learns by heart, in pixels

# %%
import tempfile
from contextlib import chdir
from pathlib import Path

import numpy as np
import torch
import torchvision
from PIL import Image, ImageEnhance
from torch.utils.data import Dataset
from torchvision.transforms import v2

from course_utils import plotting
from course_utils.classroom import exercises
from course_utils.pictures import catalog
from course_utils.pictures.messy import make_messy_folder
from course_utils.pictures.scan import scan_images
from course_utils.transforms import load_image

# %% [markdown]
# ## Look at the pictures first
#
# The subject of this series is clothing, ten kinds of it. `catalog.clothing` returns the folder of the pictures, and
# draws or downloads them at its first call. Before anything else, look at them.
#
# **Predict first:** which two kinds will be hardest to tell apart?

# %%
root = catalog.clothing(DATASET)
sheet = [
    path
    for folder in sorted((root / "train").iterdir())
    for path in sorted(folder.glob("*.jpg"))[:2]
]
plotting.draw_images(
    [Image.open(path) for path in sheet],
    titles=[path.parent.name for path in sheet],
    title=f"Two of each kind ({DATASET})",
    num_columns=4,
    width=5.0,
    alt="A contact sheet: two pictures of each of the ten kinds of clothing, with the "
    "name of the kind above.",
)

# %% [markdown]
# Remember your answer; at the end of the series the student shows which kinds *it* mixes up. (Three names need a word:
# `outwear` stands for coats and jackets, `longsleeve` for pullovers and other tops with long sleeves and no buttons,
# `pants` for trousers. We keep the words of the data set.)
#
# ## The folder is the answer
#
# Nobody wrote "this is a hat" into the files. The right answer is the name of the **folder** in which a picture lies.
# This is how most collections of pictures come, because it can be made by dragging files with the mouse.

# %%
for folder in sorted((root / "train").iterdir()):
    names = sorted(path.name for path in folder.glob("*.jpg"))
    beginning = ", ".join(names[:2])
    print(f"train/{folder.name + '/':12}{len(names):4} pictures: {beginning}, ...")

# %% [markdown]
# A network calculates, so its answers have to be numbers. The folders are sorted by name and counted from 0, as always
# in Python. That gives each kind, each **class**, its number. The number that belongs to a picture is its **target**,
# and a picture together with its target is a **sample**.
#
# **Predict first:** there are ten classes. What number does `t-shirt` get?

# %%
classes = sorted(
    folder.name for folder in (root / "train").iterdir() if folder.is_dir()
)
class_to_idx = {name: index for index, name in enumerate(classes)}
print(class_to_idx)
assert class_to_idx[classes[-1]] == len(classes) - 1, (
    "Counting from 0, the last class gets one less than their number."
)

# %% [markdown]
# (`{name: index for …}` is a loop that fills a dictionary, `[… for …]` one that fills a list.)
#
# Sorting matters. The operating system lists folders in no fixed order, and if `hat` is 1 today and 7 tomorrow,
# everything learned is nonsense.
#
# ## What is a data set, for PyTorch?
#
# Surprisingly little: a thing that says how many samples it has, and hands over the sample with a given number. Both
# are things that a Python object can learn, by being given functions with special names. Here is the smallest
# example, without any picture.


# %%
class Squares:
    def __init__(self, size):
        self.size = size

    def __len__(self):
        return self.size

    def __getitem__(self, index):
        return index, index**2


squares = Squares(1_000_000_000)
print(len(squares), squares[3], squares[999])

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
# Did you notice that a billion squares took no time and no memory? They do not exist. A sample is made at the moment
# when somebody asks for it. That is **lazy loading**, and pictures need it badly.
#
# ## Write the class
#
# Now the same with pictures. `__init__` walks through the folders and notes down names and targets, `__getitem__`
# opens one file. The `transform` is a function that may change the picture on its way out, for instance into a tensor.
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
image, target = dataset[200]
print(f"{len(dataset):,} samples in {len(dataset.classes)} classes")
width, height = image.size
print(f"sample 200: {type(image).__name__} of {width} x {height} pixels, ", end="")
print(f"target {target}, which is {dataset.classes[target]!r}")

# %% [markdown]
# The way of one picture, from its folder to the sample, with the line that does each step:

# %%
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
    emphasis=[5],
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
print(f"Three data sets, one opinion about {len(dataset):,} samples.")

# %% [markdown]
# From now on the lessons use `ImageFolderDataset`. On a clean folder it does what ours does; further down you see what
# it does on a dirty one. It also has a printed form that is worth reading:

# %%
with chdir(root):  # stand in this folder for a moment, so that paths are short
    print(ImageFolderDataset("train"))

# %% [markdown]
# ## Nothing is opened before you ask
#
# A transform is called once for each picture that is opened. So a transform that only counts tells us how lazy the
# data set is.
#
# **Predict first:** how many pictures have been opened once the data set is made, after asking for sample 3, and after
# asking for it again?

# %%
opened = []


def count(image):
    opened.append(image)
    return image


lazy = ImageFolderDataset(root / "train", transform=count)
print("opened after making the data set:  ", len(opened))
lazy[3]
print("opened after asking for sample 3:  ", len(opened))
lazy[3]
print("opened after asking for it again:  ", len(opened))
assert len(opened) == 2, (
    "Each request should open one picture, and nothing should be kept."
)

# %% [markdown]
# Making it opens nothing, and asking twice opens twice: the data set keeps names, never pictures. What would it cost
# to keep them? Let us calculate with a student who wants pictures of 224 × 224 pixels, 3 colours, and 4 bytes for each
# number (`float32`).

# %%
image, _ = dataset[0]
sizes = {
    "the file on the disk": Path(dataset.samples[0][0]).stat().st_size,
    "opened, one byte a number": 3 * image.width * image.height,
    "a tensor (3, 224, 224)": 3 * 224 * 224 * 4,
}
for what, num_bytes in sizes.items():
    gigabytes = num_bytes * 10_000 / 1e9
    print(f"{what:27}{num_bytes / 1e3:8.1f} kB     10,000 of them: {gigabytes:5.2f} GB")
assert round(10_000 * 3 * 224 * 224 * 4 / 1e9, 1) == 6.0, (
    "10,000 pictures should take 6.0 GB."
)

# %% [markdown]
# 10,000 pictures take 6.0 GB. A good laptop can hold that. The 1.28 million of ImageNet would take 771 GB, and it
# cannot hold those. A batch of 32 pictures takes 19 MB, however many there are on the disk.

# %%
numbers = [100, 1_000, 10_000, 100_000, 1_281_167]
all_at_once = {number: number * 3 * 224 * 224 * 4 / 1e9 for number in numbers}
one_batch = 32 * 3 * 224 * 224 * 4 / 1e9
plotting.plot_memory(all_at_once, one_batch=one_batch)

# %% [markdown]
# The price is time: a picture is opened again in every school term. Lesson 03 measures it.
#
# ## A messy folder
#
# The folder so far is tidy. Folders out there are not: downloads break off, telephones turn pictures, colleagues make
# copies. `make_messy_folder` builds a small collection with such troubles. It returns an answer key, and we do not look
# at that yet.

# %%
# This folder vanishes when you close the notebook.
desk = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
messy = Path(desk.name) / "messy"
answer_key = make_messy_folder(messy, root)
for folder in sorted(path for path in [messy, *messy.rglob("*")] if path.is_dir()):
    names = sorted(path.name for path in folder.iterdir() if path.is_file())
    if names:
        print(f"{folder.relative_to(messy).as_posix()}: {', '.join(names)}")

# %% [markdown]
# The names are more honest than in life. **Predict first:** which files will stop our class with an error, and which
# will do harm without anybody noticing?

# %%
mine = MyImageFolder(messy / "train")
for index, (path, _) in enumerate(mine.samples):
    try:
        mine[index]
    except OSError as error:
        print(f"{Path(path).name}: {type(error).__name__}")

num_files = sum(path.is_file() for path in (messy / "train").rglob("*"))
print(f"{num_files} files in train, {len(mine)} samples")

# %% [markdown]
# Those were the loud troubles. They stop a training, perhaps an hour after it began, since a picture is opened only
# when its turn comes. The silent ones are worse. Our class never saw the files that do not end in `.jpg`, and it took
# doubled, tiny and wrongly labelled pictures for good ones. For all of that we call a doctor.
#
# ## The data doctor
#
# `scan_images` opens every file once, except hidden ones, which it only lists; it compares all pictures with each
# other, and reports. It changes nothing.

# %%
with chdir(desk.name):
    report = scan_images("messy")
report

# %% [markdown]
# The report has four parts: how many readable pictures each class has, what **you** must mend, what wants a look, and
# what `ImageFolderDataset` copes with on its own. (A *split* is one of the folders `train`, `validation` and `test`;
# *truncated* means that a file breaks off.) Now we take out the answer key. Did the doctor find everything, and
# nothing else?

# %%
found = sorted((finding.path, finding.kind) for finding in report.findings)
assert found == answer_key, (
    "The doctor should find exactly the troubles that were planted."
)
print(
    f"{len(answer_key)} troubles planted, {len(found)} found, "
    f"{len(report.problems)} of them to mend"
)

# %% [markdown]
# ### What is handled for you
#
# Some pictures are fine, but stored in an unusual way: on their side with a note which way is up (EXIF), with
# transparent parts, with 16 bits for a number instead of 8, in printer's colours. The upper row shows three of them
# opened with our class's line, `Image.open(path).convert("RGB")`, as if it took `.png` too, the lower row the same
# files through `load_image`, which `ImageFolderDataset` uses.

# %%
endings = {
    "sideways.jpg": "on its side",
    "hat_cut_out.png": "transparent",
    "scanner.png": "16 bits",
}
odd = [
    (messy / path, note)
    for path, _ in answer_key
    for end, note in endings.items()
    if path.endswith(end)
]
careless = [np.asarray(Image.open(path).convert("RGB")) for path, _ in odd]
careful = [load_image(path) for path, _ in odd]
plotting.draw_images(
    careless + careful,
    titles=[f"{note}\ncareless" for _, note in odd] + ["careful"] * len(odd),
    num_columns=len(odd),
    width=5.4,
    alt="Three odd files, opened twice. Careless: lying on its side; with the "
    "background that somebody had cut away; and nothing but white. Careful: upright; "
    "cut out, on white; and in its true greys.",
)

# %% [markdown]
# No picture in the upper row gives an error, not even the third, which came out white all over and cannot be seen on
# this page. A student would practise on them as they are.
#
# ### What you must mend
#
# A doctor reports, but somebody has to decide, and that takes a look. These are the suspects that can be opened.

# %%
suspects = [
    finding
    for finding in report.problems
    if finding.kind not in ("unreadable", "truncated", "unsupported")
]
plotting.draw_images(
    [load_image(messy / finding.path) for finding in suspects],
    titles=[
        f"{finding.kind}\n{Path(finding.path).parent.as_posix()}"
        for finding in suspects
    ],
    title="The suspects",
)

# %% [markdown]
# We have looked. *Leakage* is a practice picture that lies in the exam as well (more below): the exam's copy goes.
# *Misplaced* is a dress outside the class folders: it moves to the dresses. *Contradiction* is one picture under two
# names, and it is a dress: the copy with the other name goes. So do the duplicate, the thumbnail and the broken files.
# (With broken files of your own, fetch them again before you give them up.) Then the doctor looks once more.

# %%
with chdir(desk.name):
    for finding in scan_images("messy").problems:
        path = Path("messy", finding.path)
        if finding.kind == "misplaced":
            path.rename(Path("messy", "train", "dress", path.name))
        else:
            path.unlink()  # delete the file
    second_report = scan_images("messy")
    mended = ImageFolderDataset("messy/train")
    modes = {image.mode for image, _ in mended}  # opens every picture

print("still to mend:", len(second_report.problems))
print(mended)
assert not second_report.problems, "After mending, nothing should be left to mend."
assert modes == {"RGB"}, "Every picture should open in three colours."

# %% [markdown]
# The last line of the printed form says what was skipped, and why. One trouble escapes every doctor: a wrong label on a
# picture that is there only once. Against that, look at your pictures, folder by folder.
#
# Now the same check-up for our own collection, before we build the coming lessons on it.

# %%
with chdir(root):
    checkup = scan_images(".")
print(f"{checkup.num_files:,} files, {len(checkup.problems)} to mend")
assert not checkup.problems, "The course's pictures should be clean."

# %% [markdown]
# ## How good is someone who knows nothing?
#
# The doctor also counted. In most collections some classes are much larger than others, which is called
# **imbalance**.
#
# **Predict first:** somebody has never seen a garment and gives the same answer to every question. Which answer should
# it be, and how often will it be right?

# %%
plotting.plot_class_counts(
    checkup.counts["train"], title="Practice pictures in each class"
)

# %% [markdown]
# The share of right answers is called **accuracy**. It is the mark of an exam, and higher is better; the teacher's
# mark, the loss, is another number.
#
# The best constant answer is the largest class. The accuracy it reaches is the **majority baseline**, and every student
# of ours has to beat it. The name of the class comes from practice; the mark is what it brings in the mock exam. (The
# share in the legend above is what the same answer brings on practice.) By hand, and then in the last row of the
# doctor's table:

# %%
practice_counts, mock_counts = checkup.counts["train"], checkup.counts["validation"]
answer = max(practice_counts, key=practice_counts.get)
baseline = mock_counts[answer] / sum(mock_counts.values())
print(f"guessing among {len(classes)} classes: {1 / len(classes):.1%} right")
print(f"always {answer!r}: {baseline:.1%} right in the mock exam")
assert abs(baseline - checkup.majority_baseline["validation"]) < 1e-9, (
    "It should be what the report says."
)
checkup

# %% [markdown]
# An accuracy alone says little. If 95 of 100 patients are healthy, the answer "healthy" is right in 95 % and finds not
# one ill person. So ask for the baseline first, and later for the accuracy class by class (lesson 08).
#
# ## Practice, mock exam, final exam
#
# The table has a column for each of three folders. Each has its own purpose, and its own word in our story.
#
# | folder | in the story | used for | how often |
# |---|---|---|---|
# | `train` | **practice** | the student learns from it | every term |
# | `validation` | **mock exam** | we see how it goes, and choose among students | every term |
# | `test` | **final exam** | the mark that we report | once, in lesson 08 |
#
# Why is the mark on practice not enough? Meet a student who learns by heart. It stores a thumbnail of each practice
# picture. Asked about a picture, it looks for the most similar thumbnail and repeats that one's target. No network is
# in it.

# %%
shrink = v2.Compose(
    [
        v2.Resize((THUMBNAIL, THUMBNAIL)),
        v2.ToImage(),
        v2.ToDtype(torch.float32, scale=True),
        v2.ToPureTensor(),
    ]
)
practice = ImageFolderDataset(root / "train", shrink)
mock_exam = ImageFolderDataset(root / "validation", shrink, classes=practice.classes)


def as_rows(dataset):
    """Return all pictures, one a row, and all targets: (N, C * H * W) and (N,)."""
    pictures = torch.stack([image.flatten() for image, _ in dataset])
    return pictures, torch.tensor(dataset.targets)


known_pictures, known_targets = as_rows(practice)
shapes = tuple(known_pictures.shape), tuple(known_targets.shape)
print("what the student knows:", *shapes)

# %% [markdown]
# Here is a data set with a transform at work. `v2.Compose` joins steps of lesson 01 into one transform; lesson 03 takes
# that apart. Each picture comes out as a tensor `(3, 8, 8)`, and `flatten` lays its
# 192 numbers in a row. `classes=practice.classes` makes the mock exam count the classes as practice does. Counted on
# its own, an exam folder without hats would give each later class another number.
#
# `torch.cdist` measures the distance from every question to every known picture (the differences of the 192 numbers,
# squared, added up, and the root of it), and `argmin` finds the nearest.
# **Predict first:** what mark does this student get on practice, and what mark in the mock exam?


# %%
def nearest(questions):
    return torch.cdist(questions, known_pictures).argmin(dim=1)


def mark(questions, targets):
    return (known_targets[nearest(questions)] == targets).float().mean().item()


exam_pictures, exam_targets = as_rows(mock_exam)
marks = {
    "practice": mark(known_pictures, known_targets),
    "mock exam": mark(exam_pictures, exam_targets),
}
for where, value in marks.items():
    print(f"{where:10}{value:6.1%}")
assert marks["practice"] > 0.99, (
    "Whoever knows the book by heart should find every page of it."
)

# %% [markdown]
# On practice it is perfect: each picture finds itself. The mock exam tells what that is worth. Between the two marks
# lies all that was remembered and not understood; the technical word is **overfitting**. Look at the way it thinks:

# %%
questions = list(range(0, len(mock_exam), len(mock_exam) // 4))[:4]
answers = nearest(exam_pictures[questions]).tolist()
asked = [mock_exam.samples[index] for index in questions]
found = [practice.samples[index] for index in answers]
samples = list(zip(asked, found, strict=True))
plotting.draw_pairs(
    [(load_image(one), load_image(other)) for (one, _), (other, _) in samples],
    names=[(classes[one], classes[other]) for (_, one), (_, other) in samples],
    words=("question", "reminds it of"),
    title="Learned by heart",
    width=5.6,
)

# %% [markdown]
# It goes by what is light, dark or red in which corner, and the floor fills more corners than the garment does. Compare
# its mark in the mock exam with the majority baseline. Even a perfect memory may be hardly better than one constant
# answer, or worse.
#
# ## Why a second exam?
#
# If the mock exam is honest, what is the final exam for? Suppose 200 students who know nothing sit a mock exam of
# 300 questions with ten possible answers each. They guess. Then you choose the best of them.
#
# **Predict first:** what mark does the chosen one have in the mock exam, and what mark will it get in the final exam?

# %%
# A source of random numbers of its own, with a seed.
generator = torch.Generator().manual_seed(0)
# The solutions of the mock exam and of the final exam; then (students, exams, questions).
solutions = torch.randint(10, (2, 300), generator=generator)
guesses = torch.randint(10, (200, 2, 300), generator=generator)
# (200, 2, 300) == (2, 300): broadcasting compares each student's answers with the solutions of both exams.
mock_marks, final_marks = (guesses == solutions).float().mean(dim=2).T
best = mock_marks.argmax()
print(
    f"all 200, on average:  mock exam {mock_marks.mean():5.1%}"
    f"   final exam {final_marks.mean():5.1%}"
)
print(
    f"the one you chose:    mock exam {mock_marks[best]:5.1%}"
    f"   final exam {final_marks[best]:5.1%}"
)
assert mock_marks[best] > mock_marks.mean() + 0.03, (
    "The best of many should look better than the average."
)

# %% [markdown]
# Choosing by a mark makes the mark too good. The chosen student was lucky, and luck does not repeat. We shall choose
# all the time: the best term, the best size of the corrections. So the mark of the mock exam is a guide for choosing,
# and only an exam by which nothing was chosen tells the truth. That is why the folder `test` stays closed until lesson
# 08. (The doctor may open it, because a doctor teaches nobody.)
#
# ## Leakage
#
# A picture that is both in practice and in an exam is a **leak**: the student has seen the question. The doctor found
# one in the messy folder, as equal pixels are easy to compare, and one near copy, made smaller: it looks at how a small
# grey picture changes from point to point, and that survives. A second photograph does not survive so well. Say
# somebody photographed 100 garments of the practice folder once more in slightly brighter light, and those went into
# the mock exam.
#
# **Predict first:** what happens to the mark of the student who learns by heart?

# %%
generator = torch.Generator().manual_seed(0)
chosen = torch.randperm(len(practice), generator=generator)[:100].tolist()
brighter = [ImageEnhance.Brightness(ours[index][0]).enhance(1.1) for index in chosen]
leaked_pictures = torch.stack([shrink(image).flatten() for image in brighter])
leaked_targets = known_targets[chosen]
marks["mock exam\nwith a leak"] = mark(
    torch.cat([exam_pictures, leaked_pictures]),
    torch.cat([exam_targets, leaked_targets]),
)
assert not torch.equal(leaked_pictures, known_pictures[chosen]), (
    "The pixels should differ."
)

plotting.plot_marks(marks, majority=baseline, title="The same student, three marks")

# %% [markdown]
# The student is the same as before, and so is what it understands. But a quarter of the questions it
# now knows by heart. Only the mark rose. This is how results get into
# print that nobody can repeat. Leaks come from two photographs of one object, from the next frame of a film, from one
# patient with many scans, and from copying or altering pictures *before* dividing them. Three rules:
#
# - Divide first, and divide by **thing**: everything that shows the same object goes into the same folder.
# - Run the doctor over all folders together, not one by one.
# - If a mark is too good to be true, look for the leak before you celebrate.

# %% [markdown]
# <details><summary><b>Questions and answers</b></summary>
#
# **Do I always need validation data?** Yes. Without it you cannot tell a student who understands from one who
# remembers.
#
# **How much goes into each folder?** Often 70 to 80 % for practice and the rest in halves. What counts for an exam is
# the *number* of pictures: with 300, a mark is uncertain by a few points (lesson 07), with 30 it says almost nothing.
#
# **I have one folder without splits.** Shuffle with a fixed seed, class by class so that each split has the same
# proportions, and copy the files into three folders. If one object appears on several pictures, shuffle the objects.
#
# **Why does torchvision's `ImageFolder` not do all this?** It is simple, and for tidy folders it is enough. It takes a
# folder `.ipynb_checkpoints` for a class, ignores EXIF, and stops at the first broken file without naming the others.
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
# **Coming from Keras?** `image_dataset_from_directory` does the steps of this lesson and the next in one call.
#
# </details>

# %% [markdown]
# ## Recap
#
# - **Writing**: `__init__` notes names, `__len__` counts, `__getitem__` opens one; folders sorted, numbered from 0.
# - **Explaining**: 10,000 pictures of 224 × 224 take 6.0 GB as tensors; a batch of 32 takes 19 MB, always.
# - **Finding**: `scan_images` opens every file and says what to mend; somebody has to look and decide.
# - **Computing**: the majority baseline, always the most frequent answer, is the mark to beat.
# - **Keeping apart**: practice to learn, the mock exam to choose, the final exam once; a leak makes marks lie.

# %% [markdown]
# ## Exercises
#
# ### Exercise 1 · Will it fit?
#
# You have 50,000 pictures of 96 × 96 pixels in colour. As `float32` tensors, all at once, how many gigabytes is that?
# (1 GB is 10^9 bytes.)

# %% tags=["exercise"]
gigabytes = ...  # replace the dots
exercises.check("02.1", gigabytes)

# %% tags=["wrong"] hint="takes four bytes"
gigabytes = 50_000 * 3 * 96 * 96 / 1e9
exercises.check("02.1", gigabytes)

# %% tags=["wrong"] hint="red, green and blue"
gigabytes = 50_000 * 96 * 96 * 4 / 1e9
exercises.check("02.1", gigabytes)

# %% tags=["solution"]
gigabytes = 50_000 * 3 * 96 * 96 * 4 / 1e9
exercises.check("02.1", gigabytes)

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
# ### Exercise 3 · The mark to beat
#
# Write a function that takes the targets of practice and the targets of an exam, two lists of numbers, and returns the
# majority baseline in that exam, from 0 to 1. (`values.count(x)` counts how often x occurs in a list.)


# %% tags=["exercise"]
def majority_baseline(practice_targets, exam_targets):
    return ...  # replace the dots


exercises.check("02.3", majority_baseline)


# %% tags=["wrong"] hint="has only seen practice"
def majority_baseline(practice_targets, exam_targets):
    answer = max(exam_targets, key=exam_targets.count)
    return exam_targets.count(answer) / len(exam_targets)


exercises.check("02.3", majority_baseline)


# %% tags=["wrong"] hint="mark on practice"
def majority_baseline(practice_targets, exam_targets):
    answer = max(practice_targets, key=practice_targets.count)
    return practice_targets.count(answer) / len(practice_targets)


exercises.check("02.3", majority_baseline)


# %% tags=["solution"]
def majority_baseline(practice_targets, exam_targets):
    answer = max(practice_targets, key=practice_targets.count)
    return exam_targets.count(answer) / len(exam_targets)


exercises.check("02.3", majority_baseline)

# %% [markdown]
# ### Exercise 4 · Divide the X-rays
#
# A clinic has 5,000 X-rays of 900 patients, healthy and ill, taken over ten years, and wants to know how a student
# will do with *new* patients. Everything that has the same **what** must end up in the same folder: `"picture"`,
# `"patient"`, `"class"` or `"date"`?

# %% tags=["exercise"]
keep_together = ...  # replace the dots by one of the four words
exercises.check("02.4", keep_together)

# %% tags=["wrong"] hint="near copies"
keep_together = "picture"
exercises.check("02.4", keep_together)

# %% tags=["wrong"] hint="never practised"
keep_together = "class"
exercises.check("02.4", keep_together)

# %% tags=["solution"]
keep_together = "patient"
exercises.check("02.4", keep_together)

# %% [markdown]
# ## Next
#
# We have clean samples, but a Pillow picture is not yet what a network can take, and one at a time is slow. **Lesson
# 03** turns pictures into tensors, and tensors into batches.
