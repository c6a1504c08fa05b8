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
# # 05 · Loss and optimizer
#
# **How does a teacher mark, and how does a coach correct?**
#
# The student can look at a picture and answer (lesson 04). Its answers are worthless so far: the head is new. Learning
# takes two more characters. The **teacher** marks an answer with one number, the *loss*. The **coach** reads from that
# number how each weight should change, and changes it a little. Both are a few lines of arithmetic, and in this lesson
# you do all of it by hand before you let PyTorch do it.
#
# ## What you will learn
#
# - **move** student and pictures to one device, and read the error when one of them stayed behind
# - **compute** the cross-entropy loss by hand, from raw scores to the mark, and say what a loss of 2.3 means
# - **choose** a loss that fits the question, and give it labels of the right type and shape
# - **find** the gradient of a weight in three ways, and see how PyTorch remembers what it computed
# - **write** SGD, momentum and Adam, compare them with `torch.optim`, and tell which weights a coach really holds
#
# ## Before you start
#
# Lessons 00 (tensors), 01 (softmax) and 04 (the model, its head and its frozen backbone). From school: what the slope
# of a line is.

# %% tags=["settings"]
import os

# "imagenet": torchvision's network, a download of 14 MB
WEIGHTS = os.environ.get("COURSE_WEIGHTS") or "course"
NUM_STEPS = 50  # corrections in the comparisons with PyTorch

# %%
import math
import warnings

import torch
from torch import nn

from course_utils import (
    build_classifier,
    get_device,
    plotting,
    set_seed,
    unfreeze_last_blocks,
    widgets,
)
from course_utils.checks import check_optimizer
from course_utils.classroom import exercises

device = get_device()
print(f"weights: {WEIGHTS}, device: {device}")

# %% [markdown]
# ## Where do student and pictures meet?
#
# Before anybody can be marked, student and pictures have to be in the same room: on the same **device**. A processor
# (`cpu`) has a few fast cores, a graphics card (`cuda`, or `mps` on a Mac) thousands of slow ones, which suits a
# network, where thousands of multiplications are waiting at any moment. Each has memory of its own.
#
# Perhaps your machine has no graphics card. Every PyTorch has one more device, though, called `meta`. It stores shapes
# and no numbers, and it is good for one thing: to try out what moves.
#
# **Predict first:** both lines below call `.to("meta")`. What has moved afterwards?

# %%
small_student = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Linear(8, 3))
batch = torch.zeros(2, 4)

batch.to("meta")
small_student.to("meta")
print("the batch is on", batch.device)
for name, tensor in small_student.state_dict().items():
    print(f"  {name:22} is on {tensor.device}")

# %% [markdown]
# The student has moved: all its weights, and its buffers too, such as BatchNorm's running mean. The batch has not.
# `model.to(device)` changes the model; `tensor.to(device)` returns a *new* tensor and leaves the old one where it was.
# Hence two habits: `model.to(device)` once, and `images = images.to(device)` for every batch, with the `images =` in
# front. The same goes for the labels.
#
# Now the student is on one device and the batch on another. It is sometimes said that this makes training slow. Look.

# %%
try:
    small_student(batch)
except RuntimeError as error:
    print("RuntimeError:", error)
else:
    raise AssertionError(
        "Student and batch on two devices should not be able to work together."
    )

# %% [markdown]
# It is an error, at once, and it names the devices. When you meet one like it, ask: which of the three did I not move,
# model, images or labels?
#
# ## How does the teacher mark one answer?
#
# Four kinds of clothing, one picture, four raw scores, or *logits*. They are those of lesson 01. The picture shows
# pants, which is class 2. The teacher's mark is called the **cross-entropy** and takes three moves: $e$ to the power of
# each score, divide by the sum (these two are softmax), and take $-\log$ of the probability of the *truth*.
#
# The logarithm undoes the power: $\log(e^x) = x$. It is 0 at 1, negative below, and the nearer its number comes to 0
# the deeper it falls. The minus sign turns that into a fine.
#
# **Predict first:** the student gives the truth 74 %. Is the mark nearer to 0.3, or to 3?

# %%
classes = ["dress", "hat", "pants", "shirt"]
scores = torch.tensor([2.0, 1.0, 3.5, 0.5])
label = 2

powers = [math.exp(score) for score in scores.tolist()]
probabilities = [power / sum(powers) for power in powers]
loss_by_hand = -math.log(probabilities[label])

print(f"{'':8}{'score':>7}{'e^score':>9}{'share':>8}")
for name, score, power, probability in zip(
    classes, scores.tolist(), powers, probabilities, strict=True
):
    print(f"{name:8}{score:7.1f}{power:9.2f}{probability:8.3f}")
print(f"{'sum':8}{'':7}{sum(powers):9.2f}{sum(probabilities):8.3f}")
print(f"\nloss = -log({probabilities[label]:.3f}) = {loss_by_hand:.3f}")

# %% [markdown]
# That is the whole teacher. Note what it does *not* look at: how the rest was shared among the wrong answers. Only the
# share of the truth counts. (*Share* and *probability* are the same number: the student's 100 %, shared out among the
# classes.)
#
# PyTorch's teacher is `nn.CrossEntropyLoss`. It marks a batch: scores `(N, C)` and labels `(N,)`. Ours is a batch of
# one.

# %%
criterion = nn.CrossEntropyLoss()
loss = criterion(scores.unsqueeze(0), torch.tensor([label]))
print(f"by hand {loss_by_hand:.6f}   PyTorch {loss.item():.6f}")
assert abs(loss.item() - loss_by_hand) < 1e-6, "The loss by hand should be PyTorch's."
assert abs(loss_by_hand - 0.304) < 0.001, "For these four scores the loss is 0.304."

# %% [markdown]
# It takes **raw scores**: softmax is inside. That is not only convenient. In three separate moves the powers can
# outgrow what a `float32` holds. Taken together they simplify ($z_i$ are the scores, $t$ is the class of the truth):
#
# $$-\log \frac{e^{z_t}}{\sum_i e^{z_i}} = \log \Big(\sum_i e^{z_i}\Big) - z_t$$
#
# `torch.logsumexp` computes the logarithm of the sum without ever writing the huge powers down. Here is a student who
# is very sure of class 0, and wrong.

