"""The helper under every slider: controls above, a picture with alt text below, redrawn when a control moves."""

import html
import io
from collections.abc import Callable
from threading import RLock
from typing import Any

import ipywidgets
from PIL import Image

from course_utils.plotting import Shown
from course_utils.transforms import to_rgb


class Explorer(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets carries no types
    """What `explorer` returns: `.controls` (name -> widget) above `.picture` (`ipywidgets.HTML` with one `<img>`)."""

    def __init__(self, draw: Callable[..., Shown], controls: dict[str, ipywidgets.Widget]) -> None:
        self.draw, self.controls = draw, controls
        self.picture = ipywidgets.HTML()
        self._lock = RLock()  # front ends may report two moves at once, on two threads
        super().__init__(children=[*controls.values(), self.picture])
        self.redraw()
        for control in controls.values():
            control.observe(self.redraw, names="value")

    def redraw(self, _change: dict[str, Any] | None = None) -> None:
        """Draw the picture that belongs to the controls' present values. An error is shown in its place, and raised."""
        with self._lock:
            try:
                picture = self.draw(**{name: control.value for name, control in self.controls.items()})
                self.picture.value = picture.html()
            except Exception as error:
                message = html.escape(f"{type(error).__name__}: {error}")
                self.picture.value = f'<p role="alert"><b>This picture could not be drawn.</b> {message}</p>'
                raise


def explorer(draw: Callable[..., Shown], /, **controls: ipywidgets.Widget) -> Explorer:
    """Return a widget that shows `draw(name=value, ...)` for the values of the controls, and redraws when one changes.

    `draw` takes the controls' values by name and returns a `plotting.Picture`: called by hand, it gives the same
    picture without a widget. `controls` are ipywidgets with a `value`, shown in this order. What `draw` raises is shown
    in place of the picture, and raised again, so that a test or an executed notebook notices.

        explorer(plot_power, power=ipywidgets.IntSlider(2, 1, 5))
    """
    return Explorer(draw, controls)


def uploaded_image(upload: ipywidgets.FileUpload) -> Image.Image | None:
    """Return the picture chosen in a file chooser as RGB, upright, or None where none was chosen yet.

    The last file counts where there are several. ipywidgets 7 keeps {name: file}, ipywidgets 8 a tuple of files: both
    are read. Raises ValueError, naming the file, for a file that holds no picture.
    """
    files = upload.value
    if not files:
        return None
    if isinstance(files, dict):
        name, file = list(files.items())[-1]
    else:
        file = files[-1]
        name = file["name"]
    try:
        with Image.open(io.BytesIO(bytes(file["content"]))) as image:
            return to_rgb(image)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(f"{name} cannot be read as a picture ({error}); choose a JPEG or PNG file.") from error
