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
# # 04 · Building the model
#
# **How do we give a trained student a new subject?**
#
# The student of lesson 01 knows backpacks and sandals. We want to teach it our ten kinds of clothing, with a thousand
# pictures and within seconds. That works because it need not learn to *see* again, only to *name*. So first we look
# into its eye, then we build it a new head.
#
# ## What you will learn
#
# - **watch** a network see: a window slides, nine products make a sum
# - **read** a printed network, its layers, and the names and shapes of its weights
# - **ask** what 1,280 numbers know about a picture
# - **write** a network as a class: what `nn.Module` does for you, what `self.` registers, what `forward` is for
# - **measure** what schooling is worth, in pictures
#
# ## Before you start
#
# Lesson 01 (the trained student, logits) and lesson 03 (pictures as normalised tensors, batches).

# %% tags=["settings"]
import os

# "photos": 3,781 photographs, a download of 107 MB
DATASET = os.environ.get("COURSE_DATASET") or "drawn"
# "imagenet": torchvision's network, a download of 14 MB
WEIGHTS = os.environ.get("COURSE_WEIGHTS") or "course"
NUM_CORRECTIONS = 300  # that each student of the comparison gets
NUM_STUDENTS = 3  # for each description and each number of pictures

# %%
import math
from statistics import fmean

import torch
from torch import nn
from torch.nn import functional as F

from course_utils import models, plotting, widgets
from course_utils.classroom import exercises
from course_utils.classroom.book import compare_with_book
from course_utils.classroom.predictions import what_happened
from course_utils.datasets import make_dataloaders
from course_utils.features import extract_features
from course_utils.pictures import catalog
from course_utils.report.metrics import majority_baseline, standard_error
from course_utils.runtime import set_seed
from course_utils.transforms import build_eval_transform, denormalize

# %% [markdown]
# ## How does a network see?
#
# A network for pictures does one thing over and over. It has a small window of numbers, the **filter**. It lays the
# filter on a corner of the picture, multiplies each number of the filter by the number beneath it, adds up the nine
# products, and writes the sum down. Then it moves one square on. That is a **convolution**, and it fits on squared
# paper.
#
# Our picture is dark on the left (0) and bright on the right (1). The filter subtracts what lies under its left column,
# and adds what lies under its right one. (Orange is above 0, violet below; the deeper, the further.)

# %%
grid = torch.zeros(6, 6)
grid[:, 3:] = 1
upright = torch.tensor([[-1.0, 0.0, 1.0]] * 3)
plotting.show(
    plotting.draw_grids({"picture (6, 6)": grid, "filter (3, 3)": upright}, highest=3)
)
DARK, BRIGHT = "where the picture is dark", "where it is bright"
EDGE = "where dark meets bright"
widgets.predict_first("04.1", "Where will the sums be largest?", [DARK, BRIGHT, EDGE])

# %% [markdown]
# Choose, then slide the window.


# %%
def convolve(picture, kernel):
    """Slide `kernel` (k, k) over `picture` (H, W): sums (H - k + 1, W - k + 1)."""
    size = len(kernel)
    height, width = (side - size + 1 for side in picture.shape)
    sums = torch.zeros(height, width)
    for row in range(height):
        for column in range(width):
            window = picture[row : row + size, column : column + size]
            sums[row, column] = (window * kernel).sum()
    return sums


found = convolve(grid, upright)
plotting.show(plotting.animate_convolution(grid, upright))
under_the_windows = [DARK, EDGE, EDGE, BRIGHT]  # of one row, from left to right
what_happened("04.1", under_the_windows[found[0].argmax()])

# %% tags=["claim"]
assert found.tolist() == [[0, 3, 3, 0]] * 4, "Large where dark meets bright, else 0."
assert torch.equal(found, F.conv2d(grid[None, None], upright[None, None])[0, 0]), (
    "PyTorch does the same."
)

# %% [markdown]
# On even ground the two sides of the filter cancel out, be it dark or bright. Where dark meets bright they do not: this
# filter *finds upright edges*. The sheet of sums is called a **feature map**. It is smaller than the picture, because a
# window of three has only four places along six squares. (Networks mostly lay a frame of zeros around the picture
# first, `padding=1`, and the map keeps its size.)
#
# PyTorch's own `F.conv2d` does the same, only much faster. It wants the picture as `(N, C, H, W)` and the filters as
# `(maps out, maps in, k, k)`; in the cells below each `None` adds a dimension of size 1.
#
# Now a picture of ours. `load_pretrained` builds the student, fills in the weights, and leaves it on the CPU, in
# `eval()` mode. The course's weights came with the package; `"imagenet"` would be downloaded once and found in
# torchvision's cache ever after. The student brings its `spec`, which says how it wants its pictures.

# %%
student = models.load_pretrained(WEIGHTS)
spec = student.spec
transform = build_eval_transform(spec)
data = make_dataloaders(
    catalog.clothing(DATASET),
    train_transform=transform,
    eval_transform=transform,
    batch_size=50,
    limit=1000,
)
practice, exam = data.train_eval.dataset, data.val.dataset
print(f"Pictures: {DATASET}. Student schooled on: {student.source}.")
print(f"{len(practice):,} practice pictures, {len(exam)} in the mock exam")

# %% [markdown]
# We lay three filters on one pair of trousers: our upright edges, the same filter on its side, and one that takes the
# mean of nine neighbours. In the two middle pictures grey stands for 0, brighter is positive, darker is negative.

