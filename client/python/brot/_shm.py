"""An image in the broker's shared memory, read where it lies: PROTOCOL.md, section 6.

The file is mapped read-only by mmap. (``multiprocessing.shared_memory`` would remove, when this
process ends, a segment that it did not make.) Whoever maps it takes it for hostile: every number of
its header is compared with what was announced before a pixel is looked at.
"""

from __future__ import annotations

import mmap
import os
import stat
import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ._formats import Array, Format
from ._notice import ImageName

FOLDER = Path("/dev/shm")
MAGIC = b"BROTIMG1"
LAYOUT = 3
PLANES_MAX = 7
PAGE = 4096
_HEADER = struct.Struct("<8sIIQQ16sIIIIIIQQII")
_PLANE = struct.Struct("<IIQQ")
HEADER_BYTES = _HEADER.size + PLANES_MAX * _PLANE.size


class NotShared(Exception):
    """The image cannot be read here: its pixels have to be fetched. Says why."""


class MappedImage:
    """One image. ``arrays`` has a read-only array for each plane, (rows, width[, channels]), whose
    memory is the broker's own; it stays as long as one of them, or a view of one, does, whatever
    becomes of this object, the service or the broker.
    """

    def __init__(self, map_: mmap.mmap, arrays: Sequence[Array], bits: npt.NDArray[np.uint8],
                 slices: int, rows: int) -> None:
        self.map = map_
        self.arrays = list(arrays)
        self._bits = bits
        self._slices = slices
        self._rows = rows

    def done_rows(self) -> npt.NDArray[np.bool_]:
        """For each row whether all of it is final."""
        bits = np.unpackbits(self._bits, bitorder="little", count=self._rows * self._slices)
        done: npt.NDArray[np.bool_] = bits.reshape(self._rows, self._slices).all(axis=1)
        return done


def open_image(image: ImageName, job: int, format_: Format, rows: int, width: int,
               slice_px: int) -> MappedImage:
    """Maps what ACCEPTED, or BAND, has announced. NotShared where it is not there, is another
    user's, or is not what the announcement says."""
    try:
        descriptor = os.open(FOLDER / image.name.removeprefix("/"),
                             os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise NotShared(f"the image cannot be opened: {error.strerror}") from None
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise NotShared("the image is no regular file")
        if found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077:
            raise NotShared("the image is another user's, or open to others")
        if found.st_size != image.size_bytes:
            raise NotShared("the image is of another size than announced")
        map_ = mmap.mmap(descriptor, image.size_bytes, mmap.MAP_SHARED, mmap.PROT_READ)
    except (OSError, ValueError) as error:
        raise NotShared(f"the image cannot be mapped: {error}") from None
    finally:
        os.close(descriptor)
    return _read(map_, image, job, format_, rows, width, slice_px)


def _read(map_: mmap.mmap, image: ImageName, job: int, format_: Format, rows: int, width: int,
          slice_px: int) -> MappedImage:
    size = image.size_bytes
    if size < HEADER_BYTES:
        raise NotShared("the image is smaller than its header")
    (magic, layout, header_bytes, bytes_, id_, nonce, _uid, _pid, w, h, slice_, slices, bits_at,
     bits_bytes, planes, _flags) = _HEADER.unpack_from(map_)
    segments = -(-width // slice_px)
    if (magic, layout, header_bytes, bytes_) != (MAGIC, LAYOUT, HEADER_BYTES, size):
        raise NotShared("the image has another layout")
    if nonce != image.nonce:
        raise NotShared("the image has another nonce")
    if (id_, w, h, slice_, slices, planes) != (job, width, rows, slice_px, segments,
                                               len(format_.planes)):
        raise NotShared("the image is of another job")
    if bits_bytes < -(-rows * segments // 8) or not _fits(bits_at, bits_bytes, size):
        raise NotShared("the bits of the image lie outside of it")
    spans = [(bits_at, bits_bytes)]
    arrays = []
    for index, plane in enumerate(format_.planes):
        code, pixel_bytes, at, plane_bytes = _PLANE.unpack_from(map_, _HEADER.size
                                                                + index * _PLANE.size)
        expected = rows * width * plane.pixel_bytes
        if (code, pixel_bytes, plane_bytes) != (plane.code, plane.pixel_bytes, expected):
            raise NotShared(f"plane {index} of the image is not {plane.name}")
        if at % PAGE or not _fits(at, plane_bytes, size):
            raise NotShared(f"plane {index} of the image lies outside of it")
        spans.append((at, plane_bytes))
        flat = np.frombuffer(map_, plane.dtype, rows * width * plane.channels, at)
        arrays.append(flat.reshape(plane.shape(rows, width)))
    spans.sort()
    if any(a + n > b for (a, n), (b, _) in zip(spans, spans[1:])):
        raise NotShared("planes of the image overlap")
    bits = np.frombuffer(map_, np.uint8, -(-rows * segments // 8), bits_at)
    return MappedImage(map_, arrays, bits, segments, rows)


def _fits(at: int, count: int, size: int) -> bool:
    return HEADER_BYTES <= at <= size and count <= size - at
