"""A rendered image with its request: for notebooks, files, other colours, other libraries."""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _checks, _formats, _native, _png
from ._formats import Array, Result
from .errors import FileError, NotFoundError, RequestError
from .request import Request

if TYPE_CHECKING:
    import xarray


class Image:
    """What ``image()`` of a service, a job or :mod:`brot.local` returns. A notebook shows it.

    ``array`` is what ``render()`` returns: (height, width) numbers, (height, width, 3) colours, or
    a dict of arrays of format raw. ``request`` says what it shows. ``planes`` are the arrays that
    it was made of, by the names of PROTOCOL.md, section 6: with them it can be recoloured.
    """

    def __init__(self, array: Result, request: Request, *,
                 planes: Mapping[str, Array] | None = None) -> None:
        if not isinstance(request, Request):
            raise RequestError(f"request: must be a brot.Request, got {_checks.shown(request)}")
        _check(array, request)
        self.array = array
        self.request = request
        self.planes = dict(planes or {})

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, pixels."""
        return self.request.size

    @property
    def format(self) -> str:
        """That of its request."""
        return self.request.format

    @property
    def is_picture(self) -> bool:
        """Whether ``array`` holds colours."""
        return _formats.by_name(self.format).is_picture

    def __array__(self, dtype: Any = None) -> Array:
        if isinstance(self.array, dict):
            raise TypeError("an image of format raw has several arrays: take one of image.array")
        return np.asarray(self.array, dtype)

    # Colours and files

    def recolour(self, **colour: Any) -> Image:
        """The picture, rgb8, of the same numbers in other colours: the bytes of ``brot-client
        colour``. Words are keys of the request's ``colour`` (palette, mode, interior, density,
        offset...), of a Buddhabrot ``tone`` too. What is not named stays; but an image of
        iterations is ``banded`` unless a mode is named, as no other can be had of these.

        RequestError where the numbers are not enough: the mode says which it needs, ``smooth`` does
        for most and ``raw`` for all. Needs libbrot.
        """
        document = self.request.document
        tone = colour.pop("tone", None)
        only = {"mode": "banded", "inside": "plain"} if self.format == "iterations" else {}
        document["format"] = "rgb8"
        document["colour"] = {**document.get("colour", {}), **only, **colour}
        if tone is not None:
            document["tone"] = {"curve": tone} if isinstance(tone, str) else tone
        wanted = Request.from_document(document)
        planes = self._numbers()
        return Image(_native.colour_planes(wanted, planes), wanted, planes=planes)

    def _numbers(self) -> dict[str, Array]:
        planes = self.planes or (self.array if isinstance(self.array, dict) else
                                 {self.format: self.array})
        if all(name in ("rgb8", "rgb16", "smooth", "distance", "phase") for name in planes):
            raise RequestError(f"format: must be one that can be coloured, got {self.format}: "
                               "render it as smooth or raw, which have no numbers less")
        return planes

    def picture(self) -> Array:
        """The colours (height, width, 3): ``array`` itself where it has them, else those of
        recolour(), which needs libbrot. RequestError where numbers have none."""
        made = self._coloured().array
        assert not isinstance(made, dict)
        return made

    def _coloured(self) -> Image:
        return self if self.is_picture else self.recolour()

    def png(self) -> bytes:
        """The picture as the bytes of a PNG file."""
        made = self._coloured()
        if not _native.is_there():
            return _png.encode(made.picture())
        return _native.encode_png(made.request, made.picture())

    def _repr_png_(self) -> bytes | None:
        """None where it cannot be shown: a notebook then says what it is."""
        try:
            return self.png()
        except (RequestError, NotFoundError):
            return None

    def save(self, path: str | os.PathLike[str], *, dpi: int = 0, compress: int | None = None
             ) -> None:
        """Writes a file of the kind that the suffix names, as brot-client does: .png, .ppm, .dzi,
        .npy, .exr. Numbers saved as a picture get their colours first. dpi: pixels an inch, which
        PNG and EXR then say; compress: 0 to 9. Without libbrot .png and .npy alone, and without
        the request in them.

        FileError, NoSpaceError; RequestError where that kind cannot hold this format.
        """
        path = Path(_checks.path("path", path))
        wants_picture = path.suffix.lower() in (".png", ".ppm", ".dzi")
        if _native.is_there():
            if wants_picture and not self.is_picture:
                made = self.recolour()
                _native.write(path, made.request, [made.picture()], dpi, compress)
            else:
                _native.write(path, self.request, self._in_order(), dpi, compress)
            return
        try:
            if path.suffix.lower() == ".png":
                path.write_bytes(_png.encode(self.picture()))
            elif path.suffix.lower() == ".npy" and not isinstance(self.array, dict):
                with path.open("wb") as file:
                    np.save(file, self.array)
            else:
                _native.library()
        except OSError as error:
            raise FileError(f"{path} cannot be made: {error.strerror}") from None

    def _in_order(self) -> list[Array]:
        """The arrays of the format's planes."""
        planes = _formats.by_name(self.format).planes
        if isinstance(self.array, dict):
            return [self.array[plane.name] for plane in planes]
        if len(planes) == 1:
            return [self.array]
        if len(self.planes) != len(planes):
            raise RequestError(f"planes: an image of {self.format} is saved by its "
                               f"{len(planes)} planes, got {len(self.planes)}")
        return list(self.planes.values())

    # Other libraries

    def coordinates(self) -> tuple[Array, Array]:
        """Real parts of the columns and imaginary parts of the rows, at the pixels' centres, f8; of
        a view that is turned both as (height, width)."""
        left, right, bottom, top = self.request.extent
        width, height = self.size
        x = left + (np.arange(width) + 0.5) * ((right - left) / width)
        y = top - (np.arange(height) + 0.5) * ((top - bottom) / height)
        turn = np.radians(float(self.request.document["view"].get("rotate", 0)))
        if turn == 0.0:
            return x, y
        middle_x, middle_y = (left + right) / 2, (bottom + top) / 2
        dx, dy = np.meshgrid(x - middle_x, y - middle_y)
        return (middle_x + dx * np.cos(turn) - dy * np.sin(turn),
                middle_y + dx * np.sin(turn) + dy * np.cos(turn))

    def xarray(self) -> xarray.Dataset | xarray.DataArray:
        """As xarray has it, with coordinates (``x`` and ``y``; of a
        view that is turned ``re`` and ``im`` of each pixel) and the request among the
        attributes: a DataArray, or a Dataset of format raw. The values are not copied."""
        import xarray
        re_, im = self.coordinates()
        coords: dict[str, Any] = ({"x": ("x", re_), "y": ("y", im)} if re_.ndim == 1 else
                                  {"re": (("y", "x"), re_), "im": (("y", "x"), im)})
        attributes = {"request": self.request.json()}

        def one(name: str, array: Array) -> xarray.DataArray:
            dims = ("y", "x") + (("channel",) if array.ndim == 3 else ())
            return xarray.DataArray(array, coords, dims, name, attributes)
        if isinstance(self.array, dict):
            return xarray.Dataset({name: one(name, array) for name, array in self.array.items()},
                                  attrs=attributes)
        return one(self.format, self.array)

    def dask(self, chunks: Any = "auto") -> Any:
        """As a ``dask.array.Array`` in chunks of tiles, which are not copied."""
        array = importlib.import_module("dask.array")
        if isinstance(self.array, dict):
            raise RequestError("format: an image of raw has several arrays: take one of them")
        return array.from_array(self.array, chunks, asarray=False)

    def __repr__(self) -> str:
        width, height = self.size
        return f"<brot.Image {width}x{height} {self.format} of {self.request.document['view']}>"


def _check(array: Any, request: Request) -> None:
    """Whether it is what render() returns for that request: RequestError."""
    width, height = request.size
    format_ = _formats.by_name(request.format)
    like = format_.assemble(format_.empty(0, width))
    arrays = array if isinstance(array, dict) else {"": array}
    wanted = like if isinstance(like, dict) else {"": like}
    if list(arrays) != list(wanted):
        what = f"a dict of {', '.join(wanted)}" if isinstance(like, dict) else "one array"
        raise RequestError(f"array: must be {what}, got {_checks.shown(array)}")
    for name, one in wanted.items():
        shape, found = (height, *one.shape[1:]), arrays[name]
        if not isinstance(found, np.ndarray) or (found.shape, found.dtype) != (shape, one.dtype):
            what = (f"{found.dtype} {found.shape}" if isinstance(found, np.ndarray)
                    else _checks.shown(found))
            raise RequestError(f"array: {name or request.format} of {width} x {height} pixels must "
                               f"be an array {shape} of {one.dtype}, got {what}")