# %%
trousers, _ = practice[practice.targets.index(practice.class_to_idx["pants"])]
grey = denormalize(trousers, spec).mean(dim=0)  # (H, W)
kernels = torch.stack([upright, upright.T, torch.full((3, 3), 1 / 9)])  # (3, 3, 3)
maps = F.conv2d(grey[None, None], kernels[:, None])[0]  # (3, H - 2, W - 2)
edges = (maps / 2 + 0.5).clamp(0, 1)
plotting.draw_images(
    [grey, edges[0], edges[1], maps[2].clamp(0, 1)],
    titles=["the picture", "upright edges", "level edges", "mean of nine"],
    title="One picture, three filters",
    num_columns=4,
    width=5.4,
)

# %% [markdown]
# One filter answers one question about every place of the picture. Two simple steps usually follow it.
#
# **ReLU**: what is negative becomes 0, the rest stays. Of the edges, only those from dark to bright are left. And
# without such a bend, many layers could do no more than one; we shall check that further down.
#
# **Max pooling**: of every 2 × 2 places, keep the largest number. The map is half as wide. Lost is *exactly where*,
# kept is *that it is there*. And why lose the place on purpose? Trousers one pixel further to the right are the same
# trousers. So below the figure we move them by a pixel, and see how much the map changes, for larger and larger
# windows. (Two maps of which nothing overlaps differ by 200 %: each lacks all of the other.)

# %%
positive = F.relu(maps[:1])  # (1, H - 2, W - 2)
pooled = F.max_pool2d(positive, kernel_size=2)  # (1, half, half)
plotting.show(
    plotting.draw_images(
        [edges[0], positive.clamp(0, 1), pooled.clamp(0, 1)],
        titles=["after the filter", "after ReLU", "after max pooling"],
        title="Upright edges, step by step",
        width=4.1,
    )
)
moved = F.relu(F.conv2d(grey.roll(1, dims=1)[None, None], upright[None, None]))[0]
differences = []
for size in (1, 2, 4, 8):
    here, there = F.max_pool2d(positive, size), F.max_pool2d(moved, size)
    difference = (here - there).abs().mean() / here.mean()
    differences.append(difference.item())
    print(f"pooling {size} × {size}: the two maps differ by {difference:.0%}")

# %% tags=["claim"]
assert positive.min() == 0, "What is negative becomes 0."
assert pooled.shape[-1] == positive.shape[-1] // 2, "The map is half as wide."
assert differences == sorted(differences, reverse=True), "Less with each larger window."

# %% [markdown]
# The larger the window, the less one pixel matters.
#
# And who writes the filters? Nobody. Their numbers are weights, and they are *learned*. A layer has many filters, and
# usually each of them looks through all the maps of the layer before, so that edges become textures, and textures
# become parts of things.
#
# ## What is the eye made of?
#
# The student has two parts. The **backbone** looks at a picture and describes it; it is the trained eye, also called
# feature extractor. The **head** turns the description into scores. `print(student)` shows all of it, nearly three
# hundred lines. Here are the first and the last of them, and below some of its weights, by name.

# %%
lines = str(student).splitlines()
print("\n".join([*lines[:17], "...", *lines[-7:]]), "\n")
parameters = list(student.named_parameters())
for name, parameter in [*parameters[:3], *parameters[-2:]]:
    print(f"{name:30} {tuple(parameter.shape)!s:16} learns: {parameter.requires_grad}")
total = sum(parameter.numel() for _, parameter in parameters)
print(f"{len(parameters)} tensors, {total:,} numbers")

# %% tags=["claim"]
assert 270 < len(lines) < 300, "Nearly three hundred lines."

# %% [markdown]
# Read the tree like folders: what is indented lies within what stands above it, and the number or name in brackets is
# its address. All the parts come from `torch.nn`. It holds the layers with weights (`Conv2d`, `Linear`, `BatchNorm2d`),
# those without (`ReLU6`, a ReLU that also stops at 6), the containers (`Sequential` runs its parts one after the
# other), and the teachers of lesson 05. `Conv2dNormActivation` and `InvertedResidual` are torchvision's combinations of
# them. The first `Conv2d` says: 3 colours in, 32 maps out, filters of 3 × 3 that move two squares at a time (`stride`).
# That halves the map, so this network needs no max pooling.
#
# Every weight has a name, made of the addresses. The first tensor holds 32 filters, and each has 3 × 3 numbers for each
# of 3 colours. `requires_grad` says whether practice may change it.
#
# The next two belong to **BatchNorm**, which follows each convolution and does within the network what `Normalize` did
# with the pictures: for each map it subtracts a mean and divides by a standard deviation. Then it multiplies the map by
# a learned **scale** (`weight`) and adds a learned **shift** (`bias`), for perhaps another spread serves better. The
# mean and the variance (the square of the standard deviation) were measured at school. They are **buffers**: kept with
# the network, and not corrected by the coach. By hand, on one batch:

# %%
images, labels = next(iter(data.train))  # (50, 3, H, W) and (50,)
convolution, norm, relu6 = student.backbone.features[0]


def each_map(numbers):
    return numbers.view(1, -1, 1, 1)  # (C,) -> (1, C, 1, 1): one number for each map


