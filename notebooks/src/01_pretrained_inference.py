# ---
# jupyter:
#   course:
#     study_minutes: 30
#     budget_seconds: 60
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 01 · Pretrained inference
#
# **What does a trained student already see in a picture?**
#
# In this series a neural network is a *student*. Before we teach one anything, let us meet a student who has already
# been to school, hold up a photograph, and ask: *what is this?*
#
# ## What you will learn
#
# - **choose** a trained network from a catalogue by its size, its cost and its accuracy
# - **turn** a photograph into the numbers that the network expects, and look at it after every step
# - **ask** the network for its answer, and turn its raw scores into probabilities
# - **judge** an answer: when is the student sure, when is it wrong, and when is it both?
#
# ## Before you start
#
# You need Python's functions, lists and loops, and what lesson 00 says about tensors: `shape`, `dtype` and indexing.

# %% tags=["settings"]
import os

# "imagenet": torchvision's network, a download of 14 MB
WEIGHTS = os.environ.get("COURSE_WEIGHTS") or "course"
# The path of a photograph of your own, as in r"C:\pictures\cat.jpg"; None: the one here
PICTURE = None

# %%
import torch
import torchvision
from matplotlib.cbook import get_sample_data

from course_utils import models, plotting, widgets
from course_utils.classroom import exercises
from course_utils.inference import predict_topk
from course_utils.pictures import drawn
from course_utils.pretrained import read_course_calibration
from course_utils.transforms import build_eval_transform, load_image, transform_steps

# %% [markdown]
# ## Which student shall we ask?
#
# Training one of the networks below takes days and a million photographs. Luckily the result of all that work is a file
# of numbers, the **weights**, and people share such files. A collection of trained networks is called a **model zoo**;
# torchvision, the library that goes with PyTorch for pictures, has one with more than a hundred of them.
#
# Each comes with a note on how it did at school. We read the notes of eight famous ones. Nothing is downloaded here:
# the notes are part of the library.

# %%
names = [
    "shufflenet_v2_x1_0",
    "mobilenet_v2",
    "mobilenet_v3_large",
    "efficientnet_b0",
    "resnet18",
    "resnet50",
    "convnext_tiny",
    "vgg16",
]
zoo = {}
for name in names:
    notes = torchvision.models.get_model_weights(name)["IMAGENET1K_V1"].meta
    zoo[name] = {
        "millions": notes["num_params"] / 1e6,  # how many weights the network has
        "megabytes": notes["_file_size"],
        # billions of multiplications to look at one picture
        "operations": notes["_ops"],
        # percent right among 1,000 kinds of object
        "accuracy": notes["_metrics"]["ImageNet-1K"]["acc@1"],
    }

print(
    f"{'network':20}{'million weights':>16}{'megabytes':>11}"
    f"{'billion operations':>20}{'percent right':>15}"
)
for name, facts in zoo.items():
    print(
        f"{name:20}{facts['millions']:16.1f}{facts['megabytes']:11.0f}"
        f"{facts['operations']:20.2f}{facts['accuracy']:15.1f}"
    )

# %% [markdown]
# A table is hard to judge by eye, so here are two of its columns as a picture: cost to the right, accuracy upwards. The
# best place is the upper left corner.
#
# **Predict first:** which of the eight would you put on a telephone?

# %%
plotting.plot_zoo(zoo, highlight="mobilenet_v2")

# %% [markdown]
# The star is **MobileNetV2**, the student of this series. It was designed for telephones, so a laptop without a
# graphics card runs it easily. It has about 3.5 million weights where ResNet-50 has 25.6 million and VGG-16 has 138
# million, and it equals VGG-16 at a fiftieth of the cost. Its younger sister MobileNetV3 is cheaper still and more
# accurate, and EfficientNet is more accurate than both for slightly more work: for a telephone of today one would take
# one of those. MobileNetV2 is simple enough to be understood to the last layer, which is what we are here for.