# %%
sure = torch.tensor([100.0, 0.0, 0.0])
three_moves = -(sure.exp() / sure.exp().sum())[1].log()
in_one_go = torch.logsumexp(sure, dim=0) - sure[1]
print("e^100 in float32:", sure.exp()[0].item())
pytorchs = criterion(sure.unsqueeze(0), torch.tensor([1]))
print(
    f"three moves: {three_moves:.1f}   in one go: {in_one_go:.1f}   PyTorch: "
    f"{pytorchs:.1f}"
)
assert torch.allclose(in_one_go, pytorchs), "logsumexp should give PyTorch's loss."

# %% [markdown]
# A batch gets one mark: the **mean** of its marks. With `reduction="none"` the teacher shows them one by one.

# %%
# Three pictures, four classes: (3, 4)
batch_scores = torch.tensor(
    [[2.0, 1.0, 3.5, 0.5], [0.0, 0.0, 0.0, 0.0], [5.0, 0.0, 0.0, 0.0]]
)
batch_labels = torch.tensor([2, 0, 1])  # (3,)
marks = nn.CrossEntropyLoss(reduction="none")(batch_scores, batch_labels)
print("one by one:", [round(mark, 3) for mark in marks.tolist()])
print("the batch: ", round(criterion(batch_scores, batch_labels).item(), 3))
assert torch.allclose(marks.mean(), criterion(batch_scores, batch_labels)), (
    "The batch's mark should be the mean."
)

# %% [markdown]
# Right and fairly sure, undecided, sure and wrong: three answers, three marks. The last one is a multiple of the
# others. Is that fair?
#
# ## What does a loss of 2.3 mean?
#
# Read a loss backwards: $e^{-\text{loss}}$ is the share that the student gave to the truth.

# %%
print("share of the truth    loss")
for share in (1.0, 0.9, 0.5, 0.1, 0.01, 0.001):
    print(f"{share:18.3f}  {-math.log(share) + 0.0:6.2f}")

# %% [markdown]
# From 0.9 to 1.0 there is little left to gain. From 0.01 to 0.001 the fine grows by another 2.3. This teacher forgives
# doubt, and does not forgive a student who rules the truth out.
#
# You may read that 2.30, the mark for a share of 0.1, is what a student gets who is "confident and wrong". With ten
# classes it is not.
#
# **Predict first:** one student gives each of ten classes the same 10 %. Another gives 99 % to a wrong one and shares
# the rest. What are their marks?

# %%
guessing = torch.full((10,), 0.1)
confident = torch.full((10,), 0.01 / 9)
confident[0] = 0.99  # the truth is class 4
for name, shares in {"guessing": guessing, "confident and wrong": confident}.items():
    print(f"{name:20} loss {-shares[4].log():.2f}")
print(f"{'ln 10':20}      {math.log(10):.2f}")

# %% [markdown]
# 2.30 is $\ln 10$, the mark for **pure guessing** among ten. ($\ln$ and $\log$ both mean the natural logarithm here.)
# Remember the rule, because it is the first thing to look at in any training run: with $C$ classes a fresh student
# should begin near $\ln C$, usually a little above it, because its random scores already lean to some classes, mostly
# wrong ones; a small batch adds some luck in either direction. Begin far above, and the scores are too large: most
# often the inputs were not normalised. Wrong labels do *not* show here, since somebody without an opinion is wrong
# about any labels equally. A loss that *stays* at $\ln C$ belongs to a student that learns nothing.
#
# Here is a student who is confident and wrong, and below it the same picture with sliders. Move them. Try to get a
# loss of exactly $\ln 4 \approx 1.386$, and then the worst that you can.

# %%
explorer = widgets.softmax_explorer(logits=(5.0, 0.0, 1.0, 0.5))
plotting.show(
    explorer.draw(logit_0=5.0, logit_1=0.0, logit_2=1.0, logit_3=0.5, target=2)
)
explorer

# %% [markdown]
# The curve on the right is $-\log p$. To the right it falls gently; to the left it rises without end.
#
# ## What form must a label have?
#
# For cross-entropy a label is the *number* of a class: type `int64`, shape `(N,)`, from 0 to $C - 1$. Beginners try all
# the other forms sooner or later, so we collect the complaints now. (In PyTorch's messages `Long` is `int64`, `Byte` is
# `uint8`, `Float` is `float32`, and *target* is the label. *One-hot* writes class 2 of four as 0, 0, 1, 0.)
#
# **Predict first:** one of these six is accepted. Which?

# %%
attempts = {
    "as measurements, 2.0": batch_labels.float(),
    "a column, (3, 1)": batch_labels.unsqueeze(1),
    "class 4 of 0 to 3": batch_labels + 2,
    "one too few": batch_labels[:2],
    "one-hot, whole numbers": nn.functional.one_hot(batch_labels, 4),
    "one-hot, float": nn.functional.one_hot(batch_labels, 4).float(),
}
accepted = {}
for name, attempt in attempts.items():
    try:
        accepted[name] = criterion(batch_scores, attempt)
        print(f"{name:24} accepted: {accepted[name]:.3f}")
    except (RuntimeError, ValueError, IndexError) as error:
        print(f"{name:24} {type(error).__name__}: {str(error).splitlines()[0]}")
assert list(accepted) == ["one-hot, float"], (
    "Only shares of float type should be accepted beside class numbers."
)
assert torch.allclose(
    accepted["one-hot, float"], criterion(batch_scores, batch_labels)
), "The same label, two forms."