with torch.no_grad():
    before = convolution(images)  # (50, 32, H / 2, W / 2)
    spread = (norm.running_var + norm.eps).sqrt()  # eps: never divide by 0
    normal = (before - each_map(norm.running_mean)) / each_map(spread)
    by_hand = normal * each_map(norm.weight) + each_map(norm.bias)
    assert torch.allclose(by_hand, norm(before), atol=1e-4), "Both should be the same."
print("BatchNorm by hand:", tuple(by_hand.shape))

# %% [markdown]
# ### From a picture to 1,280 numbers
#
# On its way a batch passes 19 blocks of layers. Many courses show that for pictures of 224 × 224, so we put it beside
# the size of ours. The maps shrink, as you know. Watch their *number*.


# %%
def walk(images):
    """Return the feature maps after each block, for images (N, 3, H, W)."""
    steps = []
    with torch.no_grad():
        for block in student.backbone.features:
            images = block(images)
            steps.append(images)
    return steps


famous, ours = (walk(torch.zeros(1, 3, side, side)) for side in (224, spec.image_size))
for index, (there, here) in enumerate(zip(famous, ours, strict=True)):
    print(f"block {index:2} {tuple(there.shape)!s:>22}{tuple(here.shape)!s:>22}")

# %% tags=["claim"]
assert famous[-1].shape == (1, 1280, 7, 7), "224 ends in maps of 7 × 7."
assert ours[-1].shape[-1] == spec.image_size // 32, "Together they divide by 32."
assert [step.shape[1] for step in ours[:2]] == [32, 16], "From 32 to 16, once."
assert sorted(step.shape[1] for step in ours[1:]) == [
    step.shape[1] for step in ours[1:]
], "Apart from that it never falls."
assert ours[-2].shape[1] == 320, "The last block mixes 320 maps into 1,280."

# %% [markdown]
# Only once does the number of maps fall, from 32 to 16 at the beginning: less *where*, more *what*. Five of the blocks
# halve the maps, together they divide by 32, and 224 / 32 is the famous 7.
#
# Why **1,280** at the end? It is a choice of the authors: the last block mixes 320 maps into four times as many, so
# that the head has a rich description to choose from. Other networks chose 512 or 2,048.
#
# What is on the maps? Five of them after the first block, and five after the seventh:

# %%
steps = walk(trousers[None])
for index in (0, 6):
    high, wide = steps[index].shape[2:]
    title = f"After block {index}: {high} × {wide} places"
    plotting.show(plotting.plot_feature_maps(steps[index], title=title, num_maps=5))

# %% tags=["claim"]
assert steps[0].min() == 0, "Block 0 ends in a ReLU."
assert steps[6][0, :5].amin(dim=(1, 2)).max() < -0.5, "Block 6 does not."

# %% [markdown]
# At first you can still make out the trousers: edges, cloth, light and dark. Deeper down trouser legs still show here
# and there, but a person can no longer say what a map *means*. (Each is coloured by itself, from its smallest number,
# dark, to its largest, bright. After block 0, which ends in a ReLU, nothing is below 0, and 0 says: nothing found.
# Block 6 ends without one, and there dark is negative, which says as much as bright does.)
#
# ### From maps to numbers
#
# One step is left: the mean of each map. **Adaptive average pooling** is told the size of its result, here 1 × 1, and
# takes a window that fits, so that it works for maps of any size.

# %%
sixteen = torch.arange(1.0, 17.0).view(1, 1, 4, 4)  # one picture, one map of 4 × 4
pool = nn.AdaptiveAvgPool2d((1, 1))
print("mean of 1 to 16: ", pool(sixteen))
print("moved by a place:", pool(sixteen.roll(1, dims=3)))

# %% tags=["claim"]
assert pool(sixteen).item() == 8.5, "The mean of 1 to 16."
assert pool(sixteen.roll(1, dims=3)).item() == 8.5, "It does not care where."

# %% [markdown]
# The mean does not care *where* on the map something was found. From 1,280 maps come 1,280 numbers, the **features** of
# a picture. That is all that the head ever hears about it.
#
# ## What do 1,280 numbers know?
#
# A good description makes like things alike. So let us ask: which practice pictures are *nearest* to a picture of the
# mock exam? Near means that their numbers differ little. Three describe the pictures to us:
#
# - **pixels**: the picture itself, shrunk to 20 × 20 places of 3 colours, 1,200 numbers
# - **a random eye**: the same network, which has never been to school
# - **the trained eye**
#
# A random network's BatchNorms have not measured anything yet, and without that the numbers would fade to nothing
# through so many layers. So in all fairness we let it look at 300 pictures first, in `train()` mode, to measure. Nobody
# corrects it. Then both eyes are **frozen**: `requires_grad` is switched off for every parameter, and `eval()` keeps
# the measurements.

# %%
set_seed(0)
random_eye = models.build_classifier(10, weights=None).backbone
for layer in random_eye.modules():
    if isinstance(layer, nn.BatchNorm2d):
        layer.momentum = None  # measure the plain mean over all batches
random_eye.train()
with torch.no_grad():
    for _, (batch, _) in zip(range(6), data.train, strict=False):
        random_eye(batch)

for eye in (random_eye, student.backbone):
    for parameter in eye.parameters():
        parameter.requires_grad = False
    eye.eval()

