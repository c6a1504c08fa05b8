"""Data sets: drawn once for each version of the drawing; photos fetched, verified, refused when tampered with."""

import hashlib
import io
import shutil
import zipfile
from pathlib import Path

import pytest

from course_utils.pictures import catalog
from course_utils.pictures.downloads import DownloadError

SPLITS = ("train", "validation", "test")
PHOTOS = {
    "train/dress/a.jpg": b"a red dress",
    "train/hat/b.jpg": b"a straw hat",
    "validation/hat/c.jpg": b"a felt hat",
    "test/dress/d.jpg": b"a blue dress",
}


def published(photos: dict[str, bytes]) -> str:
    """The published definition of the digest, written out by hand."""
    digest = hashlib.sha256()
    for path in sorted(photos):
        digest.update(path.encode() + b"\0" + hashlib.sha256(photos[path]).hexdigest().encode() + b"\n")
    return digest.hexdigest()


def write_archive(path: Path, photos: dict[str, bytes], *, top="clothing-dataset-small-master") -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(f"{top}/LICENSE", "CC0")
        for name, content in photos.items():
            archive.writestr(f"{top}/{name}", content)
    path.write_bytes(buffer.getvalue())


@pytest.fixture(autouse=True)
def data(tmp_path, monkeypatch) -> Path:
    """An empty data folder, with a space and a letter beyond ASCII in its path."""
    folder = tmp_path / "my dàta"
    monkeypatch.setenv("COURSE_DATA_DIR", str(folder))
    return folder


@pytest.fixture
def mirror(tmp_path, monkeypatch) -> Path:
    """A mirror folder without network, holding a data set of four small photos in place of the published one."""
    folder = tmp_path / "stick"
    folder.mkdir()
    write_archive(folder / "clothing-dataset-small-master.zip", PHOTOS)
    monkeypatch.setenv("COURSE_MIRROR", str(folder))
    monkeypatch.setenv("COURSE_OFFLINE", "1")
    monkeypatch.setattr(catalog, "PHOTOS_PER_SPLIT", {"train": 2, "validation": 1, "test": 1})
    monkeypatch.setattr(catalog, "PHOTOS_DIGEST", published(PHOTOS))
    return folder


@pytest.fixture
def drawings(monkeypatch):
    """A stand-in for the drawing code that draws three files; the list counts its calls."""
    calls = []

    def draw_dataset(root, *, seed=0, sizes=None, progress=True, num_workers=None):
        calls.append((Path(root), seed, sizes, progress, num_workers))
        for split in SPLITS:
            (root / split / "hat").mkdir(parents=True)
            (root / split / "hat" / "1.jpg").write_bytes(f"drawing {len(calls)}".encode())
        return root

    monkeypatch.setattr(catalog.drawn, "draw_dataset", draw_dataset)
    return calls


@pytest.fixture
def full_checks(monkeypatch):
    """The list counts how often photos are verified byte by byte."""
    calls, check = [], catalog._check_photos

    def counted(pictures):
        calls.append(1)
        check(pictures)

    monkeypatch.setattr(catalog, "_check_photos", counted)
    return calls