# %% [markdown]
# The row that is accepted reads its numbers as *shares*: "100 % class 2". So one may also write a label such as "70 %
# dress, 30 % shirt". Numbers of classes are shorter, and that is what our data set gives.
#
# No loss finds the worst mistake: labels that are numbered in another order than the classes, or counted from 1 in a
# batch that happens to lack the last class. They have the right type and the right shape, and the student learns
# nonsense. Lesson 02's `classes` list exists for that.
#
# ## Other questions, other teachers
#
# Cross-entropy answers *which one of several?* Other questions need other marks.
#
# | the question | teacher | the student's answer | the truth |
# |---|---|---|---|
# | which one of C? | `CrossEntropyLoss` | raw scores `(N, C)` | class numbers `(N,)`, `int64` |
# | the same, from a student that ends in `log_softmax` | `NLLLoss` | log-probabilities `(N, C)` | class numbers `(N,)`, `int64` |
# | yes or no? or: which of K labels, any number of them? | `BCEWithLogitsLoss` | raw scores `(N,)` or `(N, K)` | 0.0 or 1.0, same shape |
# | the same, after a sigmoid of your own | `BCELoss` | probabilities, 0 to 1 | 0.0 or 1.0, same shape |
# | how much? big misses matter most | `MSELoss` | numbers | numbers, same shape |
# | how much? a few wild values should not rule | `L1Loss` | numbers | numbers, same shape |
#
# Two comparisons. First, *how much?* `MSELoss` is the mean of the squared misses, `L1Loss` the mean of their sizes.
# Four predictions miss by 1, then one of them misses by 10. Second, the families: cross-entropy is `log_softmax`
# followed by `NLLLoss`; the binary `BCEWithLogitsLoss` is a *sigmoid*, which is softmax for two scores of which one is
# fixed at 0, followed by `BCELoss`.

# %%
truths = torch.tensor([20.0, 25.0, 30.0, 35.0])
for misses in ([1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 1.0, 10.0]):
    predictions = truths + torch.tensor(misses)
    squared = nn.MSELoss()(predictions, truths)
    absolute = nn.L1Loss()(predictions, truths)
    print(f"misses {misses}:  MSELoss {squared:6.2f}   L1Loss {absolute:5.2f}")

same = nn.NLLLoss()(batch_scores.log_softmax(dim=1), batch_labels)
assert torch.allclose(same, criterion(batch_scores, batch_labels)), (
    "log_softmax and NLLLoss should be cross-entropy."
)

yes = torch.ones(1)
for score in (1.5, -200.0):
    raw = torch.tensor([score])
    with_logits = nn.BCEWithLogitsLoss()(raw, yes)
    on_probability = nn.BCELoss()(raw.sigmoid(), yes)
    print(
        f"score {score:6.1f}, truth yes:  BCEWithLogitsLoss {with_logits:7.3f}   "
        f"BCELoss {on_probability:7.3f}"
    )

# %% [markdown]
# One wild value multiplies the first mark by about 26 and the second by about 3. If it is a typing error in the data,
# prefer the second.
#
# At a score of −200 the probability is too small for a `float32` and becomes 0. `BCELoss` has to stop at 100 so that
# its mark stays finite. The raw score still knows better.
#
# ## Which way is down?
#
# A mark alone helps nobody. The student needs to know, for each weight: *if this one were a little larger, would my
# mark be better or worse, and how fast?* That is a slope, and its name is **gradient**.
#
# Take the smallest student there is. It has one weight, it answers weight × input, and its mark is the squared miss.
# With weight 0.5 and input 2 it answers 1.0. The truth is 0.975.
#
# The first way to find a slope needs no mathematics: nudge the weight up, nudge it down, and see how much the loss
# changes.

# %%
number, truth = 2.0, 0.975


def squared_miss(weight):
    return (weight * number - truth) ** 2


nudge = 0.001
slope = (squared_miss(0.5 + nudge) - squared_miss(0.5 - nudge)) / (2 * nudge)
print(f"loss {squared_miss(0.5):.6f}   slope by nudging {slope:.4f}")

# %% [markdown]
# The second way is to follow the numbers, link by link. Raise the weight by a little, and
#
# - the answer rises by 2 times that, because the input is 2;
# - the square of a miss changes by 2 × miss for each unit that the miss changes, and the miss is 0.025.
#
# (Why? $(m + h)^2 = m^2 + 2mh + h^2$. For a tiny $h$ the last term does not count, so the square changes by $2m$ times
# $h$.)
#
# Multiply the links: $2 \cdot 0.025 \cdot 2 = 0.1$. That is the **chain rule**, and it works for a chain of any length:
# each link only has to know its own slope.
#
# The third way is PyTorch's **autograd**. A weight that is to learn carries `requires_grad=True`. Everything computed
# from it remembers how. `backward()` walks the chain from its end and leaves the product in `weight.grad`.
#
# "Remembers how" can be seen, too. Each result has a `grad_fn`, the step that made it, and each step knows the ones
# before it. `trace_back` follows them.


# %%
def trace_back(step, depth=0):
    print("   " * depth + type(step).__name__)
    for earlier, _ in step.next_functions:
        if earlier is not None:
            trace_back(earlier, depth + 1)


weight = torch.tensor(0.5, requires_grad=True)
loss = squared_miss(weight)
print(loss)
trace_back(loss.grad_fn)

loss.backward()
by_chain_rule = 2 * (0.5 * number - truth) * number
print(
    f"nudging {slope:.4f}   chain rule {by_chain_rule:.4f}   autograd {weight.grad:.4f}"
)
assert abs(weight.grad.item() - by_chain_rule) < 1e-6, (
    "Autograd should agree with the chain rule."
)
assert abs(slope - by_chain_rule) < 1e-6, "And with the slope found by nudging."

# %% [markdown]
# The three ways agree. Read the trail against $(w \cdot x - y)^2$, from the outside in: a power, a difference, a
# product, and at the bottom the place where the gradient is put down: `weight.grad`. For the student's two million
# weights the list is longer and the idea the same.
#
# ### The gradient of cross-entropy
#
# And the teacher's chain, softmax and logarithm included? The links multiply to something remarkably simple. The
# gradient of the loss with respect to each score is
#
# $$p_i - y_i$$
#
# the share that the student gave, minus the share that would have been right: 1 for the truth, 0 for the others.
#
# **Predict first:** the shares were 0.165, 0.061, 0.738, 0.037, and class 2 is the truth. Which of the four gradients
# is negative? What do all four sum to?

