"""Sliders that redraw a picture. The only part of the package that imports ipywidgets.

`explorer` is the helper on which every slider of the course is built; the others are the lessons' own. Core widgets
only, which run in JupyterLab and in Colab's old ipywidgets 7.7 alike.
"""

from .explorer import Explorer, explorer, uploaded_image
from .lessons import augmentation_explorer, descent_explorer, photo_chooser, sentence_explorer, softmax_explorer
from .questions import predict_first

__all__ = [
    "Explorer",
    "augmentation_explorer",
    "descent_explorer",
    "explorer",
    "photo_chooser",
    "predict_first",
    "sentence_explorer",
    "softmax_explorer",
    "uploaded_image",
]
