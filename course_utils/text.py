"""Words as numbers, and the models that read them (lesson 10).

A text becomes a row of word numbers `(L,)`, a batch `(N, L)`, filled up with `PADDING`. Everything that reads such
batches gives scores `(N, C)`, so that `train_model`, `evaluate` and `predict` take it as they take pictures.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

PADDING, UNKNOWN = 0, 1  # the numbers of no word, and of every word that the vocabulary does not hold


def tokenize(text: str) -> list[str]:
    """Return the words of a text in lower case: runs of letters, of any alphabet. Digits and signs are left out."""
    return re.findall(r"[^\W\d_]+", text.lower())


def build_vocabulary(texts: Iterable[str], *, min_count: int = 2) -> dict[str, int]:
    """Return a number for every word that occurs at least `min_count` times in `texts`, the most frequent first.

    The words count from 2: 0 is `<padding>`, 1 is `<unknown>`. Give it practice texts only. Raises ValueError where no
    word is left.
    """
    counts = Counter(word for text in texts for word in tokenize(text))
    frequent = sorted((word for word in counts if counts[word] >= min_count), key=lambda word: (-counts[word], word))
    if not frequent:
        raise ValueError(f"No word occurs {min_count} times: a vocabulary needs more texts, or a smaller min_count.")
    return {word: number for number, word in enumerate(["<padding>", "<unknown>", *frequent])}


def encode(texts: Sequence[str], vocabulary: Mapping[str, int], *, max_words: int = 64) -> Tensor:
    """Return the word numbers of N texts: int64 `(N, L)`, where L is the length of the longest.

    Shorter texts are filled up with `PADDING`; of longer ones than `max_words` the rest is left out.
    """
    if isinstance(texts, str):
        raise TypeError("encode takes a list of texts: encode([text], ...) for a single one.")
    rows = [[vocabulary.get(word, UNKNOWN) for word in tokenize(text)[:max_words]] for text in texts]
    length = max([1, *map(len, rows)])
    return torch.tensor([row + [PADDING] * (length - len(row)) for row in rows]).reshape(-1, length)


class BagOfWords(nn.Module):
    """The mean of a text's word vectors, and a linear layer: `(N, L)` word numbers to `(N, num_classes)` scores.

    `words` holds a vector of `width` numbers for each word, and `mode="sum"` adds them up instead. Padding counts for
    nothing, and neither does word order. A text without a word gets the head's biases.
    """

    def __init__(self, num_words: int, num_classes: int, *, width: int = 32, mode: str = "mean") -> None:
        super().__init__()
        self.words = nn.EmbeddingBag(num_words, width, mode=mode, padding_idx=PADDING)
        self.head = nn.Linear(width, num_classes)
        self.init_weights()

    def init_weights(self, std: float = 0.1) -> None:
        """Start from small random word vectors, soon outweighed by what is learned; PyTorch's own have `std` 1."""
        nn.init.normal_(self.words.weight, std=std)
        with torch.no_grad():
            self.words.weight[PADDING] = 0

    def forward(self, tokens: Tensor) -> Tensor:
        scores: Tensor = self.head(self.words(tokens))
        return scores


class WordWindows(nn.Module):
    """A convolution over `size` words at a time, the strongest answer of each of its filters, and a linear layer.

    `(N, L)` word numbers to `(N, num_classes)` scores. It sees which word stands beside which; where in the text, it
    does not. How far a batch is padded changes nothing.
    """

    def __init__(self, num_words: int, num_classes: int, *, width: int = 32, num_filters: int = 64, size: int = 3):
        super().__init__()
        self.words = nn.Embedding(num_words, width, padding_idx=PADDING)
        self.windows = nn.Conv1d(width, num_filters, size, padding="same")
        self.dropout = nn.Dropout(0.3)
        self.head = nn.Linear(num_filters, num_classes)
        nn.init.normal_(self.words.weight, std=0.1)
        with torch.no_grad():
            self.words.weight[PADDING] = 0

    def forward(self, tokens: Tensor) -> Tensor:
        vectors = self.words(tokens).transpose(1, 2)  # (N, width, L), as a convolution over one dimension takes it
        found = functional.relu(self.windows(vectors))
        strongest = found.masked_fill((tokens == PADDING).unsqueeze(1), 0).amax(2)
        scores: Tensor = self.head(self.dropout(strongest))
        return scores


