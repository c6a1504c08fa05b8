"""Sentences: what is read from sources, whose it is, and that no file and no sentence stands on two sides."""

import csv
import re
import shutil
from collections import Counter
from pathlib import Path

import pytest

from course_utils import sentences
from course_utils.sentences import Sentence

SOURCE = '''"""A module about squares. More of it."""

def add(first, second):
    """
    Return the sum
    of two numbers.

    More words.
    """

class Square:
    "The square has four equal sides"
    async def area(self):
        """Square(side) -> float

        Return the area of this square."""

    def nothing(self):
        return """No docstring, only a text that is returned."""

add_newdoc("package.module", "name", """Docstring of a thing in C. And more.""")
if Square:
    try:
        pass
    except ValueError:
        def inner():
            "One in a block of a block."
else:
    match 1:
        case 2:
            class Other:
                "One in a case of a block."

print("A text that is only shown to somebody.")
add_newdoc()
try:
    pass
except KeyError:
    def handled(): "One in a handler."
finally:
    def last(): "One at the very end."

add_newdoc("package", "name", ("attribute", """Docstring of an attribute in C."""))
'''


def write_library(folder: Path, num_files: int, num_sentences: int, word: str) -> None:
    """Write files of docstrings, all different: "alpha writes a a b", ..."""
    folder.mkdir()
    for number in range(num_files):
        functions = [
            f'def f{each}():\n    """{word} writes {"a " * (number + 1)}and {"b " * (each + 1)}here."""\n'
            for each in range(num_sentences)
        ]
        (folder / f"part{number}.py").write_text("".join(functions), encoding="utf-8")


@pytest.fixture
def authors(tmp_path, monkeypatch):
    """Four authors with 12 files of 10 sentences each."""
    words = dict(zip(sentences.AUTHORS, ("alpha", "beta", "gamma", "delta"), strict=True))
    for author, word in words.items():
        write_library(tmp_path / author, 12, 10, word)
    monkeypatch.setattr(sentences, "home_of", lambda author: tmp_path / author)
    return tmp_path


def test_docstrings_are_read_from_the_source_and_nothing_runs(tmp_path):
    path = tmp_path / "module.py"
    path.write_text(SOURCE + "raise SystemExit\n", encoding="utf-8")
    assert sorted(map(sentences.first_sentence, sentences.docstrings_in(path))) == [
        "A module about squares.",
        "Docstring of a thing in C.",
        "Docstring of an attribute in C.",
        "One at the very end.",
        "One in a block of a block.",
        "One in a case of a block.",
        "One in a handler.",
        "Return the area of this square.",
        "Return the sum of two numbers.",
        "The square has four equal sides",
        "attribute",
    ]


@pytest.mark.parametrize("content", [b"def f(:\n", b"\x00", b"# coding: latin-1\n'\xe9'\nprint 1\n"])
def test_a_file_that_is_no_python_holds_no_docstring(tmp_path, content):
    path = tmp_path / "template.py"
    path.write_bytes(content)
    assert list(sentences.docstrings_in(path)) == []


def test_odd_backslashes_and_other_encodings_are_read_without_a_warning(tmp_path):
    path = tmp_path / "old.py"
    path.write_bytes(b'# coding: latin-1\n"""A caf\xe9 with \\d digits."""\n')
    assert list(sentences.docstrings_in(path)) == ["A café with \\d digits."]


@pytest.mark.parametrize(
    ("docstring", "sentence"),
    [
        ("One line\n  and another. Then more.", "One line and another."),
        ("Works for e.g. lists. Then more.", "Works for e.g. lists."),
        ("Is it so? `Yes`.", "Is it so?"),
        ("abs(x, *, out=None) -> Tensor\n\n Return it. More.", "Return it."),
        ("abs(x)", ""),
        ("abs(x, /) --\n\nReturn it.", "Return it."),
        ("abs(x)\n\nabs(x, y)\n\nMore.", ""),
        ("Head.\n\nabs(x)", "Head."),
        ("Head without a stop\n\nMore.", "Head without a stop"),
    ],
)
def test_the_first_sentence_is_one_line(docstring, sentence):
    assert sentences.first_sentence(docstring) == sentence