# %%
logits = torch.tensor([[2.0, 1.0, 3.5, 0.5]], requires_grad=True)
criterion(logits, torch.tensor([2])).backward()
shares = logits.detach().softmax(dim=1)
due = torch.tensor([[0.0, 0.0, 1.0, 0.0]])
print("share - due:", [round(value, 3) for value in (shares - due)[0].tolist()])
print("autograd:   ", [round(value, 3) for value in logits.grad[0].tolist()])
assert torch.allclose(logits.grad, shares - due, atol=1e-6), (
    "The gradient should be share minus due."
)

# %% [markdown]
# Down means: lower the three wrong scores, raise the right one, each in proportion to how wrong it is. When the shares
# are right, nothing pulls any more.
#
# One link further down is a weight of the head. A score is a sum of weight × feature, so the gradient of a weight is
# $(p_i - y_i)$ times its feature. We take one weight of a small head and find its gradient in all three ways.

# %%
set_seed(0)
head = nn.Linear(3, 4)
features, label = torch.tensor([[1.0, -2.0, 0.5]]), torch.tensor([2])
criterion(head(features), label).backward()


def nudged_loss(nudge):
    weights = head.weight.detach().clone()
    weights[2, 1] += nudge  # from feature 1 to the score of class 2
    return criterion(features @ weights.T + head.bias.detach(), label).item()


share = head(features).detach().softmax(dim=1)[0, 2]
by_hand = ((share - 1) * features[0, 1]).item()
by_nudging = (nudged_loss(0.01) - nudged_loss(-0.01)) / 0.02
print(
    f"by hand {by_hand:.4f}   by nudging {by_nudging:.4f}   autograd "
    f"{head.weight.grad[2, 1]:.4f}"
)
assert abs(by_hand - head.weight.grad[2, 1].item()) < 1e-5, (
    "By hand and autograd should agree."
)
assert abs(by_nudging - by_hand) < 1e-2, "Nudging should come close."

# %% [markdown]
# Nudging would take two forward passes for each weight, millions in all. `backward()` finds all gradients in one walk,
# which costs about twice as much as the way forward. This is what made large networks possible.
#
# ## A mistake that hides: softmax twice
#
# Probabilities look tidier than raw scores, so many a student ends in a softmax. The teacher then applies its own to
# what is already between 0 and 1. Lesson 04 gave a glimpse: our four scores got 0.943 in place of 0.304, and there was
# no error. How bad is it?
#
# **Predict first:** a perfect student gives the truth 100 %, and its teacher applies softmax once more, with ten
# classes. Is its mark 0?

# %%
for name, given in {
    "our four scores": [2.0, 1.0, 3.5, 0.5],
    "confident and wrong": [8.0, 0.0, 0.0, 0.0],
}.items():
    print(name)
    for times in ("once", "twice"):
        logits = torch.tensor([given], requires_grad=True)
        mark = criterion(
            logits if times == "once" else logits.softmax(dim=1), torch.tensor([2])
        )
        mark.backward()
        print(
            f"  softmax {times:6} loss {mark:.3f}   largest gradient "
            f"{logits.grad.abs().max():.4f}"
        )

perfect = torch.eye(10)[[3]]  # 100 % for class 3, already a probability
best, worst = (criterion(perfect, torch.tensor([label])) for label in (3, 4))
print(
    f"softmax twice, ten classes: {best:.3f} for the best student in the world, "
    f"{worst:.3f} for the worst"
)
assert abs(best - 1.461) < 0.001, "Even a perfect student should be marked 1.461."
assert abs(worst - 2.461) < 0.001, "And the worst possible one only 2.461."

# %% [markdown]
# Nothing breaks, and that is the trouble. The second softmax sees numbers between 0 and 1 and takes them for scores
# that hardly differ. So the marks flatten: 0.304 becomes 0.943, and with ten classes all marks lie between the two
# numbers of the last line. The gradients shrink with them, most of all where the correction is needed most, for the
# student who is sure and wrong. Plain SGD then learns slowly; Adam, which makes up for small gradients, hardly shows it.
# There is no error message. What always shows is the floor: if nine answers in ten are right, and the loss still refuses
# to fall below about 1.5 for ten classes, look for a softmax too many.
#
# ## How does the coach correct?
#
# The gradient points uphill, so the coach steps the other way: *new weight = old weight − learning rate × gradient*.
# The **learning rate** says how boldly. For our one weight, with gradient 0.1 and learning rate 0.01:
# $0.5 - 0.01 \cdot 0.1 = 0.499$. The coach that does just this is called **SGD**, stochastic gradient descent;
# "stochastic" because each batch is a random handful of the pictures and gives a slightly different slope.

# %%
weight = torch.tensor(0.5, requires_grad=True)  # the small student again
squared_miss(weight).backward()
coach = torch.optim.SGD([weight], lr=0.01)
print(f"before {weight.item():.4f}   gradient {weight.grad.item():.4f}")
coach.step()
print(f"after  {weight.item():.4f}")
assert abs(weight.item() - 0.499) < 1e-6, "The weight should be 0.5 - 0.01 * 0.1."

# %% [markdown]
# `backward()` only finds the gradients; `step()` only uses them. Clearing them before the next batch is a third line,
# `zero_grad()`, and lesson 06 shows what happens without it.
#
# Repeated, the steps are a walk downhill. How the walk goes depends on the learning rate more than on anything else.
#
# **Predict first:** the hill is $x^2$, whose slope is $2x$, and we start at −4. For which learning rate does every step
# land exactly on the opposite side, at the same height? Look at three rates first, then try with the slider below them.

# %%
walks = widgets.descent_explorer()
for rate in (0.01, 0.3, 1.03):
    plotting.show(walks.draw(learning_rate=rate, landscape="bowl"))
walks

