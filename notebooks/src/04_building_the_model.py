# ---
# jupyter:
#   course:
#     study_minutes: 75
#     budget_seconds: 60
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 04 · Building the model
#
# **How do we give a trained student a new subject?**
#
# The student of lesson 01 knows backpacks and sandals. We want to teach it our ten kinds of clothing, with a few
# hundred pictures and in less than a minute. That works because it need not learn to *see* again, only to *name*.
#
# ## What you will learn
#
# - **watch** what convolution, ReLU and pooling do to a picture
# - **write** a network as a class: what `nn.Module` does for you, what `self.` registers, what `forward` is for
# - **follow** a batch through MobileNetV2 and its new head, shape by shape, and count the weights
# - **measure** what transfer learning brings: the same practice with a trained backbone and without
# - **check** that what you froze is frozen, BatchNorm included
#
# ## Before you start
#
# Lesson 01 (the trained student, logits, softmax) and lesson 03 (pictures as normalised tensors, batches).

# %% tags=["settings"]
import os

# "photos": 3,781 photographs, a download of 107 MB
DATASET = os.environ.get("COURSE_DATASET") or "drawn"
# "imagenet": torchvision's network, a download of 14 MB
WEIGHTS = os.environ.get("COURSE_WEIGHTS") or "course"
NUM_PICTURES = 300  # practice pictures
NUM_EPOCHS = 6  # school terms in the comparison

# %%
import copy
import math

import torch
import torchvision
from torch import nn
from torch.nn import functional as F

from course_utils import models, plotting
from course_utils.classroom import exercises
from course_utils.datasets import make_dataloaders
from course_utils.pictures import catalog
from course_utils.report.metrics import majority_baseline, standard_error
from course_utils.runtime import set_seed
from course_utils.transforms import build_eval_transform, denormalize

# %% [markdown]
# ## What does a network do with a picture?
#
# A network for pictures repeats three things: **convolution**, **ReLU**, **pooling**. Each of them fits on squared
# paper, so let us do them there first.
#
# A convolution has a small window of numbers, the **filter**. Lay it on a corner of the picture, multiply each number
# of the filter by the number beneath it, add everything up, and write the sum down. Then move one square on.


# %%
def convolve(picture, kernel):
    """Slide `kernel` (k, k) over `picture` (H, W): out, (H - k + 1, W - k + 1)."""
    size = len(kernel)
    height, width = picture.shape
    feature_map = torch.zeros(height - size + 1, width - size + 1)
    for row in range(height - size + 1):
        for column in range(width - size + 1):
            window = picture[row : row + size, column : column + size]
            feature_map[row, column] = (window * kernel).sum()
    return feature_map


# %% [markdown]
# The result is called a **feature map**. Our picture is dark on the left (0) and bright on the right (1). The filter
# adds up what lies under its right column and subtracts what lies under its left one.
#
# **Predict first:** where on the feature map will the numbers be large?

# %%
grid = torch.zeros(6, 6)
grid[:, 3:] = 1
upright = torch.tensor([[-1.0, 0.0, 1.0]] * 3)
found = convolve(grid, upright)
assert torch.equal(found, F.conv2d(grid[None, None], upright[None, None])[0, 0]), (
    "It should equal PyTorch's."
)

parts = {"picture (6, 6)": grid, "filter (3, 3)": upright, "feature map (4, 4)": found}
plotting.draw_grids(parts)

# %% [markdown]
# Where nothing changes, the two sides of the filter cancel out. Where dark meets bright, the sum is large. This filter
# *finds upright edges*. The line with `assert` compares it with PyTorch's own function, which does the same, only much
# faster. That one wants the picture as `(N, C, H, W)` and the filters as `(maps out, maps in, k, k)`; `[None, None]`
# puts two dimensions of size 1 in front.
#
# Now on a picture of our own data. We load the student, because it says which size it wants, and 300 practice pictures,
# the same number of each class. They fit into memory, so we keep the batches in a list. (So each term
# gets them in the same order; for a few terms that does no harm, and both students of the comparison get the same.)

# %%
pretrained = models.load_pretrained(WEIGHTS)
spec = pretrained.spec
transform = build_eval_transform(spec)
data = make_dataloaders(
    catalog.clothing(DATASET),
    train_transform=transform,
    eval_transform=transform,
    batch_size=20,
    limit=NUM_PICTURES,
)
practice, mock_exam = list(data.train), list(data.val)
dataset = data.train_eval.dataset
images, labels = practice[0]
print(f"Pictures: {DATASET}. Student schooled on: {pretrained.source}.")
print(f"{len(dataset)} practice pictures, {len(data.val.dataset)} in the mock exam")
print("one batch:", tuple(images.shape))

# %% [markdown]
# Three filters on one picture: our upright edges, the same filter on its side, and one that takes the mean of nine
# neighbours. In the middle two pictures grey stands for 0, brighter is positive and darker is negative.
#
# **Predict first:** which parts of the picture disappear in each of them?

