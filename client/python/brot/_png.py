"""PNG files for those who have only Python: right, but slow and large beside libbrot's."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def _chunk(name: bytes, data: bytes) -> bytes:
    crc = zlib.crc32(data, zlib.crc32(name))
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", crc)


def encode(rgb: npt.NDArray[Any]) -> bytes:
    """The file of a picture of (height, width, 3), u1 or u2, sRGB.

    >>> encode(np.zeros((2, 3, 3), np.uint8))[:4]
    b'\\x89PNG'
    """
    height, width, _ = rgb.shape
    depth = rgb.dtype.itemsize * 8
    rows = np.ascontiguousarray(rgb, rgb.dtype.newbyteorder(">")).reshape(height, -1)
    packed = rows.view(np.uint8)
    # Filter 1: each byte less the one of the pixel to the left.
    step = 3 * rgb.dtype.itemsize
    filtered = np.empty((height, packed.shape[1] + 1), np.uint8)
    filtered[:, 0] = 1
    filtered[:, 1:step + 1] = packed[:, :step]
    np.subtract(packed[:, step:], packed[:, :-step], out=filtered[:, step + 1:])
    return b"".join((SIGNATURE,
                     _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, 2, 0, 0, 0)),
                     _chunk(b"sRGB", b"\0"), _chunk(b"IDAT", zlib.compress(filtered.tobytes(), 6)),
                     _chunk(b"IEND", b"")))
