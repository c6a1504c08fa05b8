"""A whole schooling, small: it learns, keeps the better student, and an interrupt changes nothing."""

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch.utils.data import DataLoader

from course_utils.evaluation import Predictions, predict
from course_utils.inference import load_classifier
from course_utils.launching import launch
from course_utils.parallel import Member
from course_utils.pictures.splitting import plan_split
from course_utils.report.metrics import majority_baseline
from course_utils.schooling import desk as desks
from course_utils.schooling import run, teaching
from course_utils.schooling.desk import Desk
from course_utils.schooling.run import check_output, school
from course_utils.transforms import build_eval_transform

from .conftest import unschooled

pytestmark = pytest.mark.usefixtures("small_school")


def schooled(zoo, output, **options):
    return school(zoo, output, progress=False, device="cpu", **options)


def weights_of(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def same(one, other):
    return all(torch.equal(tensor, other[name]) for name, tensor in one.items())


def test_the_file_holds_the_student_that_sat_the_exam(whole):
    model = load_classifier(whole.output)
    assert model.classes == ["blue", "green", "red"]
    exam = whole.subject.pictures("test", build_eval_transform(model.spec))
    answers = predict(model, DataLoader(exam, batch_size=4), device="cpu")
    torch.testing.assert_close(answers.probabilities, whole.exam.probabilities, atol=1e-5, rtol=1e-4)
    assert whole.exam_name == "final exam"
    practice = torch.tensor(whole.subject.pictures("train", None).targets)
    assert whole.baseline == majority_baseline(practice, answers.labels)
    assert f"{answers.accuracy:.1%}" in whole.verdict
    assert set(whole.seconds) == {"looking at the pictures", "revision notes", "head", "eye", "final exam"}
    assert whole.remarks == []
    assert not any(module.training for module in whole.model.modules())


def test_the_verdict_says_the_mark_its_error_its_range_and_what_the_commonest_answer_gets(whole):
    """Three of four: 0.75 ± (0.75 * 0.25 / 4) ** 0.5; Wilson's interval as statsmodels gives it."""
    placed = [picture for picture in whole.subject.split.placed if picture.class_name == "red" or "1" in picture.file]
    subject = whole.subject._replace(split=replace(whole.subject.split, placed=placed))
    exam = Predictions(torch.eye(3)[[0, 1, 2, 0]], torch.tensor([0, 1, 2, 1]))
    changed = whole._replace(subject=subject, exam=exam, baseline=0.125)
    assert changed.verdict == (
        "Final exam: 75.0% ± 21.7% of 4 pictures named rightly (with 95 % certainty between 30.1% and 95.4%); "
        "always saying red gets 12.5%."
    )
    perfect = Predictions(torch.eye(3), torch.tensor([0, 1, 2]))
    assert changed._replace(exam=perfect).verdict.startswith("Final exam: 100.0% of 3 pictures")


@pytest.mark.parametrize("stop_after", ["notes", "head", "eye"])
def test_an_interrupt_anywhere_ends_in_the_same_student(whole, tmp_path, monkeypatch, stop_after):
    zoo, group = whole.subject.split.source, whole.settings["group"]
    train, notes = teaching.train_model, Desk.take_notes

    def interrupted_training(model, *loaders, on_epoch_end, checkpoint_path, **options):
        def stop(history):
            on_epoch_end(history)
            if checkpoint_path.stem == stop_after:
                raise KeyboardInterrupt

        return train(model, *loaders, on_epoch_end=stop, checkpoint_path=checkpoint_path, **options)

    def interrupted_notes(desk, *words, name, **options):
        if name == "validation" and stop_after == "notes":
            raise KeyboardInterrupt
        return notes(desk, *words, name=name, **options)

    monkeypatch.setattr(teaching, "train_model", interrupted_training)
    monkeypatch.setattr(Desk, "take_notes", interrupted_notes)
    with pytest.raises(KeyboardInterrupt):
        schooled(zoo, tmp_path / "student.pt", group=group)
    assert not (tmp_path / "student.pt").exists()
    monkeypatch.setattr(teaching, "train_model", train)
    monkeypatch.setattr(Desk, "take_notes", notes)
    with pytest.raises(FileExistsError, match="--resume"):
        schooled(zoo, tmp_path / "student.pt", group=group)
    monkeypatch.setattr(run, "find_subject", None)  # not looked for again
    resumed = schooled(zoo, tmp_path / "student.pt", group=group, resume=True)
    assert same(weights_of(resumed.model), weights_of(whole.model))
    assert resumed.cards["head"].val_loss == whole.cards["head"].val_loss


def test_without_a_test_part_the_mock_exam_is_reported_as_such(zoo, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(run, "majority_baseline", lambda *labels: asked.append(labels) or 0.25)
    result = schooled(zoo, tmp_path / "student.pt", shares=(0.7, 0.3, 0))
    assert result.exam_name == "mock exam"
    assert result.verdict.startswith("Mock exam:")
    assert any("flatters" in remark for remark in result.remarks)
    assert result.settings["shares"] == [0.7, 0.3, 0]
    assert result.baseline == 0.25
    assert [labels.tolist() for labels in asked[0]] == [
        result.subject.pictures(part, None).targets for part in ("train", "validation")
    ]


def test_everything_runs_on_the_device_that_was_asked_for(zoo, tmp_path, monkeypatch):
    """A recorded call: no GPU is at hand, so every function that computes says where it was sent."""
    asked, where = [], []
    monkeypatch.setattr(run, "get_device", lambda prefer: asked.append(prefer) or torch.device("cpu", 0))

    def told_where(*words, **options):
        model = unschooled(*words, **options)
        model.to = lambda device: where.append(device) or model
        return model

    monkeypatch.setattr(run, "build_classifier", told_where)
    computing = {teaching: ("train_model", "extract_features"), run: ("predict", "picture_loader")}
    for module, name in [(module, name) for module, names in computing.items() for name in names]:
        function = getattr(module, name)
        monkeypatch.setattr(
            module, name, lambda *words, f=function, **options: where.append(options["device"]) or f(*words, **options)
        )
    take = Desk.take_notes
    monkeypatch.setattr(
        Desk, "take_notes", lambda *words, **options: where.append(options["device"]) or take(*words, **options)
    )
    school(zoo, tmp_path / "student.pt", device="cuda:1", progress=False)
    assert asked == ["cuda:1"]
    assert len(where) == 9
    assert set(where) == {torch.device("cpu", 0)}


@pytest.mark.parametrize(("rank", "device"), [(0, "cuda"), (3, "cuda:1")])
def test_each_process_takes_a_gpu_of_its_own(zoo, tmp_path, monkeypatch, rank, device):
    """A recorded call, as no GPU is at hand: the run ends where the student would be sent there."""

    class SentError(Exception):
        pass

    def send(where):
        raise SentError(str(where))

    monkeypatch.setattr(run, "process_group", lambda **_: nullcontext(Member(rank, 4)))
    monkeypatch.setattr(run, "get_device", lambda _: torch.device("cuda"))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(run, "build_classifier", lambda *_, **__: SimpleNamespace(to=send))
    with pytest.raises(SentError, match=f"^{device}$"):
        school(zoo, tmp_path / "student.pt", progress=False)


def test_an_output_that_is_taken_or_of_another_kind_is_refused_before_anything_is_read(zoo, tmp_path, monkeypatch):
    monkeypatch.setattr(run, "find_subject", None)
    (tmp_path / "student.pt").touch()
    with pytest.raises(FileExistsError, match="--output"):
        schooled(zoo, tmp_path / "student.pt")
    with pytest.raises(FileExistsError):
        check_output(tmp_path / "student.pt", resume=True)
    (tmp_path / "student.run").mkdir()  # broken off while the report was written
    assert check_output(tmp_path / "student.pt", resume=True)
    with pytest.raises(FileExistsError):
        check_output(tmp_path / "student.pt")
    with pytest.raises(ValueError, match=r"student\.pt"):
        check_output(tmp_path / "student.onnx")
    monkeypatch.setattr(run, "may_write", lambda folder: folder != tmp_path)
    with pytest.raises(PermissionError, match=r"may not be written to.*--output"):
        check_output(tmp_path / "other.pt")
    assert check_output(tmp_path / "deeper" / "other.pt")


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_that_torch_or_numpy_would_refuse_later_is_refused_first(zoo, tmp_path, monkeypatch, seed):
    monkeypatch.setattr(run, "find_subject", None)
    with pytest.raises(ValueError, match="from 0 to 4,294,967,295"):
        schooled(zoo, tmp_path / "student.pt", seed=seed)


def test_a_folder_that_cannot_be_learned_leaves_nothing_behind(tmp_path):
    (tmp_path / "flat").mkdir()
    with pytest.raises(ValueError, match="no readable picture"):
        schooled(tmp_path / "flat", tmp_path / "student.pt")
    assert [path.name for path in tmp_path.iterdir()] == ["flat"]


def school_in_this_process(tests, zoo, output):
    """What each of torchrun's processes does; only the first has a student in the end."""
    import sys

    import pytest

    sys.path.insert(0, tests)
    from course_utils.schooling import desk, run
    from schooling.conftest import make_small

    with pytest.MonkeyPatch.context() as monkeypatch:
        make_small(monkeypatch)
        monkeypatch.setattr(desk, "CHUNK", 8)
        schooling = run.school(zoo, output, device="cpu", progress=False)
    return {} if schooling is None else schooling.model.state_dict()


def test_what_was_asked_for_decides_the_split_and_the_weights(whole, zoo, tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_WEIGHTS", "imagenet")
    result = schooled(zoo, tmp_path / "student.pt", seed=3)
    assert result.subject.split.placed == plan_split(zoo, seed=3, progress=False).placed
    assert result.subject.split.placed != plan_split(zoo, progress=False).placed
    assert (result.model.source, result.settings["weights"]) == ("none, in place of imagenet", "imagenet")
    assert schooled(zoo, tmp_path / "other.pt", weights="course").model.source == "none, in place of course"
    assert {picture.group for picture in whole.subject.split.placed} == set("0123456789")


def test_two_processes_of_torchrun_share_the_notes_and_end_in_the_student_of_one(zoo, tmp_path, monkeypatch):
    monkeypatch.setattr(desks, "CHUNK", 8)
    alone = schooled(zoo, tmp_path / "alone.pt")
    places = {"tests": str(Path(__file__).parents[1]), "zoo": str(zoo), "output": str(tmp_path / "two.pt")}
    first, second = launch(school_in_this_process, num_processes=2, **places).results
    assert second == {}
    torch.testing.assert_close(first, dict(weights_of(alone.model)), atol=1e-4, rtol=1e-3)
    assert load_classifier(tmp_path / "two.pt").classes == alone.model.classes
