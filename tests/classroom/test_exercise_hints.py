"""Every hint of every exercise: the answer that earns it. (The lessons' notebooks prove the typical ones in place.)"""

# ruff: noqa: ARG005 - a wrong answer is often one that does not look at its argument

import math
from itertools import islice

import pytest
import torch
from PIL import Image, ImageOps
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader
from torchvision.transforms import v2

from course_utils.classroom.exercises import check
from course_utils.evaluation import Predictions
from course_utils.text import BagOfWords
from course_utils.transforms import InputSpec, build_eval_transform, denormalize

SOLVED = None

# Lesson 00 -----------------------------------------------------------------------------------------------------------


def sorts_by_sign(width, *, turned=False):
    """Return a student of `width` numbers in a layer that tells by the first coordinate; `turned`: the wrong way."""
    student = nn.Sequential(nn.Linear(2, width), nn.ReLU(), nn.Linear(width, 2))
    with torch.no_grad():
        for weights in student.parameters():
            weights.zero_()
        student[0].weight[0, 0] = 1  # its first number: how far to the right
        student[2].weight[int(not turned), 0] = 1
        student[2].bias[int(turned)] = 0.1
    return student


PLANE = {"points": torch.tensor([[1.0, 0.0], [-1.0, 0.0]]), "labels": torch.tensor([1, 0])}


# Lesson 01 -----------------------------------------------------------------------------------------------------------

SPEC = InputSpec(image_size=16, resize_size=18)
CAMERA = {"photograph": Image.linear_gradient("L").convert("RGB").resize((20, 30)), "spec": SPEC}


def steps(*, scale=True, swapped=False, normalize=True):
    """Return the evaluation transform written out, with one thing or another wrong."""
    mean_and_std = (SPEC.std, SPEC.mean) if swapped else (SPEC.mean, SPEC.std)
    return v2.Compose(
        [
            v2.Resize(18),
            v2.CenterCrop(16),
            v2.ToImage(),
            v2.ToDtype(torch.float32, scale=scale),
            *([v2.Normalize(*mean_and_std)] if normalize else []),
        ]
    )


class SeesTheLight(nn.Module):
    """A student that takes light for sunglasses, and anything dark for a gown."""

    spec, classes = InputSpec(image_size=4), ["academic gown", "sunglasses", *map(str, range(20))]

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, images):
        light = self.weight * images.mean(dim=(1, 2, 3))
        return torch.stack([5 - 5 * (light > -1.5), 1.2 + 5 * (light > 1), *[light * 0] * 20], dim=1)


# Lesson 02 -----------------------------------------------------------------------------------------------------------


def mirrored(sample=lambda image, target: (ImageOps.mirror(image), target), *, num_more=0, eager=False, length=True):
    """Return a class `Mirrored` that gives `sample(image, target)`, with one thing or another wrong."""

    class Mirrored:
        def __init__(self, dataset):
            self.dataset = dataset
            if eager:
                dataset[0]

        def __getitem__(self, index):
            return sample(*self.dataset[index])

    if length:
        Mirrored.__len__ = lambda self: len(self.dataset) + num_more
    return Mirrored


# Lesson 03 -----------------------------------------------------------------------------------------------------------


def chain(*steps):
    return v2.Compose([*steps, v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize([0.5] * 3, [0.5] * 3)])


def unnormalised(*, dtype=torch.float32, scale=True):
    return v2.Compose([v2.Resize((64, 64)), v2.ToImage(), v2.ToDtype(dtype, scale=scale)])


def shuffled(dataset, batch_size, seed):
    order = torch.Generator().manual_seed(seed)
    return next(iter(DataLoader(dataset, batch_size, shuffle=True, generator=order)))


def turned_back(batch, spec):
    return denormalize(batch[0], spec), batch[1]


def two_colours(batch):
    return batch[0][:, :2], batch[1]