# %% tags=["claim"]
assert (
    models.build_classifier(10, weights=None).eval().backbone(images[:4]).abs().max()
    < 1e-4
), "Without measuring, the numbers fade to nothing."

# %% [markdown]
# A frozen eye says the same about a picture every time. So each of them looks once, and we keep its notes:
# `extract_features` sends all pictures through and returns what comes out, `(N, 1280)`. This is the longest cell of the
# lesson. (`keep=True` puts the notes into the data folder, and the second time it takes a moment.) Meanwhile, think: of
# the five nearest pictures, how many will be of the same kind? Whoever draws five blindly gets 14 %, more than a tenth,
# because some kinds are commoner than others.


# %%
def shrink(images):
    return F.adaptive_avg_pool2d(images, 20).flatten(1)  # (N, 3 * 20 * 20)


loaders = data.train_eval, data.val  # practice and mock exam
notes = {"pixels": [torch.cat([shrink(x) for x, _ in each]) for each in loaders]}
for name, eye in {"random eye": random_eye, "trained eye": student.backbone}.items():
    looks = [extract_features(eye, each, device="cpu", keep=True) for each in loaders]
    notes[name] = [look.tensors[0] for look in looks]

targets, exam_targets = torch.tensor(practice.targets), torch.tensor(exam.targets)
for name, (in_practice, in_exam) in notes.items():
    print(f"{name:12} {tuple(in_practice.shape)}   {tuple(in_exam.shape)}")
MORE, FEWER = "more than raw pixels do", "fewer than pixels do"
ALIKE = "about as many as pixels do"
QUESTION = "A random eye finds how many of the same kind?"
widgets.predict_first("04.2", QUESTION, [MORE, ALIKE, FEWER])

# %% [markdown]
# Choose, then measure the distance from each exam picture to each practice picture. `cdist` gives the table of all
# distances, `topk` the places of the smallest ones.


# %%
def nearest(name):
    """Return the places of the five nearest practice pictures: (number in exam, 5)."""
    in_practice, in_exam = notes[name]
    return torch.cdist(in_exam, in_practice).topk(5, largest=False).indices


alike = {}
for name in notes:
    kinds = targets[nearest(name)]  # (number in exam, 5)
    alike[name] = (kinds == exam_targets[:, None]).float().mean().item()
    print(f"{name:12} {alike[name]:.1%} of the nearest five are of the same kind")
gain = alike["random eye"] - alike["pixels"]
what_happened("04.2", MORE if gain > 0.03 else FEWER if gain < -0.03 else ALIKE)

# %% tags=["claim"]
assert (
    abs(
        (targets.bincount() / len(targets)) @ (exam_targets.bincount() / len(exam))
        - 0.14
    )
    < 0.01
), "Drawn blindly: 14 %."
assert gain < -0.03, "A random eye finds fewer than pixels do."
assert alike["random eye"] < 0.2, "Hardly more than blindly."
assert alike["trained eye"] > alike["pixels"] + 0.08, "The trained eye finds the most."
assert not set(practice.classes) & set(student.classes), "Never told our ten names."
assert len(student.classes) == 200, "Two hundred names."
assert {"lemon", "cardigan"} <= set(student.classes), "Lemon and cardigan among them."

# %% [markdown]
# A random eye does not merely know nothing, it *forgets*: it finds hardly more than blind drawing would, and fewer than
# the pixels do. The trained eye finds the most, although it has never been told our ten names. Look at one shirt, on
# which it does well:


# %%
def picture(dataset, index):
    return denormalize(dataset[index][0], spec)


def name_of(index):
    return practice.classes[targets[index]]


shirt = exam.targets.index(exam.class_to_idx["shirt"]) + 2  # the third of them
rows = {
    name: [(picture(practice, place), name_of(place)) for place in nearest(name)[shirt]]
    for name in notes
}
plotting.draw_neighbours(
    picture(exam, shirt), "shirt", rows, title="The five nearest pictures", width=5.1
)

# %% tags=["claim"]
assert sum(name == "shirt" for _, name in rows["trained eye"]) >= 3, "It finds shirts."
assert sum(name == "shirt" for _, name in rows["random eye"]) <= 2, "No such thing."

# %% [markdown]
# Pixels find what is about as dark at the same places. What the random eye finds has little to do with the shirt. The
# trained eye finds checked shirts, and one checked jacket, in other colours and on other grounds.
#
# And what does a single one of the 1,280 numbers say? For each we take the nine practice pictures that excite it most,
# and see what they have in common. Here are three of the clearest.

# %%
top = notes["trained eye"][0].topk(9, dim=0).indices  # (9, 1280)
for kind in ("longsleeve", "pants", "t-shirt"):
    agreeing = (targets[top] == practice.class_to_idx[kind]).sum(dim=0)  # (1280,)
    feature = agreeing.argmax()  # whose nine are of this kind most often
    title = f"What excites feature {feature} most: {kind}"
    nine = [picture(practice, place) for place in top[:, feature]]
    plotting.show(
        plotting.draw_images(
            nine, title=title, alt=f"Nine pictures. {title}.", num_columns=9, width=5.6
        )
    )

# %% tags=["claim"]
assert all(
    (targets[top] == practice.class_to_idx[kind]).sum(dim=0).max() >= 8
    for kind in ("longsleeve", "pants", "t-shirt")
), "Each row is one kind, or nearly so."

