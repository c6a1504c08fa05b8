"""Weight files: shipped, downloaded, damaged, foreign."""

import hashlib
import io
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
import torch
from torchvision.models import mobilenet_v2

from course_utils import pretrained
from course_utils.plain import write_plain
from course_utils.pretrained import (
    COURSE_WEIGHTS_FILE,
    IMAGENET,
    read_course_weights,
    read_imagenet_weights,
    read_weights,
    save_course_weights,
)
from course_utils.transforms import IMAGENET_MEAN, IMAGENET_STD, InputSpec

CLASSES = ["hat", "skirt", "t-shirt"]
SPEC = InputSpec(image_size=64, resize_size=72, mean=(0.1, 0.2, 0.3), std=(0.4, 0.5, 0.6))


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    network = mobilenet_v2(num_classes=len(CLASSES))
    network(torch.randn(2, 3, 32, 32))  # moves the BatchNorm statistics off 0 and 1
    return network.eval()


def save(path, network, **changes):
    return save_course_weights(
        path, network, **{"classes": CLASSES, "spec": SPEC, "card": {"top1": 0.4, "seed": 0}} | changes
    )


@pytest.fixture(scope="module")
def saved(network, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "weights.pt"
    digest = save(path, network)
    return path.read_bytes(), digest


@pytest.fixture
def course_file(saved, tmp_path):
    """A course weight file made from random weights, and its hash."""
    content, digest = saved
    path = tmp_path / "Gewichte für den Kurs.pt"
    path.write_bytes(content)
    return path, digest


# The course's own files


def test_a_saved_file_comes_back_with_all_that_belongs_to_it(course_file, network):
    weights = read_weights(*course_file)
    assert weights.classes == CLASSES
    assert weights.spec == SPEC
    assert weights.card == {"top1": 0.4, "seed": 0}
    assert weights.state_dict.keys() == network.state_dict().keys()
    for name, tensor in network.state_dict().items():
        assert weights.state_dict[name].dtype == tensor.dtype
        torch.testing.assert_close(weights.state_dict[name], tensor, rtol=1e-3, atol=1e-4)


def test_batch_norm_is_stored_exactly_and_the_rest_in_half_the_size(course_file, network):
    stored = torch.load(course_file[0], weights_only=True)["state_dict"]
    dtypes = {name: tensor.dtype for name, tensor in stored.items()}
    assert dtypes["features.0.0.weight"] == dtypes["classifier.1.bias"] == torch.float16
    assert dtypes["features.0.1.num_batches_tracked"] == torch.int64
    for kind in ("weight", "bias", "running_mean", "running_var"):
        name = f"features.18.1.{kind}"
        assert dtypes[name] == torch.float32
        assert torch.equal(stored[name], network.state_dict()[name])


def test_saving_leaves_the_network_as_it_is(network, tmp_path):
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    save(tmp_path / "weights.pt", network)
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


def test_the_returned_hash_is_that_of_the_file_whatever_it_is_called(course_file, network, tmp_path):
    path, digest = course_file
    assert hashlib.sha256(path.read_bytes()).hexdigest() == digest
    assert save(tmp_path / "another name.pt", network) == digest


def test_one_changed_byte_is_refused_before_anything_is_unpickled(course_file, monkeypatch):
    path, digest = course_file
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("unpickled"))
    with pytest.raises(ValueError, match=r"für den Kurs.pt is damaged or another version: its SHA-256 is \w{12}…"):
        read_weights(path, digest)


def test_a_truncated_file_is_refused_with_and_without_a_hash(course_file):
    path, digest = course_file
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match="is damaged or another version"):
        read_weights(path, digest)
    with pytest.raises(ValueError, match="cannot be read: it is damaged"):
        read_weights(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.pt is missing"):
        read_weights(tmp_path / "nowhere.pt")


NO_SPEC = {"format": 1, "state_dict": {}, "classes": [], "spec": {"image_size": 64}, "card": {}}


@pytest.mark.parametrize("content", [{"format": 2}, {"weights": torch.zeros(2)}, NO_SPEC])
def test_a_dict_that_is_no_course_file_is_refused(tmp_path, content):
    write_plain(tmp_path / "other.pt", content)
    with pytest.raises(ValueError, match=r"other\.pt is no course weight file of format 1"):
        read_weights(tmp_path / "other.pt")


def test_another_format_of_course_file_is_refused(course_file):
    path, _ = course_file
    write_plain(path, torch.load(path, weights_only=True) | {"format": 2})
    with pytest.raises(ValueError, match="of format 1: wrong or missing format"):
        read_weights(path)


def test_a_head_that_does_not_fit_the_class_names_is_not_saved(network, tmp_path):
    with pytest.raises(ValueError, match="3 outputs for 2 class names"):
        save(tmp_path / "weights.pt", network, classes=["hat", "skirt"])
    assert list(tmp_path.iterdir()) == []


def test_weights_that_float16_cannot_hold_are_not_saved(tmp_path):
    network = mobilenet_v2(num_classes=len(CLASSES))
    with torch.no_grad():
        network.classifier[1].bias[0] = 70_000
    with pytest.raises(ValueError, match=r"classifier\.1\.bias holds values that are not finite in torch\.float16"):
        save(tmp_path / "weights.pt", network)
    assert list(tmp_path.iterdir()) == []


# The file in the package


def test_the_shipped_file_is_the_one_that_the_code_expects():
    weights = read_course_weights()
    assert len(weights.classes) == len(set(weights.classes)) == 200
    assert all(name and name == name.strip() for name in weights.classes)
    assert (weights.spec.mean, weights.spec.std) == (IMAGENET_MEAN, IMAGENET_STD)
    assert "val_top1" in weights.card
    assert COURSE_WEIGHTS_FILE.stat().st_size <= 6_000_000


def test_any_other_file_in_its_place_is_refused(course_file, monkeypatch):
    monkeypatch.setattr(pretrained, "COURSE_WEIGHTS_FILE", course_file[0])
    with pytest.raises(ValueError, match=r"is damaged or another version.*Install the package again"):
        read_course_weights()


# torchvision's file


@pytest.fixture(scope="module")
def imagenet_content():
    """A stand-in for torchvision's file: random weights, in the format of 2019 that torchvision's own file has."""
    torch.manual_seed(0)
    state_dict = {name: t.half() if t.is_floating_point() else t for name, t in mobilenet_v2().state_dict().items()}
    buffer = io.BytesIO()
    torch.save(state_dict, buffer, _use_new_zipfile_serialization=False)
    return buffer.getvalue()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty torchvision cache of this test alone."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch home"))
    return tmp_path / "torch home" / "hub" / "checkpoints"