def entries(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


# Which pictures ------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("drawings", "mirror")
def test_the_setting_decides_where_no_source_is_given(data, monkeypatch):
    assert catalog.clothing() == data / catalog.DRAWN_FOLDER
    monkeypatch.setenv("COURSE_DATASET", "photos")
    assert catalog.clothing() == data / "clothing-dataset-small-master"
    assert catalog.clothing("drawn") == data / catalog.DRAWN_FOLDER


def test_an_unknown_source_is_refused_and_says_where_it_came_from(data, monkeypatch):
    with pytest.raises(ValueError, match=r"source is 'fotos'.*'drawn' or 'photos'"):
        catalog.clothing("fotos")
    with pytest.raises(ValueError, match="source is ''"):
        catalog.clothing("")
    monkeypatch.setenv("COURSE_DATASET", "Drawn")
    with pytest.raises(ValueError, match="COURSE_DATASET is 'Drawn'"):
        catalog.clothing()
    assert not data.exists()


# Drawn ---------------------------------------------------------------------------------------------------------------


def test_drawn_pictures_are_drawn_once(drawings):
    first = catalog.clothing("drawn", progress=False, num_workers=2)
    second = catalog.clothing("drawn")
    assert first == second
    assert [call[1:] for call in drawings] == [(0, None, False, 2)]
    assert (first / "train" / "hat" / "1.jpg").read_bytes() == b"drawing 1"
    assert entries(first) == set(SPLITS)


def test_checkouts_that_draw_alike_share_a_folder_and_others_leave_it_alone(drawings, monkeypatch):
    """Nothing but the version counts: a comment in the drawing code draws nothing afresh, at nobody's turn."""
    first = catalog.clothing("drawn")
    assert first.name == f"clothing-drawn-{catalog.drawn.DRAWING_VERSION}"
    newer = catalog.Source("clothing-drawn-newer", catalog._draw, catalog._verify_drawn)
    with monkeypatch.context() as patched:
        patched.setitem(catalog._SOURCES, "drawn", newer)
        second = catalog.clothing("drawn")
    assert catalog.clothing("drawn") == first
    assert len(drawings) == 2
    assert (first / "train" / "hat" / "1.jpg").read_bytes() == b"drawing 1"
    assert (second / "train" / "hat" / "1.jpg").read_bytes() == b"drawing 2"


def test_interrupted_drawing_leaves_nothing_that_passes_for_the_pictures(data, monkeypatch):
    def interrupt(_job):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(catalog.drawn.dataset, "_draw_file", interrupt)
        with pytest.raises(KeyboardInterrupt):
            catalog.clothing("drawn")
    assert entries(data) == set()


def test_pictures_that_another_notebook_drew_meanwhile_stay(data, monkeypatch):
    draw = catalog.drawn.draw_dataset

    def overtaken(root, **options):
        with monkeypatch.context() as patched:
            patched.setattr(catalog.drawn, "draw_dataset", lambda root, **_: draw(root, sizes={"test": 10}))
            catalog.clothing("drawn")
        theirs.append((root / "test" / "hat" / "0000.jpg").stat().st_mtime_ns)
        with monkeypatch.context() as patched:  # this one looked before the other was ready
            patched.setattr(Path, "exists", lambda path: path != root and path.is_dir())
            return draw(root, sizes={"test": 10}, **options)

    theirs = []
    monkeypatch.setattr(catalog.drawn, "draw_dataset", overtaken)
    folder = catalog.clothing("drawn")
    assert [(folder / "test" / "hat" / "0000.jpg").stat().st_mtime_ns] == theirs
    assert entries(data) == {catalog.DRAWN_FOLDER, f".{catalog.DRAWN_FOLDER}.verified"}


def test_instruments_are_drawn_once_and_a_folder_with_a_file_of_somebody_is_refused(data, monkeypatch):
    draw, planned, calls = catalog.drawn.draw_instruments, catalog.drawn.planned_instruments(1, 2), []

    def draw_few(root, **options):
        calls.append(options)
        return draw(root, num_instruments=1, num_views=2, **options)

    monkeypatch.setattr(catalog.drawn, "draw_instruments", draw_few)
    monkeypatch.setattr(catalog.drawn, "planned_instruments", lambda: planned)
    folder = catalog.instruments(progress=False, num_workers=0)
    assert folder == catalog.instruments() == data / f"instruments-drawn-{catalog.drawn.INSTRUMENTS_VERSION}"
    assert calls == [{"progress": False, "num_workers": 0}]
    assert entries(folder / "harp") == {"harp_01_1.jpg", "harp_01_2.jpg"}
    (folder / "harp" / "mine.jpg").write_bytes(b"mine")
    with pytest.raises(RuntimeError, match=r"harp/mine\.jpg was added"):
        catalog.instruments()
    (folder / "harp" / "mine.jpg").rename(folder / "harp" / "harp_01_1.jpg")
    with pytest.raises(RuntimeError, match="have been changed"):
        catalog.instruments()
    (folder / "harp" / "harp_01_1.jpg").unlink()
    with pytest.raises(RuntimeError, match=r"harp/harp_01_1\.jpg is missing"):
        catalog.instruments()


@pytest.fixture
def small_plan(monkeypatch) -> list[str]:
    """Let the course draw ten pictures only; return their names."""
    monkeypatch.setattr(catalog.drawn.dataset, "SPLIT_SIZES", {"test": 10})
    return [path.as_posix() for path in catalog.drawn.planned_files()]


@pytest.mark.parametrize("name", ["mine.jpg", "mine.png", "MINE.JPG", "notes.txt"])
def test_a_drawn_folder_with_a_file_of_somebody_is_refused_kept_and_drawn_afresh_once_renamed(name, data, small_plan):
    folder = catalog.clothing("drawn")
    mine = folder / "test" / "hat" / name
    mine.write_bytes(b"my own hat")
    with pytest.raises(RuntimeError, match=rf"test/hat/{name} was added\. Give that folder another name"):
        catalog.clothing("drawn")
    assert mine.read_bytes() == b"my own hat"
    folder.rename(data / "my hats")
    assert {path.relative_to(folder).as_posix() for path in catalog.clothing("drawn").rglob("*.*")} == set(small_plan)
    assert (data / "my hats" / "test" / "hat" / name).read_bytes() == b"my own hat"


def test_what_else_can_happen_to_a_drawn_folder_is_named(small_plan):
    folder = catalog.clothing("drawn")
    (folder / small_plan[0]).write_bytes(b"painted over")
    with pytest.raises(RuntimeError, match="some of its pictures have been changed"):
        catalog.clothing("drawn")
    (folder / small_plan[0]).unlink()
    (folder / small_plan[1]).unlink()
    with pytest.raises(RuntimeError, match=rf"{min(small_plan[:2])} \(and 1 more\) is missing"):
        catalog.clothing("drawn")


@pytest.mark.usefixtures("small_plan")
def test_what_systems_leave_lying_about_is_nobodys_change():
    folder = catalog.clothing("drawn")
    for name in (".DS_Store", "test/Thumbs.db", "test/hat/._0000.jpg"):
        (folder / name).write_bytes(b"-")
    (folder / "test" / ".ipynb_checkpoints").mkdir()
    assert catalog.clothing("drawn") == folder


@pytest.mark.usefixtures("small_plan")
def test_a_drawn_folder_copied_without_the_note_beside_it_is_as_good():
    folder = catalog.clothing("drawn")
    catalog._note(folder).unlink()
    assert catalog.clothing("drawn") == folder
    assert catalog._note(folder).exists()


def test_a_folder_that_the_course_did_not_draw_is_refused_and_kept(data, drawings):
    (data / catalog.DRAWN_FOLDER).mkdir(parents=True)
    with pytest.raises(RuntimeError, match=r"not as the course put it there: test/dress/0000\.jpg .* is missing"):
        catalog.clothing("drawn")
    assert drawings == []


@pytest.mark.usefixtures("small_plan")
@pytest.mark.parametrize("error", [PermissionError(13, "Permission denied"), OSError(28, "No space left on device")])
def test_a_data_folder_that_cannot_be_written_is_named_with_a_way_out(data, tmp_path, monkeypatch, error):
    draw = catalog.drawn.draw_dataset

    def refuse(root, **options):
        if root.parent == data:
            raise error
        return draw(root, **options)

    monkeypatch.setattr(catalog.drawn, "draw_dataset", refuse)
    with pytest.raises(OSError, match=rf"my dàta .*{error.strerror}.*Set COURSE_DATA_DIR"):
        catalog.clothing("drawn")
    monkeypatch.setenv("COURSE_DATA_DIR", str(tmp_path / "elsewhere"))
    assert catalog.clothing("drawn") == tmp_path / "elsewhere" / catalog.DRAWN_FOLDER


@pytest.mark.usefixtures("small_plan")
def test_the_real_drawing_code_fits_in():
    folder = catalog.clothing("drawn")
    assert entries(folder / "test") == set(catalog.drawn.CLASSES)


# Photos --------------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("mirror")
def test_photos_come_from_the_mirror_whole():
    folder = catalog.clothing("photos")
    assert {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.jpg")} == PHOTOS
    assert entries(folder) == {*SPLITS, "LICENSE"}


def test_an_archive_whose_top_folder_is_named_after_a_commit_is_as_good(mirror):
    write_archive(mirror / "clothing-dataset-small-master.zip", PHOTOS, top="clothing-dataset-small-1196151")
    assert (catalog.clothing("photos") / "test" / "dress" / "d.jpg").exists()


@pytest.mark.usefixtures("mirror")
def test_photos_are_verified_once_and_then_remembered(data, full_checks):
    catalog.clothing("photos")
    after_first = len(full_checks)
    assert after_first >= 1
    (data / "clothing-dataset-small-master.zip").unlink()
    catalog.clothing("photos")
    assert len(full_checks) == after_first


@pytest.mark.usefixtures("mirror")
def test_photos_that_another_notebook_extracted_meanwhile_are_verified_and_accepted(full_checks, monkeypatch):
    extract = catalog.extract_zip

    def twice(*arguments, **options):
        extract(*arguments, **options)
        full_checks.clear()
        extract(*arguments, **options)

    monkeypatch.setattr(catalog, "extract_zip", twice)
    assert (catalog.clothing("photos") / "test" / "dress" / "d.jpg").exists()
    assert len(full_checks) == 1


def test_a_folder_put_there_by_hand_is_verified_and_accepted(data, mirror, full_checks):
    for name, content in PHOTOS.items():
        path = data / "clothing-dataset-small-master" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (path.parent / "._d.jpg").write_bytes(b"what macOS leaves beside a copied file")
    (mirror / "clothing-dataset-small-master.zip").unlink()
    assert catalog.clothing("photos") == data / "clothing-dataset-small-master"
    assert len(full_checks) == 1


@pytest.mark.parametrize(
    ("photos", "reason"),
    [
        (PHOTOS | {"train/dress/a.jpg": b"another dress"}, "not their names or content"),
        ({name.replace("dress/a", "hat/a"): PHOTOS[name] for name in PHOTOS}, "not their names or content"),
        (
            {name: PHOTOS[name] for name in PHOTOS if "test/" not in name},
            "train 2, validation 1 instead of test 1, train",
        ),
        ({}, "none instead of test 1"),
    ],
    ids=["content", "class", "count", "empty"],
)
def test_an_archive_with_other_photos_is_refused_and_nothing_is_kept(data, mirror, photos, reason):
    write_archive(mirror / "clothing-dataset-small-master.zip", photos)
    with pytest.raises(DownloadError, match=reason) as caught:
        catalog.clothing("photos")
    assert "'drawn' instead of 'photos'" in str(caught.value)
    assert entries(data) == set()


def test_an_archive_with_a_damaged_member_is_refused(mirror):
    path = mirror / "clothing-dataset-small-master.zip"
    path.write_bytes(path.read_bytes().replace(b"a straw hat", b"a STRAW hat"))
    with pytest.raises(DownloadError, match="damaged"):
        catalog.clothing("photos")


@pytest.mark.parametrize("change", ["delete", "add", "add another kind", "truncate"])
@pytest.mark.usefixtures("mirror")
def test_a_photo_folder_that_changed_since_is_refused(change):
    photo = catalog.clothing("photos") / "train" / "dress" / "a.jpg"
    if change == "delete":
        photo.unlink()
    elif change == "add":
        photo.with_name("mine.jpg").write_bytes(b"my own dress")
    elif change == "add another kind":
        photo.with_name("mine.png").write_bytes(b"my own dress")
    else:
        photo.write_bytes(photo.read_bytes()[:-1])
    folder = photo.parents[2]
    with pytest.raises(RuntimeError, match=r"clothing-dataset-small-master is not as .*Give that folder another name"):
        catalog.clothing("photos")
    folder.rename(folder.with_name("mine"))
    assert catalog.clothing("photos") == folder
    assert (folder.with_name("mine") / "test" / "dress" / "d.jpg").exists()


@pytest.mark.usefixtures("mirror")
def test_a_file_beside_the_splits_of_the_photos_is_no_part_of_the_data_set():
    folder = catalog.clothing("photos")
    (folder / "my notes.txt").write_text("hats are rare", encoding="utf-8")
    assert catalog.clothing("photos") == folder


@pytest.mark.usefixtures("mirror")
def test_photos_in_a_folder_that_may_only_be_read_are_verified_each_time(full_checks, monkeypatch):
    def refuse(_folder):
        raise PermissionError("read only")

    monkeypatch.setattr(catalog, "_write_note", refuse)
    catalog.clothing("photos")
    full_checks.clear()
    catalog.clothing("photos")
    catalog.clothing("photos")
    assert len(full_checks) == 2


@pytest.mark.usefixtures("mirror")
def test_offline_without_a_mirror_the_photos_are_refused_with_ways_out(data, monkeypatch):
    monkeypatch.delenv("COURSE_MIRROR")
    with pytest.raises(DownloadError, match="COURSE_OFFLINE") as caught:
        catalog.clothing("photos")
    for address in catalog.REMOTE_FILES["photos"].addresses:
        assert address in str(caught.value)
    assert str(data / "clothing-dataset-small-master.zip") in str(caught.value)


# Registry, and the real files ----------------------------------------------------------------------------------------


def test_fetch_file_verifies_what_a_mirror_gives(data, mirror, monkeypatch):
    digest = hashlib.sha256(b"words").hexdigest()
    file = catalog.RemoteFile("words.csv", ("https://example.org/w.csv",), sha256=digest, size=5)
    monkeypatch.setitem(catalog.REMOTE_FILES, "words", file)
    (mirror / "words.csv").write_bytes(b"other words")
    with pytest.raises(DownloadError, match="11 bytes instead of 5"):
        catalog.fetch_file("words")
    (mirror / "words.csv").write_bytes(b"sword")
    with pytest.raises(DownloadError, match=f"instead of {digest}"):
        catalog.fetch_file("words")
    (mirror / "words.csv").write_bytes(b"words")
    assert catalog.fetch_file("words") == data / "words.csv"


def test_fetch_file_names_the_files_there_are():
    with pytest.raises(KeyError, match="photos, ag_news"):
        catalog.fetch_file("novels")


def test_every_registered_file_can_be_verified():
    for file in catalog.REMOTE_FILES.values():
        assert all(address.startswith("https://") for address in file.addresses)
        assert file.sha256 or file.check


def readme() -> str:
    return (Path(__file__).parents[2] / "data" / "README.md").read_text(encoding="utf-8")


def test_the_published_photos_pass_and_match_the_readme(data, datasets_mirror, monkeypatch):
    monkeypatch.setenv("COURSE_MIRROR", str(datasets_mirror))
    monkeypatch.setenv("COURSE_OFFLINE", "1")
    folder = catalog.clothing("photos")
    counts = {split: {path.name: len(entries(path)) for path in (folder / split).iterdir()} for split in SPLITS}
    shutil.rmtree(data)  # 213 MB
    assert {split: sum(counts[split].values()) for split in SPLITS} == {"train": 3068, "validation": 341, "test": 372}
    assert sorted(counts["train"]) == list(catalog.drawn.CLASSES)
    for name in catalog.drawn.CLASSES:
        row = f"| {name} | {' | '.join(str(counts[split][name]) for split in SPLITS)} |"
        assert row in readme()


def test_the_readme_tells_how_many_pictures_are_drawn():
    counts = {split: catalog.drawn.class_counts(size) for split, size in catalog.drawn.SPLIT_SIZES.items()}
    for name in catalog.drawn.CLASSES:
        row = f" | {' | '.join(str(counts[split][name]) for split in SPLITS)} |"
        assert [line for line in readme().splitlines() if line.startswith(f"| {name} |") and line.endswith(row)]


def test_the_readme_tells_the_folders_and_every_address():
    for folder in (catalog.DRAWN_FOLDER, catalog.PHOTOS_FOLDER):
        assert f"`{folder}/`" in readme()
    for file in catalog.REMOTE_FILES.values():
        assert file.name in readme()
        assert all(address in readme() for address in file.addresses)


def test_the_published_news_pass(datasets_mirror, monkeypatch):
    monkeypatch.setenv("COURSE_MIRROR", str(datasets_mirror))
    monkeypatch.setenv("COURSE_OFFLINE", "1")
    assert catalog.fetch_file("ag_news").read_text(encoding="utf-8").count("\n") == 7600