# %% [markdown]
# At school the student learned such features for 200 other names, from lemon to cardigan. They fit trousers as well.
# This is what **transfer learning** lives on: what serves one subject, shape and cloth and edges, serves many others.
# Only the last step, from features to names, belongs to the old one.
#
# ## How is a network written?
#
# In PyTorch a network is a class. If you have never written one: a **class** is a plan for objects. `__init__` runs
# when an object is made. `self` is the object itself, and whatever is assigned to `self.` stays with it.
#
# ```python
# class Counter:
#     def __init__(self, start):
#         self.count = start
#
#     def add(self, number):
#         self.count = self.count + number
#
# counter = Counter(5)  # makes an object, and runs __init__ with self = the object
# counter.add(2)        # runs add with self = counter: counter.count is 7
# ```
#
# Here is a head as a network. `class Head(nn.Module)` says that a `Head` can do all that an `nn.Module` can, and more:
# that is **inheritance**. `__init__` says which parts there are, `forward` how the data flows through them.


# %%
class Head(nn.Module):
    def __init__(self):
        super().__init__()  # first let nn.Module prepare itself
        self.inner = nn.Linear(1280, 100)
        self.last = nn.Linear(100, 10)

    def forward(self, features):  # (N, 1280)
        return self.last(F.relu(self.inner(features)))  # (N, 10)


head = Head()
features = notes["trained eye"][0][:5]  # (5, 1280)
print(head)
print("scores:", tuple(head(features).shape))
for name, parameter in head.named_parameters():
    print(f"{name:13} {tuple(parameter.shape)}")

# %% [markdown]
# `nn.Linear(1280, 100)`, a **linear** or dense layer, takes 1,280 numbers and returns 100. Each of the 100 is a sum of
# all 1,280, each times a **weight**, plus one number more, the **bias**. Weights and biases together are the
# **parameters**.
#
# We never listed them, and yet `named_parameters` finds all four tensors. Assigning to `self.` did that: `nn.Module`
# watches, and **registers** what is a layer. Only what is registered is handed to the coach by `parameters()`, saved by
# `state_dict()`, and moved by `to(device)`.


# %%
class Forgetful(nn.Module):
    def __init__(self):
        super().__init__()
        self.one = nn.Linear(4, 3)
        self.plain_list = [nn.Linear(4, 3)]
        self.module_list = nn.ModuleList([nn.Linear(4, 3)])
        variable = nn.Linear(4, 3)  # a local variable


KEPT = [
    "one",
    "one, module_list",
    "one, plain_list, module_list",
    "one, plain_list, module_list, variable",
]
widgets.predict_first("04.3", "Which of these four layers are registered?", KEPT)

# %% [markdown]
# Choose, then ask: `named_children` names what is registered.

# %%
registered = [name for name, _ in Forgetful().named_children()]
what_happened("04.3", ", ".join(registered))

# %% tags=["claim"]
assert registered == ["one", "module_list"], "Two of four."

# %% [markdown]
# Two of four. A plain list and a local variable are invisible to PyTorch. Such layers would never learn, and no error
# says so. A list of layers has to be an `nn.ModuleList`, or an `nn.Sequential`, which also runs them in turn.
#
# ### Why the ReLU between two layers?
#
# Take it out of `Head`, and see whether a single linear layer can do the same.

# %%
with torch.no_grad():
    single = nn.Linear(1280, 10)
    single.weight.copy_(head.last.weight @ head.inner.weight)
    single.bias.copy_(head.last.weight @ head.inner.bias + head.last.bias)
    without_relu = head.last(head.inner(features))

print("one layer does it:", torch.allclose(single(features), without_relu, atol=1e-4))
print("with the ReLU:    ", torch.allclose(single(features), head(features), atol=1e-4))

# %% tags=["claim"]
assert torch.allclose(single(features), without_relu, atol=1e-4), "One layer does it."
assert not torch.allclose(single(features), head(features), atol=1e-4), "Not with ReLU."

# %% [markdown]
# A weighted sum of weighted sums is a weighted sum. The bend of the ReLU is what makes depth worth having, in the head
# as in the eye.
#
# ## A new head in five steps
#
# 1. **Load** a trained network.
# 2. **Remove** its head.
# 3. **Freeze** its backbone.
# 4. **Add** a new head for the new subject.
# 5. **Practise** with the new head only.
#
# *Step 2* needs a word. torchvision's network calls its head, `classifier`, in its own `forward`, so one cannot just
# delete it. One puts `nn.Identity()` in its place, a layer that returns what it is given: `network.classifier =
# nn.Identity()`. `load_pretrained` has done that for us. Below we go a step further in, take only the blocks
# (`features`), and pool ourselves, so that the whole way from pixels to scores stands on the page.


# %% tags=["write-it:course_utils.models.TransferClassifier"]
class MyClassifier(nn.Module):
    """A frozen backbone under a new head: (N, 3, H, W) -> scores (N, num_classes)."""

    def __init__(self, num_classes):
        super().__init__()
        trained = models.load_pretrained(WEIGHTS)  # step 1
        self.backbone = trained.backbone.features  # step 2: its blocks, no head
        for parameter in self.backbone.parameters():  # step 3
            parameter.requires_grad = False
        self.pool = nn.AdaptiveAvgPool2d((1, 1))
        self.head = nn.Linear(1280, num_classes)  # step 4

    def forward(self, images):
        feature_maps = self.backbone(images)  # (N, 1280, H // 32, W // 32)
        features = torch.flatten(self.pool(feature_maps), 1)  # (N, 1280)
        return self.head(features)  # (N, num_classes)