# %%
assert zoo["mobilenet_v2"]["operations"] * 50 < zoo["vgg16"]["operations"], (
    "MobileNetV2 should be 50 times cheaper."
)
assert zoo["mobilenet_v2"]["millions"] < 4, (
    "MobileNetV2 should have about 3.5 million weights."
)

# %% [markdown]
# ## Meet the student
#
# `load_pretrained` builds the network and fills in the weights. What it returns is the `model`: in our story, the
# **student**.

# %%
model = models.load_pretrained(WEIGHTS)
num_weights = sum(parameter.numel() for parameter in model.parameters())
print(
    f"Schooled on: {model.source}. It knows {len(model.classes)} kinds of object "
    f"and has {num_weights:,} weights."
)
print("A few of them:", ", ".join(model.classes[::20]))

# %% [markdown]
# Unless you changed the settings, you have just met the course's own student. It is a MobileNetV2 that went to a small
# school, **Tiny ImageNet**: 100,000 photographs, 64 pixels wide and shown to it enlarged, of 200 kinds of object. It
# comes with the package, so nothing has to be downloaded. The catalogue's MobileNetV2 has 3.5 million weights for 1,000
# kinds; with 200 kinds the last layer is smaller, which leaves 2.5 million.
#
# The famous one learned from 1.28 million photographs (**ImageNet**). Put `WEIGHTS = "imagenet"` into the settings to
# meet it instead. The code below works with either; the text speaks of the course's own student, which knows far
# less. That makes it interesting: we shall see a student who is often wrong.
#
# What a student expects to see travels with it:

# %%
spec = model.spec
print(spec)

# %% [markdown]
# `image_size` is the side of the square picture that it gets, in pixels. `resize_size` says how small the photograph is
# made before that square is cut out; `mean` and `std` say how its colours become numbers. We use them in a moment, one
# by one.

# %% [markdown]
# ## Look before you compute
#
# Here is a photograph that every computer with matplotlib has on its disk. It shows Grace Hopper, who wrote one of the
# first compilers and who was a rear admiral of the United States Navy.
#
# **Predict first:** the student has never heard of Grace Hopper, nor of "a woman" or "a person": neither is among the
# kinds of object it was taught. Of the things in the picture, which might it name?

# %%
photograph = load_image(PICTURE or get_sample_data("grace_hopper.jpg", asfileobj=False))
width, height = photograph.size
plotting.draw_images(
    [photograph],
    titles=[f"{width} × {height} pixels"],
    alt="The photograph that the student is asked about. Unless you chose your own: "
    "Grace Hopper in a dark navy uniform with a white shirt, a tie and a peaked cap, "
    "before a flag.",
)

# %% [markdown]
# ## From photograph to tensor, step by step
#
# A network works on numbers, all pictures in one batch must have the same size, and it sees best at the size it was
# schooled on. So a photograph has to be prepared. Older code lists four steps: `Resize`, `CenterCrop`, `ToTensor`,
# `Normalize`. The function `build_eval_transform` reads the student's `spec` and returns the chain.

# %%
transform = build_eval_transform(spec)
stages = dict(transform_steps(transform, photograph))
for name, result in stages.items():
    if isinstance(result, torch.Tensor):
        print(f"{name:14} a tensor (channels, height, width): {tuple(result.shape)}")
    else:
        print(f"{name:14} a picture (width, height): {result.size}")

# %% [markdown]
# The printout has six lines: newer code splits `ToTensor` into `ToImage` and `ToDtype`, and `ToPureTensor` at the end
# changes no number: it only makes the picture an ordinary tensor. Now one step at a time.

# %% [markdown]
# The first two steps work on the picture. `Resize` makes the **shorter** side `resize_size` pixels long and keeps the
# proportions, so the result is usually no square yet. `CenterCrop` then cuts the square out of the middle. What lies
# outside is lost to the student.

# %%
plotting.draw_images(
    [photograph, stages["Resize"], stages["CenterCrop"]],
    titles=[
        "as it came",
        f"Resize({spec.resize_size})",
        f"CenterCrop({spec.image_size})",
    ],
    alt="Three stages of the photograph: as it came; small, with the same proportions; "
    "and the square cut from its middle, which loses a strip at the top and one at the "
    "bottom.",
)

