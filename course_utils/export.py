"""A student that works without PyTorch: one ONNX file, the bytes of a picture in, probabilities out (after school).

The preparation of the picture is part of the file, so that nobody has to write it again elsewhere, slightly otherwise.
`docs/without_pytorch.md` shows how such a file is used; `proof` compares it with the model that it was made from.
"""

import importlib.util
import json
import os
import tempfile
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from course_utils.classroom.commands import install
from course_utils.models import TransferClassifier
from course_utils.runtime import atomic_write, given_path, preserved_modes
from course_utils.transforms import InputSpec

Bytes = NDArray[np.uint8]
Answer = Callable[[Bytes], NDArray[np.float32]]

LIBRARIES = ("onnx", "onnxscript", "onnxruntime")  # the extra `export`
# What is stored and counted in 8 bits. The rest, such as the resizing and the softmax, is exact and costs little.
_IN_8_BITS = ["Conv", "Gemm", "Add", "Clip", "ReduceMean"]


class MissingLibraryError(RuntimeError):
    """A library is missing that only the export needs; the message holds the command that installs it."""


class FromBytes(nn.Module):
    """A classifier together with the preparation that `build_eval_transform(spec)` is, and softmax.

    It takes the bytes of one picture, uint8 (H, W, 3), and returns probabilities (C,). Unlike `build_eval_transform` it
    uses tensors only, and so can be written as a graph. ONNX Runtime resizes bytes as Pillow does, smoothing included:
    no pixel is off by more than one step of 255, where the two round a half to different sides.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, model: nn.Module, spec: InputSpec):
        super().__init__()
        self.model, self.spec = model, spec
        device = next(model.parameters()).device
        for name, values in (("mean", spec.mean), ("std", spec.std)):
            self.register_buffer(name, 255 * torch.tensor(values, device=device).view(3, 1, 1))

    def forward(self, picture: Tensor) -> Tensor:
        """Return probabilities (C,) for a picture (H, W, 3) of bytes."""
        seen = (self.resized(picture.permute(2, 0, 1).unsqueeze(0)).float() - self.mean) / self.std
        probabilities: Tensor = self.model(seen).softmax(1)[0]
        return probabilities

    def resized(self, pictures: Tensor) -> Tensor:
        """Return the bytes (1, 3, image_size, image_size) of the square that the network gets of (1, 3, H, W)."""
        size, resize_size = self.spec.image_size, self.spec.resize_size
        if resize_size is None:
            return F.interpolate(pictures, size=(size, size), mode="bilinear", antialias=True)
        shorter = torch.sym_min(pictures.shape[2], pictures.shape[3])
        # Whole numbers here, for mypy; names of numbers while the graph is drawn.
        height, width = (cast(int, resize_size * side // shorter) for side in pictures.shape[2:])
        pictures = F.interpolate(pictures, size=(height, width), mode="bilinear", antialias=True)
        top, left = _half(height - size), _half(width - size)
        return pictures[:, :, top : top + size, left : left + size]


def _half(number: int) -> int:
    """`round(number / 2)`, the even one of two neighbours, in whole numbers only: a graph has no other way."""
    return number // 2 + (number % 2) * (number // 2 % 2)


def need_libraries() -> None:
    """Raise MissingLibraryError, with the command that installs them, where a library of the extra `export` is not
    here."""
    missing = [name for name in LIBRARIES if importlib.util.find_spec(name) is None]
    if missing:
        raise MissingLibraryError(f"The export needs {' and '.join(missing)}: {install(*LIBRARIES)}")


def export_classifier(path: str | os.PathLike[str], model: TransferClassifier) -> None:
    """Write `model` as an ONNX file that takes a picture of any size: `picture`, uint8 (H, W, 3), to `probabilities`,
    float32 (C,). Its metadata holds `classes`, the names as a list in JSON, and `source`, where the weights come from.

    Written in one piece. Raises MissingLibraryError where the extra `export` is not installed, and what `atomic_write`
    raises.
    """
    need_libraries()
    with preserved_modes(model):
        graph = draw_graph(FromBytes(model, model.spec).eval(), device=next(model.parameters()).device)
    names = {"classes": json.dumps(model.classes, ensure_ascii=False), "source": model.source}
    graph.model.metadata_props.update(names)
    with atomic_write(path) as temporary:
        graph.save(temporary, external_data=False)


def draw_graph(module: nn.Module, *, device: torch.device | str = "cpu") -> "torch.onnx.ONNXProgram":
    """Return the graph of a module that takes one picture, uint8 (H, W, 3) of any size, and returns probabilities."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what the exporter says to its own authors
        program = torch.onnx.export(
            module,
            (torch.zeros(120, 160, 3, dtype=torch.uint8, device=device),),  # an example; the sizes below stay free
            dynamo=True,
            dynamic_shapes=({0: torch.export.Dim("height", min=1), 1: torch.export.Dim("width", min=1)},),
            input_names=["picture"],
            output_names=["probabilities"],
            verbose=False,
        )
    assert program is not None  # it is None only for the older exporter
    _forget_origin(program.model)
    return program


def _forget_origin(model: Any) -> None:
    """Take out what the exporter notes about each step: lines of code, and paths of this machine."""
    graph = model.graph
    for part in (model, graph, *graph, *graph.inputs, *graph.initializers.values()):
        part.metadata_props.clear()
    for value in (value for node in graph for value in node.outputs):
        value.metadata_props.clear()


def export_in_8_bits(path: str | os.PathLike[str], exported: str | os.PathLike[str], pictures: Iterable[Bytes]) -> None:
    """Write the file `exported`, of `export_classifier`, once more at `path`, its numbers in 8 bits: a third of the
    size, and other answers in some pictures.

    `pictures` (about a hundred, each (H, W, 3)) show which numbers come up between the layers: their range is what the
    8 bits are laid over. Every channel has a scale of its own (Jacob et al. 2018, https://arxiv.org/abs/1712.05877).
    """
    need_libraries()
    from onnxruntime.quantization import CalibrationDataReader, quant_pre_process, quantize_static

    class Reader(CalibrationDataReader):  # type: ignore[misc]  # the library's class has no types
        def __init__(self) -> None:
            self.left = iter(pictures)

        def get_next(self) -> dict[str, Bytes] | None:
            picture = next(self.left, None)
            return None if picture is None else {"picture": picture}

    exported = given_path(exported, kind="file", must_exist=True)
    # The library asks for a graph with every step's shape; that of the picture stays open, so not by symbols.
    with atomic_write(path) as temporary, tempfile.TemporaryDirectory() as folder:
        prepared = Path(folder, "prepared.onnx")
        quant_pre_process(exported, prepared, skip_symbolic_shape=True)
        quantize_static(
            prepared,
            temporary,
            Reader(),
            per_channel=True,
            op_types_to_quantize=_IN_8_BITS,
        )


def open_exported(path: str | os.PathLike[str], *, num_threads: int | None = None) -> Answer:
    """Return a function that answers as the exported file does: bytes (H, W, 3) in, probabilities (C,) out.

    `num_threads`: how many processors it may use, PyTorch's number where None.
    """
    need_libraries()
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = num_threads or torch.get_num_threads()
    content = given_path(path, kind="file", must_exist=True).read_bytes()
    session: Any = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])

    def answer(picture: Bytes) -> NDArray[np.float32]:
        probabilities: NDArray[np.float32] = session.run(["probabilities"], {"picture": picture})[0]
        return probabilities

    return answer