# %% [markdown]
# `torch.flatten(x, 1)` lays everything from dimension 1 on into one row: it removes the two dimensions of size 1 that
# pooling leaves.
#
# The package's `build_classifier` gives the same scores; its class is called `TransferClassifier`. Each head begins
# with random numbers of its own, so we copy one into the other before we compare them.

# %%
set_seed(0)
mine = MyClassifier(10).eval()
model = models.build_classifier(10, weights=WEIGHTS, classes=practice.classes).eval()
model.head.load_state_dict(mine.head.state_dict())
with torch.no_grad():
    difference = (mine(images) - model(images)).abs().max().item()
    loss = F.cross_entropy(model(images), labels).item()
assert difference < 1e-4, "The two classes should give the same scores."

counts = models.count_parameters(model)
print(f"frozen {counts.frozen:,}   may learn {counts.trainable:,}")
print(f"loss of the untaught head {loss:.2f}   ln 10 = {math.log(10):.2f}")

# %% tags=["claim"]
assert counts.frozen == 2_223_872, "The backbone has 2,223,872 weights, all frozen."
assert counts.trainable == 1280 * 10 + 10 == 12_810, "The head has 12,810."
assert abs(loss - math.log(10)) < 0.6, "An untaught head has no opinion."

# %% [markdown]
# 1,280 × 10 weights and 10 biases may learn; pooling and flatten have none. Another subject with more or fewer classes
# is another number in the call. The new weights are small random numbers, so that the first scores are small and no
# class is much favoured: the loss begins near ln 10, as lesson 05 explains. A first loss far above that is a warning,
# for instance of pictures that were not normalised.
#
# The head ends in raw scores, without softmax. The teacher of lesson 05 wants them so: its softmax is built in, and a
# second one would blunt every correction. The package's class keeps the names of the classes, too, and its frozen part
# stays in `eval()` even where you call `model.train()`, for otherwise the BatchNorms would go on measuring. (Lesson 08
# tries what happens then.)
#
# **To freeze or not to freeze?**
#
# | | frozen eye, new head | everything may learn |
# |---|---|---|
# | numbers to learn | 12,810 | 2,236,682 |
# | time | seconds: the eye looks once, the head practises on its notes | each correction goes through all layers |
# | few pictures | safe: the eye cannot forget what it knows | it soon learns them by heart |
# | many pictures, or unlike anything seen at school | the eye cannot adapt | it can (lesson 08 measures how much that brings) |
#
# First frozen, then a few blocks unfrozen with a small learning rate, is the usual way: **fine-tuning** (lesson 08).
#
# ## What is schooling worth?
#
# *Step 5*, and the question that decides whether all this was worth it. We have three descriptions of the pictures.
# Each gets a head, and everything else is the same for all: the same 10, 30, 100, 300 or 1,000 pictures, the same
# coach, the same number of corrections, the same mock exam. It is the loop of lesson 00, with 20 pictures drawn for
# each correction. The mark to beat is the majority baseline of lesson 02: to everything, say the most frequent kind.


# %%
def practise(notes, targets, num_corrections=NUM_CORRECTIONS):
    """Return a head that has practised on notes (N, D) with targets (N,)."""
    head = nn.Linear(notes.shape[1], 10)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(head.parameters(), lr=0.001)
    for _ in range(num_corrections):
        batch = torch.randint(len(notes), (20,))
        optimizer.zero_grad()
        loss = criterion(head(notes[batch]), targets[batch])
        loss.backward()
        optimizer.step()
    return head


def share_right(head, notes, targets):
    return (head(notes).argmax(dim=1) == targets).float().mean().item()


SIZES = [10, 30, 100, 300, 1000]
NEEDED = [f"{size:,} pictures" for size in SIZES]
widgets.predict_first(
    "04.4",
    "With how many pictures does the trained eye beat the others with 1,000?",
    NEEDED,
)

# %% [markdown]
# Choose, then let 45 students practise, three for each description and each number, on pictures drawn anew.

# %%
marks = {name: {size: [] for size in SIZES} for name in notes}
for seed in range(NUM_STUDENTS):
    set_seed(seed)
    order = torch.randperm(len(practice))
    for name, (in_practice, in_exam) in notes.items():
        for size in SIZES:
            chosen = order[:size]
            head = practise(in_practice[chosen], targets[chosen])
            marks[name][size].append(share_right(head, in_exam, exam_targets))

majority = majority_baseline(targets, exam_targets)
means = {name: [fmean(marks[name][size]) for size in SIZES] for name in marks}
to_beat = max(means["pixels"][-1], means["random eye"][-1])
better = [mean > to_beat for mean in means["trained eye"]]
plotting.show(plotting.plot_marks_by_size(marks, majority=majority))
what_happened("04.4", NEEDED[better.index(True)])  # the first that is True

# %% tags=["claim"]
assert better == [False, True, True, True, True], "Thirty pictures are enough."
assert means["trained eye"][1] > to_beat + 0.02, "Thirty with schooling beat 1,000."
assert 0.53 < means["trained eye"][-1] < 0.67, "Six times in ten."
assert max(means["random eye"]) < majority, "The random eye never reaches the baseline."
assert max(mean[0] for mean in means.values()) < majority, "Nor does a mean with ten."
assert max(marks["trained eye"][10]) > majority + 0.05, "One student with ten does."
assert means["pixels"][-1] < majority + 0.08, "Pixels: hardly better than it."
assert means["trained eye"] == sorted(means["trained eye"]), (
    "More pictures, more right."
)