# %% [markdown]
# `ToImage` and `ToDtype` turn the picture into a **tensor**. A pixel is stored as three whole numbers from 0 to 255,
# for red, green and blue. `ToImage` lays the three colours out as three sheets, one behind the other, and `ToDtype`
# divides by 255, so that the numbers lie between 0 and 1. Together they do what `ToTensor` does in older code.
#
# The shape is now `(C, H, W)`: channels (the three colours), height, width.

# %%
pixels = stages["ToDtype"]
lowest, highest = pixels.min(), pixels.max()
print(f"{tuple(pixels.shape)}, {pixels.dtype}, from {lowest:.2f} to {highest:.2f}")
plotting.draw_images(
    list(pixels),
    titles=["red", "green", "blue"],
    title="One sheet for each colour",
    alt="The red, green and blue sheets of the photograph as three grey pictures: "
    "bright where there is much of that colour.",
)

# %% [markdown]
# The last step that changes numbers is `Normalize`. From each sheet it subtracts a mean and divides by a standard
# deviation, which says how far the values typically lie from their mean. Both were measured, for each colour, on the
# photographs of ImageNet. Afterwards an average grey is near 0, darker is negative and brighter is positive.
#
# **Predict first:** will the numbers still lie between 0 and 1?

# %%
normalized = stages["Normalize"]
mean, std = torch.tensor(spec.mean), torch.tensor(spec.std)
by_hand = (pixels - mean.view(3, 1, 1)) / std.view(3, 1, 1)
for when, values in {"before": pixels, "after": normalized}.items():
    means = ", ".join(f"{mean:.2f}" for mean in values.mean((1, 2)))
    reach = f"from {values.min():5.2f} to {values.max():.2f}"
    print(f"{when:6}  {reach}, mean of each sheet: {means}")
assert torch.allclose(by_hand, normalized, atol=1e-6), (
    "Normalize should be (x - mean) / std, colour by colour."
)

# %% [markdown]
# They do not. The whole range from black to white becomes about −2.1 to 2.6. It is a common mistake to say that
# `Normalize` brings numbers between 0 and 1; `ToTensor` does that. Why bother? A student who learned in one light sees
# badly in another, and here "light" means: numbers of a certain size. Lesson 03 shows what happens without it.

# %% [markdown]
# ## A batch of one
#
# Networks take pictures in **batches**, because looking at 32 at once is much faster than 32 times at one. Even a
# single picture has to come as a batch, a batch of one: `unsqueeze(0)` adds a new first dimension. Say the shape aloud
# when you read it, since you will meet it in every lesson: `(N, C, H, W)`: how many pictures, channels, height, width.

# %%
picture = transform(photograph)
batch = picture.unsqueeze(0)
print(tuple(picture.shape), "->", tuple(batch.shape))
assert batch.shape == (1, 3, spec.image_size, spec.image_size), (
    "A batch of one should be (1, 3, height, width)."
)

# %% [markdown]
# ## Ask
#
# Two things before the question. `model.eval()` tells the student that this is not a lesson: some layers behave
# differently while learning. And under `torch.no_grad()` PyTorch does not take the notes that it would need for
# learning from the answer, which saves memory and time. We are only asking.

# %%
model.eval()
with torch.no_grad():
    logits = model(batch)

print(tuple(logits.shape))
print(logits[0, :6])

# %% [markdown]
# One picture went in, one row came out, with one number for each kind of object. These raw scores are called
# **logits**. A higher one means "more likely", but they are not probabilities: some are negative, and they do not sum
# to one.

# %%
assert logits.std() > 0.1, "The student should prefer some names to others."
assert logits.shape == (1, len(model.classes)), (
    "There should be one score for each kind of object."
)
print(
    f"smallest {logits.min():.2f}, largest {logits.max():.2f}, sum {logits.sum():.2f}"
)

