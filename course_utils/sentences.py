"""Where the sentences of lesson 10 come from: docstrings of the libraries at hand, or items of news.

Nobody's code is run for it: the sources are read as text.
"""

import ast
import csv
import hashlib
import html
import importlib.util
import random
import re
import sysconfig
import warnings
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from course_utils.pictures.catalog import fetch_file

# Who writes, and where it lies: the package to look for, or None for what comes with Python.
AUTHORS = {"torch": "torch", "NumPy": "numpy", "Matplotlib": "matplotlib", "standard library": None}
TOPICS = ("World", "Sports", "Business", "Sci/Tech")
MASK = "xxx"  # stands where an author's own name stood
WORDS_OF_A_SENTENCE = range(4, 41)
MOST_EACH = 1500

_NAMES = re.compile(
    r"(?<![a-z])(?:(?:py)?torch[a-z]*|numpy|np|matplotlib|mpl[a-z]*|pyplot|pylab|plt|c?python)(?![a-z])", re.IGNORECASE
)
_NOT_THEIRS = {"site-packages", "dist-packages", "_vendor", "distutils"}  # other authors' code that lies among theirs
_TESTS = re.compile(r"_?test(s|ing)?|test_.*|.*_tests?\.py|idlelib|lib2to3")
_SIGNATURE = re.compile(r"[\w.]+\(.*\)( ?-[->].*)?")  # abs(x), abs(x) -> y, abs(x) --


class Texts(NamedTuple):
    """N texts and the class number of each."""

    texts: list[str]
    labels: list[int]


class TextSplits(NamedTuple):
    """A data set of texts: its `classes` in the order of their numbers, and practice, mock exam and final exam."""

    classes: tuple[str, ...]
    train: Texts
    val: Texts
    test: Texts


class Sentence(NamedTuple):
    """A sentence, and the file that it stands in, as a path below its library's folder."""

    text: str
    file: str


def load_texts(source: str = "docstrings", *, seed: int = 0) -> TextSplits:
    """Return the texts of `source`, a fifth of each class in the mock exam, a fifth in the final exam.

    "docstrings"  first sentences of docstrings in the installed torch, NumPy, Matplotlib and standard library, up to
                  1,500 of each and equally many; the class is the author. The libraries' own names are masked, no
                  sentence stands there twice, and no file gives sentences to two splits. Other versions of the
                  libraries give other sentences.
    "ag_news"     7,600 items of news, title and description; the class is the topic. A download of 1.9 MB.

    `seed` deals them out: the same seed, the same splits. Raises ValueError for another source, RuntimeError where a
    library's sources cannot be read, DownloadError where the news cannot be had.
    """
    if source not in _SOURCES:
        raise ValueError(f"source={source!r}: texts come as {' or '.join(_SOURCES)}.")
    return _SOURCES[source](seed)


def _docstrings(seed: int) -> TextSplits:
    seen: set[str] = set()
    by_author = [find_sentences(author, seed=seed, seen=seen) for author in AUTHORS]
    fifth = min(MOST_EACH, *map(len, by_author)) // 5
    dealt = [deal_out(sentences, exam=fifth) for sentences in by_author]
    return TextSplits(tuple(AUTHORS), *(_labelled(parts) for parts in zip(*dealt, strict=True)))


def _news(seed: int) -> TextSplits:
    """A row of the file is: topic from 1, title, description; a backslash stands for a line break."""
    by_topic: list[list[str]] = [[] for _ in TOPICS]
    with fetch_file("ag_news").open(encoding="utf-8", newline="") as file:
        for topic, *parts in csv.reader(file):
            by_topic[int(topic) - 1].append(html.unescape(" ".join(parts).replace("\\", " ")))
    for texts in by_topic:
        random.Random(seed).shuffle(texts)
    fifth = min(map(len, by_topic)) // 5
    places = slice(2 * fifth, None), slice(fifth, 2 * fifth), slice(fifth)
    return TextSplits(TOPICS, *(_labelled([texts[place] for texts in by_topic]) for place in places))


_SOURCES: dict[str, Callable[[int], TextSplits]] = {"docstrings": _docstrings, "ag_news": _news}


def _labelled(by_class: Sequence[Sequence[str]]) -> Texts:
    """Put the texts of all classes into one list, as many of each."""
    size = min(map(len, by_class))
    labels = [label for label, _ in enumerate(by_class) for _ in range(size)]
    return Texts([text for texts in by_class for text in texts[:size]], labels)