# %% [markdown]
# Too timid, and the walk does not arrive. Too bold, and every step overshoots, lands higher than it began, and the loss
# explodes. In between is a wide range that works. The border in this bowl is 1.0, where $x - 1 \cdot 2x = -x$.
#
# Choose the bumpy landscape, with the rates 0.02 and 0.03: the walker gets caught in a hollow that is not the lowest.
# And 0.8, which arrives in the bowl, does not settle here: each landscape has its own border, which is why a learning
# rate cannot be looked up. Lesson 07 measures it.
#
# ## Momentum: a coach with a memory
#
# On a long gentle slope SGD creeps, since a small gradient means a small step. A rolling ball would gather speed. So
# give the coach a *velocity*: keep 90 % of it at each step and add the new gradient.
#
# **Predict first:** if the slope is always 1, how large does the velocity become?

# %%
velocity = 0.0
for step in range(1, 51):
    velocity = 0.9 * velocity + 1.0
    if step in (1, 2, 3, 10, 50):
        print(f"step {step:2}: velocity {velocity:.3f}")

# %% [markdown]
# It approaches $1 / (1 - 0.9) = 10$. Where all slopes agree, momentum is ten times as fast; where they change sign at
# every step, they hold each other back: the velocity comes to only about half a slope.
#
# Now we write both coaches as one function, and compare with PyTorch's. The comparison must not depend on a student, so
# we feed everybody the same made-up gradients, fifty steps of three weights.


# %%
def my_sgd(weight, gradients, lr, momentum=0.0):
    """Return the weight (3,) after one correction for each of the gradients
    (NUM_STEPS, 3).
    """
    velocity = torch.zeros_like(weight)
    for gradient in gradients:
        velocity = momentum * velocity + gradient
        weight = weight - lr * velocity
    return weight


def theirs(coach, **settings):
    """Return the weight after the same corrections by a coach of torch.optim."""
    weight = start.clone().requires_grad_()
    optimizer = coach([weight], **settings)
    for gradient in gradients:
        weight.grad = gradient.clone()
        optimizer.step()
    return weight.detach()


set_seed(0)
start = torch.tensor([0.5, -0.3, 0.1])
gradients = torch.randn(NUM_STEPS, 3) * torch.tensor([1.0, 0.1, 10.0])
for momentum in (0.0, 0.9):
    mine = my_sgd(start, gradients, 0.001, momentum)
    torchs = theirs(torch.optim.SGD, lr=0.001, momentum=momentum)
    print(f"momentum {momentum}: largest difference {(mine - torchs).abs().max():.1e}")
    assert torch.allclose(mine, torchs, atol=1e-6, rtol=0), (
        "Our SGD should correct as PyTorch's does."
    )

# %% [markdown]
# ## Adam: one step size does not fit all weights
#
# In those made-up gradients the third weight's are, on average, a hundred times as large as the second's. Real networks
# are like that: a layer at the bottom and a head at the top see slopes of very different size. With one learning rate
# for all, one weight leaps while another creeps.
#
# The idea: divide each gradient by its own usual size. Two running averages are enough: each keeps most of its old
# value and mixes in a little of the new. In the books they are called $m$ and $v$; $g$ is the gradient, and the arrow
# reads *becomes*.
#
# - $m$, the mean of the recent gradients: $m \leftarrow 0.9\, m + 0.1\, g$. That is momentum again, as an average.
# - $v$, the mean of their squares: $v \leftarrow 0.999\, v + 0.001\, g^2$. Its square root is the usual size.
#
# The step is learning rate × $m / \sqrt{v}$. If a gradient is always the same, $m / \sqrt v$ is 1 or −1 whatever its
# size: every weight moves at the pace of the learning rate.
#
# There is one flaw. Both averages start at 0, so at first they are too small. Watch them for a gradient that is always
# 1, so that both *ought* to be 1.

# %%
m, v = 0.0, 0.0
print("step     m    1 - 0.9^step       v    1 - 0.999^step   m / sqrt(v)")
for step in range(1, 101):
    m, v = 0.9 * m + 0.1 * 1.0, 0.999 * v + 0.001 * 1.0**2
    if step in (1, 2, 3, 10, 100):
        print(
            f"{step:4} {m:6.4f} {1 - 0.9**step:12.4f} {v:10.4f} "
            f"{1 - 0.999**step:14.4f} {m / v**0.5:14.2f}"
        )

# %% [markdown]
# After $t$ steps $m$ has reached exactly $1 - 0.9^t$ of what it should be, and $v$ exactly $1 - 0.999^t$: what is
# missing is the share of the initial 0 that is still in the mix, and each step multiplies that share by 0.9 or by
# 0.999. So the cure is to divide by what has been reached. This is Adam's **bias correction**:
#
# $$\hat m = \frac{m}{1 - 0.9^t} \qquad \hat v = \frac{v}{1 - 0.999^t} \qquad
# w \leftarrow w - \text{lr} \cdot \frac{\hat m}{\sqrt{\hat v} + \varepsilon}$$
#
# ($\varepsilon$ is 0.00000001 and keeps us from dividing by zero.) Without the correction the first step is
# $0.1 / \sqrt{0.001} = 3.16$ times too big, as the last column says. And it gets worse before it gets better.

# %%
steps = torch.arange(1, 3001, dtype=torch.float64)
uncorrected = (1 - 0.9**steps) / (1 - 0.999**steps).sqrt()
plotting.plot_lines(
    {"without bias correction": uncorrected.tolist()},
    x=steps.tolist(),
    level=("with it: always 1", 1),
    title="How far Adam steps when the gradient is always the same",
    xlabel="step (each number is ten times the one before)",
    ylabel="step size / learning rate",
    xscale="log",
    ylim=(0, 7.5),
)

# %% [markdown]
# With the correction the first step is the learning rate, and here so is every other. Without it, the coach is boldest
# just when the student knows least. (Many a "simplified" Adam leaves the correction out. It is not a detail.)
#
# Here is the whole of Adam.


