"""A process of brot.local.processes(): renders the rows that it is told to, into shared memory.

    python -m brot._row_worker DESCRIPTOR

The descriptor is a socket to the process that started it, and its end is the end of this one. It
says, a line of JSON each: ``{"request": ...}``, which brings the memory's descriptor along, and
``{"first": y, "rows": n}``; each of the latter is answered by ``{}`` or ``{"code": ..., "text":
...}``.
"""

from __future__ import annotations

import json
import mmap
import os
import signal
import socket
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from . import _formats, _native
from ._formats import Array, Format
from .errors import Error
from .request import Request

ALIGNMENT = 64
LINE_BYTES = 1 << 20


def layout(format_: Format, rows: int, width: int) -> tuple[list[int], int]:
    """Where each plane begins, and how many bytes they take."""
    offsets, at = [], 0
    for plane in format_.planes:
        offsets.append(at)
        at += -(-rows * width * plane.pixel_bytes // ALIGNMENT) * ALIGNMENT
    return offsets, at


def arrays_in(memory: mmap.mmap, request: Request) -> list[Array]:
    """An array for each plane, (h, w) or (h, w, channels)."""
    format_, (width, height) = _formats.by_name(request.format), request.size
    offsets, _ = layout(format_, height, width)
    return [np.frombuffer(memory, plane.dtype, height * width * plane.channels, at)
            .reshape(plane.shape(height, width)) for plane, at in zip(format_.planes, offsets)]


def _lines(channel: socket.socket) -> Iterator[tuple[dict[str, Any], list[int]]]:
    """What is said, with the descriptors that came along."""
    rest, descriptors = b"", list[int]()
    while True:
        data, found, _, _ = socket.recv_fds(channel, LINE_BYTES, 1)
        descriptors += found
        if not data:
            return
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            said = json.loads(line)
            yield said, descriptors if "request" in said else []
            if "request" in said:
                descriptors = []


def main(descriptor: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started it ends it
    channel = socket.socket(fileno=descriptor)
    handle: _native.Handle | None = None
    arrays: list[Array] = []
    for said, descriptors in _lines(channel):
        answer: dict[str, str] = {}
        try:
            if "request" in said:
                request = Request.from_document(said["request"])
                handle = _native.open_request(request)
                arrays = arrays_in(mmap.mmap(descriptors[0], 0), request)
                os.close(descriptors[0])
                continue
            assert handle is not None
            _native.render(handle, arrays, 1, None, said["first"], said["rows"])
        except Error as error:
            answer = {"code": error.code, "text": str(error)}
        channel.sendall(json.dumps(answer).encode() + b"\n")


if __name__ == "__main__":
    main(int(sys.argv[1]))
