"""What a lesson takes from this machine before it starts: settings, weights and pictures. The doctor asks for them."""

import difflib
import os
from collections.abc import Iterator
from pathlib import Path

from course_utils.classroom.commands import install_course, lessons_are_here, quote, set_variable
from course_utils.classroom.findings import Finding

# Variables that begin with COURSE_ without being settings: the set-up cell, lesson 08 and the tests read them.
_OTHER_VARIABLES = ("COURSE_INSTALL_FROM", "COURSE_OPEN_THE_EXAM", "COURSE_TEST_BROWSER", "COURSE_TEST_MIRROR")


def check_settings() -> Iterator[Finding]:
    """List the settings, those with a word that they do not know, and every COURSE_ variable that nothing reads."""
    from course_utils.runtime import SETTINGS, setting

    for name, meaning in SETTINGS.items():
        found, problem = f"{os.environ.get(name) or 'not set'} - {meaning}", ""
        try:
            setting(name)
        except ValueError as error:
            problem = str(error)
        yield Finding(name, found, problem, set_variable(name))
    for name in sorted(os.environ):
        if name.startswith("COURSE_") and name not in SETTINGS and name not in _OTHER_VARIABLES:
            close = difflib.get_close_matches(name, SETTINGS, n=1, cutoff=0)[0]
            problem = f"Nothing reads this variable. Did you mean {close}?"
            yield Finding(name, os.environ[name], problem, set_variable(name))


def check_mirror() -> Iterator[Finding]:
    """Is the folder there that is to be asked first? An address is asked when something is fetched."""
    from course_utils.runtime import is_offline, setting

    mirror = setting("COURSE_MIRROR")
    if mirror.lower().startswith(("http://", "https://")):
        asked = "not asked, because COURSE_OFFLINE is on" if is_offline() else "asked when something is fetched"
        yield Finding("mirror", f"{mirror}: {asked}")
    elif mirror and Path(mirror).expanduser().is_dir():
        yield Finding("mirror", mirror)
    elif mirror:
        problem = f"COURSE_MIRROR names a folder that is not there: {mirror}."
        yield Finding("mirror", "not there", problem, set_variable("COURSE_MIRROR"))


def check_weights() -> Iterator[Finding]:
    """Can the network be read that the lessons start from? The package's own always, ImageNet's where it is chosen."""
    from course_utils import pretrained
    from course_utils.runtime import is_offline, setting

    try:
        weights = pretrained.read_course_weights()
        yield Finding("course weights", f"{pretrained.COURSE_WEIGHTS_FILE.name}, {len(weights.classes)} classes")
    except (OSError, ValueError) as error:
        restore = f"git restore {quote(str(pretrained.COURSE_WEIGHTS_FILE))}"
        mend = restore if lessons_are_here() else install_course()
        yield Finding("course weights", "not usable", str(error), mend)
    if setting("COURSE_WEIGHTS") != "imagenet":
        return
    what, file = "ImageNet weights", pretrained.imagenet_weights_file()
    if not file.is_file() and not is_offline():
        yield Finding(what, "chosen; torchvision fetches them at first use (14 MB)")
        return
    try:
        yield Finding(what, pretrained.read_imagenet_weights().source)
    except RuntimeError as error:
        yield Finding(what, "not usable", str(error), set_variable("COURSE_WEIGHTS", "course"))


def check_pictures() -> Iterator[Finding]:
    """Are the chosen pictures there and whole, or can they be had?"""
    from course_utils.pictures import catalog
    from course_utils.runtime import data_dir, is_offline, setting

    folders = {"drawn": catalog.DRAWN_FOLDER, "photos": catalog.PHOTOS_FOLDER}
    chosen = setting("COURSE_DATASET", "drawn")
    found = ", ".join(name for name, folder in folders.items() if (data_dir() / folder).is_dir()) or "none yet"
    prepare = f"course data {chosen}"
    if (data_dir() / folders[chosen]).is_dir():
        try:
            catalog.clothing(chosen, progress=False)
        except (OSError, RuntimeError) as error:
            yield Finding("pictures", found, str(error), prepare)
        else:
            yield Finding("pictures", found)
    elif not _may_write(data_dir()):
        problem = f"The {chosen} pictures are not there yet, and {data_dir()} may not be written to."
        yield Finding("pictures", found, problem, set_variable("COURSE_DATA_DIR", "FOLDER_OF_YOUR_OWN"))
    elif chosen == "photos" and is_offline() and not _is_at_hand(catalog.REMOTE_FILES["photos"].name):
        problem = "The photos are chosen and not there, and COURSE_OFFLINE forbids to fetch them."
        yield Finding("pictures", found, problem, set_variable("COURSE_DATASET", "drawn"))
    else:
        how = "drawn" if chosen == "drawn" else "fetched"
        yield Finding("pictures", f"{found}; {chosen}: {how} at first use, or ahead of class by `{prepare}`")


def check_instruments() -> Iterator[Finding]:
    """Are lesson 13's drawn instruments there and whole? Where they are not there, the lesson draws them."""
    from course_utils.pictures import catalog
    from course_utils.runtime import data_dir

    prepare = "course data instruments"
    if not (data_dir() / catalog.INSTRUMENTS_FOLDER).is_dir():
        yield Finding("instruments", f"none yet: drawn at first use, in lesson 13, or ahead of class by `{prepare}`")
        return
    try:
        catalog.instruments(progress=False)
    except (OSError, RuntimeError) as error:
        yield Finding("instruments", "drawn", str(error), prepare)
    else:
        yield Finding("instruments", "drawn")


def _may_write(folder: Path) -> bool:
    existing = next((place for place in (folder, *folder.parents) if place.exists()), None)
    return existing is not None and os.access(existing, os.W_OK)


def _is_at_hand(name: str) -> bool:
    """True where a file can be had without a network: it lies in the data folder, or in a mirror that is a folder."""
    from course_utils.runtime import data_dir, setting

    mirror = setting("COURSE_MIRROR")
    places = [data_dir(), *([Path(mirror).expanduser()] if mirror else [])]
    return any((place / name).is_file() for place in places)
