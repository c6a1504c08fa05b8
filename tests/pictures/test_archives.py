"""An archive is unpacked whole or not at all, into its own folder and nowhere else."""

import os
import stat
import zipfile
from pathlib import Path

import pytest

from course_utils.pictures.archives import extract_zip
from course_utils.pictures.downloads import DownloadError


@pytest.fixture
def archive(tmp_path):
    """Return a function that writes an archive of texts by their names."""

    def write(members: dict[str, str]) -> Path:
        path = tmp_path / "pictures.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened:
            for name, text in members.items():
                opened.writestr(name, text)
        return path

    return write


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_extract_gives_every_member(archive, tmp_path):
    path = archive({"top/train/a.txt": "A", "top/b ü.txt": "B"})
    folder = extract_zip(path, tmp_path / "out")
    assert (folder / "top" / "train" / "a.txt").read_text() == "A"
    assert (folder / "top" / "b ü.txt").read_text() == "B"
    assert files_in(tmp_path) == ["a.txt", "b ü.txt", "pictures.zip"]


def test_extract_strips_the_top_folder_whatever_its_name(archive, tmp_path):
    folder = extract_zip(archive({"top-1a2b/train/a.txt": "A"}), tmp_path / "out", strip_top_folder=True)
    assert (folder / "train" / "a.txt").read_text() == "A"


def test_extract_refuses_to_strip_where_there_is_no_single_top_folder(archive, tmp_path):
    with pytest.raises(ValueError, match=r"one top folder.*a, b"):
        extract_zip(archive({"a/1": "", "b/1": ""}), tmp_path / "out", strip_top_folder=True)
    with pytest.raises(ValueError, match="one top folder"):
        extract_zip(archive({"file": ""}), tmp_path / "out", strip_top_folder=True)


@pytest.mark.parametrize(
    "name",
    ["../evil", "a/../../evil", "/evil", "C:/evil", "C:evil", "..\\evil", "a\\..\\..\\evil", "\\\\host\\x\\evil"],
)
def test_extract_refuses_members_that_leave_the_folder_and_writes_nothing(archive, tmp_path, name):
    path = archive({"good": "G", name: "E"})
    with pytest.raises(ValueError, match="would leave the folder"):
        extract_zip(path, tmp_path / "sub" / "out")
    assert files_in(tmp_path) == ["pictures.zip"]


def test_extract_refuses_links(tmp_path):
    link = zipfile.ZipInfo("link")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    path = tmp_path / "pictures.zip"
    with zipfile.ZipFile(path, "w") as opened:
        opened.writestr(link, "/etc/passwd")
    with pytest.raises(ValueError, match="link"):
        extract_zip(path, tmp_path / "out")
    assert files_in(tmp_path) == ["pictures.zip"]


def test_a_half_extracted_archive_is_never_taken_for_a_whole_one(archive, tmp_path, monkeypatch):
    path, extract = archive({"a": "A", "b": "B"}), zipfile.ZipFile.extract

    def interrupt(self, member, folder):
        if member.filename == "b":
            raise KeyboardInterrupt
        return extract(self, member, folder)

    with monkeypatch.context() as patched:
        patched.setattr(zipfile.ZipFile, "extract", interrupt)
        with pytest.raises(KeyboardInterrupt):
            extract_zip(path, tmp_path / "out")
    assert files_in(tmp_path) == ["pictures.zip"]
    assert files_in(extract_zip(path, tmp_path / "out")) == ["a", "b"]


def test_a_damaged_archive_is_named_and_leaves_nothing(archive, tmp_path):
    path = archive({"a": "A" * 1000, "b": "".join(map(str, range(3000)))})
    damaged = bytearray(path.read_bytes())
    damaged[500:520] = bytes(20)
    path.write_bytes(damaged)
    with pytest.raises(DownloadError, match=r"pictures\.zip is damaged.*delete it"):
        extract_zip(path, tmp_path / "out")
    assert files_in(tmp_path) == ["pictures.zip"]


def test_an_archive_whose_members_call_themselves_encrypted_is_damaged(archive, tmp_path):
    path = archive({"a": "A"})
    flipped = bytearray(path.read_bytes())
    for header in (b"PK\x03\x04", b"PK\x01\x02"):
        flags = flipped.index(header) + (6 if header.endswith(b"\x04") else 8)
        flipped[flags] |= 1
    path.write_bytes(flipped)
    with pytest.raises(DownloadError, match=r"pictures\.zip is damaged.*encrypted"):
        extract_zip(path, tmp_path / "out")


def test_extract_never_touches_a_folder_that_is_there(archive, tmp_path):
    (tmp_path / "out").mkdir()
    with pytest.raises(FileExistsError, match="there already; give it another name"):
        extract_zip(archive({"a": "A"}), tmp_path / "out")


def test_extract_never_touches_a_folder_that_appears_meanwhile(archive, tmp_path, monkeypatch):
    path, extract = archive({"a": "A"}), zipfile.ZipFile.extract

    def meanwhile(self, member, folder):
        (tmp_path / "out").mkdir()
        return extract(self, member, folder)

    monkeypatch.setattr(zipfile.ZipFile, "extract", meanwhile)
    with pytest.raises(FileExistsError, match="appeared meanwhile"):
        extract_zip(path, tmp_path / "out")
    assert files_in(tmp_path) == ["pictures.zip"]


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
def test_other_users_of_the_machine_may_read_what_is_extracted(archive, tmp_path):
    umask = os.umask(0o022)
    try:
        folder = extract_zip(archive({"top/a": "A"}), tmp_path / "out", strip_top_folder=True)
        plain = extract_zip(archive({"top/a": "A"}), tmp_path / "out2")
    finally:
        os.umask(umask)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (folder, plain)] == [0o755, 0o755]
