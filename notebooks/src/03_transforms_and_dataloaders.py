# ---
# jupyter:
#   course:
#     study_minutes: 50
#     budget_seconds: 60
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 03 · Transforms and DataLoaders
#
# **How does a picture become a tensor, and tensors a batch?**
#
# The practice pictures lie in their folders, and a `Dataset` opens them one by one. The student wants something else: a
# block of numbers of a fixed shape, many pictures at a time. This lesson is about the way from one to the other, and
# about the mistakes on it, which are treacherous, because most of them raise no error.
#
# ## What you will learn
#
# - **build** the chain of transforms that a student's weights ask for, and undo its last step
# - **compute** the mean and the standard deviation of your own pictures, and say which ones to use
# - **augment** the practice pictures, and say why the mock exam stays as it is
# - **pack** samples into batches, and count batches, iterations and epochs
# - **measure** how fast pictures are loaded, and judge whether more workers would help
#
# ## Before you start
#
# You need the four steps of lesson 01 (resize, crop, scale, normalise) and the `Dataset` of lesson 02 with its three
# splits: practice, mock exam and final exam.

# %% tags=["settings"]
import os

# "photos": 3,781 real photographs, a download of 107 MB
DATASET = os.environ.get("COURSE_DATASET") or "drawn"
# "imagenet": torchvision's network, a download of 14 MB
WEIGHTS = os.environ.get("COURSE_WEIGHTS") or "course"
BATCH_SIZE = 32

# %%
import math
import time

import numpy as np
import torch
from torch.utils.data import DataLoader
from torchvision.transforms import v2

from course_utils import models, plotting, widgets
from course_utils.classroom import exercises
from course_utils.datasets import ImageFolderDataset, make_dataloaders
from course_utils.pictures.catalog import clothing
from course_utils.runtime import set_seed
from course_utils.transforms import (
    build_eval_transform,
    build_train_transform,
    denormalize,
    load_image,
)

# %% [markdown]
# ## What is there, and what is wanted
#
# On one side are the pictures, on the other the student of lesson 01 with its `spec`, the note on what it expects to
# see.

# %%
root = clothing(DATASET)
practice = ImageFolderDataset(root / "train")
mock_exam = ImageFolderDataset(root / "validation", classes=practice.classes)
model = models.load_pretrained(WEIGHTS).eval()
spec = model.spec
print(
    f"{DATASET}: {len(practice):,} practice pictures, {len(mock_exam)} in the mock exam"
)
print(f"{WEIGHTS}: {spec}")

# %% [markdown]
# Pictures come in all shapes. So that we can see what each transform does to them, we take one pair of trousers in
# three formats: tall, as a telephone takes it; wide, as if the telephone had been turned; and a square. A shirt for
# later goes with them.


# %%
def first_of(kind):
    """Return the first practice picture of this class."""
    return practice[practice.targets.index(practice.class_to_idx[kind])][0]


