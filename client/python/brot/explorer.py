"""A picture in a notebook that is walked through: a click zooms in, with Shift out, a drag pans.

    import brot, brot.explorer
    brot.explorer.Explorer(brot.connect())

With ipywidgets and ipyevents it is a widget; where only ipywidgets is there it has buttons. The
arithmetic of the view is here without either, and exact: coordinates are decimal numbers.
"""

from __future__ import annotations

import decimal
import functools
import html
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Protocol

from . import _limits
from ._checks import shown
from .errors import Error, RequestError
from .image import Image
from .request import Request

GUARD_DIGITS = 6  # that a centre has beyond what its width can tell apart
ZOOM = 2


class Renderer(Protocol):
    """A :class:`brot.Service`, or :mod:`brot.local`."""

    def image(self, view: Any = None, size: Sequence[int] | None = None, **words: Any) -> Image: ...


class Camera:
    """Where one looks: a request whose view moves by pixels.

    >>> camera = Camera(Request("-0.5,0,4", (400, 300)))
    >>> camera.zoom(300, 150, 2)
    >>> camera.request.document["view"]
    {'re': '0', 'im': '0', 'width': '2'}
    """

    def __init__(self, request: Request) -> None:
        document = request.document
        document.pop("iterations", None)
        self.request = Request.from_document(document)

    def _move(self, x_px: float, y_px: float, keep: Decimal, factor: Decimal) -> None:
        """Brings the point at that pixel to ``keep`` of its way from the centre, at 1 / factor of
        the width. RequestError where that has too many digits."""
        re_, im, width, height = self.request._window()
        digits = max(0, -width.adjusted()) + len(str(max(self.request.size))) + GUARD_DIGITS
        if digits > _limits.DECIMAL_CHARS:
            raise RequestError("view.width: must be larger to be moved about in, got "
                               f"{shown(self.request.document['view']['width'])}")
        with decimal.localcontext() as context:
            context.prec = digits + 8
            width_px, height_px = self.request.size
            dx = (Decimal(x_px) - Decimal(width_px) / 2) / width_px * width
            dy = (Decimal(height_px) / 2 - Decimal(y_px)) / height_px * height
            step = Decimal(1).scaleb(-digits)
            centre = [(value + offset * keep).quantize(step).normalize()
                      for value, offset in ((re_, dx), (im, dy))]
            document = self.request.document
            view = {**document["view"], "re": _plain(centre[0]), "im": _plain(centre[1]),
                    "width": _plain((width / factor).normalize())}
            if "height" in view:
                view["height"] = _plain((height / factor).normalize())
        self.request = Request.from_document({**document, "view": view})

    def zoom(self, x_px: float, y_px: float, factor: float) -> None:
        """Closer by that factor; the point at that pixel stays where it is."""
        scale = Decimal(factor)
        self._move(x_px, y_px, 1 - 1 / scale, scale)

    def pan(self, dx_px: float, dy_px: float) -> None:
        """The picture moves by so many pixels, to the right and down."""
        width_px, height_px = self.request.size
        self._move(width_px / 2 - dx_px, height_px / 2 - dy_px, Decimal(1), Decimal(1))


def _plain(value: Decimal) -> str:
    text = f"{value:f}"
    return "0" if value == 0 and "." not in text else text


class Explorer:
    """The widget. ``camera.request`` is what is to be seen, ``image`` its :class:`brot.Image`.

    renderer: a service, or :mod:`brot.local`. view, size and the other words are those of
    :class:`brot.Request`.
    """

    def __init__(self, renderer: Renderer, view: Any = None, size: Sequence[int] = (640, 480),
                 **words: Any) -> None:
        self.renderer = renderer
        self.camera = Camera(Request(view, size, **words))
        self.image: Image | None = None
        self._picture, self._text, self.widget = self._make_widget()
        self._pressed: tuple[float, float] | None = None
        self.show()

    def _make_widget(self) -> tuple[Any, Any, Any]:
        import ipywidgets
        width, height = self.camera.request.size
        picture = ipywidgets.Image(format="png", width=width, height=height)
        text = ipywidgets.HTML()
        rows: list[Any] = [picture]
        try:
            import ipyevents
        except ImportError:
            rows.append(self._make_buttons(ipywidgets))
        else:
            events = ipyevents.Event(source=picture, prevent_default_action=True, watched_events=[
                "mousedown", "mouseup", "wheel"])
            events.on_dom_event(self.on_event)
        return picture, text, ipywidgets.VBox([*rows, text])

    def _make_buttons(self, ipywidgets: Any) -> Any:
        width, height = self.camera.request.size
        moves = {"+": lambda: self.camera.zoom(width / 2, height / 2, ZOOM),
                 "-": lambda: self.camera.zoom(width / 2, height / 2, 1 / ZOOM),
                 "left": lambda: self.camera.pan(width / 4, 0),
                 "right": lambda: self.camera.pan(-width / 4, 0),
                 "up": lambda: self.camera.pan(0, height / 4),
                 "down": lambda: self.camera.pan(0, -height / 4)}
        buttons = []
        for name, move in moves.items():
            button = ipywidgets.Button(description=name)
            button.on_click(functools.partial(self._on_button, move))
            buttons.append(button)
        return ipywidgets.HBox(buttons)

    def _on_button(self, move: Callable[[], None], _: Any) -> None:
        self._move(move)

    def _move(self, move: Callable[[], None]) -> None:
        """Moves the camera and shows what it sees; where that fails it goes back."""
        before = self.camera.request
        try:
            move()
        except Error as error:
            self._say(str(error))
        else:
            if self.show():
                return
        self.camera.request = before

    def on_event(self, event: dict[str, Any]) -> None:
        """What ipyevents tells: a press and its release at one place zoom, elsewhere pan."""
        at = float(event.get("relativeX", 0)), float(event.get("relativeY", 0))
        if event["type"] == "mousedown":
            self._pressed = at
            return
        pressed, self._pressed = self._pressed, None
        if event["type"] == "wheel":
            factor = ZOOM if event.get("deltaY", 0) < 0 else 1 / ZOOM
            self._move(lambda: self.camera.zoom(*at, factor))
        elif pressed is not None:
            dx_px, dy_px = at[0] - pressed[0], at[1] - pressed[1]
            factor = 1 / ZOOM if event.get("shiftKey") else ZOOM
            if max(abs(dx_px), abs(dy_px)) < 4:
                self._move(lambda: self.camera.zoom(*at, factor))
            else:
                self._move(lambda: self.camera.pan(dx_px, dy_px))

    def show(self) -> bool:
        """Renders where the camera is, and whether that went well: an error is said below the
        picture that was there."""
        view = self.camera.request.document["view"]
        try:
            image = self.renderer.image(self.camera.request)
            self._picture.value = image.png()
        except Error as error:
            self._say(str(error))
            return False
        self.image = image
        self._say(f"{view['re']}, {view['im']}, {view['width']}")
        return True

    def _say(self, text: str) -> None:
        self._text.value = html.escape(text)  # of a broker, or whoever wrote the view

    def _ipython_display_(self) -> None:
        # Not by the widget's own methods: each version of ipywidgets has others.
        from IPython.display import display
        display(self.widget)