def deal_out(sentences: Sequence[Sentence], *, exam: int) -> tuple[list[str], list[str], list[str]]:
    """Return practice, mock exam and final exam; `exam` sentences, or hardly fewer, go to each of the last two.

    Sentences of one file lie side by side and stay together: a file goes to the first exam that has room for all of
    it, else to practice.
    """
    train: list[str] = []
    val: list[str] = []
    test: list[str] = []
    for _, file in groupby(sentences, key=lambda sentence: sentence.file):
        texts = [sentence.text for sentence in file]
        next((split for split in (test, val) if len(split) + len(texts) <= exam), train).extend(texts)
    return train, val, test


def find_sentences(author: str, *, seed: int, seen: set[str], most: int = MOST_EACH) -> list[Sentence]:
    """Return at least `most` sentences of one of `AUTHORS`, or all there are, file by file in an order by `seed`.

    `seen` holds what has been found before, so that nothing comes twice, and grows. Raises RuntimeError where there
    are fewer than 50.
    """
    folder = home_of(author)
    found: list[Sentence] = []
    for path in source_files(folder, seed=seed):
        name = path.relative_to(folder).as_posix()
        for docstring in docstrings_in(path):
            text = masked(first_sentence(docstring))
            words = re.findall(r"[^\W\d_]+", text.lower())
            if len(words) in WORDS_OF_A_SENTENCE and " ".join(words) not in seen:
                seen.add(" ".join(words))
                found.append(Sentence(text, name))
        if len(found) >= most:
            break
    if len(found) < 50:
        raise RuntimeError(
            f"{folder} gave {len(found)} docstrings of {author}, too few to learn from: its Python sources are not "
            "there. Install Python and its libraries in the usual way, or read load_texts('ag_news')."
        )
    return found


def home_of(author: str) -> Path:
    """Return the folder of an author's sources, without importing them."""
    package = AUTHORS[author]
    if package is None:
        return Path(sysconfig.get_path("stdlib"))
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise RuntimeError(f"{author} is not installed: `course doctor` says how to mend it.")
    return Path(spec.origin).parent


def source_files(folder: Path, *, seed: int) -> list[Path]:
    """Return the Python files below `folder`, tests and other authors' code left out.

    The order is by chance, but the same for one seed and one file's name on every machine.
    """

    def is_theirs(path: Path) -> bool:
        parts = path.relative_to(folder).parts
        return _NOT_THEIRS.isdisjoint(parts) and not any(map(_TESTS.fullmatch, parts))

    def by_chance(path: Path) -> str:
        return hashlib.sha256(f"{seed} {path.relative_to(folder).as_posix()}".encode()).hexdigest()

    return sorted(filter(is_theirs, folder.rglob("*.py")), key=by_chance)


def docstrings_in(path: Path) -> Iterator[str]:
    """Yield the docstrings of a Python file, and those that it adds to compiled code (NumPy's `add_newdoc`)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of backslashes in somebody else's strings
        try:
            tree = ast.parse(path.read_bytes())
        except (SyntaxError, ValueError):  # a template, or written for another Python: holds no sentence to be read
            return
    for node in [tree, *_statements(tree)]:
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            if docstring := ast.get_docstring(node):
                yield docstring
        else:
            yield from _added(node)


def _added(statement: ast.AST) -> list[str]:
    """Return the texts that a statement `add_newdoc(module, name, text)` adds to what is written in C."""
    call = getattr(statement, "value", None)
    if not isinstance(call, ast.Call) or getattr(call.func, "id", "") != "add_newdoc" or not call.args:
        return []
    parts = [part.value for part in ast.walk(call.args[-1]) if isinstance(part, ast.Constant)]
    return [part for part in parts if isinstance(part, str)]


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """Yield all statements inside `node`. `ast.walk` would look into every expression as well, in twice the time."""
    for block in ("body", "orelse", "finalbody", "handlers", "cases"):
        for statement in getattr(node, block, ()):
            yield statement
            yield from _statements(statement)


def first_sentence(docstring: str) -> str:
    """Return the first sentence on one line. A signature that stands first, as in `abs(x) -> y`, is none."""
    paragraphs = [" ".join(paragraph.split()) for paragraph in re.split(r"\n\s*\n", docstring.strip())]
    texts = [paragraph for paragraph in paragraphs[:2] if not _SIGNATURE.fullmatch(paragraph)]
    return re.split(r"(?<=[.!?])\s+(?=[^a-z])", texts[0])[0] if texts else ""


def masked(text: str) -> str:
    """Return the text with the authors' own names, such as `np` or PyTorch, replaced by `MASK`."""
    return _NAMES.sub(MASK, text)