trousers, shirt = first_of("pants"), first_of("shirt")
side = min(trousers.size)
square = v2.functional.center_crop(trousers, [side, side])
tall = v2.functional.center_crop(trousers, [side, side * 9 // 16])
wide = tall.rotate(90, expand=True)
formats = {"tall": tall, "wide": wide, "square": square}
print({name: picture.size for name, picture in formats.items()})

# %% [markdown]
# ## Resize, with one number or with two
#
# A transform is an object that you first make and then call: `v2.Resize(96)` makes one, `v2.Resize(96)(picture)` uses
# it. Nothing happens to the picture itself, since a new one comes back.
#
# `Resize` takes one number or two, and that is not the same thing. **Predict first:** what is the size of the tall
# picture, 9 to 16, after each?

# %%
size = spec.image_size
one_number, two_numbers = v2.Resize(size), v2.Resize((size, size))
print(f"width × height      as it came     Resize({size})   Resize(({size}, {size}))")
for name, picture in formats.items():
    sizes = [picture.size, one_number(picture).size, two_numbers(picture).size]
    print(f"{name:16}{sizes[0]!s:>14}{sizes[1]!s:>15}{sizes[2]!s:>15}")
assert min(one_number(tall).size) == size < max(one_number(tall).size), (
    "One number should set the shorter side only."
)
assert two_numbers(tall).size == (size, size), "Two numbers should set both sides."

# %% [markdown]
# With one number, `Resize` sets the **shorter** side and keeps the proportions. The result is a square only if the
# picture was one. With two numbers it sets height and width, and whatever is in the picture is squashed to fit.
#
# ## Squash or crop?
#
# So there are two ways to a square: squash everything into it, or keep the proportions and crop the middle. Look at
# what each of them does to a tall picture and to a wide one.

# %%
crop = v2.Compose([v2.Resize(size), v2.CenterCrop(size)])
squash = v2.Resize((size, size))
plotting.draw_images(
    [tall, crop(tall), squash(tall), wide, crop(wide), squash(wide)],
    titles=["tall", "cropped", "squashed", "wide", "cropped", "squashed"],
    num_columns=6,
    width=7.2,
    alt="Trousers in a tall and in a wide picture. Cropped, they keep their "
    "proportions but may lose waist and legs at the edges; squashed, nothing more is "
    "lost, but the legs are too short and too thick.",
)

# %% [markdown]
# Each has its price. Cropping loses the edges, and with them perhaps what tells trousers from shorts. Squashing keeps
# everything but changes the proportions, and a wide leg is no longer told from a narrow one. For photographs whose
# object is in the middle most people crop; where the edges matter, they squash.
#
# What matters more than the choice is to make it **once**. A student who practised on squashed trousers and is examined
# on cropped ones has practised for another exam. That is why the `spec` travels with the weights: the functions of
# `course_utils.transforms` read it, and practice and exam cannot disagree.
#
# ## One pixel on its way
#
# Now from the picture to numbers. We follow a single pixel, the one in the middle. A Pillow picture, seen as an array,
# has the shape `(H, W, C)`: the three colours of a pixel stand together. PyTorch wants `(C, H, W)`: a sheet for each
# colour.

# %%
middle = side // 2
as_image = v2.ToImage()(square)
as_array = np.asarray(square)
print("as array ", as_array.shape, as_array[middle, middle], as_array.dtype)
pixel = as_image[:, middle, middle].numpy()
print("ToImage  ", tuple(as_image.shape), pixel, as_image.dtype)
for scale in (False, True):
    as_floats = v2.ToDtype(torch.float32, scale=scale)(as_image)
    pixel = as_floats[:, middle, middle].numpy()
    print(f"ToDtype   {tuple(as_floats.shape)} {pixel} {as_floats.dtype}, {scale=}")

# %% [markdown]
# `ToImage` moves numbers and changes none. `ToDtype` changes the type, and only with `scale=True` does it also divide
# by 255. Leave that word out and the student is given 200 where it expects 0.8. We will try it below.
#
# ## Why 224?
#
# The most famous number in this field is 224. MobileNetV2 halves height and width five times, which divides them by 32.
# Begin with 224 and see where that leads. What the student has at the end is a stack of small grids, called **maps**;
# lesson 04 shows how they come about and why there are 1,280 of them. The table tells what other sizes would cost.

# %%
halvings = [224]
while halvings[-1] % 2 == 0:
    halvings.append(halvings[-1] // 2)
print(" → ".join(map(str, halvings)))

with torch.no_grad():
    last_map = model.backbone.features(torch.zeros(1, 3, 224, 224))
    # (N, channels, height, width)
print("the student's last map:", tuple(last_map.shape))
assert last_map.shape[-2:] == (7, 7), "224 pixels should leave a map of 7 × 7 places."

print("\nside    last map    work, 224 = 100 %    a batch of 32 in memory")
for pixels in (32, 64, 96, 160, 224):
    megabytes = 32 * 3 * pixels**2 * 4 / 1e6  # a float32 takes 4 bytes
    places, work = pixels // 32, (pixels / 224) ** 2
    print(f"{pixels:4}{places:8} × {places}{work:17.0%}{megabytes:20.1f} MB")

# %% [markdown]
# 224 is 7 × 32, so it can be halved five times without a remainder, and it ends in 7 × 7, which has a place in the
# exact middle. The rest is history: in 2012 the network that made the field famous cut squares of 224 out of pictures
# of 256, its successors wanted to be comparable, and so it stayed.
#
# Other sizes work too, and the table says what they cost. The work grows with the *area*: twice the side is four times
# the work.
#
# What does the student lose with fewer pixels? See for yourself: **at which of these sizes do you still see the collar
# and the buttons, which a t-shirt does not have?**

# %%
sides = (16, 32, 64, 96, 224)
plotting.draw_images(
    [v2.Resize((pixels, pixels))(shirt) for pixels in sides],
    titles=[f"{pixels} × {pixels}" for pixels in sides],
    width=6.8,
    alt="A shirt at 16, 32, 64, 96 and 224 pixels: at 16 a blur of colour, at 32 a "
    "garment, from 64 on collar and buttons can be made out.",
)

# %% [markdown]
# From 64 on most people make out the collar and the buttons; at 32 it is a garment, at 16 a blur. Enlarging beyond the
# original adds nothing: a picture of 160 pixels does not know more at 224. But a student sees best at the size it was
# schooled on, because a collar then has the size it learned. The safe choice is the `image_size` of the weights.
#
# ## Where do mean and standard deviation come from?
#
# `Normalize` subtracts a mean and divides by a standard deviation, for each colour. The famous numbers, `(0.485, 0.456,
# 0.406)` and `(0.229, 0.224, 0.225)`, were computed from ImageNet's photographs. There is no magic in it, so let us
# compute ours.
#
# It takes all practice pictures, and *only* those: the exams must not leak into anything that we prepare. The chain
# without its normalisation gives numbers from 0 to 1.

# %%
to_numbers = v2.Compose(build_eval_transform(spec).transforms[:4])  # without Normalize
means, stds = [], []
for picture, _ in practice:
    numbers = to_numbers(picture)  # (3, H, W)
    means.append(numbers.mean(dim=(1, 2)))
    stds.append(numbers.std(dim=(1, 2)))
means, stds = torch.stack(means), torch.stack(stds)
print("the mean of each colour in each picture:", tuple(means.shape))

# %% [markdown]
# The mean of all pixels is the mean of these means, since every picture has equally many pixels. With the standard
# deviation it is not so simple. (The line for one bag below uses a rule: the deviation squared is the mean of the
# squares, less the square of the mean.) **Predict first:** put all pixels of all pictures into one bag. Is their
# standard deviation smaller than, equal to or larger than the average over the single pictures?

# %%
mean = means.mean(dim=0)
std_within = stds.mean(dim=0)  # the average of the pictures' own standard deviations
# Of all pixels in one bag:
std_of_all = ((stds**2 + means**2).mean(dim=0) - mean**2).sqrt()
rows = {
    "our mean": mean,
    "spec.mean": spec.mean,
    "our std, average": std_within,
    "our std, one bag": std_of_all,
}
for name, values in {**rows, "spec.std": spec.std}.items():
    print(f"{name:18}" + "".join(f"{float(value):8.3f}" for value in values))
assert (std_of_all > std_within).all(), (
    "One bag should vary more than a single picture."
)

# %% [markdown]
# Larger. Within one picture the pixels vary around *its* brightness; in the bag, dark pictures and bright ones lie
# together. Both are called "the standard deviation", and ImageNet's is of the first kind, an average over single
# pictures, as far as can be reconstructed: nobody knows any more which of its pictures went into it. Compare like with
# like, then: our average with `spec.std`. If ours is smaller, a single picture of ours holds less contrast than a
# photograph of ImageNet.
#
# Which mean and deviation should you use, yours or the student's? **The student's**, whenever it comes with weights.
# They were learned in that light. Your own are for a student who starts from nothing.
#
# What does `Normalize` do to all those numbers? Here are the pixels of a hundred practice pictures, before and after.

# %%
step = len(practice) // 100
some = [practice[index][0] for index in range(0, len(practice), step)]
pixels = torch.stack([to_numbers(picture)[:, ::4, ::4] for picture in some])
normalized = v2.Normalize(spec.mean, spec.std)(pixels)  # (N, 3, H, W)
plotting.draw_pixel_values(
    {"Before: from 0 to 1": pixels, "After: around 0": normalized}
)

# %% [markdown]
# The shape of each curve stays; its axis is moved and stretched. So `Normalize` removes nothing, and there must be a
# way back.
#
# ## There and back
#
# A normalised tensor cannot be drawn: many of its numbers are below zero, and a screen has no colour for that. To see
# what the student sees we have to undo the step: multiply by the deviation, add the mean.


# %% tags=["write-it:course_utils.transforms.denormalize"]
def my_denormalize(images, spec):
    """Undo Normalize: (3, H, W) or (N, 3, H, W), out come numbers from 0 to 1."""
    mean = torch.tensor(spec.mean).view(3, 1, 1)
    std = torch.tensor(spec.std).view(3, 1, 1)
    return (images * std + mean).clamp(0, 1)


# %% [markdown]
# `view(3, 1, 1)` makes the three numbers broadcast over height and width (lesson 00). The package's `denormalize` does
# the same, and the figures of this series use it whenever they are given a `spec`. In the next figure, the left picture
# is what you get if you forget to undo: in each colour, what lies below 0 becomes 0 and what lies above 1 becomes 1,
# which is all that `clamp(0, 1)` does.

# %%
assert torch.allclose(
    my_denormalize(normalized, spec), denormalize(normalized, spec)
), "Both should agree."
assert torch.allclose(denormalize(normalized, spec), pixels, atol=1e-6), (
    "Undoing should give the pixels back."
)

seen = build_eval_transform(spec)(shirt)
plotting.draw_images(
    [seen.clamp(0, 1), denormalize(seen, spec), shirt],
    titles=["not undone", "denormalised", "the original"],
    width=5.4,
    alt="The same shirt three times: drawn straight from the normalised tensor, with "
    "harsh wrong colours; denormalised, as it should be; and the original picture.",
)

# %% [markdown]
# ## What happens without it?
#
# Lesson 01 promised an answer. We give the student a hundred pictures in four ways: as it was schooled, without
# `Normalize`, with numbers left at 0 to 255, and squashed instead of cropped. Then we ask in how many of them it still
# gives *the same answer*, how sure it is on average, and how many different names it uses.


# %%
def probabilities(transform, dataset):
    """Return the student's probabilities for each picture, (N, C)."""
    images = torch.stack([transform(picture) for picture, _ in dataset])
    with torch.no_grad():
        return torch.cat([model(batch).softmax(dim=1) for batch in images.split(32)])


hundred = mock_exam.select(range(0, len(mock_exam), len(mock_exam) // 100)[:100])
to_square = build_eval_transform(spec).transforms[:2]  # Resize, CenterCrop
to_tensor = [v2.ToImage(), v2.ToDtype(torch.float32, scale=True)]
chains = {
    "as schooled": build_eval_transform(spec),
    "no Normalize": v2.Compose([*to_square, *to_tensor]),
    "0 to 255": v2.Compose([*to_square, v2.ToImage(), v2.ToDtype(torch.float32)]),
    "squashed": v2.Compose([squash, *to_tensor, v2.Normalize(spec.mean, spec.std)]),
}

# %% [markdown]
# **Predict first:** which of them will raise an error?

# %%
results = {name: probabilities(chain, hundred) for name, chain in chains.items()}
schooled = results["as schooled"].argmax(dim=1)
print(f"{'':14}same answer   mean probability of its answer   different names")
for name, result in results.items():
    sure, answers = result.max(dim=1)
    same, num_names = (answers == schooled).sum(), len(answers.unique())
    print(f"{name:14}{same:8} %{sure.mean():22.1%}{num_names:23}")

# %% [markdown]
# None. The shapes fit, so the student answers, and nothing warns you. Compare each row with the first: every answer
# that is no longer the same was changed by the preparation alone, since the pictures and the student are the same. (If
# `squashed` equals the first row, that is no mistake: where the pictures are squares and `resize_size` equals
# `image_size`, squashing and cropping come to the same thing.) Where fewer names are left, many different pictures look
# alike to it. Look at the middle column, too: given numbers from 0 to 255 the student is nearly as sure as before,
# while nearly all its answers have changed. Being sure is no sign that the preparation was right.
#
# This is why one function builds the chain, from the student's own `spec`. Here it is.


# %% tags=["write-it:course_utils.transforms.build_eval_transform"]
def my_build_eval_transform(spec):
    """Return the transform that makes any RGB picture what the student expects."""
    return v2.Compose(
        [
            v2.Resize(spec.resize_size),  # the shorter side
            v2.CenterCrop(spec.image_size),  # the middle square
            v2.ToImage(),  # (H, W, C) becomes (C, H, W)
            v2.ToDtype(torch.float32, scale=True),  # 0 to 255 becomes 0 to 1
            v2.Normalize(spec.mean, spec.std),  # around 0
        ]
    )


# %% [markdown]
# `Compose` is a list of transforms that is itself a transform: it hands the picture down the list. The package's
# version ends in one step more, `ToPureTensor`, which changes no number; it also knows how to squash (a `spec` without
# `resize_size`) and checks that the crop fits.

# %%
for name, picture in formats.items():
    mine = my_build_eval_transform(spec)(picture)
    theirs = build_eval_transform(spec)(picture)
    equal = torch.equal(mine, theirs)
    print(f"{name:8}{picture.size!s:>12} -> {tuple(theirs.shape)}, equal: {equal}")
    assert equal, "Both chains should give the same tensor."

# %% [markdown]
# ## A picture, seen anew each time
#
# A student with a thousand pictures meets each of them again in every term. It may then learn them by heart: *this*
# crease is a skirt. **Augmentation** prevents that by changing the picture a little at each look, at random, in ways
# that do not change what it shows.
#
# Four such transforms, four looks each: mirrored, cropped, cropped and enlarged, in other colours. **Predict first:**
# in which of these rows is the shirt no longer a shirt?

# %%
changes = {
    "mirror": v2.RandomHorizontalFlip(),
    "crop": v2.RandomCrop(round(0.8 * min(shirt.size))),
    "crop, resize": v2.RandomResizedCrop(size, scale=(0.35, 1.0), antialias=True),
    "colours": v2.ColorJitter(brightness=0.3, contrast=0.3, saturation=0.3, hue=0.03),
}
set_seed(0)
plotting.draw_images(
    [change(shirt) for change in changes.values() for _ in range(4)],
    titles=[name for name in changes for _ in range(4)],
    num_columns=4,
    width=3.8,
    alt="Four rows of four looks at one shirt: some mirrored, some cut at different "
    "places, some cut and enlarged, some lighter, darker, paler or of a slightly "
    "different hue.",
)

# %% [markdown]
# It remains a shirt throughout. You would say so at once, and the student has to learn to. The rule: **change what must
# not matter, leave what does.** What that is, only somebody who knows the subject can say:
#
# | subject | harmless | harmful |
# |---|---|---|
# | clothes | mirror, crop, brightness | much hue, if "the red one" is a class |
# | handwritten digits | a small shift | upside down: a 6 becomes a 9 |
# | chest X-rays | a little brightness | mirror: the heart changes sides |
# | views from a satellite | mirror, any turn | a crop that loses what the label names |
#
# `build_train_transform` offers three strengths: `"none"`, `"light"` in the sense of gentle (moved a little, mirror) and `"strong"` (random part, mirror, brightness and colours). The still picture shows
# `"strong"`. Under it are sliders: one for the strength, one for the seed from which the random choices follow.

# %%
explorer = widgets.augmentation_explorer(shirt, spec)
# The still picture, for pages without sliders:
plotting.show(explorer.draw(augment="strong", seed=0))
explorer

# %% [markdown]
# Augmentation does not make a term longer. The data set has as many samples as before; only the look at each is new.
# And it is no gift: practice gets harder, so a student needs more terms, and a student who never learns by heart gains
# nothing. Whether it helps is a question for the mock exam (lesson 08).
#
# ## Why the mock exam is not augmented
#
# If variety is good in practice, why not in the exam? Let the *same* student sit the *same* hundred questions twice, in
# each of the two ways, and count the answers that changed.

# %%
eval_transform = build_eval_transform(spec)
train_transform = build_train_transform(spec, augment="strong")
set_seed(0)
changed = {}
sittings = {"exam as it is": eval_transform, "exam augmented": train_transform}
for name, transform in sittings.items():
    first, second = (probabilities(transform, hundred).argmax(dim=1) for _ in range(2))
    changed[name] = (first != second).sum().item()
    print(f"{name}: {changed[name]} of {len(hundred)} answers changed")
assert changed["exam as it is"] == 0, (
    "The same student and the same questions should give the same answers."
)

# %% [markdown]
# Every answer that changed, changed by chance. An exam is a measuring instrument: if its questions change from one
# sitting to the next, a better mark may come from an easier draw, and we would reward chance. Besides, the exam is to
# tell how the student does on *real* pictures, and nobody will show it crooked ones. So: random transforms for
# practice, the fixed one for every exam and every use.
#
# ## From samples to a batch
#
# The student takes a batch, `(N, C, H, W)`. Making one is stacking: `torch.stack` lays tensors of the same shape on top
# of each other, along a new first dimension. The labels become a tensor of whole numbers, `(N,)`.
#
# *Of the same shape*: this is the deeper reason for resizing. The cell also tries it with the tall picture and the wide
# one. (`try` catches the error, so that we can read it and go on.)

# %%
samples = [
    (eval_transform(picture), target)
    for picture, target in practice.select([0, 200, 400, 600])
]
images, labels = zip(*samples, strict=True)
images, labels = torch.stack(images), torch.tensor(labels)
print("images", tuple(images.shape), images.dtype)
print("labels", tuple(labels.shape), labels.dtype, labels.tolist())
assert images.shape == (4, 3, size, size), "Four pictures should give (4, 3, H, W)."

try:
    torch.stack([v2.ToImage()(tall), v2.ToImage()(wide)])
except RuntimeError as error:
    print("RuntimeError:", error)

# %% [markdown]
# A whole term in batches takes a few lines more: go through the samples in some order, `batch_size` at a time. `yield`
# hands out a batch and waits for the next request, so only one batch is in memory at any time.


# %%
def my_batches(dataset, batch_size, order):
    """Yield (images, labels), (N, 3, H, W) and (N,), for all indices in `order`."""
    for start in range(0, len(order), batch_size):
        samples = [dataset[index] for index in order[start : start + batch_size]]
        images, labels = zip(*samples, strict=True)
        yield torch.stack(images), torch.tensor(labels)


# %% [markdown]
# PyTorch's `DataLoader` does this, and a good deal more. On the mock exam, in order, the two agree batch by batch.
# **Predict first:** how many batches, and how large is the last?

# %%
exam = ImageFolderDataset(root / "validation", eval_transform, practice.classes)
ours = my_batches(exam, BATCH_SIZE, range(len(exam)))
theirs = DataLoader(exam, batch_size=BATCH_SIZE)
sizes = []
for (my_images, my_labels), (images, labels) in zip(ours, theirs, strict=True):
    assert torch.equal(my_images, images), "Both should give the same pictures."
    assert torch.equal(my_labels, labels), "And the same labels."
    sizes.append(len(images))
print(f"{len(exam)} pictures in {len(sizes)} batches of", sizes)

# %% [markdown]
# ## Epoch, batch, iteration
#
# Three words that are often mixed up:
#
# - a **batch** is a handful of samples that the student sees at once
# - an **iteration** is one round with one batch; while practising, it ends in one correction by the coach
# - an **epoch**, a school term in our story, is one pass through all the samples
#
# In numbers: 1,000 samples in batches of 100, which come out even; the 341 photographs of the photo data set's mock
# exam (there without corrections); and our own practice. **Predict first:** five terms with the 1,000 samples, how many
# corrections? And how many of the 341 photographs are in the last batch?

# %%
num_epochs = 5
cases = {
    "1,000 samples": (1000, 100),
    "341 photographs": (341, 32),
    f"our {len(practice):,} pictures": (len(practice), BATCH_SIZE),
}
for name, (num_samples, batch_size) in cases.items():
    num_batches = math.ceil(num_samples / batch_size)
    last = num_samples - (num_batches - 1) * batch_size
    print(f"{name:20} in batches of {batch_size:3}, the last holds {last:3}:", end=" ")
    total = num_epochs * num_batches
    print(f"1 epoch = {num_batches:3} iterations, {num_epochs} epochs = {total:3}")
assert math.ceil(341 / 32) == 11, "The 341 photographs should make 11 batches."
assert 341 - 10 * 32 == 21, "The last of them should hold 21."

# %% [markdown]
# The last batch holds what is left over. That is harmless until somebody averages. Suppose the teacher gives one mark
# for each of the 11 batches of photographs, and we take the mean of the 11 marks. Then the 21 in the last batch share a
# whole vote, like the 32 of any other: each of them counts 32 / 21 = 1.52 times as much. The right mean weighs each
# batch by its size. You will write it in exercise 2, and every training loop of this series does it.
#
# ## Shuffle the practice
#
# In which order should the pictures come? Those in the folders are sorted by class. A loader's `batch_sampler` tells
# which samples each batch will get, without opening any picture, so we can compare: in order and shuffled.
#
# **Predict first:** what would a student learn from the first batches if they came in order?

# %%
targets = torch.tensor(practice.targets)
batches = {}
for order, shuffle in {"In order": False, "Shuffled": True}.items():
    generator = torch.Generator().manual_seed(0)
    loader = DataLoader(
        practice, batch_size=BATCH_SIZE, shuffle=shuffle, generator=generator
    )
    batches[order] = [targets[indices] for indices in loader.batch_sampler]
plotting.draw_batches(batches, practice.classes, batch_size=BATCH_SIZE)

# %% [markdown]
# (The brightest yellow means half a batch or more.) In order, the student would see nothing but dresses for a while.
# "Always say dress" would earn full marks, until the hats come, and so on: it chases the last class it met. Shuffled,
# each batch is roughly a small likeness of the whole.
#
# A new term gets a new order, and a **seed** makes the orders repeatable.

# %%
for attempt in ("first run", "run again"):
    generator = torch.Generator().manual_seed(0)
    loader = DataLoader(
        practice, batch_size=BATCH_SIZE, shuffle=True, generator=generator
    )
    terms = [next(iter(loader.batch_sampler))[:5] for _ in range(2)]
    print(f"{attempt}: term 1 begins with {terms[0]}, term 2 with {terms[1]}")
assert terms[0] != terms[1], "Each term should have its own order."

# %% [markdown]
# The exams are *not* shuffled. The order does not change their mark, and in a fixed order answer number 17 belongs to
# picture number 17, today and tomorrow.
#
# ## Why 32?
#
# The coach corrects after every batch, by what the teacher says about *that batch*. A batch is a sample of the practice
# pictures, so what it says is near the truth, but not quite there. How near?
#
# We have no teacher yet, so something simpler stands in: the mean brightness of the pictures. For each batch size we
# draw 100 batches and look at how far their means scatter. **Predict first:** batches four times as large: does the
# scatter fall to a quarter?

# %%
brightness = means.mean(dim=1)  # one number for each practice picture
set_seed(0)
batch_means = {}
for batch_size in (1, 4, 16, 32, 64, 256):
    draws = torch.randint(len(brightness), (100, batch_size))
    batch_means[batch_size] = brightness[draws].mean(dim=1)
plotting.show(
    plotting.plot_batch_means(
        batch_means,
        mean=brightness.mean().item(),
        ylabel="mean brightness of the batch",
    )
)
spread = {size: means.std().item() for size, means in batch_means.items()}

print("batch size   scatter   corrections in a term   pictures in memory")
for batch_size, scatter in spread.items():
    corrections = math.ceil(len(practice) / batch_size)
    megabytes = batch_size * 3 * size**2 * 4 / 1e6
    print(f"{batch_size:10}{scatter:10.3f}{corrections:18}{megabytes:20.1f} MB")
assert 1.4 < spread[16] / spread[64] < 2.9, (
    "Four times the batch should halve the scatter, roughly."
)

# %% [markdown]
# A larger batch is a better witness, and the table says what it costs. Four times the batch only *halves* the scatter,
# because it falls with the square root. Each doubling divides the scatter by only 1.4, and its price is a factor of 2:
# half as many corrections in a term, twice the memory.
#
# - **Too small**: each correction follows a few odd pictures, and the processor handles them one by one.
# - **Too large**: few corrections in a term, a full memory, and hardly better advice.
#
# So 32 is no law. It is a place in the middle that works on nearly every machine; 16 or 64 would do. That it is a power
# of two is mostly habit. If the memory overflows, halve it.
#
# ## All loaders at once
#
# From the next lesson on we import the function that does all this. It gives four loaders: practice, shuffled and with
# the transform for practice (augmented, if you wish); the others, in order and with the fixed transform. `train_eval`
# holds the practice pictures once more, seen as in an exam; later lessons use it where the student is to see each
# picture exactly once.

# %%
loaders = make_dataloaders(
    root,
    train_transform=train_transform,
    eval_transform=eval_transform,
    batch_size=BATCH_SIZE,
    seed=0,
)
for name, loader in loaders._asdict().items():
    kind = type(loader.sampler).__name__
    print(
        f"{name:11}{len(loader.dataset):6,} pictures in {len(loader):3} batches, {kind}"
    )

# %% [markdown]
# The final exam is among them, and we only count it: its envelope stays sealed until lesson 08. Here is the way of a
# picture, once more, with its shapes.

# %%
images, labels = next(iter(loaders.train))
plotting.draw_flow(
    [
        ("files", "train/shirt/..."),
        ("Dataset", "(picture, 5)"),
        ("transform", f"(3, {size}, {size})"),
        ("DataLoader", f"{tuple(images.shape)}\n{tuple(labels.shape)}"),
        ("student", f"({len(images)}, {len(model.classes)})"),
    ],
    num_columns=5,
    title="From files to the student",
)

# %% [markdown]
# Before any training, look at a batch. It takes a second, and it shows wrong colours, wrong labels and an augmentation
# that goes too far. **Cover the names: could you tell what each of
# these is** from what is left of it? Where you cannot, the student hardly can.

# %%
plotting.show(
    plotting.draw_images(
        images[:10],
        titles=[practice.classes[label] for label in labels[:10]],
        title="The first ten of a batch",
        spec=spec,
        width=5.4,
    )
)
once, again = next(iter(loaders.val))[0], next(iter(loaders.val))[0]
assert torch.equal(once, again), "The mock exam should be the same at every sitting."

# %% [markdown]
# ## How fast is loading?
#
# While pictures are loaded, the student waits. How long? We take the time of each stage for 128 practice pictures:
# opening the files, transforming them, and the student's look at them, in batches.

# %%
paths = [path for path, _ in practice.samples[:: len(practice) // 128][:128]]
seconds = {}
started = time.perf_counter()
pictures = [load_image(path) for path in paths]
seconds["open and decode"] = time.perf_counter() - started

started = time.perf_counter()
images = torch.stack([eval_transform(picture) for picture in pictures])
seconds["transform"] = time.perf_counter() - started

started = time.perf_counter()
with torch.no_grad():
    for batch in images.split(BATCH_SIZE):
        model(batch)
seconds["the student's look"] = time.perf_counter() - started

# %% [markdown]
# **Predict first:** which takes longest?

# %%
milliseconds = {name: 1000 * spent / len(paths) for name, spent in seconds.items()}
plotting.show(plotting.plot_times(milliseconds))
loading = milliseconds["open and decode"] + milliseconds["transform"]
looking = milliseconds["the student's look"]
print(
    f"loading alone: {1000 / loading:,.0f} pictures a second, "
    f"{loading * len(practice) / 1000:.1f} s for a term"
)
print(f"one after the other: {loading + looking:.1f} ms a picture")
at_best = max(loading, looking)
print(
    f"side by side with one worker, at best: {at_best:.1f} ms a picture, "
    f"{1 - at_best / (loading + looking):.0%} less"
)

# %% [markdown]
# (A file that was read a moment ago is still in the computer's memory. From a slow disk or over a network the first bar
# is longer at the first reading.)
#
# A `DataLoader` can have helpers. With `num_workers=1` it starts one more Python process, which prepares the next
# batches while the student looks at this one. At best both happen side by side, and only the longer of the two counts;
# the last line above says what that could gain here. More workers share the loading among them, as long as there are
# free cores.
#
# They have their price. Each is a Python process of its own, which takes time to start. The cores it would use may be
# busy with the student already. And on Windows and macOS, and from Python 3.14 on everywhere, a worker starts from
# nothing: it first has to import PyTorch, which takes seconds, and it cannot find a class or a transform that was
# defined in a notebook; `make_dataloaders` says so instead of hanging.
#
# So these lessons keep `num_workers=0`. On a machine with a graphics card the student's look is many times shorter,
# and the student mostly waits for pictures: there, as many workers as there are free cores can multiply the speed. The
# rule holds for every machine: **measure first.**

# %% [markdown]
# <details><summary><b>Questions and answers</b></summary>
#
# **Older code imports `transforms`, not `v2`, and says `ToTensor`.** Both work. `ToTensor` is `ToImage` and `ToDtype`
# in one, and it divides by 255. `v2` is the present form and can also change boxes and masks together with the picture.
#
# **What is the type `Image` that `ToImage` returns?** A tensor that remembers to be a picture. The package's chain ends
# in `ToPureTensor`, which makes it an ordinary one. The numbers are the same.
#
# **May I normalise with 0.5 for everything?** If the weights were learned so, yes. Otherwise you show the student a
# light that it does not know.
#
# **Should I shuffle the mock exam too?** No. It changes nothing in the mark, and it makes it harder to find the picture
# that belongs to a wrong answer.
#
# **Can I leave the short batch out?** `drop_last=True` does that. While practising it costs nothing, since the order is
# new in each term. In an exam it would leave questions unmarked.
#
# **Must the batch size be a power of two?** No. Graphics cards like multiples of 8; 30 works as well as 32.
#
# **Does the seed repeat the augmentation too?** Random transforms draw from PyTorch's global generator, so `set_seed`
# repeats them. The loader's own generator repeats the order.
#
# **Why not transform all pictures once and keep the tensors?** With a fixed transform one can: it is the idea behind
# the revision notes of lesson 06. With a random one it would freeze the chance, and it takes memory: 10,000 pictures
# of 3 × 224 × 224 `float32` numbers are 6.0 GB.
#
# **Does padding exist?** Yes, a third way to a square: `v2.Pad` adds a border, and nothing is lost or squashed. The
# student then has to learn that borders mean nothing.
#
# **What is `pin_memory`?** It keeps batches in a part of memory that a graphics card reads faster. `make_dataloaders`
# turns it on where there is such a card.
#
# **I come from Keras.** `preprocess_input` is the `Normalize` that belongs to a model, `image_dataset_from_directory`
# the `Dataset` and `DataLoader` together.
#
# </details>

# %% [markdown]
# ## Recap
#
# - **Building the chain**: resize, crop, scale, normalise, all from the `spec`; `denormalize` is the way back.
# - **Mean and deviation**: computed from practice pictures; with weights, use the weights' own.
# - **Augmenting**: change what must not matter, in practice only; an exam is a measuring instrument.
# - **Packing**: stack, shuffle the practice, mind the short last batch; one epoch is samples / batch size
#   iterations, rounded up.
# - **Measuring**: take the time of every stage before you look for more workers.
#
# ## Exercises
#
# ### Exercise 1 · How many corrections?
#
# There are 3,068 practice photographs in the real data set. With batches of 32, and 10 terms, how many corrections does
# the coach make?

# %% tags=["exercise"]
corrections = ...  # replace the dots
exercises.check("03.1", corrections)

# %% tags=["wrong"] hint="short last batch"
corrections = 10 * (3068 // 32)
exercises.check("03.1", corrections)

# %% tags=["wrong"] hint="one term"
corrections = math.ceil(3068 / 32)
exercises.check("03.1", corrections)

# %% tags=["wrong"] hint="not after each picture"
corrections = 10 * 3068
exercises.check("03.1", corrections)

# %% tags=["solution"]
corrections = 10 * math.ceil(3068 / 32)
exercises.check("03.1", corrections)

# %% [markdown]
# ### Exercise 2 · The mean of all pictures
#
# For each batch you know the mean mark of its pictures and how many pictures it holds. Write a function that returns
# the mean mark of *all pictures*. Both arguments are tensors with the shape `(number of batches,)`.


# %% tags=["exercise"]
def mean_of_all(batch_means, batch_sizes):
    return ...  # replace the dots


exercises.check("03.2", mean_of_all)


# %% tags=["wrong"] hint="short batch counts as much"
def mean_of_all(batch_means, batch_sizes):
    return batch_means.mean()


exercises.check("03.2", mean_of_all)


# %% tags=["wrong"] hint="number of batches"
def mean_of_all(batch_means, batch_sizes):
    return (batch_means * batch_sizes).sum() / len(batch_sizes)


exercises.check("03.2", mean_of_all)


# %% tags=["solution"]
def mean_of_all(batch_means, batch_sizes):
    return (batch_means * batch_sizes).sum() / batch_sizes.sum()


exercises.check("03.2", mean_of_all)

# %% [markdown]
# ### Exercise 3 · Another student
#
# A colleague's student was schooled on **whole** pictures, squashed to 64 × 64, with numbers from **−1 to 1**. Build
# its transform with `v2.Compose`. (If $x$ lies between 0 and 1, which mean and which deviation bring it to −1 to 1?)

# %% tags=["exercise"]
colleagues_transform = ...  # v2.Compose([...])
exercises.check("03.3", colleagues_transform)

# %% tags=["wrong"] hint="only the shorter side"
colleagues_transform = v2.Compose(
    [
        v2.Resize(64),
        v2.ToImage(),
        v2.ToDtype(torch.float32, scale=True),
        v2.Normalize([0.5] * 3, [0.5] * 3),
    ]
)
exercises.check("03.3", colleagues_transform)

# %% tags=["wrong"] hint="lost its edges"
colleagues_transform = v2.Compose(
    [
        v2.Resize(64),
        v2.CenterCrop(64),
        v2.ToImage(),
        v2.ToDtype(torch.float32, scale=True),
        v2.Normalize([0.5] * 3, [0.5] * 3),
    ]
)
exercises.check("03.3", colleagues_transform)

# %% tags=["wrong"] hint="scale=True"
colleagues_transform = v2.Compose(
    [
        v2.Resize((64, 64)),
        v2.ToImage(),
        v2.ToDtype(torch.float32),
        v2.Normalize([0.5] * 3, [0.5] * 3),
    ]
)
exercises.check("03.3", colleagues_transform)

# %% tags=["wrong"] hint="from 0 to 1"
colleagues_transform = v2.Compose(
    [v2.Resize((64, 64)), v2.ToImage(), v2.ToDtype(torch.float32, scale=True)]
)
exercises.check("03.3", colleagues_transform)

# %% tags=["solution"]
colleagues_transform = v2.Compose(
    [
        v2.Resize((64, 64)),  # two numbers: the whole picture, squashed
        v2.ToImage(),
        v2.ToDtype(torch.float32, scale=True),
        # (0 - 0.5) / 0.5 is -1, (1 - 0.5) / 0.5 is 1
        v2.Normalize([0.5] * 3, [0.5] * 3),
    ]
)
exercises.check("03.3", colleagues_transform)

# %% [markdown]
# ## Next
#
# The batches are ready, but the student still answers with the two hundred or thousand names of its old school.
# **Lesson 04** looks inside it, and gives it a new subject: ten kinds of clothing.