# %% [markdown]
# Thirty pictures with schooling beat a thousand without. Each faint dot is one student, each line the mean of three.
# With ten, no mean reaches the majority baseline yet. With a thousand the trained eye is right six times in ten, and
# each tenfold still adds to it; the random eye's mean never reaches the baseline, and that of the pixels hardly rises
# above it. (Chance alone moves a mark on 300 pictures by about 3 points; with few practice pictures it matters more
# *which* they are: see the lucky student of ten.)

# %% [markdown]
# ## The wall
#
# One student more, with all the practice pictures and 2,000 corrections instead of 300: the 1,700 more bring ten
# points. Its head is joined to the trained eye, and then the whole model looks at pictures again, pixels in, names out:
# at twenty-four of the mock exam, drawn at random. A tick means right; where an answer is wrong, the truth stands
# below.

# %%
set_seed(0)
in_practice, in_exam = notes["trained eye"]
model.head = practise(in_practice, targets, num_corrections=2000)
mark = share_right(model.head, in_exam, exam_targets)
error = standard_error(mark, len(exam))
print(f"mock exam: {mark:.1%} right, give or take {error:.1%}; baseline {majority:.1%}")
set_seed(4)
hung = torch.randperm(len(exam))[:24].tolist()
batch = torch.stack([exam[index][0] for index in hung])  # (24, 3, H, W)
with torch.no_grad():
    answers = model(batch).argmax(dim=1).tolist()
wall = plotting.draw_wall(
    list(denormalize(batch, spec)),
    [model.classes[answer] for answer in answers],
    [model.classes[exam.targets[index]] for index in hung],
    title="Twenty-four garments, and what the student says",
    width=6.4,
)
plotting.show(wall)
compare_with_book("04.student", mark, error=error, pictures=DATASET, weights=WEIGHTS)

# %% tags=["claim"]
assert 0.62 < mark < 0.78, "Seven times in ten."
assert 0.07 < mark - means["trained eye"][-1] < 0.14, "Ten points more."
assert mark > 2 * majority, "More than twice the baseline."

# %% [markdown]
# This student has practised for a few seconds. It is right seven times in ten, more than twice as often as somebody who
# says "t-shirt" to everything. Look at its mistakes, too: would you have made them? Lesson 08 reads them one by one,
# and lets the eye itself learn.
#
# <details><summary><b>With other settings</b></summary>
#
# With `DATASET = "photos"` the shares of the kinds differ a little, and so do the baseline and the 14 % of blind
# drawing. With `WEIGHTS = "imagenet"` the trained eye was schooled on more and larger pictures, and the cell with the
# notes takes several times as long.
#
# </details>
#
# <details><summary><b>Questions and answers</b></summary>
#
# **What if the random network may learn all of its weights?** Then it is no longer the same comparison: 2.2 million
# numbers have to come out of 1,000 pictures, and each correction goes through all the layers. Try it:
# `models.build_classifier(10, weights=None, freeze_backbone=False)`, and the loop of lesson 06. One pass through the
# pictures takes less than a minute, and it needs many.
#
# **Why `self.` before each layer?** It registers the layer. What is not registered is not corrected, not saved and not
# moved.
#
# **What if I forget `super().__init__()`?** The very first layer is refused: "cannot assign module before
# Module.\_\_init\_\_() call". In older code you read `super(Head, self).__init__()`, which means the same.
#
# **Why `model(images)` and not `model.forward(images)`?** The call runs `forward`, and before and after it whatever
# functions somebody hooked to the layer. `model.forward(images)` passes those **hooks** by in silence.
#
# **What do the filters of MobileNetV2 look at?** It divides the work, which makes it cheap: after the first layer,
# filters of 3 × 3 look at one map each, and filters of 1 × 1 mix all the maps. That is an `InvertedResidual`.
#
# **How does the whole recipe go in a textbook?** Picture → convolution, ReLU, pooling, several times → flatten → linear
# layers → scores.
#
# **Why MobileNetV2?** The original has 3,504,872 weights, where ResNet-50 has 25.6 million. It was made for telephones,
# so it is quick on a laptop.
#
# **May I use another size of pictures?** Yes, thanks to adaptive pooling. Far from the size it was schooled on, the eye
# sees worse.
#
# **When do I want an inner layer in the head?** Where a weighted sum of the features is not enough:
# `build_classifier(10, hidden_size=100)`. It can learn more, and more easily learns by heart. Which size is right is
# measured (lesson 07).
#
# **Is transfer learning peculiar to pictures?** No. Networks for text and sound are reused in the same way.
#
# **Does the order of the classes matter?** Score number 3 means class number 3 of the data set, and folders are
# numbered by the alphabet: dress is 0, t-shirt is 9. The names travel with the model as `model.classes`.
#
# </details>
#
# ## Recap
#
# - **Watching**: a filter asks one question everywhere; ReLU keeps what was found, pooling makes it smaller.
# - **Reading**: indentation is nesting; every weight has a name, a shape and `requires_grad`; BatchNorm has scale and
#   shift, and measures the rest.
# - **Asking**: a picture becomes 1,280 numbers, and to a trained eye like things lie nearer to each other.
# - **Writing**: `__init__`, after `super().__init__()`, registers the parts with `self.`; `forward` says how data
#   flows.
# - **Measuring**: same pictures, same head, same exam: thirty pictures with schooling beat a thousand without.
#
# ## Exercises
#
# ### Exercise 1 · A filter of your own
#
# Write a filter `(3, 3)` that finds a bright dot: on even ground its sum is 0, and on a single bright square its sum is
# largest where the window's middle lies on the square.

