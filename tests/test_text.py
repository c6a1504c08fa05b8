"""Words as numbers: tokenizer, vocabulary, padding; the bag and the windows; naive Bayes against scikit-learn's."""

import math

import numpy as np
import pytest
import torch
from sklearn.naive_bayes import MultinomialNB
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from course_utils import set_seed, text, train_model
from course_utils.text import PADDING, UNKNOWN, BagOfWords, WordWindows

TEXTS = ["draw the axis", "draw a figure of the axis", "sum the array", "sum of an array, the sum"]
LABELS = torch.tensor([0, 0, 1, 1])


@pytest.fixture
def vocabulary():
    return text.build_vocabulary(TEXTS, min_count=1)


@pytest.fixture
def tokens(vocabulary):
    return text.encode(TEXTS, vocabulary)


def test_words_are_runs_of_letters_in_lower_case_whatever_the_alphabet():
    assert text.tokenize("Return `x_max`, 3 Äpfel; it's Ελλάς.") == [
        "return", "x", "max", "äpfel", "it", "s", "ελλάς",
    ]  # fmt: skip
    assert text.tokenize("42 != 43") == []


def test_the_vocabulary_holds_repeated_words_the_most_frequent_first_from_2():
    found = text.build_vocabulary(["b a c", "b d", "a b", "e"])
    assert found == {"<padding>": 0, "<unknown>": 1, "b": 2, "a": 3}
    assert list(text.build_vocabulary(["b a c", "b d", "a b"], min_count=1))[2:] == ["b", "a", "c", "d"]


def test_a_vocabulary_without_words_is_refused():
    with pytest.raises(ValueError, match="No word occurs 2 times"):
        text.build_vocabulary(["a b", "c"])


def test_texts_are_filled_up_to_the_longest_and_unknown_words_share_a_number(vocabulary):
    encoded = text.encode(["draw it", "", "the the the axis"], vocabulary, max_words=3)
    draw, the = vocabulary["draw"], vocabulary["the"]
    assert encoded.tolist() == [[draw, UNKNOWN, PADDING], [PADDING] * 3, [the, the, the]]
    assert encoded.dtype == torch.int64
    assert text.encode([], vocabulary).shape == (0, 1)
    assert text.encode(["1"], vocabulary).tolist() == [[PADDING]]


def test_a_single_text_in_place_of_a_list_is_refused(vocabulary):
    with pytest.raises(TypeError, match=r"encode\(\[text\]"):
        text.encode("draw", vocabulary)


@pytest.mark.parametrize("mode", ["mean", "sum"])
def test_a_bag_is_the_mean_or_sum_of_its_words_vectors_then_a_linear_layer(tokens, vocabulary, mode):
    model = BagOfWords(len(vocabulary), 3, width=5, mode=mode)
    for row, scores in zip(tokens, model(tokens), strict=True):
        vectors = model.words.weight[row[row != PADDING]]
        bag = vectors.mean(0) if mode == "mean" else vectors.sum(0)
        torch.testing.assert_close(scores, model.head.weight @ bag + model.head.bias)


@pytest.mark.parametrize("model_class", [BagOfWords, WordWindows])
def test_padding_changes_no_answer_and_a_text_without_words_has_one(model_class, tokens, vocabulary):
    set_seed(0)
    model = model_class(len(vocabulary), 2).eval()
    with torch.no_grad():
        if model_class is WordWindows:
            model.windows.bias += 1  # what an unmasked padding would answer
        longer = nn.functional.pad(tokens, (0, 7), value=PADDING)
        torch.testing.assert_close(model(longer), model(tokens))
        torch.testing.assert_close(model(torch.zeros(1, 4, dtype=torch.int64))[0], model.head.bias)


def test_a_bag_does_not_see_the_order_of_words_and_windows_do(tokens, vocabulary):
    set_seed(0)
    backwards = torch.stack([nn.functional.pad(row[row > 0].flip(0), (0, int((row == 0).sum()))) for row in tokens])
    bag, windows = BagOfWords(len(vocabulary), 2), WordWindows(len(vocabulary), 2).eval()
    torch.testing.assert_close(bag(backwards), bag(tokens))
    assert not torch.allclose(windows(backwards), windows(tokens), atol=1e-4)


def test_the_first_word_vectors_are_small_and_paddings_is_zero():
    model = BagOfWords(2000, 4)
    assert model.words.weight[1:].std().item() == pytest.approx(0.1, rel=0.05)
    model.init_weights(1.0)
    assert model.words.weight[1:].std().item() == pytest.approx(1, rel=0.05)
    windows = WordWindows(2000, 4)
    assert windows.words.weight[1:].std().item() == pytest.approx(0.1, rel=0.05)
    for vectors in (model.words.weight, windows.words.weight):
        assert not vectors[PADDING].any()