HALF = InputSpec(4, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))  # another student's
FAULTS = {"truth": {"A": "squashed", "B": "other numbers"}}


# Lesson 04 -----------------------------------------------------------------------------------------------------------


DOT_FINDER = torch.full((3, 3), -1.0)
DOT_FINDER[1, 1] = 8


class Head(nn.Module):
    """The right head, and the mistakes that one can make in it."""

    def __init__(self, num_classes, *, hidden_size=64, middle=nn.ReLU, last=nn.Identity):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(1280, hidden_size), middle(), nn.Linear(hidden_size, num_classes), last())

    def forward(self, features):
        return self.layers(features)


class Forgotten(nn.Module):
    """Its layers stand in a plain list."""

    def __init__(self, num_classes):
        super().__init__()
        self.layers = [nn.Linear(1280, 64), nn.Linear(64, num_classes)]


class Transposed(Head):
    def forward(self, features):
        return super().forward(features).T


def modes(*, train=(), learn=False):
    def start_practice(model):
        model.train()
        model.backbone.eval()
        for name in train:
            model.get_submodule(name).train()
        if learn:
            model.backbone.requires_grad_(True)
        return model

    return start_practice


# Lesson 05 -----------------------------------------------------------------------------------------------------------


def shares_of_truth(scores, labels, dim=1):
    return scores.softmax(dim)[range(len(labels)), labels]


def by_shares(scores, labels):
    return -(scores.exp() / scores.exp().sum(1, keepdim=True))[range(len(labels)), labels].log().mean()


def learning(model):
    return [parameter for parameter in model.parameters() if parameter.requires_grad]


def gradients(*, shares=lambda scores: scores.softmax(1), due=1, divisor=4):
    """The gradient of four pictures' loss, or a mistake in it."""
    return lambda scores, labels: (shares(scores) - due * functional.one_hot(labels, 4)) / divisor


# Lesson 06 -----------------------------------------------------------------------------------------------------------


def step(*, forget=True, correct=1, result=lambda loss: loss.item()):
    def training_step(model, images, labels, criterion, optimizer):
        if forget:
            optimizer.zero_grad()
        loss = criterion(model(images), labels)
        loss.backward()
        for _ in range(correct):
            optimizer.step()
        return result(loss)

    return training_step


BROKEN = {"truth": {"A": "no step", "B": "no train"}}


def in_groups(
    *, size=None, left_over=True, parts=lambda group, every: len(group), forget=("group",), correct=True, returns=3
):
    def accumulate(model, loader, criterion, optimizer, every):
        batches = iter(loader)
        while group := list(islice(batches, size or every)):
            if len(group) < (size or every) and not left_over:
                break
            if "group" in forget:
                optimizer.zero_grad()
            for inputs, labels in group:
                if "batch" in forget:
                    optimizer.zero_grad()
                (criterion(model(inputs), labels) / parts(group, every)).backward()
            if correct:
                optimizer.step()
        return returns

    return accumulate


# Lesson 07 -----------------------------------------------------------------------------------------------------------


def head(hidden_size=16, *, bend=True, num_classes=10):
    between = [nn.ReLU()] if bend else []
    return nn.Sequential(nn.Linear(1280, hidden_size), *between, nn.Linear(hidden_size, num_classes))


def model_maker(*, build=head, held=lambda network: network.parameters(), optimizer=torch.optim.Adam, rate=None):
    def make_model(learning_rate, hidden_size):
        network = build(hidden_size)
        return network, optimizer(held(network), lr=rate or learning_rate)

    return make_model


ONE_HEAD = head()


def tosses(surplus=lambda ours, other: abs(ours - other), luck=lambda number: 2 * number**0.5):
    """Return an answer that counts whom each picture tells apart."""

    def told_apart(first, second):
        ours, other = (first & ~second).sum(), (second & ~first).sum()
        return surplus(ours, other) > luck(ours + other)

    return told_apart