# %% tags=["exercise"]
dot_finder = ...  # replace the dots: torch.tensor([[...], [...], [...]])
exercises.check("04.1", dot_finder)

# %% tags=["wrong"] hint="even ground"
dot_finder = torch.full((3, 3), 1 / 9)
exercises.check("04.1", dot_finder)

# %% tags=["wrong"] hint="middle"
dot_finder = upright
exercises.check("04.1", dot_finder)

# %% tags=["solution"]
dot_finder = torch.full((3, 3), -1.0)
dot_finder[1, 1] = 8
exercises.check("04.1", dot_finder)

# %% [markdown]
# `F.conv2d(grey[None, None], dot_finder[None, None])[0, 0]` is its map of the trousers.
#
# ### Exercise 2 · Count before you build
#
# A head for 5 classes has an inner layer of size 64: `build_classifier(5, hidden_size=64)`. How many weights, biases
# included, does the *head* have? Work it out on paper first.

# %% tags=["exercise"]
num_weights = ...  # replace the dots
exercises.check("04.2", num_weights)

# %% tags=["wrong"] hint="has a bias as well"
num_weights = 1280 * 64 + 64 * 5
exercises.check("04.2", num_weights)

# %% tags=["wrong"] hint="without an inner layer"
num_weights = 1280 * 5 + 5
exercises.check("04.2", num_weights)

# %% tags=["solution"]
num_weights = (1280 * 64 + 64) + (64 * 5 + 5)
exercises.check("04.2", num_weights)

# %% [markdown]
# ### Exercise 3 · Write a head
#
# Write a class `NewHead(nn.Module)` that is made with `NewHead(num_classes)`. It takes features `(N, 1280)` through a
# linear layer to 64 numbers, a ReLU, and a linear layer to `num_classes` scores.

# %% tags=["exercise"]
NewHead = ...  # replace this line by your class
exercises.check("04.3", NewHead)


# %% tags=["wrong"] hint="is not registered"
class NewHead(nn.Module):
    def __init__(self, num_classes):
        super().__init__()
        self.layers = [nn.Linear(1280, 64), nn.ReLU(), nn.Linear(64, num_classes)]

    def forward(self, features):
        for layer in self.layers:
            features = layer(features)
        return features


exercises.check("04.3", NewHead)


# %% tags=["wrong"] hint="cannot assign module before Module.__init__() call"
class NewHead(nn.Module):
    def __init__(self, num_classes):
        self.inner = nn.Linear(1280, 64)
        self.last = nn.Linear(64, num_classes)

    def forward(self, features):
        return self.last(F.relu(self.inner(features)))


exercises.check("04.3", NewHead)


# %% tags=["wrong"] hint="Leave it to the loss"
class NewHead(nn.Module):
    def __init__(self, num_classes):
        super().__init__()
        self.inner = nn.Linear(1280, 64)
        self.last = nn.Linear(64, num_classes)

    def forward(self, features):
        return self.last(F.relu(self.inner(features))).softmax(dim=1)


exercises.check("04.3", NewHead)


# %% tags=["wrong"] hint="no more than a single one"
class NewHead(nn.Module):
    def __init__(self, num_classes):
        super().__init__()
        self.inner = nn.Linear(1280, 64)
        self.last = nn.Linear(64, num_classes)

    def forward(self, features):
        return self.last(self.inner(features))


exercises.check("04.3", NewHead)


# %% tags=["solution"]
class NewHead(nn.Module):
    def __init__(self, num_classes):
        super().__init__()
        self.inner = nn.Linear(1280, 64)
        self.last = nn.Linear(64, num_classes)

    def forward(self, features):
        return self.last(F.relu(self.inner(features)))


exercises.check("04.3", NewHead)

# %% [markdown]
# ### Exercise 4 · Ready for practice
#
# Somebody hands you a model with a `.head` and a frozen `.backbone` that contains BatchNorm. Its `train()` is the usual
# one. Write a function that puts everything into the right mode for practice, and returns the model.


# %% tags=["exercise"]
def start_practice(model):
    return ...  # replace the dots


exercises.check("04.4", start_practice)


# %% tags=["wrong"] hint="reaches every part"
def start_practice(model):
    model.backbone.eval()
    return model.train()


exercises.check("04.4", start_practice)


# %% tags=["wrong"] hint="it is the one that practises"
def start_practice(model):
    return model.eval()


exercises.check("04.4", start_practice)


# %% tags=["solution"]
def start_practice(model):
    model.train()
    model.backbone.eval()
    return model


exercises.check("04.4", start_practice)

# %% [markdown]
# ## Next
#
# The student is built, and it has practised with a loop that we took on trust. Who marks the answers in it, and how
# does a mark become a correction? **Lesson 05** meets the teacher and the coach.