def naive_bayes(
    tokens: Tensor, labels: Tensor, *, num_words: int, num_classes: int, smoothing: float = 1.0
) -> BagOfWords:
    """Return a bag of words whose weights are counted instead of learned: `(N, L)` word numbers to log-probabilities,
    up to a constant for each text.

    A word's vector is the logarithm of its share of each class's words, every word counted `smoothing` times more than
    it was seen, and a text's are added up; the biases are the logarithms of the classes' shares. `tokens` (N, L),
    `labels` (N,). Raises ValueError where a class has no text.
    """
    texts_of = torch.bincount(labels, minlength=num_classes)
    if len(texts_of) != num_classes or not texts_of.all():
        raise ValueError(f"Each of {num_classes} classes needs a text to count in; they have {texts_of.tolist()}.")
    counts = torch.zeros(num_words, num_classes)
    places = tokens.flatten(), labels.repeat_interleave(tokens.shape[1])
    counts.index_put_(places, torch.ones(tokens.numel()), accumulate=True)
    shares = counts + smoothing
    shares[PADDING] = 0
    vectors = (shares / shares.sum(0)).log()
    vectors[PADDING] = 0
    model = BagOfWords(num_words, num_classes, width=num_classes, mode="sum")
    with torch.no_grad():
        model.words.weight.copy_(vectors)
        model.head.weight.copy_(torch.eye(num_classes))
        model.head.bias.copy_((texts_of / len(labels)).log())
    return model.requires_grad_(False).eval()


class WordShare(NamedTuple):
    """A word of a text, and what it adds to the score of each class: `(C,)`."""

    word: str
    scores: Tensor


def word_scores(model: BagOfWords) -> Tensor:
    """Return what each word of the vocabulary adds to each class's score, beside the other classes: `(V, C)`.

    Each row sums to 0, since only differences between classes decide. In a mean of words the effect is divided by the
    text's length.
    """
    with torch.no_grad():
        scores = model.words.weight @ model.head.weight.T
        centred: Tensor = (scores - scores.mean(1, keepdim=True)).cpu()
    return centred


def word_shares(model: BagOfWords, vocabulary: Mapping[str, int], text: str, *, max_words: int = 64) -> list[WordShare]:
    """Take a text's score apart: what each of its words adds. Their sum and the head's bias are the model's scores."""
    words = tokenize(text)[:max_words]
    with torch.no_grad():
        tokens = torch.tensor([vocabulary.get(word, UNKNOWN) for word in words], dtype=torch.int64)
        scores = model.words.weight.cpu()[tokens] @ model.head.weight.cpu().T
    if model.words.mode == "mean":
        scores = scores / max(1, len(words))
    return [WordShare(word, row) for word, row in zip(words, scores, strict=True)]


def telling_words(
    model: BagOfWords, vocabulary: Mapping[str, int], *, number: int = 8, among: int = 500
) -> list[list[tuple[str, float]]]:
    """Return for each class the `number` words that speak most for it, with their `word_scores`, highest first.

    Only the `among` most frequent words count: what a rare word says is chance.
    """
    scores, names = word_scores(model)[UNKNOWN + 1 :][:among], list(vocabulary)[UNKNOWN + 1 :]
    best = scores.topk(min(number, len(scores)), dim=0)
    return [
        [(names[place], value) for place, value in zip(places, values, strict=True)]
        for places, values in zip(best.indices.T.tolist(), best.values.T.tolist(), strict=True)
    ]


def nearest_words(
    model: BagOfWords, vocabulary: Mapping[str, int], word: str, *, number: int = 6, among: int = 500
) -> list[tuple[str, float]]:
    """Return the words whose vectors point most nearly the way of `word`'s, with the cosine of the angle, in [-1, 1].

    Looked for among the `among` most frequent. Raises KeyError where the vocabulary lacks `word`.
    """
    if word not in vocabulary:
        raise KeyError(f"{word!r} is not in the vocabulary: it is lower case, and holds what practice has repeated.")
    vectors = functional.normalize(model.words.weight.detach().cpu(), dim=1)
    names = list(vocabulary)
    likeness = vectors @ vectors[vocabulary[word]]
    order = likeness[: among + UNKNOWN + 1].argsort(descending=True).tolist()
    near = [place for place in order if place > UNKNOWN and names[place] != word]
    return [(names[place], likeness[place].item()) for place in near[:number]]