def narrow(bend, *, size=4):
    return nn.Sequential(nn.Linear(1280, size), bend, nn.Linear(size, 10))


# Notes of ten classes as a backbone without a centre gives them: nearly all positive, and much alike.
NOTES = {"notes": (0.67 + 0.5 * torch.randn(300, 1280)).relu(), "labels": torch.arange(300) % 10}


# Lesson 08 -----------------------------------------------------------------------------------------------------------


def coach(*parts, rate=0.0001, optimizer=torch.optim.Adam):
    def new_coach(student):
        return optimizer([p for part in parts for p in student.get_submodule(part).parameters()], lr=rate)

    return new_coach


# Lesson 08 -----------------------------------------------------------------------------------------------------------


def in_pairs(number):
    """Return an answer that makes +1, 0 and -1 of the pictures and then `number` of these."""
    return lambda first, second: number(first.float() - second.float())


# Ten answers, a little more than 0.55 sure, of which two are wrong; and ten that are 0.8 sure, all right.
SURE = torch.tensor([0.58] * 10 + [0.8] * 10)
EXAM = {"exam": Predictions(torch.stack([SURE, 1 - SURE], dim=1), torch.tensor([1, 1, *[0] * 18]))}


# Lesson 10 -----------------------------------------------------------------------------------------------------------


def reader():
    """A bag that knows twelve words of each of two authors, the first of them the most telling."""
    words = ["<padding>", "<unknown>", *(author + letter for letter in LETTERS for author in "tm")]
    vocabulary = {word: number for number, word in enumerate(words)}
    model = BagOfWords(len(vocabulary), 2, width=2)
    with torch.no_grad():
        model.words.weight.zero_()
        model.head.weight.copy_(torch.eye(2))
        model.head.bias.zero_()
        for word, number in vocabulary.items():
            if number > 1:
                model.words.weight[number, int(word[0] == "m")] = 5.0 - 0.1 * LETTERS.index(word[1])
    return {"model": model, "vocabulary": vocabulary, "classes": ("torch", "Matplotlib"), "target": "Matplotlib"}


LETTERS = "abcdefghijkl"
READER = reader()


def mean_where(weights, divisor):
    def mean_of_words(vectors, tokens):
        is_word = (tokens != 0).unsqueeze(2)
        return (vectors * weights(is_word)).sum(1) / divisor(is_word)

    return mean_of_words


def things(names):
    """Of violin_07_3.jpg, violin_07."""
    return {name.rsplit("_", 1)[0] for name in names}


def decided(is_enough, otherwise="I do not know"):
    """Return a function that names the most probable class where `is_enough(its probability, threshold)`."""

    def answer(probabilities, names, threshold):
        return names[probabilities.argmax()] if is_enough(probabilities.max(), threshold) else otherwise

    return answer


