"""Pictures that need no network: things drawn by the package, the same bytes for the same seed on one machine."""

from .dataset import (
    NUM_INSTRUMENTS,
    NUM_VIEWS,
    PROPORTIONS,
    SPLIT_SIZES,
    class_counts,
    draw_dataset,
    draw_instruments,
    planned_files,
    planned_instruments,
    worker_per_core,
)
from .garments import CLASSES, DRAWING_VERSION, draw_garment
from .instruments import INSTRUMENT_CLASSES, INSTRUMENTS_VERSION, draw_instrument

__all__ = [
    "CLASSES",
    "DRAWING_VERSION",
    "INSTRUMENTS_VERSION",
    "INSTRUMENT_CLASSES",
    "NUM_INSTRUMENTS",
    "NUM_VIEWS",
    "PROPORTIONS",
    "SPLIT_SIZES",
    "class_counts",
    "draw_dataset",
    "draw_garment",
    "draw_instrument",
    "draw_instruments",
    "planned_files",
    "planned_instruments",
    "worker_per_core",
]