# %%
def my_adam(weight, gradients, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
    """Return the weight (3,) after one correction for each of the gradients
    (NUM_STEPS, 3).
    """
    m, v = torch.zeros_like(weight), torch.zeros_like(weight)
    for step, gradient in enumerate(gradients, start=1):
        m = betas[0] * m + (1 - betas[0]) * gradient
        v = betas[1] * v + (1 - betas[1]) * gradient**2
        m_hat = m / (1 - betas[0] ** step)
        v_hat = v / (1 - betas[1] ** step)
        weight = weight - lr * m_hat / (v_hat.sqrt() + eps)
    return weight


mine, torchs = my_adam(start, gradients), theirs(torch.optim.Adam)
print(f"after {NUM_STEPS} steps, largest difference {(mine - torchs).abs().max():.1e}")
assert torch.allclose(mine, torchs, atol=1e-6, rtol=0), (
    "Our Adam should correct as PyTorch's does."
)

# %% [markdown]
# **Predict first:** the first gradients of the three weights are of very different size. How far does each weight move
# in Adam's first step, with learning rate 0.001?

# %%
moved = my_adam(start, gradients[:1]) - start
for gradient, change in zip(gradients[0].tolist(), moved.tolist(), strict=True):
    print(f"gradient {gradient:8.4f}   moved by {change:8.5f}")
assert torch.allclose(moved.abs(), torch.full((3,), 0.001), rtol=1e-3), (
    "Adam's first step should be about the rate."
)

defaults = torch.optim.Adam([weight]).defaults
print(
    {name: defaults[name] for name in ("lr", "betas", "eps", "weight_decay", "amsgrad")}
)
assert (defaults["lr"], defaults["betas"], defaults["eps"]) == (
    0.001,
    (0.9, 0.999),
    1e-8,
), "my_adam has these too."

# %% [markdown]
# All by 0.001, against their gradients. So a learning rate of Adam has a plain meaning: *roughly how far does a weight
# move in one step?* It is why 0.001 works for so many students.
#
# We left the settings alone, and the last line shows them. The two `betas` are the shares kept by $m$ and $v$.
# `weight_decay` comes next. `amsgrad` is a variant in which $v$ never shrinks; it rarely matters.
#
# ## RMSprop, AdamW, and when to call which coach
#
# **RMSprop** is Adam's older sister: divide by the usual size, but without the mean $m$ and without any correction. Its
# default keeps 99 %, so its first step is $1 / \sqrt{0.01} = 10$ times the learning rate. We check the formula.

# %%
mine, v = start, torch.zeros(3)
for gradient in gradients:
    v = 0.99 * v + 0.01 * gradient**2
    mine = mine - 0.001 * gradient / (v.sqrt() + 1e-8)
torchs = theirs(torch.optim.RMSprop, lr=0.001)
print(f"largest difference {(mine - torchs).abs().max():.1e}")
assert torch.allclose(mine, torchs, atol=1e-6, rtol=0), (
    "Our RMSprop should correct as PyTorch's does."
)

# %% [markdown]
# **Weight decay** pulls every weight a little towards 0 at each step, which keeps a student from leaning too hard on a
# few of them. In `Adam` the pull is added to the gradient, and the sum is then divided by its own usual size, so the
# strength of the pull is lost. **AdamW** applies it to the weight directly: $w \leftarrow w - \text{lr} \cdot
# \text{decay} \cdot w$.
#
# **Predict first:** two weights, 2.0 and 0.2, whose gradients are zero. Only the decay acts, 100 steps. What is left of
# them, with either coach?

# %%
for coach in (torch.optim.Adam, torch.optim.AdamW):
    weight = torch.tensor([2.0, 0.2], requires_grad=True)
    optimizer = coach([weight], lr=0.01, weight_decay=0.1)
    for _ in range(100):
        weight.grad = torch.zeros(2)
        optimizer.step()
    print(f"{coach.__name__:6} leaves {[round(value, 3) for value in weight.tolist()]}")
left = torch.tensor([2.0, 0.2]) * (1 - 0.01 * 0.1) ** 100
assert torch.allclose(weight.detach(), left, atol=1e-5), (
    "AdamW should take the same share of every weight."
)

# %% [markdown]
# AdamW takes the same share of both. Adam moves both at about the same *pace*, nearly 0.01 a step, and so wipes out the
# small one. If you want weight decay with Adam, take AdamW.
#
# Now let four coaches walk the same valley, long and narrow, as loss landscapes often are. We also count what each one
# keeps in its notes, because that is a price: memory.


# %%
def valley(place):
    return (place[0] ** 2 + 30 * place[1] ** 2) / 2


def walk(coach, **settings):
    place = torch.tensor([-4.0, 1.2], requires_grad=True)
    optimizer = coach([place], **settings)
    places = [place.detach().clone()]
    for _ in range(60):
        optimizer.zero_grad()
        valley(place).backward()
        optimizer.step()
        places.append(place.detach().clone())
    notes = [
        note
        for note in optimizer.state[place].values()
        if torch.is_tensor(note) and note.shape == place.shape
    ]
    return torch.stack(places), len(notes)  # (61, 2)


walks_down = {
    "SGD": walk(torch.optim.SGD, lr=0.06),
    "SGD with momentum": walk(torch.optim.SGD, lr=0.01, momentum=0.9),
    "RMSprop": walk(torch.optim.RMSprop, lr=0.08),
    "Adam": walk(torch.optim.Adam, lr=0.3),
}
for name, (places, num_notes) in walks_down.items():
    end = valley(places[-1])
    print(
        f"{name:18} loss {valley(places[0]):.1f} -> {end:.4f}   numbers kept for each "
        f"weight: {num_notes}"
    )

# %% [markdown]
# The picture shows the valley from above, and the loss after each step.

# %%
plotting.plot_walks(valley, {name: places for name, (places, _) in walks_down.items()})

# %% [markdown]
# SGD jumps from wall to wall: a bolder rate would throw it out, a smaller one would creep along the floor. Momentum
# swings, and rolls past the star before it settles. RMSprop and Adam set out diagonally: each moves both weights by the
# same stride, steep or gentle. Adam has momentum too, so it swings as well. RMSprop's loss falls out of the picture at
# the bottom. Do not read a winner from one smooth valley: each got a rate that suits it here, and comparing coaches
# takes many runs on the real thing (lesson 07).
#
# | coach | usual learning rate | call it when |
# |---|---|---|
# | SGD with momentum 0.9 | 0.01 to 0.1 | a large picture network learns from nothing, with a scheduler; memory is short |
# | RMSprop | 0.0001 to 0.01 | older recipes, recurrent networks (for sequences); MobileNetV2's authors trained it so |
# | Adam | 0.0001 to 0.001 | a good result soon, with little tuning: our new head |
# | AdamW | 0.00001 to 0.001 | the same with weight decay: transformers (today's networks for text), fine-tuning |
#
# From here on the coach is Adam, with 0.001 unless we say otherwise. In older scripts, and in lesson 00, you find 0.01;
# lesson 07 tries both.
#
# ## Which weights does the coach really hold?
#
# A coach corrects what is on its list, and nothing else. The list is what you hand over when you make it. Our student's
# backbone is frozen.
#
# **Predict first:** `model.parameters()` is what most scripts hand over. Are the frozen weights on that list?


# %%
def on_the_list(optimizer):
    held = [
        parameter for group in optimizer.param_groups for parameter in group["params"]
    ]
    return (
        len(held),
        sum(p.numel() for p in held),
        sum(p.numel() for p in held if p.requires_grad),
    )


model = build_classifier(10, weights=WEIGHTS).to(device)
lists = {
    "model.parameters()": torch.optim.Adam(model.parameters(), lr=0.001),
    "only requires_grad": torch.optim.Adam(
        [p for p in model.parameters() if p.requires_grad], lr=0.001
    ),
    "model.head.parameters()": torch.optim.Adam(model.head.parameters(), lr=0.001),
}
for name, optimizer in lists.items():
    tensors, weights, trainable = on_the_list(optimizer)
    print(
        f"{name:24} {tensors:4} tensors, {weights:9,} weights, of which {trainable:,} "
        "may learn"
    )
assert on_the_list(lists["only requires_grad"])[1:] == (12_810, 12_810), (
    "The head has 12,810 weights."
)

# %% [markdown]
# They are: `parameters()` means all of them. The coach skips a weight that has no gradient, and frozen ones never get
# one. So the long list does no harm today. We check it with one correction, on eight pictures of noise.

# %%
set_seed(0)
images = torch.randn(8, 3, model.spec.image_size, model.spec.image_size).to(device)
labels = torch.randint(10, (8,)).to(device)
optimizer = lists["model.parameters()"]
before = {
    name: parameter.detach().clone() for name, parameter in model.named_parameters()
}
loss = criterion(model(images), labels)
loss.backward()
optimizer.step()
moved = [
    name
    for name, parameter in model.named_parameters()
    if not torch.equal(parameter, before[name])
]
print("moved:", moved)
with torch.no_grad():
    print(
        f"loss before {loss.item():.3f}, after "
        f"{criterion(model(images), labels).item():.3f}"
    )
assert moved == ["head.weight", "head.bias"], "Only the head should have moved."

# %% [markdown]
# You have just run a whole correction: answer, mark, trace back, step. Noise teaches nothing, but the loss on
# these eight should have gone down.
#
# Still, hand over only what is to learn. It says what you mean, and it makes the next mistake visible. Suppose you
# unfreeze a block later. A short list does not grow by itself: the newly freed weights get gradients, and nobody
# corrects them. No error comes. The package's check notices.

# %%
unfreeze_last_blocks(model, 1)
with warnings.catch_warnings(record=True) as heard:
    warnings.simplefilter("always")
    check_optimizer(model, lists["model.head.parameters()"])
print(heard[0].message)
assert len(heard) == 1, "The check should warn of weights that no coach holds."

# %% [markdown]
# The rule: **after unfreezing, make a new coach** (lesson 08). It starts with empty notes, and for a backbone it should
# have a much smaller learning rate.
#
# <details><summary><b>Questions and answers</b></summary>
#
# **Why move the model *and* each batch?** The model moves once and stays. Batches come from files, through the CPU, and
# each is a new tensor.
#
# **Does the order of `.to(device)` and making the optimizer matter?** Move first, then make the coach. Its list and its
# notes then belong to the weights that will be trained.
#
# **And with several graphics cards?** `"cuda:0"`, `"cuda:1"` name them. Training on all at once is a subject of its own
# (`torch.nn.parallel.DistributedDataParallel`).
#
# **Is a loss of 0.5 good?** It says that $e^{-0.5}$, about 0.6, is the share that the student typically gives to the
# truth. Whether that is good depends on the number of classes and on what you need. Compare with $\ln C$ and with the
# mock exam.
#
# **Can the loss rise while accuracy rises too?** Yes. Accuracy counts right answers; the loss also asks how sure.
# One confident mistake can outweigh many answers that just became right (lesson 06).
#
# **My classes are of very different size.** `CrossEntropyLoss(weight=...)` lets rare ones count more. First look at the
# recall per class (lesson 08).
#
# **What is `label_smoothing=0.1`?** The teacher asks for 91 % instead of 100 % for the truth (with ten classes), so
# that nobody has to push the scores to infinity. It helps large networks a little; the smallest possible loss is then
# no longer 0.
#
# **My student predicts a number (*regression*), and learns only the mean.** Compare the shapes: predictions `(N, 1)`
# and truths `(N,)` are broadcast to `(N, N)`, and each prediction is held against every truth. PyTorch warns. Use
# `squeeze(1)`.
#
# **A middle way between `MSELoss` and `L1Loss`?** `HuberLoss` and `SmoothL1Loss`: squared for small misses, straight
# for large ones.
#
# **Is Adam always best?** No. It is a good first choice. Well-tuned SGD with momentum often does at least as well on
# large picture networks, and weights and notes together take a third less memory.
#
# **Does the optimizer add up gradients?** No, autograd does. The optimizer only reads them and, in `zero_grad()`,
# clears them.
#
# **Can two parts of the student have different learning rates?** Yes, with parameter groups:
# `Adam([{"params": model.head.parameters()}, {"params": model.backbone.parameters(), "lr": 1e-5}], lr=1e-3)`.
#
# **Why is my first Adam step not *exactly* the learning rate?** Because of $\varepsilon$, which counts when a gradient
# is tiny itself. A gradient of exactly 0 moves nothing.
#
# </details>
#
# ## Recap
#
# - **Moving**: `model.to(device)` once, `images = images.to(device)` each time; two devices are an error, not slowness.
# - **Computing the mark**: $-\log$ of the truth's share; $\ln C$ is pure guessing; raw scores in, softmax never twice.
# - **Choosing a loss**: which one, yes or no, how much; labels for cross-entropy are `int64`, `(N,)`, 0 to $C - 1$.
# - **Finding gradients**: nudge, chain rule, autograd; $p - y$ for the scores; `grad_fn` is the trail.
# - **Writing coaches**: SGD, momentum, Adam with bias correction, equal to PyTorch's; a coach moves only what is on its
#   list and has a gradient.
#
# ## Exercises
#
# ### Exercise 1 · The teacher, by hand
#
# Write the mean cross-entropy for raw scores `(N, C)` and class numbers `(N,)`, without PyTorch's losses.
# `scores.softmax(dim=1)`, `.log_softmax(dim=1)` and `.logsumexp(dim=1)` are allowed, and `table[range(len(labels)),
# labels]` picks one number from each row.


# %% tags=["exercise"]
def cross_entropy(scores, labels):
    return ...  # replace the dots


exercises.check("05.1", cross_entropy)


# %% tags=["wrong"] hint="sum of the marks"
def cross_entropy(scores, labels):
    return -scores.log_softmax(dim=1)[range(len(labels)), labels].sum()


exercises.check("05.1", cross_entropy)


# %% tags=["wrong"] hint="along the pictures"
def cross_entropy(scores, labels):
    return -scores.log_softmax(dim=0)[range(len(labels)), labels].mean()


exercises.check("05.1", cross_entropy)


# %% tags=["wrong"] hint="all classes"
def cross_entropy(scores, labels):
    return -scores.log_softmax(dim=1).mean()


exercises.check("05.1", cross_entropy)


# %% tags=["wrong"] hint="minus"
def cross_entropy(scores, labels):
    return scores.log_softmax(dim=1)[range(len(labels)), labels].mean()


exercises.check("05.1", cross_entropy)


# %% tags=["solution"]
def cross_entropy(scores, labels):
    marks = scores.logsumexp(dim=1) - scores[range(len(labels)), labels]
    return marks.mean()


exercises.check("05.1", cross_entropy)

# %% [markdown]
# ### Exercise 2 · The first mark of a run
#
# A new student is to tell 1,000 kinds of object apart. Which loss do you expect for its first batch, to two decimals?

# %% tags=["exercise"]
first_loss = ...  # replace the dots
exercises.check("05.2", first_loss)

# %% tags=["wrong"] hint="ten classes"
first_loss = 2.30
exercises.check("05.2", first_loss)

# %% tags=["wrong"] hint="the share"
first_loss = 1 / 1000
exercises.check("05.2", first_loss)

# %% tags=["wrong"] hint="natural logarithm"
first_loss = math.log10(1000)
exercises.check("05.2", first_loss)

# %% tags=["solution"]
first_loss = math.log(1000)
exercises.check("05.2", first_loss)

# %% [markdown]
# ### Exercise 3 · One correction, by hand
#
# A student answers weight × input. Its weight is 2, the input is 3, the truth is 5, and the loss is the squared miss.
# SGD corrects once with learning rate 0.01. What is the weight afterwards?

# %% tags=["exercise"]
new_weight = ...  # replace the dots
exercises.check("05.3", new_weight)

# %% tags=["wrong"] hint="uphill"
new_weight = 2 + 0.01 * 6
exercises.check("05.3", new_weight)

# %% tags=["wrong"] hint="The link from the weight to the answer"
new_weight = 2 - 0.01 * 2
exercises.check("05.3", new_weight)

# %% tags=["wrong"] hint="The link from the miss to its square"
new_weight = 2 - 0.01 * 3
exercises.check("05.3", new_weight)

# %% tags=["wrong"] hint="learning rate"
new_weight = 2 - 6
exercises.check("05.3", new_weight)

# %% tags=["solution"]
new_weight = 2 - 0.01 * 2 * (2 * 3 - 5) * 3
exercises.check("05.3", new_weight)

# %% [markdown]
# ### Exercise 4 · Hire a coach
#
# Write a function that returns an AdamW for a student, with the given learning rate. Its list holds exactly the weights
# that may learn, wherever in the student they are.


# %% tags=["exercise"]
def hire_coach(model, learning_rate):
    return ...  # replace the dots


exercises.check("05.4", hire_coach)


# %% tags=["wrong"] hint="frozen weights are on the list"
def hire_coach(model, learning_rate):
    return torch.optim.AdamW(model.parameters(), lr=learning_rate)


exercises.check("05.4", hire_coach)


# %% tags=["wrong"] hint="not on the list"
def hire_coach(model, learning_rate):
    return torch.optim.AdamW(model.head.parameters(), lr=learning_rate)


exercises.check("05.4", hire_coach)


# %% tags=["wrong"] hint="asked for"
def hire_coach(model, learning_rate):
    return torch.optim.AdamW(
        [parameter for parameter in model.parameters() if parameter.requires_grad]
    )


exercises.check("05.4", hire_coach)


# %% tags=["wrong"] hint="AdamW"
def hire_coach(model, learning_rate):
    return torch.optim.Adam(
        [parameter for parameter in model.parameters() if parameter.requires_grad],
        lr=learning_rate,
    )


exercises.check("05.4", hire_coach)


# %% tags=["solution"]
def hire_coach(model, learning_rate):
    return torch.optim.AdamW(
        [parameter for parameter in model.parameters() if parameter.requires_grad],
        lr=learning_rate,
    )


exercises.check("05.4", hire_coach)

# %% [markdown]
# ## Next
#
# Student, teacher and coach are ready, and the pictures come in batches. **Lesson 06** puts them together, term after
# term: the training loop.