# %%
trousers, _ = dataset[dataset.targets.index(dataset.class_to_idx["pants"])]
grey = denormalize(trousers, spec).mean(dim=0)  # (H, W)
kernels = torch.stack([upright, upright.T, torch.full((3, 3), 1 / 9)])  # (3, 3, 3)
maps = F.conv2d(grey[None, None], kernels[:, None])[0]  # (3, H - 2, W - 2)
plotting.draw_images(
    [grey, (maps[0] / 2 + 0.5).clamp(0, 1), (maps[1] / 2 + 0.5).clamp(0, 1), maps[2]],
    titles=["the picture", "upright edges", "level edges", "mean of nine"],
    num_columns=4,
    alt="A pair of trousers in grey, and its three feature maps: one shows only edges "
    "that run up and down, one only edges that run across, the third is the picture "
    "slightly blurred.",
)

# %% [markdown]
# An upright edge is nearly invisible to the filter for level edges (a sloping one leaves a trace), and smooth cloth is
# invisible to both. The mean of nine loses nothing large, only the sharpness. One filter answers one question about
# each place of the picture.
#
# **ReLU** comes next: negative numbers become 0, the others stay, $f(x) = \max(0, x)$. It looks too simple to matter.
# But without it two convolutions in a row would be no more than one, as we shall see with another kind of layer. With
# it a map says "here is what I look for" or nothing.
#
# **Max pooling** makes the map smaller: of every 2 × 2 places it keeps the largest number. What is lost is *exactly
# where*; what is kept is *that it is there*. That makes the answer steadier, and below the figure we measure how much:
# we move the trousers one pixel to the right, and compare the two maps for larger and larger windows.
# (Two maps that have nothing in common differ by 200 %.)

# %%
positive = F.relu(maps[:1])  # (1, H - 2, W - 2)
pooled = F.max_pool2d(positive, kernel_size=2)  # (1, half, half)
stages = {"convolution": maps, "ReLU": positive, "max pooling": pooled}
plotting.show(
    plotting.draw_images(
        [(maps[0] / 2 + 0.5).clamp(0, 1), positive.clamp(0, 1), pooled.clamp(0, 1)],
        titles=[
            f"{name}\n{tuple(result.shape[-2:])}" for name, result in stages.items()
        ],
        alt="The map of upright edges after each step: with ReLU only the edges from "
        "dark to bright are left, bright on black; after pooling the same drawing has "
        "half as many pixels in each direction.",
    )
)
assert positive.min() >= 0, "After ReLU nothing should be negative."
assert pooled.shape[-1] == positive.shape[-1] // 2, "Pooling should halve the width."

moved = F.relu(F.conv2d(grey.roll(1, dims=1)[None, None], upright[None, None]))[0]
for size in (1, 2, 4, 8):
    here, there = F.max_pool2d(positive, size), F.max_pool2d(moved, size)
    difference = (here - there).abs().mean() / here.mean()
    print(f"pooling {size} × {size}: the answers differ by {difference:.0%}")

# %% [markdown]
# The larger the window, the less one pixel matters.
#
# The whole recipe, as every textbook has it: *picture → convolution + ReLU → pooling → … → flatten → linear layer →
# scores*. The convolutions find things, and the linear layer at the end, also called **dense** or fully connected,
# weighs up what was found. Two remarks make it real:
#
# - Nobody writes the filters. They are weights, and they are *learned*. A layer has many of them, and in an ordinary
#   convolution each filter looks through all the maps of the layer before, so that edges become textures, and textures
#   become parts of things. (MobileNetV2 divides the work, which makes it cheap: a filter of 3 × 3 looks at one map, and
#   filters of 1 × 1 then mix all maps.)
# - MobileNetV2 has no max pooling. Its convolutions make the maps smaller themselves, by moving two squares at a time
#   (`stride=2`), and its ReLU also cuts off above 6 (`ReLU6`).
#
# ## What does the trained eye see?
#
# The student consists of two parts. The **backbone** looks at a picture and describes it in 1,280 numbers, its
# **features**. The **head** turns the features into scores. The backbone is the trained eye, the head gives the
# answers.
#
# In the backbone a batch passes 19 blocks. Many courses show that for pictures of 224 × 224, the size of ImageNet's
# students. We show it once, beside the size of ours.
#
# **Predict first:** you know from lesson 03 how the size shrinks. Does the *number* of maps grow or shrink on the way?


# %%
def walk(images):
    """Return the feature maps after each block, for images (N, 3, H, W)."""
    steps = []
    with torch.no_grad():
        for block in pretrained.backbone.features:
            images = block(images)
            steps.append(images)
    return steps


famous, ours = (walk(torch.zeros(1, 3, size, size)) for size in (224, spec.image_size))
begin = [(1, 3, size, size) for size in (224, spec.image_size)]
print(f"{'':9}{begin[0]!s:>22}{begin[1]!s:>22}")
for index, (there, here) in enumerate(zip(famous, ours, strict=True)):
    print(f"block {index:2} {tuple(there.shape)!s:>22}{tuple(here.shape)!s:>22}")