def test_the_authors_names_are_masked_and_what_only_holds_them_is_not():
    text = (
        "PyTorch, torch.nn, __torch_function__, NumPy's np.array, `matplotlib`, mpl_toolkits, plt; CPython input simple"
    )
    masked = "xxx, xxx.nn, __xxx_function__, xxx's xxx.array, `xxx`, xxx_toolkits, xxx; xxx input simple"
    assert sentences.masked(text) == masked


def test_tests_and_other_authors_code_are_left_out_and_the_order_is_by_seed(tmp_path):
    theirs = [tmp_path / name for name in ("a.py", "b/c.py", "b/latest.py", "d.py", "e.py")]
    others = ["tests/f.py", "test_g.py", "b/h_test.py", "site-packages/torch/i.py", "distutils/j.py", "k.txt"]
    for path in [*theirs, *(tmp_path / name for name in others)]:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    orders = [sentences.source_files(tmp_path, seed=seed) for seed in (0, 0, 1, 2)]
    assert all(sorted(order) == theirs for order in orders)
    assert orders[0] == orders[1]
    assert len({tuple(order) for order in orders}) > 1


def test_a_sentence_is_taken_once_by_its_words_and_only_of_a_fitting_length(tmp_path, monkeypatch):
    monkeypatch.setattr(sentences, "home_of", lambda _: tmp_path)
    write_library(tmp_path / "more", 6, 10, "alpha")
    texts = ["Return the copy of `it`.", "return the copy, of it", "Too short, this", "long " * 41, "long " * 40]
    lines = [f'def f{number}():\n    """{text}"""\n' for number, text in enumerate(texts)]
    (tmp_path / "odd.py").write_text("".join(lines), encoding="utf-8")
    seen = {"alpha writes a and b here"}
    found = sentences.find_sentences("NumPy", seed=0, seen=seen)
    odd = [sentence.text for sentence in found if sentence.file == "odd.py"]
    assert odd == ["Return the copy of `it`.", ("long " * 40).strip()]
    assert len(found) == 59 + 2
    assert len(seen) == 60 + 2


@pytest.mark.usefixtures("authors")
def test_reading_ends_with_the_file_that_makes_it_enough():
    assert len(sentences.find_sentences("torch", seed=0, seen=set(), most=55)) == 60
    assert len(sentences.find_sentences("torch", seed=0, seen=set(), most=60)) == 60


def test_a_library_without_sources_is_named_with_a_way_out(authors):
    shutil.rmtree(authors / "torch")
    (authors / "torch").mkdir()
    with pytest.raises(RuntimeError, match=r"gave 0 docstrings of torch.*load_texts\('ag_news'\)"):
        sentences.find_sentences("torch", seed=0, seen=set())


def test_a_file_goes_to_the_first_exam_that_has_room_for_all_of_it_else_to_practice():
    sizes = {"a": 3, "b": 5, "c": 4, "d": 2, "e": 1, "f": 3}
    rows = [Sentence(f"{file}{number}", file) for file, size in sizes.items() for number in range(size)]
    train, val, test = sentences.deal_out(rows, exam=5)
    assert [*map("".join, (train, val, test))] == ["c0c1c2c3e0f0f1f2", "b0b1b2b3b4", "a0a1a2d0d1"]


@pytest.mark.usefixtures("authors")
def test_every_class_has_as_many_sentences_and_no_sentence_or_file_stands_on_two_sides():
    splits = sentences.load_texts(seed=0)
    assert splits.classes == ("torch", "NumPy", "Matplotlib", "standard library")
    sizes = [Counter(part.labels) for part in splits[1:]]
    assert sizes == [dict.fromkeys(range(4), 80), dict.fromkeys(range(4), 20), dict.fromkeys(range(4), 20)]
    files = [{(text.split()[0], text.split(" and ")[0]) for text in part.texts} for part in splits[1:]]
    assert not files[0] & files[1]
    assert not files[0] & files[2]
    assert not files[1] & files[2]
    for part in splits[1:]:
        owners = [text.split()[0] for text in part.texts]
        assert owners == [("alpha", "beta", "gamma", "delta")[label] for label in part.labels]


