"""Whether a data set can go to the worker processes of a DataLoader, asked before they hang or die (lesson 03)."""

import io
import multiprocessing
import pickle
import sys
import types
from typing import Any

from torch.utils.data import Dataset


def check_workers(dataset: Dataset[Any]) -> None:
    """Raise RuntimeError where `dataset` cannot be sent to the worker processes of a DataLoader.

    Where a worker starts as a fresh Python (Windows, macOS, and everywhere from Python 3.14), it cannot see a class or
    function that was defined in a notebook: the DataLoader would hang or die with an obscure message.
    """
    method = multiprocessing.get_start_method(allow_none=True) or multiprocessing.get_all_start_methods()[0]
    if method == "fork":
        return
    try:
        _NotebookFinder(io.BytesIO()).dump(dataset)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise RuntimeError(
            f"num_workers > 0 cannot work here: {error}. Worker processes start as a fresh Python ({method!r}) and can "
            "only use what they can import: use num_workers=0, or move the definition into a .py file and import it."
        ) from error


class _NotebookFinder(pickle.Pickler):
    """Pickles like any other, but refuses what only this notebook knows."""

    def persistent_id(self, obj: Any) -> None:
        is_definition = isinstance(obj, type | types.FunctionType)
        # A script's own definitions are found again (workers import the script), a notebook has no file to import.
        if is_definition and obj.__module__ == "__main__" and not hasattr(sys.modules["__main__"], "__file__"):
            raise pickle.PicklingError(f"{obj.__qualname__!r} is defined in this notebook")