side = spec.image_size // 32
assert famous[-1].shape == (1, 1280, 7, 7), "224 should end in maps of 7 × 7."
assert ours[-1].shape == (1, 1280, side, side), (
    "The last maps should have image_size // 32 places a side."
)

# %% [markdown]
# Except for one step at the beginning (32 to 16), the maps get smaller and more numerous: less *where*, more *what*.
# Five halvings are a division by 32, so the last maps are `image_size // 32` high and wide. For 224 that is the famous
# 7 × 7.
#
# And what is on the maps? We send the trousers through and look at the first six maps after four of the blocks. Bright
# means "here is what I look for".

# %%
steps = walk(trousers[None])
for index in (0, 3, 6, 18):
    high, wide = steps[index].shape[2:]
    title = f"After block {index}: {high} × {wide} places"
    plotting.show(plotting.plot_feature_maps(steps[index], title=title, num_maps=6))

# %% [markdown]
# After the first block you can still make out the picture: edges, cloth, light and dark. Deeper down the maps get
# coarse, and a person can no longer say what they mean. Each map (the titles say channel) is coloured by itself, from
# its smallest number, dark, to its largest, bright. After blocks 0 and 18, which end in a ReLU, a map that is dark all
# over has found nothing: everything became 0. Blocks 3 and 6 end without one, so their dark places are negative
# numbers. The deep maps answer questions such as "is there something like a waistband hereabouts?", in a language that
# only the head has to understand.
#
# This is what transfer learning lives on. Edges, cloth and round shapes are useful for *any* subject. Only the last
# step, from features to names, belongs to the old one.
#
# ## How is a network written?
#
# In PyTorch a network is a class with two methods. `__init__` says which parts there are, `forward` says how the data
# flows through them. The class builds on `nn.Module`, the base of all networks. Here is a very small one.