HINTS = {
    "00.1": [
        (lambda scores, labels: (scores.argmax(1) == labels).sum(), SOLVED),
        (lambda scores, labels: scores.argmax(1) == labels, "Sum it"),
        (lambda scores, labels: (scores.argmax(1) == labels).float().mean(), "a share of all answers"),
        (lambda scores, labels: (scores.argmax() == labels).sum(), "`argmax` without `dim`"),
        (lambda scores, labels: len(labels), "returns 4"),
    ],
    "00.2": [
        ((sorts_by_sign(16), [0.1]), SOLVED),
        ((sorts_by_sign(17), [0.1]), "has 17 numbers in a layer, and gets 100% right"),
        ((sorts_by_sign(16, turned=True), [0.1]), "gets 0% of the fresh points"),
        (sorts_by_sign(16), "as it is: the student and its losses"),
        ((0.03, 600), "as it is: the student and its losses"),
    ],
    "00.3": [
        ((sorts_by_sign(2), [0.7, 9.0, 0.5]), SOLVED),
        ((sorts_by_sign(2), [0.7, math.inf, math.nan]), SOLVED),
        ((sorts_by_sign(2), [0.7, 0.65, 0.6]), "too timid"),
        ((sorts_by_sign(2), [0.7, 2.0, 0.01]), "It leapt, and recovered"),
        ((sorts_by_sign(2), [0.7, 0.3, 0.01]), "never leapt"),
        (3, "as it is: the student and its losses"),
    ],
    "01.1": [
        (build_eval_transform(SPEC), SOLVED),
        (steps(scale=False), "still those of the file, 0 to 255"),
        (steps(swapped=True), "the mean comes first"),
        (steps(scale=False, swapped=True), "still those of the file, 0 to 255"),
        (steps(normalize=False), "one by one, with `print(transform)`"),
        (v2.Compose([*steps().transforms[2:], v2.ToPureTensor()]), "as (3, 30, 20); due is a tensor of shape"),
        (v2.Resize(16), "comes out as a Image; due is a tensor of shape (3, 16, 16)"),
        ([1, 2], "not something of type `list`"),
    ],
    "01.2": [
        (lambda probabilities: 1 / (probabilities**2).sum(), SOLVED),
        (lambda probabilities: (probabilities**2).sum(), "take one over it"),
        (lambda probabilities: 1 / probabilities.sum() ** 2, "Square each probability before"),
        (lambda probabilities: len(probabilities) + 1, "yours is 5"),
    ],
    "01.3": [
        (Image.new("RGB", (90, 80), "white"), SOLVED),
        (Image.new("RGB", (80, 79), "white"), "80 × 79 pixels are too small a part: at least 80"),
        (Image.new("RGB", (90, 80), "black"), "the student sees academic gown, 86%"),
        (Image.new("RGB", (90, 80), (96, 96, 96)), "Sunglasses, but only 14%: 25% are asked for"),
        ((0, 0, 90, 80), "photograph.crop((left, top, right, bottom))` cuts it out"),
        (3, "not something of type `int`"),
    ],
    "02.1": [
        (lambda practice, exam: [name for name in exam if exam[name] in practice.values()], SOLVED),
        (lambda practice, exam: {name for name in exam if exam[name] in practice.values()}, SOLVED),
        (lambda practice, exam: 2, "of type `int`"),
        (lambda practice, exam: [name for name in exam if name in practice], "That compares names"),
        (lambda practice, exam: [name for name in practice if practice[name] in exam.values()], "in practice. We"),
        (lambda practice, exam: [name for name in exam if exam[name] not in practice.values()], "do *not* occur"),
        (lambda practice, exam: list(exam), "a.jpg and c.jpg of the exam"),
    ],
    "02.2": [
        (mirrored(), SOLVED),
        (mirrored(eager=True), "opens pictures while it is made"),
        (mirrored(length=False), "needs both"),
        (mirrored(num_more=1), "returns 11"),
        (mirrored(lambda image, target: image), "A sample is a pair"),
        (mirrored(lambda image, target: (image, target + 1)), "target is to stay"),
        (mirrored(lambda image, target: (image.tobytes(), target)), "is to be a picture"),
        (mirrored(lambda image, target: (image, target)), "comes out as it went in"),
        (mirrored(lambda image, target: (ImageOps.invert(image), target)), "not the mirrored one"),
    ],
    "02.3": [
        ("Patient.", SOLVED),
        ("picture", "near copies"),
        ("class", "never practised"),
        ("date", "comes back later"),
        ("doctor", "Choose one of the four"),
    ],
    "03.1": [
        ({"A": "squashed", "B": "other numbers"}, SOLVED),
        ("squashed", "letters A, B"),
        ({"A": "squashed"}, "letters A, B"),
        ({"A": "squashed", "B": "odd"}, "'odd' is none of them"),
        ({"A": "squashed", "B": "on its side"}, "1 of 2 are right. Look at B again. With 'on its side', the colours"),
    ],
    "03.2": [
        (lambda dataset, size, seed, spec: turned_back(shuffled(dataset, size, seed), spec), SOLVED),
        (lambda dataset, size, seed, spec: shuffled(dataset, size, seed)[0], "Return two things"),
        (lambda dataset, size, seed, spec: ([1], [2]), "come out of the loader as tensors"),
        (lambda dataset, size, seed, spec: shuffled(dataset, 1, seed), "yours holds 1"),
        (lambda dataset, size, seed, spec: next(iter(DataLoader(dataset, size))), "order of the data set"),
        (
            lambda dataset, size, seed, spec: next(iter(DataLoader(dataset, size, shuffle=True))),
            "another order each time",
        ),
        (lambda dataset, size, seed, spec: shuffled(dataset, size, seed + 1), "but not by `torch.Generator()"),
        (lambda dataset, size, seed, spec: shuffled(dataset, size, seed), "still normalised"),
        (lambda dataset, size, seed, spec: two_colours(shuffled(dataset, size, seed)), "yours are (8, 2, 4, 4)"),
        (lambda dataset, size, seed, spec: turned_back(shuffled(dataset, size, seed), HALF), "to be turned back with"),
    ],
    "03.3": [
        (chain(v2.Resize((64, 64))), SOLVED),
        (v2.Resize((64, 64)), "Where is `v2.ToImage()`"),
        (chain(v2.Resize(64)), "only the shorter side"),
        (chain(v2.Resize((32, 32))), "(3, 64, 64); yours is (3, 32, 32)"),
        (unnormalised(dtype=torch.uint8), "makes them fractions"),
        (unnormalised(scale=False), "only with `scale=True`"),
        (chain(v2.Resize(64), v2.CenterCrop(64)), "lost its edges"),
        (unnormalised(), "The numbers run from 0 to 1"),
        (lambda picture: 3 * chain(v2.Resize((64, 64)))(picture), "yours run from -3.00 to 3.00"),
    ],
    "04.1": [
        (DOT_FINDER, SOLVED),
        (DOT_FINDER.int() * 2, SOLVED),
        (torch.zeros(3, 4), "yours is (3, 4)"),
        (torch.ones(3, 3), "On even ground of ones its sum is 9"),
        (torch.zeros(3, 3), "nothing at all"),
        (DOT_FINDER.roll(1, 0), "sum is -1; beside it, it is as large or larger, 8"),
        (torch.tensor([[0.0, 0.0, 0.0], [1.0, 1.0, -2.0], [0.0, 0.0, 0.0]]), "sum is 1; beside it"),
    ],
    "04.2": [
        (1280 * 64 + 64 + 64 * 5 + 5, SOLVED),
        (1280 * 64 + 64 * 5, "has a bias as well"),
        (1280 * 5 + 5, "without an inner layer"),
        (1280 * 64 + 64, "That is the inner layer"),
        (69, "Add two layers"),
    ],
    "04.3": [
        (Head, SOLVED),
        (lambda num_classes: "head", "`class NewHead(nn.Module):`"),
        (Forgotten, "is not registered"),
        (lambda num_classes: Head(num_classes, hidden_size=65), "Linear(1280, 64), then"),
        (Transposed, "scores of shape (2, 5)"),
        (lambda num_classes: Head(num_classes, last=lambda: nn.Softmax(1)), "there is a softmax"),
        (lambda num_classes: Head(num_classes, middle=nn.Identity), "Without a ReLU"),
    ],
    "04.4": [
        (modes(), SOLVED),
        (lambda model: model.head, "Return the model itself"),
        (lambda model: model.train(), "`model.train()` reaches every part"),
        (lambda model: model.eval(), "it is the one that practises"),
        (modes(train=["backbone.1"]), "A part of the backbone"),
        (modes(learn=True), "Leave `requires_grad`"),
    ],
    "05.1": [
        (functional.cross_entropy, SOLVED),
        (lambda scores, labels: functional.cross_entropy(scores, labels, reduction="none"), "The batch gets one loss"),
        (lambda scores, labels: functional.cross_entropy(scores, labels, reduction="sum"), "the sum of the losses"),
        (lambda scores, labels: -shares_of_truth(scores, labels, dim=0).log().mean(), "use `dim=1`"),
        (lambda scores, labels: -scores.log_softmax(1).mean(), "averages over all classes"),
        (lambda scores, labels: -functional.cross_entropy(scores, labels), "the sign is not"),
        (lambda scores, labels: shares_of_truth(scores, labels).mean(), "the mean probability of the truth"),
        (lambda scores, labels: -shares_of_truth(scores, labels).mean().log(), "logarithm of the mean probability"),
        (lambda scores, labels: 0.5, "yours 0.500"),
        (by_shares, "the powers overflow"),
    ],
    "05.2": [
        (gradients(), SOLVED),
        (lambda scores, labels: functional.cross_entropy(scores, labels), "a gradient of its own"),
        (gradients(divisor=1), "divide by N"),
        (gradients(divisor=-4), "the way down"),
        (gradients(shares=lambda scores: scores), "into probabilities first"),
        (gradients(shares=lambda scores: scores.softmax(0)), "use `dim=1`"),
        (gradients(due=0), "Take off what was due"),
        (gradients(divisor=16), "over the pictures"),
        (gradients(divisor=3), "the gradients are"),
    ],
    "05.3": [
        (lambda model, rate: torch.optim.AdamW(learning(model), lr=rate), SOLVED),
        (lambda model, rate: learning(model), "Return the optimizer itself"),
        (lambda model, rate: torch.optim.AdamW(model.parameters(), lr=rate), "The frozen weights"),
        (lambda model, rate: torch.optim.AdamW(model.head.parameters(), lr=rate), "outside its head"),
        (lambda model, rate: torch.optim.SGD(learning(model), lr=rate), "this one is SGD"),
        (lambda model, rate: torch.optim.AdamW(learning(model)), "this coach has 0.001"),
    ],
    "06.1": [
        (step(), SOLVED),
        (step(correct=0), "have not moved"),
        (step(forget=False), "gradients of both batches"),
        (step(correct=2), "not as they should"),
        (step(result=lambda loss: loss), "`loss.item()`"),
        (step(result=lambda loss: 2 * loss.item()), "not this batch's loss"),
    ],
    "06.2": [
        ({"A": "no step", "B": "no train"}, SOLVED),
        ("no step", "letters A, B"),
        ({"A": "no step"}, "letters A, B"),
        ({"A": "no step", "B": "no idea"}, "'no idea' is none of them"),
        ({"A": "no step", "B": "no eval"}, "1 of 2 are right. Look at B again. With 'no eval', practice is"),
        ({"A": "no zero_grad", "B": "no train"}, "Look at A again. With 'no zero_grad', the loss climbs"),
    ],
    "06.3": [
        (in_groups(), SOLVED),
        (in_groups(correct=False), "never corrects"),
        (in_groups(returns=8), "There were 3 corrections; the function returned 8"),
        (in_groups(size=1), "after every batch"),
        (in_groups(left_over=False), "are lost"),
        (in_groups(parts=lambda group, every: 1), "counts in full"),
        (in_groups(parts=lambda group, every: every), "`len(group)`"),
        (in_groups(forget=()), "once a group"),
        (in_groups(forget=("batch",)), "Only the last batch"),
        (in_groups(parts=lambda group, every: 7), "not those of correct groups"),
    ],
    "07.1": [
        (model_maker(), SOLVED),
        (lambda learning_rate, hidden_size: head(hidden_size), "Return two things"),
        (lambda learning_rate, hidden_size: model_maker()(learning_rate, hidden_size)[::-1], "First the head"),
        (model_maker(build=lambda hidden_size: ONE_HEAD), "return the same head"),
        (model_maker(build=lambda hidden_size: head(hidden_size, num_classes=2)), "the shape (2, 2)"),
        (model_maker(build=lambda hidden_size: head(16)), "With hidden_size=5"),
        (model_maker(build=lambda hidden_size: head(hidden_size, bend=False)), "no bend"),
        (model_maker(held=lambda network: head().parameters()), "none of this head's weights"),
        (model_maker(held=lambda network: network[2].parameters()), "only the last layer or so"),
        (model_maker(optimizer=torch.optim.SGD), "this one is SGD"),
        (model_maker(rate=0.001), "Adam's default"),
        (model_maker(rate=0.5), "the coach has 0.5"),
    ],
    "07.2": [
        (tosses(), SOLVED),
        (lambda first, second: tosses()(first, second).item(), SOLVED),
        (tosses(lambda ours, other: ours - other), "take `abs`"),
        (lambda first, second: False, "told apart. Only the pictures count that *exactly one*"),
        (lambda first, second: abs(first.sum() - second.sum()) > 6, "a matter of luck"),
        (tosses(luck=lambda number: number**0.5), "*twice* the root"),
        (tosses(luck=lambda number: 2.5 * number**0.5), "root of their *sum*"),
        (lambda first, second: first & ~second, "One verdict is due"),
        (lambda first, second: 3.0, "not float"),
        (lambda first, second: tosses()(first, second) | first.equal(second), "agree about every picture"),
    ],
    "07.3": [
        (lambda: narrow(nn.LeakyReLU(0.1)), SOLVED),
        (lambda: nn.Sequential(nn.BatchNorm1d(1280), *narrow(nn.ReLU())), SOLVED),
        (lambda: narrow(nn.ReLU()), "units are dead"),
        (lambda: narrow(nn.Identity()), "That is no bend"),
        (lambda: narrow(nn.ReLU(), size=8), "here it has 8"),
        (lambda: nn.Flatten(), "here it has none"),
        (lambda: nn.Sequential(nn.Linear(1280, 4), nn.Tanh()), "ten scores"),
        (lambda: nn.ReLU, "such as an `nn.Sequential`"),
    ],
    "08.1": [
        (coach("backbone.1", "head"), SOLVED),
        (lambda student: student, "Return the optimizer itself"),
        (coach("backbone", "head"), "the frozen ones too"),
        (coach("backbone.1"), "The head goes on learning"),
        (coach("head"), "unfrozen block are missing"),
        (coach("backbone.1", "head", rate=0.001), "Adam's default of 0.001"),
        (coach("backbone.1", "head", rate=0.1), "The learning rate is 0.1"),
        (coach("backbone.1", "head", optimizer=torch.optim.SGD), "this is SGD"),
    ],
    "08.2": [
        (in_pairs(lambda moves: moves.std() / len(moves) ** 0.5), SOLVED),
        (lambda first, second: ((0.16 + 0.64 * 0.36) / 100) ** 0.5, "two different exams"),
        (in_pairs(lambda moves: moves.std()), "divide by the root of their number"),
        (in_pairs(lambda moves: moves.var()), "the variance of single pictures"),
        (in_pairs(lambda moves: moves.var() / len(moves)), "the variance of the mean"),
        (in_pairs(lambda moves: moves.mean()), "the difference itself"),
        (in_pairs(lambda moves: moves.abs().mean()), "only one of the two had right"),
        (lambda first, second: 7, "Let each picture count +1"),
    ],
    "08.3": [
        (0.6, SOLVED),
        (95, "from 0 to 1"),
        (0.55, "only 90.0% of what it answers is right"),
        (0.95, "Nothing is answered"),
        (0.7, "a lower threshold keeps it too"),
    ],
    "10.1": [
        ([0, 3, 4], SOLVED),
        (torch.tensor([0, 3, 4]), SOLVED),
        ([3, 1, 4], "These are the lengths"),
        ([3, 4, 8], "These are the ends"),
        ([0, 3, 4, 8], "nothing begins there"),
        ([1, 4, 5], "counted from 0"),
        ([0, 1, 2], "The first text begins at 0"),
        (3, "A list of numbers"),
    ],
    "10.2": [
        (mean_where(lambda is_word: is_word, lambda is_word: is_word.sum(1)), SOLVED),
        (mean_where(lambda is_word: 1, lambda is_word: is_word.shape[1]), "at the places of padding are in your mean"),
        (mean_where(lambda is_word: is_word, lambda is_word: is_word.shape[1]), "a number of words of its own"),
        (mean_where(lambda is_word: is_word, lambda is_word: 1), "That is the sum"),
        (mean_where(lambda is_word: is_word, lambda is_word: 2), "Set the vectors of padding to 0"),
        (lambda vectors, tokens: vectors, "due is one vector for each text, (3, 4)"),
        (lambda vectors, tokens: 3.0, "A tensor is asked for"),
    ],
    "10.3": [
        ("mi mj mk ml", SOLVED),
        ("mi mj mk, and zebra", "it knows ['mi', 'mj', 'mk']"),
        ("mi mi mi mi mi", "At least four different words"),
        ("ma mj mk ml", "Without the eight most telling words, please: ma"),
        ("tl tk tj ti", "takes it for torch, and gives Matplotlib only"),
        ("mi mj mk tl", "90% are asked for"),
    ],
    "13.1": [
        (lambda practice, exam: things(practice) & things(exam), SOLVED),
        (lambda practice, exam: sorted(things(practice) & things(exam)), SOLVED),
        (lambda practice, exam: set(practice) & set(exam), "file names"),
        (lambda practice, exam: {name.split("_")[0] for name in practice}, "the kinds that stand in both"),
        (lambda practice, exam: things(practice) | things(exam), "all instruments"),
        (lambda practice, exam: things(practice) - things(exam), "in practice only"),
        (lambda practice, exam: {name[:-5] for name in practice}, "Yours gives"),
        (lambda practice, exam: 3, "A set of names"),
    ],
    "13.2": [
        (0.9 * 0.1 / 0.02**2, SOLVED),
        (15, "grows with the square"),
        (625, "where the error is largest"),
        (2250, "product of both"),
        (0.0225, "Points are hundredths"),
        (4.5, "stands squared"),
        (900, "an error of one point"),
        (864, "One standard error"),
        (100, "square both sides"),
    ],
    "13.3": [
        (decided(lambda best, threshold: best >= threshold), SOLVED),
        (decided(lambda best, threshold: True), "still says 'piano'"),
        (decided(lambda best, threshold: best < threshold), "wrong way round"),
        (decided(lambda best, threshold: best > threshold), "At the threshold itself"),
        (decided(lambda best, threshold: best >= 0.6), "the threshold that is handed over"),
        (lambda probabilities, names, threshold: probabilities.argmax(), "the number of the class"),
        (lambda probabilities, names, threshold: "drum", "it says 'drum'"),
        (decided(lambda best, threshold: best >= threshold, otherwise="?"), "it says '?' instead"),
    ],
}  # fmt: skip
CASES = [(key, answer, hint) for key, answers in HINTS.items() for answer, hint in answers]


@pytest.mark.parametrize(("key", "answer", "hint"), CASES, ids=[f"{key} {hint or 'solved'}" for key, _, hint in CASES])
def test_each_answer_gets_its_hint(key, answer, hint):
    given = {
        "01.1": CAMERA,
        "01.3": {"model": SeesTheLight()},
        "00.2": PLANE,
        "03.1": FAULTS,
        "06.2": BROKEN,
        "07.3": NOTES,
        "08.3": EXAM,
        "10.3": READER,
    }
    verdict = check(key, answer, **given.get(key, {}))
    if hint is SOLVED:
        assert verdict.status == "solved", verdict
    else:
        assert verdict.status == "refused"
        assert hint in verdict.message
