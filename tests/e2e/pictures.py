"""Readers of the files that brot-client writes, independent of the libraries it uses."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy


def png_chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """The chunks of a PNG, each with its checksum checked."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    chunks = []
    at = 8
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        kind, body = data[at + 4:at + 8], data[at + 8:at + 8 + length]
        (checksum,) = struct.unpack_from(">I", data, at + 8 + length)
        assert zlib.crc32(kind + body) == checksum
        chunks.append((kind, body))
        at += 12 + length
    assert chunks[-1][0] == b"IEND"
    return chunks


def png_texts(path: Path) -> dict[str, str]:
    """The texts of the tEXt chunks, by keyword."""
    texts = [body.split(b"\0", 1) for kind, body in png_chunks(path.read_bytes())
             if kind == b"tEXt"]
    return {key.decode("latin-1"): text.decode("latin-1") for key, text in texts}


def _unfilter(row: bytearray, above: bytearray, how: int) -> None:
    """Undoes PNG's filter of one row of rgb8, in place."""
    step = 3
    for i, value in enumerate(row):
        left = row[i - step] if i >= step else 0
        up = above[i]
        if how == 1:
            value += left
        elif how == 2:
            value += up
        elif how == 3:
            value += (left + up) // 2
        elif how == 4:
            corner = above[i - step] if i >= step else 0
            guess = left + up - corner
            value += min((abs(guess - left), 0, left), (abs(guess - up), 1, up),
                         (abs(guess - corner), 2, corner))[2]
        row[i] = value & 0xFF


def read_png(path: Path) -> numpy.ndarray:
    """The pixels of an 8-bit RGB PNG without interlace: height x width x 3."""
    chunks = png_chunks(path.read_bytes())
    kind, head = chunks[0]
    assert kind == b"IHDR"
    width, height, depth, colour, _, _, interlace = struct.unpack(">IIBBBBB", head)
    assert (depth, colour, interlace) == (8, 2, 0)
    raw = zlib.decompress(b"".join(body for kind, body in chunks if kind == b"IDAT"))
    stride = 3 * width
    assert len(raw) == height * (stride + 1)
    above = bytearray(stride)
    rows = []
    for y in range(height):
        at = y * (stride + 1)
        row = bytearray(raw[at + 1:at + 1 + stride])
        assert raw[at] <= 4
        if raw[at]:
            _unfilter(row, above, raw[at])
        rows.append(bytes(row))
        above = row
    return numpy.frombuffer(b"".join(rows), numpy.uint8).reshape(height, width, 3)


def read_ppm(path: Path) -> numpy.ndarray:
    """The pixels of a binary PPM: height x width x 3."""
    data = path.read_bytes()
    magic, width, height, maximum = data.split(maxsplit=4)[:4]
    assert (magic, maximum) == (b"P6", b"255")
    size = int(width) * int(height) * 3
    return numpy.frombuffer(data[-size:], numpy.uint8).reshape(int(height), int(width), 3)


def read_npy(path: Path) -> numpy.ndarray:
    return numpy.load(io.BytesIO(path.read_bytes()), allow_pickle=False)


def read(path: Path) -> numpy.ndarray:
    return {".png": read_png, ".ppm": read_ppm, ".npy": read_npy}[path.suffix](path)
