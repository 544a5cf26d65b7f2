"""Arrays of dask, which is imported when one is made: a chunk is a band of rows that is made when
it is computed, and nothing else is.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import operator
from collections.abc import Callable
from typing import Any

from . import _formats, _limits, _native
from ._checks import whole
from ._formats import Array, Result
from .errors import RequestError
from .request import Request

BAND_PX = 1 << 18  # of a chunk where nobody says: some tens of milliseconds, 1 MiB or so


def array_of(request: Request, rows: int | None, make: Callable[[int, int], Result],
             name: str) -> Any:
    """A dask.array.Array as render() has it, or of format raw a dict of these, in chunks of so many
    whole rows. make: called with the first row and the number of rows of a chunk, in whatever
    thread or process dask computes that. name: of no other array, but one of equal chunks."""
    dask_array = importlib.import_module("dask.array").Array
    graph = importlib.import_module("dask.highlevelgraph").HighLevelGraph
    format_, (width, height) = _formats.by_name(request.format), request.size
    if rows is None:
        rows = max(1, BAND_PX // width)
    step = min(whole("rows", rows, 1, _limits.SIZE_PX), height)
    name = f"brot-{name}-{step}"
    counts = [min(step, height - first) for first in range(0, height, step)]
    bands = {(name, index): (make, index * step, count) for index, count in enumerate(counts)}

    def joined(like: Array, plane: str) -> Any:
        own, rest = f"{name}-{plane or 'rows'}", (0,) * (like.ndim - 1)
        chunks = {(own, index, *rest): (operator.getitem, band, plane) if plane else band
                  for index, band in enumerate(bands)}
        layers = graph({name: bands, own: chunks}, {name: set(), own: {name}})
        return dask_array(layers, own, (tuple(counts), *((side,) for side in like.shape[1:])),
                          like.dtype, like)
    like = format_.assemble(format_.empty(0, width))
    if isinstance(like, dict):
        return {plane: joined(array, plane) for plane, array in like.items()}
    return joined(like, "")


def rendered(request: Request, rows: int | None) -> Any:
    """As brot.local.dask() has it, of a request with every default spelled out."""
    if request.document["kind"] != "escape" or request.numbers() is not None:
        raise RequestError("kind: must be escape, in colours that do not need the whole image, for "
                           f"some of its rows to be rendered, got {request!r}")
    text = request.json()
    name = hashlib.sha256(text.encode()).hexdigest()[:32]
    return array_of(request, rows, functools.partial(_render, text), name)


@functools.lru_cache(16)
def _opened(text: str) -> tuple[_native.Handle, Request]:
    handle = _native.Handle(None, text)
    return handle, Request.from_document(handle.document())


def _render(text: str, first: int, rows: int) -> Result:
    """In a thread or process of dask's, which runs several side by side."""
    handle, request = _opened(text)
    format_ = _formats.by_name(request.format)
    arrays = format_.empty(rows, request.size[0])
    _native.render(handle, arrays, 1, rows=(first, rows))
    return format_.assemble(arrays)