# %% [markdown]
# ## From scores to probabilities
#
# **Softmax** turns scores into probabilities in two moves. Take $e$ to the power of each score, where $e$ is a fixed
# number, about 2.718: a score of 0 gives 1, each point more multiplies by 2.718, each point less divides by it. Now all
# are positive, and the order is kept. Then divide each by the sum: now they add up to one.
#
# $$p_i = \frac{e^{z_i}}{e^{z_1} + e^{z_2} + \dots + e^{z_C}}$$
#
# Try it on four scores. **Predict first:** 3.5 is only 1.5 more than 2.0. How many times as probable will it be?

# %%
scores = torch.tensor([2.0, 1.0, 3.5, 0.5])
powers = scores.exp()
probabilities = powers / powers.sum()
for score, power, probability in zip(scores, powers, probabilities, strict=True):
    print(f"score {score:4.1f}   e^score {power:6.2f}   probability {probability:.3f}")
ratio = probabilities[2] / probabilities[0]
print(f"3.5 against 2.0: {ratio:.2f} times as probable, which is e^1.5")

# %% [markdown]
# A *difference* of scores becomes a *ratio* of probabilities. That is why one score only slightly ahead can look very
# sure of itself. PyTorch's own function does the same, and we check that before we use it on the photograph.

# %%
assert torch.allclose(probabilities, scores.softmax(dim=0)), (
    "Softmax by hand should equal PyTorch's."
)

probabilities = logits[0].softmax(dim=0)
print(f"{len(probabilities)} probabilities, sum {probabilities.sum():.4f}")

# %% [markdown]
# ## The five best answers
#
# `topk` returns the largest values and where they stand. A position means nothing to us, but the student brought its
# list of names.

# %%
values, indices = probabilities.topk(5)
for value, index in zip(values, indices, strict=True):
    print(f"{value:6.1%}  {model.classes[index]}")

# %% [markdown]
# You have now seen every line that a prediction needs. Packed into one function they look like this:


# %% tags=["write-it:course_utils.inference.predict_topk"]
def my_predict_topk(model, image, k=5):
    """Return the k most probable (name, probability) pairs for one Pillow picture."""
    batch = build_eval_transform(model.spec)(image).unsqueeze(0)
    model.eval()
    with torch.no_grad():
        probabilities = model(batch)[0].softmax(dim=0)
    values, indices = probabilities.topk(k)
    return [
        (model.classes[index], value.item())
        for value, index in zip(values, indices, strict=True)
    ]


# %% [markdown]
# The package has the same function as `predict_topk`. It also takes a path or an array, checks what it is given, and
# leaves the student in the mode it found it in. We check that both agree, and use the package's from here on.

# %%
mine, theirs = my_predict_topk(model, photograph), predict_topk(model, photograph)
for (name, probability), prediction in zip(mine, theirs, strict=True):
    assert name == prediction.name, (
        "The two functions should give the same names in the same order."
    )
    assert abs(probability - prediction.probability) < 1e-5, (
        "And the same probabilities."
    )

plotting.plot_predictions(theirs)

# %% [markdown]
# Compare with your own prediction. The course's own student names things that people wear: a dark gown, something over
# the eyes, something at the neck, a hat. That is fair, since the uniform fills half of the picture. `military uniform`
# is on its list too, and yet not among the five. Nobody ever told this student that there are people.

# %% [markdown]
# ## How sure is it, and should we believe it?
#
# What does "55 % sure" mean? After its schooling the course's own student was shown 10,000 photographs that it had never
# seen, all of its 200 kinds. Its first answers were sorted by how sure it was of them. Being sure is worth something if
# more of the surer ones are right, and it can be taken at its word if the two columns agree.

# %%
calibration = read_course_calibration()
for answers in calibration:
    print(
        f"{answers.pictures:5,} pictures: on average {answers.stated:3.0%} sure, "
        f"{answers.right:3.0%} right"
    )

