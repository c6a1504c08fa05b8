"""The student's desk: a folder beside the student's file that holds what a run has done, until the run is over.

An interrupt loses at most the notes of one batch of files: the subject, the notes and the checkpoints all stand here.
"""

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader, Subset

from course_utils.features import Notes, extract_features
from course_utils.parallel import sum_over_processes, this_process
from course_utils.pictures.scan_report import ScanFinding
from course_utils.pictures.split_report import Placed, Split
from course_utils.plain import parse_plain, write_plain
from course_utils.runtime import atomic_write, num_processors, progress_bar
from course_utils.schooling.subject import ListedPictures, Subject

CHUNK = 512  # pictures whose notes are written at once: a few seconds of work
_CHECKPOINTS = 100_000_000  # bytes: weights and the optimizer's numbers, twice for the moment of writing
_MANY = 2_000  # pictures for which starting further processes to read them is worth while


class Desk:
    """What a run has done so far, in the folder `student.run` beside `student.pt`."""

    def __init__(self, output: Path):
        self.folder = output.with_name(f"{output.stem}.run")
        self._file = self.folder / "run.json"

    def open(self, settings: Mapping[str, Any], *, resume: bool) -> Subject | None:
        """Return the subject of the run that was broken off, or None for a new one; `settings` tell runs apart.

        Raises FileExistsError for a run that nobody asked to continue, ValueError for one with other settings.
        """
        if not self._file.is_file():
            return None
        if not resume:
            raise FileExistsError(
                f"{self.folder} holds a run that was broken off: go on with --resume, or remove that folder."
            )
        kept = self._read(self._file)
        changed = [
            f"{name} was {before}, is now {settings.get(name)}"
            for name, before in kept["settings"].items()
            if before != settings.get(name)
        ]
        if changed:
            raise ValueError(
                f"{self.folder} holds a run with other settings: {'; '.join(changed)}. Give the same ones, or remove "
                "that folder to begin anew."
            )
        split = Split(
            Path(kept["source"]),
            [Placed(*row) for row in kept["placed"]],
            [ScanFinding(*row) for row in kept["left_out"]],
            kept["remarks"],
        )
        return Subject(split, kept["classes"], Path(kept["split_file"]) if kept["split_file"] else None)

    def keep(self, subject: Subject, settings: Mapping[str, Any]) -> None:
        """Write down which pictures were found, so that a resumed run need not look at them again."""
        split = subject.split
        kept = {
            "settings": dict(settings),
            "source": str(split.source),
            "placed": split.placed,
            "left_out": split.left_out,
            "remarks": split.remarks,
            "classes": subject.classes,
            "split_file": str(subject.split_file or ""),
        }
        with atomic_write(self._file) as temporary:
            temporary.write_text(json.dumps(kept), encoding="utf-8")

    def settle(self, name: str, decide: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Return what was decided before under this name, else `decide` now and write it down.

        What hangs on the state of the machine, such as its free memory, must not come out otherwise in a resumed run.
        """
        path = self.folder / f"{name}.json"
        if not path.is_file():
            with atomic_write(path) as temporary:
                temporary.write_text(json.dumps(decide()), encoding="utf-8")
        return self._read(path)

    def _read(self, path: Path) -> dict[str, Any]:
        try:
            content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:  # a disk that was full, a machine that lost its power
            raise ValueError(f"{path} is damaged ({error}): remove {self.folder}, and begin anew.") from error
        return content

    def check_room(self, num_bytes: int) -> None:
        """Raise OSError where the disk has no room for so many bytes of notes, and the checkpoints beside them."""
        free = shutil.disk_usage(self.folder).free
        if num_bytes + _CHECKPOINTS > free:
            raise OSError(
                f"Notes and checkpoints take {(num_bytes + _CHECKPOINTS) / 1e6:,.0f} MB while the run lasts, and "
                f"{free / 1e6:,.0f} MB are free at {self.folder}: make room and go on with --resume, or name an "
                "--output on another disk."
            )

    def checkpoint(self, name: str) -> Path:
        """Return the file for `train_model(checkpoint_path=...)`."""
        return self.folder / f"{name}.pt"

    def take_notes(
        self,
        trunk: nn.Module,
        pictures: ListedPictures,
        *,
        name: str,
        views: Sequence[str],
        device: torch.device,
        progress: bool,
    ) -> Notes:
        """Return the trunk's notes of all pictures, written every 512; what is written is not asked again.

        Where `torchrun` has started several processes, each asks its share, and all get the whole. Every one of them
        has to call this.
        """
        starts = range(0, len(pictures), CHUNK)
        rank, num_processes = this_process()
        own = starts[rank::num_processes]
        total = sum(min(CHUNK, len(pictures) - start) for start in own)
        bar = progress_bar(total=total, description=f"revision notes ({name})", show=progress, unit=" pictures")
        with bar:
            for start in own:
                some = range(start, min(start + CHUNK, len(pictures)))
                if self._notes(name, start).is_file():
                    bar.update(len(some))
                    continue
                loader = picture_loader(Subset(pictures, some), device=device, total=total)
                taken = extract_features(trunk, loader, device=device, views=views, on_batch=bar.update, progress=False)
                write_plain(self._notes(name, start), {"notes": taken.tensors[0]})
        sum_over_processes(0)  # waits for all of them
        notes = torch.empty(0)
        for start in starts:
            path = self._notes(name, start)
            try:
                part = parse_plain(path.read_bytes(), path)["notes"]
            except ValueError as error:
                raise ValueError(f"{error} Remove it, and go on with --resume.") from error
            if not start:
                notes = torch.empty((len(pictures), *part.shape[1:]), dtype=part.dtype)
            notes[start : start + len(part)] = part
        return Notes(notes, torch.tensor(pictures.targets), views=views)

    def _notes(self, name: str, start: int) -> Path:
        return self.folder / f"notes_{name}_{start:07d}.pt"

    def clear(self) -> None:
        """Remove the folder: the student is finished."""
        shutil.rmtree(self.folder, ignore_errors=True)


def picture_loader(pictures: Any, *, device: torch.device, total: int | None = None) -> DataLoader[Any]:
    """Return a loader that reads pictures in order; with further processes where there are many, and a GPU to feed."""
    many = device.type == "cuda" and (total or len(pictures)) >= _MANY
    num_workers = min(8, num_processors() - 1) if many else 0
    return DataLoader(pictures, batch_size=32, num_workers=num_workers, pin_memory=device.type == "cuda")
