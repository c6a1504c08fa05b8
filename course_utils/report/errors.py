"""Everyday mistakes in PyTorch's words, and what they mean.

Some show only in the loader, in a later batch or inside the criterion, where no check can look beforehand. What PyTorch
says is then recognised and explained; its own words stay, as the cause.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch


class Known(NamedTuple):
    """A pattern in PyTorch's message, what to say, with the groups of the pattern filled in, and what kind of error."""

    words: str
    sentence: str
    kind: type[Exception] = ValueError


KNOWN = (
    Known(
        r"stack expects each tensor to be equal size, but got (\[.*?\]) at entry 0 and (\[.*?\])",
        "The samples of one batch differ in shape, {0} and {1}: end the transform in one size, for pictures with "
        "v2.Resize((height, width)), or use build_eval_transform(model.spec).",
    ),
    Known(
        r"batch must contain tensors.*found <class '(.*?)'>",
        "A sample holds a {0}, which no batch can be made of: end the transform with v2.ToImage() and "
        "v2.ToDtype(torch.float32, scale=True), and return a pair (input, label) for every sample.",
    ),
    Known(
        r"each element in list of batch should be of equal size",
        "The samples of one batch are lists of different lengths: pad them to one length, and make tensors of them.",
    ),
    Known(
        r"new\(\): invalid data type '(\w+)'|infer dtype of (\w+)|expected Tensor as element .* but got (\w+)",
        "The samples of one batch are of different kinds, one holds a {0}: give every sample a tensor and a label of "
        "the same kind.",
    ),
    Known(
        r"values to unpack \(expected 2|cannot unpack non-iterable",
        "A batch is a pair of inputs and labels, and something else was given: let the data set return "
        "(input, label), and pass a DataLoader.",
    ),
    Known(
        r"Expected more than 1 value per channel when training, got input size .*?(\[.*?\])",
        "A batch of one sample, {0} inside the model, is too small for its normalisation layers (BatchNorm), which "
        "need at least two when training. Usually the last batch is short: pass drop_last=True to the training "
        "DataLoader, or choose another batch_size.",
    ),
    Known(
        r"weight tensor should be defined either for all (\d+) classes .*shape: (\[.*?\])",
        "The criterion's class weights have the shape {1}, due is one weight for each of the {0} classes, in the order "
        "of their numbers.",
    ),
    Known(
        r"Target (-?\d+) is out of bounds",
        "A label is {0}, which is no class of the model: count classes from 0, and build the head for all of them "
        "(num_classes=len(dataset.classes)).",
    ),
    Known(
        r"Input type .*cuda|on the same device|is not on the expected device",
        "Not everything is on one device: move the model and the criterion's weights to the device that the batches go "
        "to, model.to(device) and criterion.to(device).",
    ),
    Known(
        r"must have the same dtype, but got (\w+) and (\w+)|Input type \((.*?)\) and (?:bias|weight) type \((.*?)\)"
        r"|expected scalar type (\w+) but found (\w+)",
        "Numbers of two kinds meet, {0} and {1}: make inputs, measured targets and class weights float32, with "
        ".float().",
    ),
    Known(
        r"input batch_size \((\d+)\) to match target batch_size \((\d+)\)",
        "The model gives {0} answers to {1} labels: keep the first dimension, that of the samples, as it is, which "
        "nn.Flatten() does.",
    ),
    Known(
        r"index out of range in self",
        "An nn.Embedding is asked for a number that it does not hold: they count from 0, and num_embeddings must be "
        "the size of the whole vocabulary.",
    ),
    Known(
        r"to have (\d+) channels, but got (\d+) channels instead",
        "The pictures have {1} channels, the model looks at {0}: open every picture as RGB (load_image does), or build "
        "the first layer for {1}.",
    ),
    Known(
        r"mat1 and mat2 shapes cannot be multiplied \(\d+x(\d+) and (\d+)x\d+\)",
        "A layer gets {0} numbers a sample where it was built for {1}: give the pictures the size that the model was "
        "built for, put nn.Flatten() before its first linear layer, or build the layer with in_features={0}.",
    ),
    Known(
        r"Kernel size can't be greater than actual input size|Output size is too small",
        "The pictures are too small for this model, which halves them several times: enlarge them in the transform, "
        "v2.Resize(...) as model.spec says.",
    ),
    Known(
        r"grad can be implicitly created only for scalar outputs",
        "The criterion gives more than one number for a batch: leave its reduction='mean'.",
    ),
    Known(
        r"'(?:float|int)' object has no attribute '(?:backward|detach)'",
        "The criterion gives a plain number, with no way back to the weights: return the tensor itself, without "
        ".item().",
    ),
    Known(
        r"does not require grad and does not have a grad_fn",
        "The loss has no way back to any weight: nothing is trainable, or the criterion has left the tensors (numpy, "
        ".detach(), torch.no_grad()). Unfreeze a layer, and compute the loss with torch alone.",
    ),
    Known(
        r"out of memory|can't allocate memory|not enough memory",
        "The memory of the device is full: choose a smaller batch_size or smaller pictures, and restart the kernel if "
        "earlier models still fill it.",
        torch.OutOfMemoryError,  # whoever tries again with a smaller batch waits for it
    ),
)


OWN_WORDS = "PyTorch's words:"


def explain_error(error: BaseException | None) -> Exception | None:
    """Return what to raise in place of an error of PyTorch's, None where it is not known: what it means and the way
    out, then its own words. It is a ValueError, and torch.OutOfMemoryError where the memory is full.
    """
    if not isinstance(error, RuntimeError | TypeError | ValueError | IndexError | AttributeError):
        return None
    said = str(error)
    if OWN_WORDS in said:
        return None  # explained already
    for words, sentence, kind in KNOWN:
        found = re.search(words, said, re.DOTALL)
        if found:
            parts = [part for part in found.groups() if part is not None]
            return kind(f"{sentence.format(*parts)} ({OWN_WORDS} {said.strip().splitlines()[-1]})")
    return None


@contextmanager
def explained() -> Iterator[None]:
    """Raise what `explain_error` says in place of an error of PyTorch's that is known; others pass unchanged."""
    try:
        yield
    except Exception as error:
        explanation = explain_error(error)
        if explanation is None:
            raise
        raise explanation from error