class _QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A local server in torchvision's place; yields the folder that it serves and its address."""
    folder = tmp_path / "served"
    folder.mkdir()
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_QuietHandler, directory=str(folder))) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield folder, f"http://127.0.0.1:{http.server_address[1]}"
        http.shutdown()
        thread.join()


def test_imagenet_weights_are_downloaded_once_and_known_as_torchvisions(imagenet_content, cache, server, monkeypatch):
    folder, address = server
    name = f"mobilenet_v2-{hashlib.sha256(imagenet_content).hexdigest()[:8]}.pth"
    (folder / name).write_bytes(imagenet_content)
    monkeypatch.setattr(IMAGENET.value, "url", f"{address}/{name}")
    first = read_imagenet_weights()
    (folder / name).unlink()
    monkeypatch.setenv("COURSE_OFFLINE", "1")
    second = read_imagenet_weights()
    assert first.source == second.source == "imagenet"
    assert (cache / name).read_bytes() == imagenet_content
    assert first.classes[:2] == ["tench", "goldfish"]
    assert len(first.classes) == 1000
    assert first.spec == InputSpec(image_size=224, resize_size=256)
    assert {tensor.dtype for tensor in first.state_dict.values()} == {torch.float32, torch.int64}


def test_another_file_in_the_cache_is_used_and_named_as_such(imagenet_content, cache):
    cache.mkdir(parents=True)
    (cache / "mobilenet_v2-b0353104.pth").write_bytes(imagenet_content)
    digest = hashlib.sha256(imagenet_content).hexdigest()[:8]
    assert read_imagenet_weights().source == (
        f"imagenet (not torchvision's own file: SHA-256 of mobilenet_v2-b0353104.pth in its cache is {digest}…)"
    )


def test_offline_without_a_cached_file_says_what_to_do(cache, monkeypatch):
    monkeypatch.setenv("COURSE_OFFLINE", "1")
    with pytest.raises(RuntimeError, match=r"COURSE_OFFLINE forbids.*no mobilenet_v2-b0353104\.pth") as error:
        read_imagenet_weights()
    assert IMAGENET.url in str(error.value)
    assert str(cache) in str(error.value)
    assert "use weights 'course'" in str(error.value)
    assert not cache.exists()


@pytest.mark.parametrize(
    ("served", "reason"), [(None, "HTTP Error 404"), ("<html>log in</html>", "invalid hash value")]
)
def test_a_failed_download_names_address_destination_and_reason(cache, server, monkeypatch, served, reason):
    folder, address = server
    if served:
        (folder / "mobilenet_v2-b0353104.pth").write_text(served, encoding="utf-8")
    url = f"{address}/mobilenet_v2-b0353104.pth"
    monkeypatch.setattr(IMAGENET.value, "url", url)
    with pytest.raises(RuntimeError, match=rf"could not be downloaded \({reason}") as error:
        read_imagenet_weights()
    if served is None:
        error.value.__cause__.close()  # urllib's error holds the connection open
    assert url in str(error.value)
    assert str(cache / "mobilenet_v2-b0353104.pth") in str(error.value)
    assert list(cache.iterdir()) == []


def cached(cache, content):
    cache.mkdir(parents=True)
    path = cache / "mobilenet_v2-b0353104.pth"
    path.write_bytes(content)
    return path


def saved_bytes(content):
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "content",
    [b"", b"<html>", saved_bytes(torch.zeros(2)), saved_bytes({"model": {"weight": torch.zeros(2)}})],
    ids=["nothing", "a page", "a tensor", "a checkpoint"],
)
def test_a_foreign_file_in_the_cache_is_named(content, cache):
    path = cached(cache, content)
    with pytest.raises(RuntimeError, match="holds no weights, or is damaged: move it away") as error:
        read_imagenet_weights()
    assert str(path) in str(error.value)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_a_damaged_file_in_the_cache_is_named(imagenet_content, cache):
    path = cached(cache, imagenet_content[:-1000])
    for damaged in (imagenet_content[:-1000], imagenet_content[:200], b"\x80\x02" + imagenet_content[7:]):
        path.write_bytes(damaged)
        with pytest.raises(RuntimeError, match="holds no weights, or is damaged: move it away") as error:
            read_imagenet_weights()
        assert str(path) in str(error.value)


def test_a_file_that_may_not_be_read_is_not_called_damaged(cache, monkeypatch):
    path = cached(cache, b"")

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(torch, "load", refuse)
    with pytest.raises(RuntimeError, match=r"cannot be read .*Permission denied"):
        read_imagenet_weights()


def test_a_folder_is_no_weight_file(tmp_path):
    with pytest.raises(IsADirectoryError, match="is a folder"):
        read_weights(tmp_path)