# %%
class TinyNetwork(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(4, 3)
        self.last = nn.Linear(3, 2)

    def forward(self, numbers):  # (N, 4)
        return self.last(F.relu(self.first(numbers)))  # (N, 2)


tiny = TinyNetwork()
print(tiny)
print("answers:", tuple(tiny(torch.zeros(5, 4)).shape))
for name, parameter in tiny.named_parameters():
    print(f"{name:13} {tuple(parameter.shape)}")

# %% [markdown]
# `nn.Linear(4, 3)` takes 4 numbers and returns 3. Each of the three is a sum of the four, each times a **weight**, plus
# one number more, the **bias**. So it has 3 × 4 weights and 3 biases. Weights and biases together are the
# **parameters**; people often say weights for both.
#
# We never told PyTorch about them, and yet `named_parameters` lists all four tensors. Assigning to `self.` did that:
# `nn.Module` watches each assignment, and *registers* what is a layer. The coach will correct what is registered,
# `state_dict()` saves it, `to(device)` moves it. Nothing else.
#
# **Predict first:** which of these four layers is registered?


# %%
class Forgetful(nn.Module):
    def __init__(self):
        super().__init__()
        self.kept = nn.Linear(4, 3)
        self.plain_list = [nn.Linear(4, 3)]
        self.module_list = nn.ModuleList([nn.Linear(4, 3)])
        variable = nn.Linear(4, 3)  # a local variable


print([name for name, _ in Forgetful().named_parameters()])

# %% [markdown]
# Two of four. A plain list and a local variable are invisible to PyTorch; such layers would never learn, and no error
# says so. A list of layers has to be an `nn.ModuleList`, or an `nn.Sequential`, which also runs them one after the
# other.
#
# The registering is prepared by `super().__init__()`: it runs the `__init__` of `nn.Module` itself. Leave it out, and
# the very first layer is refused.


# %%
class Orphan(nn.Module):
    def __init__(self):
        self.first = nn.Linear(4, 3)


try:
    Orphan()
except AttributeError as error:
    print("AttributeError:", error)
else:
    raise AssertionError("Without super().__init__() no layer should be accepted.")

# %% [markdown]
#
# ## Transfer learning in five steps
#
# Now we have all the words for the recipe:
#
# 1. **Load** a trained network.
# 2. **Remove** its head.
# 3. **Freeze** its backbone.
# 4. **Add** a new head for the new subject.
# 5. **Practise** with the new head only.
#
# We take them one by one, on torchvision's original MobileNetV2. It is built with random weights here, since we only
# look at shapes and counts. *Step 1:*

# %%
network = torchvision.models.mobilenet_v2()
print(network.classifier)
print("scores:", tuple(network.eval()(torch.zeros(1, 3, 224, 224)).shape))
total = sum(parameter.numel() for parameter in network.parameters())
print(f"{total:,} weights")
assert total == 3_504_872, "The original MobileNetV2 should have 3,504,872 weights."

# %% [markdown]
# *Step 2.* The head is called `classifier`. We cannot simply delete it, because the network's own `forward` calls it.
# So we put something in its place that does nothing: `nn.Identity` returns what it is given.
#
# **Predict first:** what shape will the answer have now?

# %%
network.classifier = nn.Identity()
print("features:", tuple(network(torch.zeros(1, 3, 224, 224)).shape))
remaining = sum(parameter.numel() for parameter in network.parameters())
print(f"{remaining:,} weights remain; the head had {total - remaining:,}")
assert remaining == 2_223_872, "The backbone should have 2,223,872 weights."

# %% [markdown]
# The head held more than a third of all weights. What remains is the backbone, and out come its 1,280 features.
#
# *Step 3.* **Freezing** means that practice shall not change the backbone. Every parameter carries a flag,
# `requires_grad`: shall PyTorch work out how to correct this? For a frozen one the answer is no. That is faster, takes
# less memory, and with few pictures it protects what was learned before.

# %%
for parameter in network.parameters():
    parameter.requires_grad = False
print(
    sum(parameter.requires_grad for parameter in network.parameters()),
    "of the parameters would learn",
)

# %% [markdown]
# Keep a question in mind: is that all there is to freezing? We come back to it.
#
# *Step 4.* The new head wants a row of numbers, and the backbone ends in maps. In step 2 the network's own `forward`
# turned one into the other; now we do it by hand. **Adaptive average pooling** takes the mean of each map. With
# ordinary pooling you choose the window, and the size of the result follows; with adaptive pooling you choose the size
# of the result, here 1 × 1, and the window follows. So it works for maps of any size.
#
# **Predict first:** what is the mean of the numbers from 1 to 16?

# %%
sixteen = torch.arange(1.0, 17.0).view(1, 1, 4, 4)  # one picture, one map of 4 × 4
mean = nn.AdaptiveAvgPool2d((1, 1))(sixteen)
print(sixteen[0, 0])
print("pooled:", mean.item(), "with shape", tuple(mean.shape))
assert mean.item() == 8.5, "The mean of 1 to 16 should be 8.5."

# %% [markdown]
# Two dimensions of size 1 are left over, and **flatten** removes them: `torch.flatten(x, 1)` lays everything from
# dimension 1 on into one row, and leaves dimension 0, the pictures of the batch, alone. Then a linear layer turns 1,280
# features into 10 scores. Here is the whole way by hand, with the shape at every step. In the figure the thick frame
# marks the only part that will learn.

# %%
head = nn.Linear(1280, 10)
with torch.no_grad():
    feature_maps = pretrained.backbone.features(images)
    pooled = nn.AdaptiveAvgPool2d((1, 1))(feature_maps)
    features = torch.flatten(pooled, 1)
    scores = head(features)
stations = {
    "batch": images,
    "feature maps": feature_maps,
    "pooled": pooled,
    "features": features,
    "scores": scores,
}
for name, tensor in stations.items():
    print(f"{name:13} {tuple(tensor.shape)}")

parts = ["pictures", "backbone, frozen", "pooling", "flatten", "head"]
shapes = [str(tuple(tensor.shape)).replace(" ", "") for tensor in stations.values()]
plotting.draw_flow(
    list(zip(parts, shapes, strict=True)),
    emphasis=[4],
    num_columns=5,
    title="What comes out of each part",
)

# %% [markdown]
# ## Write it, check it, import it
#
# As a class it is short. Read it once with the five steps beside you.


# %% tags=["write-it:course_utils.models.TransferClassifier"]
class MyClassifier(nn.Module):
    """A frozen backbone under a new head: (N, 3, H, W) -> scores (N, num_classes)."""

    def __init__(self, num_classes):
        super().__init__()
        trained = models.load_pretrained(WEIGHTS)  # step 1
        self.backbone = trained.backbone.features  # step 2: without its head
        for parameter in self.backbone.parameters():  # step 3
            parameter.requires_grad = False
        self.pool = nn.AdaptiveAvgPool2d((1, 1))
        self.head = nn.Linear(1280, num_classes)  # step 4

    def forward(self, images):
        feature_maps = self.backbone(images)  # (N, 1280, H // 32, W // 32)
        features = torch.flatten(self.pool(feature_maps), 1)  # (N, 1280)
        return self.head(features)  # (N, num_classes)


# %% [markdown]
# The package's function `build_classifier` returns the same thing; its class is called `TransferClassifier`. Each has a
# new head with random weights of its own, so we copy one head into the other before we compare the two on a batch.

# %%
set_seed(0)
mine = MyClassifier(10).eval()
student = models.build_classifier(10, weights=WEIGHTS, classes=dataset.classes).eval()
student.head.load_state_dict(mine.head.state_dict())
with torch.no_grad():
    difference = (mine(images) - student(images)).abs().max().item()
print(f"largest difference: {difference:.1e}")
assert difference < 1e-4, "The two classes should give the same scores."

# %% [markdown]
# From now on we use the package's. It can do a few things more, and each gets its turn below.
#
# ### Where does the head begin?
#
# A new layer starts with small random numbers. For an `nn.Linear` with 1,280 inputs they lie evenly between −1/√1280
# and 1/√1280. Small, so that the first scores are small too and no class is favoured; random, so that the outputs of a
# layer do not all learn the same. Somebody who has no opinion about ten classes gives each 1/10. The teacher's number
# for that, the loss, is $\ln 10 \approx 2.30$, the logarithm of ten: 2.718 to the power of 2.30 is 10. Lesson 05 says
# why.
#
# **Predict first:** which loss does the untaught head get, roughly?

# %%
bound = 1 / math.sqrt(1280)
print(
    f"weights from {student.head.weight.min():.4f} to {student.head.weight.max():.4f}; "
    f"1/√1280 = {bound:.4f}"
)
with torch.no_grad():
    loss = F.cross_entropy(student(images), labels).item()
print(f"loss before any practice: {loss:.2f}; ln 10 = {math.log(10):.2f}")
assert student.head.weight.abs().max() <= bound, (
    "Initial weights should lie within 1/√1280."
)
assert abs(loss - math.log(10)) < 1, "An untaught head should be marked near ln 10."

# %% [markdown]
# A first loss far from $\ln C$ is a warning worth knowing: most often, inputs that were not normalised.
#
# ### How much is there to learn?
#
# **Predict first:** 2.2 million weights in the backbone, and a linear layer from 1,280 to 10. How many numbers learn?

# %%
counts = models.count_parameters(student)
print(
    f"frozen {counts.frozen:,}, trainable {counts.trainable:,}, "
    f"that is {counts.trainable / counts.total:.2%}"
)
assert counts.frozen == 2_223_872, (
    "The backbone should have 2,223,872 weights, all frozen."
)
assert counts.trainable == 1280 * 10 + 10 == 12_810, (
    "The head should have 12,810 weights, all trainable."
)

for num_classes in (2, 5, 10, 100):
    counts = models.count_parameters(
        models.build_classifier(num_classes, weights=WEIGHTS)
    )
    learning, frozen = counts.trainable, counts.frozen
    print(
        f"{num_classes:4} classes: {learning:8,} weights learn, {frozen:,} are frozen"
    )

# %% [markdown]
# 1,280 × 10 weights and 10 biases. Pooling and flatten have none: they follow a rule and learn nothing. Another subject
# with more or fewer classes is another number in the call, and only the head changes.
#
# ### Why is there no softmax at the end?
#
# Lesson 01 turned scores into probabilities with softmax, and our class ends without it. The reason is the teacher:
# `CrossEntropyLoss` expects raw scores, logits, and does the softmax itself. For the largest score it makes no
# difference: softmax keeps the order.
#
# **Predict first:** what happens if one adds a softmax all the same? An error?

# %%
target = torch.tensor([2])
for name, twice in {"logits, as it should be": False, "softmax first": True}.items():
    logits = torch.tensor([[2.0, 1.0, 3.5, 0.5]], requires_grad=True)
    loss = F.cross_entropy(logits.softmax(dim=1) if twice else logits, target)
    loss.backward()
    request = logits.grad.abs().sum()
    print(f"{name:24} loss {loss.item():.3f}   request for change {request:.3f}")

# %% [markdown]
# No error, and that is what makes it nasty. The same good answer costs 0.943 instead of 0.304, and the last column, how
# strongly the teacher asks for a change (lesson 05 calls it the gradient), is smaller. The student learns more slowly,
# and nobody knows why. So: **logits out of the model, always**, and softmax
# only when a person wants to read them.
#
# ## With and without
#
# *Step 5*, practice. And the question that decides whether all this was worth it: what does the trained eye bring? Two
# students get the same 300 pictures, the same batches in the same order, the same loop:
#
# - one **with** schooling: trained backbone, frozen, new head
# - one **without**: the same network, all of it random, and all of it may learn
#
# It is the loop of lesson 00: forget, answer, mark, find the change, make it. New are the two loops around it,
# terms and batches, and the first line: the coach gets only the parameters that may learn.


# %%
def practise(model, batches, num_epochs):
    """Return the loss of every correction."""
    learning = [
        parameter for parameter in model.parameters() if parameter.requires_grad
    ]
    criterion, optimizer = nn.CrossEntropyLoss(), torch.optim.Adam(learning, lr=0.001)
    losses = []
    model.train()
    for _ in range(num_epochs):
        for images, labels in batches:
            optimizer.zero_grad()
            loss = criterion(model(images), labels)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    return losses


def share_right(model, batches):
    """Return the share of right answers."""
    model.eval()
    with torch.no_grad():
        right = sum(
            (model(images).argmax(dim=1) == labels).sum().item()
            for images, labels in batches
        )
    return right / sum(len(labels) for _, labels in batches)


# %% [markdown]
# **Predict first:** one of them corrects 2,236,682 weights at every step, the other 12,810. Which one will do better in
# the mock exam? (This cell takes most of the lesson's computing time, nearly all of it for the student without
# schooling.)

# %%
set_seed(0)
students = {
    "with": models.build_classifier(10, weights=WEIGHTS, classes=dataset.classes),
    "without": models.build_classifier(10, weights=None, freeze_backbone=False),
}
losses = {
    name: practise(model, practice, NUM_EPOCHS) for name, model in students.items()
}
marks = {name: share_right(model, mock_exam) for name, model in students.items()}
num_exam = len(data.val.dataset)
for name, mark in marks.items():
    error = standard_error(mark, num_exam)
    print(f"{name:8} mock exam: {mark:.1%} right, give or take {error:.1%}")

# %% [markdown]
# Next to the marks we draw the majority baseline of lesson 02: one answer to every question, the class that is most
# frequent in practice. (Our 300 pictures hold equally many of each, so it is the first.) The bars' whiskers are one
# standard error up and down (how far a mark typically lies from the one that an endless exam would give): two marks
# whose whiskers overlap cannot be told apart, and whiskers that just miss each other are no proof yet; lesson 07 has
# the rule.

# %%
targets = [torch.tensor(loader.dataset.targets) for loader in (data.train, data.val)]
majority = majority_baseline(*targets)
plotting.draw_comparison(
    losses, marks, num_classes=10, majority=majority, num_samples=num_exam
)

# %% [markdown]
# How to read it. The left side shows practice: both lines start near $\ln 10$, and the lower a line falls, the better
# its student knows the 300 pictures. The right side is what counts, the pictures they have never seen. Compare each bar
# with the baseline, and the two with each other, whiskers included. (Naming the most frequent class pays because the
# exam does not hold equally many of each. Practice did, so a student who learned nothing may well stay below it.)
#
# Is the comparison fair? Both get equally many corrections. But a network that starts from random numbers can, in so
# few, only begin to learn the 300 pictures by heart (look at the left side); to learn to *see*, it would need many more
# pictures. And the running numbers of its BatchNorm, which the next section explains and with which it sits the exam,
# lag behind weights that change at every step. One correction also takes it several times as long. Set `NUM_EPOCHS` to
# 15 when you have a few minutes, and watch both halves of the figure: the loss of the student *without* schooling falls
# far, its mark in the mock exam rises much less. With 2.2 million weights and 300 pictures it learns by heart. The
# trained eye has seen a hundred thousand pictures, or a million.
#
# ## Is the frozen part really frozen?
#
# Step 3 set `requires_grad = False` everywhere. Does the backbone then stay as it is? To see it, look at the layer we
# have passed over so far. **BatchNorm** does within the network what `Normalize` did with pictures: subtract a mean,
# divide by a standard deviation, for each map. It has two ways to get those two numbers.
#
# - In `train()` mode it takes them from the *batch* at hand. It also updates a *running* mean and
#   variance, averages over the batches so far. (The variance is the square of the standard deviation.)
# - In `eval()` mode it uses the running ones, and updates nothing.
#
# The running numbers are no parameters. They are **buffers**: saved with the network, but not corrected by the coach,
# so that `requires_grad` does not concern them.
#
# **Predict first:** we call `train()` on our own class, and show it five batches without any coach. What has changed?

# %%
naive = MyClassifier(10)
before = copy.deepcopy(naive.backbone.state_dict())
naive.train()
with torch.no_grad():
    for batch, _ in practice[:5]:
        naive(batch)

after = naive.backbone.state_dict()
parameter_names = dict(naive.backbone.named_parameters())
moved = [name for name in before if not torch.equal(before[name], after[name])]
num_parameters = sum(name in parameter_names for name in moved)
num_buffers = len(moved) - num_parameters
print("parameters moved:", num_parameters, "of", len(parameter_names))
print("buffers moved:   ", num_buffers, "of", len(before) - len(parameter_names))
print("for example:     ", moved[0])

num_layers = sum(isinstance(module, nn.BatchNorm2d) for module in naive.modules())
assert num_layers == 52, "MobileNetV2 should have 52 BatchNorm layers."
assert len(moved) == 3 * num_layers, "All their buffers should have moved."
assert not any(name in parameter_names for name in moved), (
    "No parameter should have moved."
)

# %% [markdown]
# No parameter moved, and every buffer did: each of the 52 BatchNorm layers has three, and the third counts the batches.
# (156 both times: each of the 52 convolutions has one tensor of weights and no bias, and its BatchNorm has two tensors
# of parameters and three buffers.) "Frozen" was only half true.
#
# There is a second effect. In `train()` mode the mean comes from the batch, so the answer to a picture depends on the
# *other* pictures in its batch. We ask about the same picture twice, each time in different company.

# %%
first_picture = images[:1]
companies = [
    torch.cat([first_picture, images[1:8]]),
    torch.cat([first_picture, images[8:15]]),
]
differences = {}
for mode in ("train", "eval"):
    naive.train(mode == "train")
    with torch.no_grad():
        one, other = (naive(company)[0] for company in companies)
    differences[mode] = (one - other).abs().max().item()
    largest = differences[mode]
    print(f"{mode + '()':8} largest difference between the two answers: {largest:.6f}")
assert differences["eval"] < 1e-4 < differences["train"], (
    "Only in train() mode should the company matter."
)

# %% [markdown]
# You may read that such differences come from dropout, a layer that sets random numbers to 0 during practice. Not here:
# MobileNetV2's only dropout was in the head we took off. It is BatchNorm.
#
# So a frozen backbone has to stay in `eval()`, *also* while the head practises. Calling `eval()` on it once is not
# enough, because `model.train()` reaches every part. The way out is a `train` method that knows about it:


# %%
class MyFrozenClassifier(MyClassifier):
    def train(self, mode=True):
        super().train(mode)
        self.backbone.eval()
        return self


model = MyFrozenClassifier(10).train()
print("head in training mode:    ", model.head.training)
print("backbone in training mode:", model.backbone.training)

# %% [markdown]
# The package's class does the same, a little more finely: a part whose weights may learn (lesson 08) follows `train()`,
# a frozen part does not. Now the strictest test we can think of. The student "with" schooling has practised for several
# terms; we compare its backbone, number by number, with a fresh one.

# %%
practised = students["with"].backbone.state_dict()
fresh = models.load_pretrained(WEIGHTS).backbone.state_dict()
assert practised.keys() == fresh.keys()
assert all(torch.equal(practised[name], fresh[name]) for name in fresh), (
    "The backbone should not have moved at all."
)
print(f"{len(fresh)} tensors, parameters and buffers, bit for bit the same")

# %% [markdown]
# ### Does the drift do harm?
#
# That is a question for an experiment, not for a rule. We take a copy of that student, let its running numbers drift
# for one pass through the practice pictures, and send it to the mock exam again.

# %%
drifted = copy.deepcopy(students["with"])
drifted.backbone.train()
with torch.no_grad():
    for batch, _ in practice:
        drifted(batch)
marks["drifted"] = share_right(drifted, mock_exam)
for name in ("with", "drifted"):
    error = standard_error(marks[name], num_exam)
    print(f"{name:8} mock exam: {marks[name]:.1%} right, give or take {error:.1%}")

# %% [markdown]
# Judge it with the standard errors. Here the head learned from one set of features and is examined on another. When
# head and statistics change *together*, as in many tutorials, the head partly follows, and such a loop may lose little.
# What the drift always costs: the backbone is no longer frozen, another batch size gives another result, and the
# features can no longer be worked out once and kept (lesson 06).
#
# ## An inner layer
#
# The head is one linear layer: each score is a weighted sum of the features. Some subjects need more than that. With
# `hidden_size` the head gets a layer in between, and a ReLU.

# %%
deeper = models.build_classifier(10, weights=WEIGHTS, hidden_size=100)
print(deeper.head)
counts = models.count_parameters(deeper)
print(f"{counts.trainable:,} weights learn")
assert counts.trainable == (1280 * 100 + 100) + (100 * 10 + 10) == 129_110, (
    "There should be 129,110 to learn."
)

# %% [markdown]
# A larger inner layer can learn more, and more easily learns by heart; a smaller one is quicker and may be too simple.
# Which size is right is measured, not guessed (lesson 07).
#
# And why the ReLU? **Predict first:** two linear layers in a row, nothing between them. How much can they do that one
# cannot?

# %%
inner, relu, last = deeper.head
with torch.no_grad():
    merged = nn.Linear(1280, 10)
    merged.weight.copy_(last.weight @ inner.weight)
    merged.bias.copy_(last.weight @ inner.bias + last.bias)
    one_layer = merged(features)
    without = torch.allclose(last(inner(features)), one_layer, atol=1e-4)
    with_relu = torch.allclose(last(relu(inner(features))), one_layer, atol=1e-4)
    print(f"two layers equal to one: without ReLU {without}, with ReLU {with_relu}")

# %% [markdown]
# Nothing at all: a weighted sum of weighted sums is a weighted sum. The little bend of the ReLU is what makes depth
# worth having, in the head as in the convolutions.

# %% [markdown]
# <details><summary><b>Questions and answers</b></summary>
#
# **Why `self.` before each layer?** It registers the layer. What is not registered is not corrected, not saved and not
# moved to another device.
#
# **`super(MyClassifier, self).__init__()` or `super().__init__()`?** They mean the same; the short form is Python 3.
#
# **Why `model(images)` and not `model.forward(images)`?** The call runs `forward`, and before and after it the
# functions that somebody hooked to the layer, called **hooks**. `model.forward(images)` passes them by in silence.
#
# **Why not delete the old head?** The network's `forward` calls it. `nn.Identity` keeps the network whole.
#
# **Can I unfreeze the backbone later?** Yes. First the head learns, then everything, with a much smaller learning rate
# and a *new* optimizer, since the old one does not know the new parameters. That is **fine-tuning** (lesson 08).
#
# **When should I not freeze?** With many pictures, or pictures unlike anything the backbone knows. Frozen is quick and
# safe with little data; unfrozen can adapt, takes longer, and more easily learns by heart.
#
# **Why 224, and may I use another size?** The original was schooled on 224. Other sizes run, thanks to adaptive
# pooling. It sees best near the size it was schooled on.
#
# **Why MobileNetV2?** 3.5 million weights where ResNet-50 has 25 million; made for telephones, so it is quick on a
# laptop; and simple enough to be understood.
#
# **Is transfer learning peculiar to convolutional networks?** No. Networks for text and sound are reused in the same
# way. The idea needs a backbone whose features are of use elsewhere, nothing more.
#
# **How do I make model and optimizer in one go, as a `make_model(learning_rate, size_inner)`?** In two lines:
# `build_classifier(10, hidden_size=size_inner)`, and an optimizer that gets the parameters with `requires_grad`. Lesson
# 07 puts them into one function.
#
# **Does the order of the classes matter?** Score number 3 means class number 3 of the data set, and folders are
# numbered alphabetically: dress is 0, t-shirt is 9. The names travel with the model as `model.classes`.
#
# </details>

# %% [markdown]
# ## Recap
#
# - **Watching**: a convolution looks for one thing everywhere, ReLU keeps what it found, pooling makes it smaller.
# - **Writing**: `__init__` after `super().__init__()` registers the parts with `self.`, `forward` says how data flows.
# - **Following**: `(N, 3, H, W)`, `(N, 1280, H // 32, W // 32)`, `(N, 1280)`, `(N, 10)`; 2,223,872 frozen, 12,810
#   learn.
# - **Measuring**: same pictures, same loop, with a trained eye and without, read with standard errors.
# - **Checking**: frozen means parameters *and* buffers; a frozen backbone stays in `eval()`.

# %% [markdown]
# ## Exercises
#
# ### Exercise 1 · Count before you build
#
# A head for 5 classes has an inner layer of size 64: `build_classifier(5, hidden_size=64)`. How many weights, biases
# included, does the *head* have? Work it out on paper first.

# %% tags=["exercise"]
num_weights = ...  # replace the dots
exercises.check("04.1", num_weights)

# %% tags=["wrong"] hint="has a bias as well"
num_weights = 1280 * 64 + 64 * 5
exercises.check("04.1", num_weights)

# %% tags=["wrong"] hint="without an inner layer"
num_weights = 1280 * 5 + 5
exercises.check("04.1", num_weights)

# %% tags=["solution"]
num_weights = (1280 * 64 + 64) + (64 * 5 + 5)
exercises.check("04.1", num_weights)

# %% [markdown]
# ### Exercise 2 · Write a head
#
# Write a class `Head(nn.Module)` that is made with `Head(num_classes)`. It takes features `(N, 1280)` through a linear
# layer to 64 numbers, a ReLU, and a linear layer to `num_classes` scores.

# %% tags=["exercise"]
Head = ...  # replace this line by your class
exercises.check("04.2", Head)


# %% tags=["wrong"] hint="is not registered"
class Head(nn.Module):
    def __init__(self, num_classes):
        super().__init__()
        self.layers = [nn.Linear(1280, 64), nn.ReLU(), nn.Linear(64, num_classes)]

    def forward(self, features):
        for layer in self.layers:
            features = layer(features)
        return features


exercises.check("04.2", Head)


# %% tags=["wrong"] hint="cannot assign module before Module.__init__() call"
class Head(nn.Module):
    def __init__(self, num_classes):
        self.inner = nn.Linear(1280, 64)
        self.last = nn.Linear(64, num_classes)

    def forward(self, features):
        return self.last(F.relu(self.inner(features)))


exercises.check("04.2", Head)


# %% tags=["wrong"] hint="Leave it to the loss"
class Head(nn.Module):
    def __init__(self, num_classes):
        super().__init__()
        self.inner = nn.Linear(1280, 64)
        self.last = nn.Linear(64, num_classes)

    def forward(self, features):
        return self.last(F.relu(self.inner(features))).softmax(dim=1)


exercises.check("04.2", Head)


# %% tags=["wrong"] hint="no more than a single one"
class Head(nn.Module):
    def __init__(self, num_classes):
        super().__init__()
        self.inner = nn.Linear(1280, 64)
        self.last = nn.Linear(64, num_classes)

    def forward(self, features):
        return self.last(self.inner(features))


exercises.check("04.2", Head)


# %% tags=["solution"]
class Head(nn.Module):
    def __init__(self, num_classes):
        super().__init__()
        self.inner = nn.Linear(1280, 64)
        self.last = nn.Linear(64, num_classes)

    def forward(self, features):
        return self.last(F.relu(self.inner(features)))


exercises.check("04.2", Head)

# %% [markdown]
# ### Exercise 3 · Ready for practice
#
# Somebody hands you a model with a `.head` and a frozen `.backbone` that contains BatchNorm. Its `train()` is the usual
# one. Write a function that puts everything into the right mode for practice, and returns the model.


# %% tags=["exercise"]
def start_practice(model):
    return ...  # replace the dots


exercises.check("04.3", start_practice)


# %% tags=["wrong"] hint="reaches every part"
def start_practice(model):
    model.backbone.eval()
    return model.train()


exercises.check("04.3", start_practice)


# %% tags=["wrong"] hint="it is the one that practises"
def start_practice(model):
    return model.eval()


exercises.check("04.3", start_practice)


# %% tags=["solution"]
def start_practice(model):
    model.train()
    model.backbone.eval()
    return model


exercises.check("04.3", start_practice)

# %% [markdown]
# ## Next
#
# The student is built, and step 5 was done by a loop that we took on trust. Who marks the answers in it, and how does a
# mark become a correction? **Lesson 05** meets the teacher and the coach.