# %% tags=["claim"]
assert [a.right for a in calibration] == sorted(a.right for a in calibration), (
    "The surer the student, the more often it should be right."
)
assert all(a.right > a.stated for a in calibration), (
    "The student should be more modest than it need be."
)
assert any(
    (round(a.stated, 2), round(a.right, 2)) == (0.55, 0.64) for a in calibration
), "Where it says 55 %, it should be right in 64 of 100 pictures."

# %% [markdown]
# The surer, the more often right; and this student is modest: where it says 55 %, it is right in 64 of 100 pictures.
# That holds for photographs of things on its list. It is a fact about the student and those pictures, not about the
# world. Let us disturb the picture in ways that would not disturb you, and ask again.

# %%
mirrored = torchvision.transforms.functional.hflip(photograph)
upside_down = photograph.rotate(180)
grey = photograph.convert("L").convert("RGB")
face = photograph.crop((width // 4, height // 8, width * 3 // 4, height // 2))
views = {
    "as it is": photograph,
    "mirrored": mirrored,
    "upside down": upside_down,
    "grey": grey,
    "a part": face,
}
answers = {name: predict_topk(model, view, k=1)[0] for name, view in views.items()}
plotting.draw_answers(views, answers)

# %% [markdown]
# The mirror keeps the name and costs half of the certainty. Upside down, without colour, or cut, the same person gets another name from the course's
# own student, mostly with a much lower probability. A person would not have hesitated.
#
# Now a harsher test: pictures of nothing it knows. A grey wall, coloured noise, and a drawn pair of trousers, which is
# what the student will meet in the lessons to come. Tiny ImageNet has no kind called "trousers", no "wall" and no "I do
# not know".
#
# **Predict first:** 200 kinds of object, and none is right. Will every probability be near 1/200, that is 0.5 %?

# %%
torch.manual_seed(0)
wall = torch.full((3, 200, 200), 128, dtype=torch.uint8)
noise = torch.randint(0, 256, (3, 200, 200), dtype=torch.uint8)
trousers = drawn.draw_garment("pants", seed=3)
nothing_known = {"a grey wall": wall, "noise": noise, "drawn trousers": trousers}
answers = {
    name: predict_topk(model, view, k=1)[0] for name, view in nothing_known.items()
}
plotting.draw_answers(nothing_known, answers)

# %% [markdown]
# No: the best answers have many times 0.5 %. The student always answers, because softmax has to share out the whole 100
# % among the names it has, and nothing makes it share evenly. So three things are worth remembering:
#
# - A network can only say what is on its list. Asked about anything else, it names something that looks alike to *it*.
# - A high probability means "among my names, this one stands out", not "this is true".
# - Whether it is any good has to be *measured*, on pictures whose answers we know. That is what exams are for
#   (lesson 02).

# %% [markdown]
# ## Your own picture
#
# Choose a photograph with the button below. No button? Then put the path of a photograph into `PICTURE` in the
# settings, and run the lesson again. On your own machine the picture stays there; in Colab it goes to Google's
# computer.

# %%
widgets.photo_chooser(model, photograph)

# %% [markdown]
# <details><summary><b>Questions and answers</b></summary>
#
# **Why is the square so small?** Most networks of the catalogue expect 224 pixels, the course's student gets by with
# less. MobileNetV2 shrinks the picture 32-fold, for 224 to a grid of 7 × 7 places, and then averages over them. It
# accepts other sizes too, but it sees best at the size it was schooled on, because a cat's ear then has the size that
# it learned.
#
# **Why not stretch the picture to a square?** One can: `Resize((224, 224))`. It squashes what is in it. Either is
# fine; what matters is to do the same in training and afterwards (lesson 03).
#
# **Where do the names come from?** They travel with the weights. In torchvision they stand in
# `weights.meta["categories"]`; there is no need to download a list from anywhere, and no risk that it is sorted
# differently.
#
# **Is `torch.no_grad()` the same as `model.eval()`?** No. `no_grad` is about PyTorch: it takes no notes. `eval` is
# about the student: it changes what some layers compute. For an exam you want both.
#
# **I come from Keras. Where is `model.predict`?** PyTorch gives you the parts, and you write the few lines yourself,
# as you just did.
#
# </details>

# %% [markdown]
# ## Recap
#
# - **Choosing**: a model zoo tells size, cost and accuracy; MobileNetV2 is small, cheap and good enough to teach.
# - **Turning a photograph into numbers**: resize, crop, scale to 0–1, normalise; then a batch `(N, 3, H, W)`.
# - **Asking**: `eval()`, `no_grad()`, logits `(N, C)`, softmax, `topk`.
# - **Judging**: the student always answers, and being sure is not being right.

# %% [markdown]
# ## Exercises
#
# ### Exercise 1 · How many numbers?
#
# Eight pictures, prepared like ours, are stacked into one batch. How many numbers does it hold? `print(eight.shape)`
# may help.

# %% tags=["exercise"]
eight = torch.cat([batch] * 8)
numbers = ...  # replace the dots
exercises.check("01.1", numbers, batch=eight)

# %% tags=["wrong"] hint="one picture"
numbers = 3 * spec.image_size * spec.image_size
exercises.check("01.1", numbers, batch=eight)

# %% tags=["wrong"] hint="a pixel has three"
numbers = 8 * spec.image_size * spec.image_size
exercises.check("01.1", numbers, batch=eight)

# %% tags=["solution"]
numbers = 8 * 3 * spec.image_size * spec.image_size
exercises.check("01.1", numbers, batch=eight)

# %% [markdown]
# ### Exercise 2 · Softmax by hand
#
# Write softmax as a function of a tensor of scores with shape `(C,)`, without calling PyTorch's.


# %% tags=["exercise"]
def softmax(scores):
    return ...  # replace the dots


exercises.check("01.2", softmax)


# %% tags=["wrong"] hint="Take the exponential first"
def softmax(scores):
    return scores / scores.sum()


exercises.check("01.2", softmax)


# %% tags=["wrong"] hint="divide them by their sum"
def softmax(scores):
    return scores.exp()


exercises.check("01.2", softmax)


# %% tags=["solution"]
def softmax(scores):
    powers = scores.exp()
    return powers / powers.sum()


exercises.check("01.2", softmax)

# %% [markdown]
# ### Exercise 3 · Undecided between how many?
#
# A student who shares its 100 % evenly among four names is undecided between 4. There is a number for that which works
# for any probabilities: one divided by the sum of the squared probabilities, $1 / \sum_i p_i^2$. It is 1 for someone
# perfectly sure, and C for someone who gives all C names the same probability. Write it, for probabilities of shape
# `(C,)`.
#
# When it is solved, compare the photograph, `undecided_between(probabilities)`, with the grey wall, whose probabilities
# are `model(transform(wall).unsqueeze(0))[0].softmax(dim=0)`. In whose case is the student more undecided?


# %% tags=["exercise"]
def undecided_between(probabilities):
    return ...  # replace the dots


exercises.check("01.3", undecided_between)


# %% tags=["wrong"] hint="one over"
def undecided_between(probabilities):
    return (probabilities**2).sum()


exercises.check("01.3", undecided_between)


# %% tags=["wrong"] hint="Square each probability before"
def undecided_between(probabilities):
    return 1 / probabilities.sum() ** 2


exercises.check("01.3", undecided_between)


# %% tags=["solution"]
def undecided_between(probabilities):
    return 1 / (probabilities**2).sum()


of_the_wall = model(transform(wall).unsqueeze(0))[0].softmax(dim=0)
print(
    f"{undecided_between(probabilities):.1f} names on the photograph, "
    f"{undecided_between(of_the_wall):.1f} on the wall"
)
exercises.check("01.3", undecided_between)

# %% [markdown]
# ## Next
#
# The student knows backpacks and sandals. We want to teach it a subject of our own: ten kinds of clothing. That takes
# pictures with the right answers beside them. **Lesson 02** builds such a collection from a folder, and finds out which
# pictures in it are broken.