@pytest.mark.parametrize("model_class", [BagOfWords, WordWindows])
def test_both_learn_with_the_unchanged_loop_and_padding_stays_zero(model_class, tokens, vocabulary):
    set_seed(0)
    model = model_class(len(vocabulary), 2)
    loader = DataLoader(TensorDataset(tokens, LABELS), batch_size=2)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    history = train_model(
        model, loader, loader, criterion=nn.CrossEntropyLoss(), optimizer=optimizer, num_epochs=10, device="cpu",
        progress=False,
    )  # fmt: skip
    assert history.val_accuracy[-1] == 1
    assert not model.words.weight[PADDING].any()


def test_naive_bayes_is_scikit_learns(vocabulary):
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randint(0, len(vocabulary), (40, 6), generator=generator)
    labels = torch.cat([torch.arange(3), torch.randint(0, 3, (37,), generator=generator)])
    counts = np.stack([np.bincount(row, minlength=len(vocabulary)) for row in tokens.numpy()])[:, 1:]
    for options in ({"smoothing": 0.5}, {}):
        theirs = MultinomialNB(alpha=options.get("smoothing", 1.0)).fit(counts, labels)
        ours = text.naive_bayes(tokens, labels, num_words=len(vocabulary), num_classes=3, **options)
        expected = theirs.predict_log_proba(counts)
        np.testing.assert_allclose(ours(tokens).log_softmax(1), expected, rtol=1e-4, atol=1e-5)
    assert not any(parameter.requires_grad for parameter in ours.parameters())


def test_naive_bayes_needs_a_text_of_every_class(tokens, vocabulary):
    with pytest.raises(ValueError, match=r"they have \[2, 2, 0\]"):
        text.naive_bayes(tokens, LABELS, num_words=len(vocabulary), num_classes=3)
    with pytest.raises(ValueError, match="Each of 1 classes"):
        text.naive_bayes(tokens, LABELS, num_words=len(vocabulary), num_classes=1)


@pytest.mark.parametrize("sentence", ["draw the nonsense axis", "axis"])
@pytest.mark.parametrize("mode", ["mean", "sum"])
def test_the_words_shares_add_up_to_the_models_scores(vocabulary, mode, sentence):
    model = BagOfWords(len(vocabulary), 3, mode=mode)
    shares = text.word_shares(model, vocabulary, sentence)
    assert [share.word for share in shares] == sentence.split()
    total = torch.stack([share.scores for share in shares]).sum(0) + model.head.bias
    torch.testing.assert_close(total, model(text.encode([sentence], vocabulary))[0])
    assert text.word_shares(model, vocabulary, "42") == []


@pytest.fixture
def pointed(vocabulary):
    """A bag with two numbers a word, its head as it comes: "draw" speaks for class 0, "sum" for 1, "array" less so."""
    model = BagOfWords(len(vocabulary), 2, width=2)
    with torch.no_grad():
        model.words.weight.zero_()
        model.head.weight.copy_(torch.eye(2))
        for word, vector in {"draw": [3.0, 1.0], "sum": [0.0, 4.0], "array": [0.0, 1.0], "axis": [2.0, 0.0]}.items():
            model.words.weight[vocabulary[word]] = torch.tensor(vector)
    return model


def test_a_words_scores_are_measured_beside_the_other_classes(pointed, vocabulary):
    scores = text.word_scores(pointed)
    assert scores[vocabulary["draw"]].tolist() == [1, -1]
    torch.testing.assert_close(scores.sum(1), torch.zeros(len(vocabulary)))


def test_the_most_telling_words_come_first_and_rare_ones_do_not_count(pointed, vocabulary):
    first, second = text.telling_words(pointed, vocabulary, number=2)
    assert first == [("axis", 1.0), ("draw", 1.0)] or first == [("draw", 1.0), ("axis", 1.0)]
    assert second == [("sum", 2.0), ("array", 0.5)]
    (_, second) = text.telling_words(pointed, vocabulary, number=2, among=vocabulary["sum"] - 1)
    assert second[0] == ("sum", 2.0)
    (_, second) = text.telling_words(pointed, vocabulary, number=2, among=vocabulary["sum"] - 2)
    assert "sum" not in dict(second)


def test_the_nearest_words_point_the_same_way_however_long_their_vectors(pointed, vocabulary):
    (word, likeness), (other, less) = text.nearest_words(pointed, vocabulary, "array", number=2)
    assert (word, other) == ("sum", "draw")
    assert likeness == pytest.approx(1)
    assert less == pytest.approx(1 / math.sqrt(10))
    with torch.no_grad():
        pointed.words.weight[UNKNOWN] = pointed.words.weight[vocabulary["sum"]]
    assert text.nearest_words(pointed, vocabulary, "array", number=1)[0][0] == "sum"
    place = vocabulary["sum"] - UNKNOWN  # among the words, counted from 1
    assert text.nearest_words(pointed, vocabulary, "array", among=place)[0][0] == "sum"
    assert "sum" not in dict(text.nearest_words(pointed, vocabulary, "array", among=place - 1))
    with pytest.raises(KeyError, match="not in the vocabulary"):
        text.nearest_words(pointed, vocabulary, "Array")