@pytest.mark.usefixtures("authors")
def test_the_same_seed_deals_the_same_and_another_seed_differently():
    assert sentences.load_texts(seed=3) == sentences.load_texts(seed=3)
    assert sentences.load_texts(seed=3) != sentences.load_texts(seed=4)


def test_the_author_with_the_fewest_sentences_sets_the_size_for_all(authors):
    for path in list((authors / "NumPy").glob("*.py"))[:4]:
        path.unlink()
    splits = sentences.load_texts(seed=0)
    assert sum(len(part.texts) for part in splits[1:]) == pytest.approx(4 * 80, abs=40)
    assert len({*Counter(splits.train.labels).values()}) == 1


@pytest.mark.usefixtures("authors")
def test_no_more_is_read_than_a_lesson_needs(monkeypatch):
    monkeypatch.setattr(sentences, "MOST_EACH", 100)
    splits = sentences.load_texts(seed=0)
    assert [len(part.texts) for part in splits[1:]][1:] == [4 * 20, 4 * 20]


def test_an_author_who_is_not_installed_is_named(monkeypatch):
    monkeypatch.setitem(sentences.AUTHORS, "Nobody", "nobody_wrote_this")
    with pytest.raises(RuntimeError, match="Nobody is not installed: `course doctor`"):
        sentences.home_of("Nobody")


def test_the_libraries_at_hand_are_found_without_being_imported():
    for author in sentences.AUTHORS:
        assert (sentences.home_of(author) / "__init__.py").exists() == (author != "standard library")
    assert (sentences.home_of("standard library") / "ast.py").exists()


def test_sentences_of_a_library_at_hand_are_sentences():
    found = sentences.find_sentences("Matplotlib", seed=0, seen=set(), most=60)
    assert all(4 <= len(re.findall(r"[^\W\d_]+", sentence.text)) <= 40 for sentence in found)
    assert not any("matplotlib" in sentence.text.lower() for sentence in found)


def test_an_unknown_source_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="texts come as docstrings or ag_news"):
        sentences.load_texts("news")


@pytest.fixture
def news(tmp_path, monkeypatch):
    path = tmp_path / "news.csv"
    rows = [[t + 1, f"Title {t} {number}", f"It&#39;s a\\téxt, {number}"] for t in range(4) for number in range(10)]
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows(rows)
    monkeypatch.setattr(sentences, "fetch_file", lambda key: {"ag_news": path}[key])


@pytest.mark.usefixtures("news")
def test_news_are_read_with_title_and_description_a_fifth_in_each_exam():
    splits = sentences.load_texts("ag_news", seed=0)
    assert splits.classes == ("World", "Sports", "Business", "Sci/Tech")
    assert [Counter(part.labels)[0] for part in splits[1:]] == [6, 2, 2]
    texts = [text for part in splits[1:] for text in part.texts]
    assert len({*texts}) == 40
    assert "Title 0 3 It's a téxt, 3" in texts
    for part in splits[1:]:
        assert [int(text.split()[1]) for text in part.texts] == part.labels
    assert sentences.load_texts("ag_news", seed=0) == splits != sentences.load_texts("ag_news", seed=1)


def test_the_published_news_are_1_140_of_each_topic_in_practice(datasets_mirror, tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_MIRROR", str(datasets_mirror))
    monkeypatch.setenv("COURSE_DATA_DIR", str(tmp_path))
    splits = sentences.load_texts("ag_news")
    assert [Counter(part.labels) for part in splits[1:]] == [dict.fromkeys(range(4), size) for size in (1140, 380, 380)]
    texts = [text for part in splits[1:] for text in part.texts]
    assert not any("\\" in text or "&lt;" in text for text in texts)
