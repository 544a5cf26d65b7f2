"""A process of brot.local.processes(): renders the parts that it is told to, for shared memory.

    python -m brot._part_worker DESCRIPTOR

The descriptor is a socket to the process that started it, and its end is the end of this one. It
says, a line of JSON each:

* ``{"request": ...}``, which brings the descriptor of the memory along, with room for all planes;
* ``{"rows": [y, n]}``: render these into it and, where the picture is mirrored, what they mirror;
* ``{"samples": [i, n]}``: count these, of a Buddhabrot, and keep the counts;
* ``{"add": true}``: add the counts that are kept to the memory, which no other process does then.

Each but the first is answered by ``{}``, and what fails by ``{"code": ..., "text": ...}``.
"""

from __future__ import annotations

import json
import mmap
import os
import select
import signal
import socket
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from . import _formats, _native
from ._formats import Array, Format
from .errors import Error, from_code
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


class _Picture:
    """What is being rendered. ``goes_on``: asked some ten times a second."""

    def __init__(self, document: dict[str, Any], descriptor: int, channel: socket.socket) -> None:
        request = Request.from_document(document)
        self._handle = _native.open_request(request)
        self._arrays = arrays_in(mmap.mmap(descriptor, 0), request)
        self._is_mirrored = self._handle.rows() < request.size[1]
        self._format = _formats.by_name(request.format)
        self._counts: list[Array] | None = None
        self._poll = select.poll()
        self._poll.register(channel, select.POLLRDHUP)

    def _goes_on(self, _: float) -> bool:
        return not self._poll.poll(0)  # else whoever wanted it has gone

    def rows(self, first: int, rows: int) -> None:
        part = [array[first:first + rows] for array in self._arrays]
        _native.render(self._handle, part, 1, self._goes_on, rows=(first, rows))
        if self._is_mirrored:
            for array in self._arrays:
                array[::-1][first:first + rows] = array[first:first + rows]

    def samples(self, first: int, samples: int) -> None:
        height, width = self._arrays[0].shape
        counts = self._format.empty(height, width)
        _native.render(self._handle, counts, 1, self._goes_on, samples=(first, samples))
        if self._counts is None:
            self._counts = counts
            return
        for sum_, more in zip(self._counts, counts):
            sum_ += more

    def add(self) -> None:
        for array, counts in zip(self._arrays, self._counts or []):
            array += counts


def main(descriptor: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started it ends it
    channel = socket.socket(fileno=descriptor)
    picture: _Picture | None = None
    for said, descriptors in _lines(channel):
        answer: dict[str, str] = {}
        try:
            if "request" in said:
                picture = None
                picture = _Picture(said["request"], descriptors[0], channel)
                os.close(descriptors[0])
                continue
            assert picture is not None
            if "rows" in said:
                picture.rows(*said["rows"])
            elif "samples" in said:
                picture.samples(*said["samples"])
            else:
                picture.add()
        except (MemoryError, OSError) as error:
            failed = from_code("no_space", f"size: a process has no memory for it: {error}")
            answer = {"code": failed.code, "text": str(failed)}
        except Error as error:
            answer = {"code": error.code, "text": str(error)}
        channel.sendall(json.dumps(answer).encode() + b"\n")


if __name__ == "__main__":
    main(int(sys.argv[1]))
