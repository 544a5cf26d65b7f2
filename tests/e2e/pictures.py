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


def _unfilter(row: bytearray, above: bytearray, how: int, step: int) -> None:
    """Undoes PNG's filter of one row of pixels of `step` bytes, in place."""
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
    """The pixels of an RGB PNG without interlace, of 8 or 16 bits: height x width x 3."""
    chunks = png_chunks(path.read_bytes())
    kind, head = chunks[0]
    assert kind == b"IHDR"
    width, height, depth, colour, _, _, interlace = struct.unpack(">IIBBBBB", head)
    assert depth in (8, 16) and (colour, interlace) == (2, 0)
    raw = zlib.decompress(b"".join(body for kind, body in chunks if kind == b"IDAT"))
    step = 3 * depth // 8
    stride = step * width
    assert len(raw) == height * (stride + 1)
    above = bytearray(stride)
    rows = []
    for y in range(height):
        at = y * (stride + 1)
        row = bytearray(raw[at + 1:at + 1 + stride])
        assert raw[at] <= 4
        if raw[at]:
            _unfilter(row, above, raw[at], step)
        rows.append(bytes(row))
        above = row
    return _rgb(b"".join(rows), depth, width, height)


def _rgb(data: bytes, depth: int, width: int, height: int) -> numpy.ndarray:
    """Of values with the high byte first, in the byte order that NumPy prefers."""
    values = numpy.frombuffer(data, ">u2" if depth == 16 else "u1")
    return values.astype("<u2" if depth == 16 else "u1").reshape(height, width, 3)


def read_ppm(path: Path) -> numpy.ndarray:
    """The pixels of a binary PPM of 8 or 16 bits: height x width x 3."""
    data = path.read_bytes()
    magic, width, height, maximum = data.split(maxsplit=4)[:4]
    depth = {b"255": 8, b"65535": 16}[maximum]
    size = int(width) * int(height) * 3 * depth // 8
    assert magic == b"P6" and len(data) == len(b"P6\n\n\n" + width + b" " + height + maximum) + size
    return _rgb(data[-size:], depth, int(width), int(height))


def read_npy(path: Path) -> numpy.ndarray:
    return numpy.load(io.BytesIO(path.read_bytes()), allow_pickle=False)


def read(path: Path) -> numpy.ndarray:
    return {".png": read_png, ".ppm": read_ppm, ".npy": read_npy}[path.suffix](path)


# OpenEXR, as its file layout is published: one part, scanlines or tiles of one level.

EXR_TYPES = {0: "<u4", 1: "<f2", 2: "<f4"}
EXR_NONE, EXR_ZIP = 0, 3


def _exr_text(data: bytes, at: int) -> tuple[str, int]:
    end = data.index(b"\0", at)
    return data[at:end].decode("ascii"), end + 1


def exr_attributes(data: bytes) -> tuple[dict[str, tuple[str, bytes]], int]:
    """The header, name to type and bytes, and where it ends."""
    assert struct.unpack_from("<I", data)[0] == 20000630
    attributes = {}
    at = 8
    while data[at]:
        name, at = _exr_text(data, at)
        kind, at = _exr_text(data, at)
        (size,) = struct.unpack_from("<I", data, at)
        attributes[name] = (kind, data[at + 4:at + 4 + size])
        at += 4 + size
    return attributes, at + 1


def _exr_channels(data: bytes) -> list[tuple[str, str]]:
    channels = []
    at = 0
    while data[at]:
        name, at = _exr_text(data, at)
        channels.append((name, EXR_TYPES[struct.unpack_from("<I", data, at)[0]]))
        at += 16
    return channels


def _exr_unzip(packed: bytes, size: int) -> bytes:
    """Undoes ZIP and its two steps before that: differences, and even and odd bytes apart."""
    if len(packed) == size:
        return packed
    data = numpy.frombuffer(zlib.decompress(packed), numpy.uint8).astype(numpy.int64)
    data[1:] -= 128
    data = (numpy.cumsum(data) & 0xFF).astype(numpy.uint8)
    whole = numpy.empty_like(data)
    whole[0::2], whole[1::2] = data[:(size + 1) // 2], data[(size + 1) // 2:]
    return whole.tobytes()


def read_exr(path: Path) -> dict[str, numpy.ndarray]:
    """The channels of an EXR file, height x width each."""
    data = path.read_bytes()
    attributes, at = exr_attributes(data)
    left, top, right, bottom = struct.unpack("<4i", attributes["dataWindow"][1])
    width, height = right - left + 1, bottom - top + 1
    channels = _exr_channels(attributes["channels"][1])
    compression = attributes["compression"][1][0]
    tile = struct.unpack_from("<2I", attributes["tiles"][1]) if "tiles" in attributes else None
    assert compression == EXR_ZIP or (compression == EXR_NONE and tile)
    block = tile or (width, 16)
    count = -(-width // block[0]) * -(-height // block[1])
    planes = {name: numpy.zeros((height, width), kind) for name, kind in channels}
    for offset in struct.unpack_from(f"<{count}Q", data, at):
        assert offset > 0
        if tile:
            column, row, _, _, packed = struct.unpack_from("<5i", data, offset)
            x, y, body = column * tile[0], row * tile[1], offset + 20
        else:
            y, packed = struct.unpack_from("<2i", data, offset)
            x, y, body = 0, y - top, offset + 8
        columns, rows = min(block[0], width - x), min(block[1], height - y)
        size = sum(numpy.dtype(kind).itemsize for _, kind in channels) * columns * rows
        pixels = _exr_unzip(data[body:body + packed], size)
        assert len(pixels) == size
        start = 0
        for line in range(y, y + rows):
            for name, kind in channels:
                planes[name][line, x:x + columns] = numpy.frombuffer(pixels, kind, columns, start)
                start += numpy.dtype(kind).itemsize * columns
    return planes


def _exr_zip(data: bytes) -> bytes:
    """The steps of ZIP."""
    apart = numpy.frombuffer(data[0::2] + data[1::2], numpy.uint8).astype(numpy.int64)
    apart[1:] = apart[1:] - apart[:-1] + 128
    packed = zlib.compress((apart & 0xFF).astype(numpy.uint8).tobytes())
    return packed if len(packed) < len(data) else data


def make_exr(planes: dict[str, numpy.ndarray], bias: int | None, is_zipped: bool = False,
             texts: dict[str, str] | None = None) -> bytes:
    """A file as Kalles Fraktaler's: channels alone, and a window that does not begin at 0."""
    height, width = next(iter(planes.values())).shape
    names = sorted(planes)
    left, top = 10, -20

    def attribute(name: str, kind: str, data: bytes) -> bytes:
        return f"{name}\0{kind}\0".encode() + struct.pack("<I", len(data)) + data

    channels = b"".join(name.encode() + b"\0" +
                        struct.pack("<IIII", 0 if planes[name].dtype == "u4" else 2, 0, 1, 1)
                        for name in names) + b"\0"
    window = struct.pack("<4i", left, top, left + width - 1, top + height - 1)
    head = struct.pack("<II", 20000630, 2) + attribute("channels", "chlist", channels)
    head += attribute("compression", "compression", bytes([EXR_ZIP if is_zipped else EXR_NONE]))
    head += attribute("dataWindow", "box2i", window) + attribute("displayWindow", "box2i", window)
    head += attribute("lineOrder", "lineOrder", b"\0")
    head += attribute("pixelAspectRatio", "float", struct.pack("<f", 1))
    head += attribute("screenWindowCenter", "v2f", struct.pack("<2f", 0, 0))
    head += attribute("screenWindowWidth", "float", struct.pack("<f", 1))
    if bias is not None:
        head += attribute("IterationsBias", "int", struct.pack("<i", bias))
    for name, text in (texts or {}).items():
        head += attribute(name, "string", text.encode())
    head += b"\0"
    blocks = []
    step = 16 if is_zipped else 1
    for y in range(0, height, step):
        data = b"".join(planes[name][line].tobytes() for line in range(y, min(y + step, height))
                        for name in names)
        data = _exr_zip(data) if is_zipped else data
        blocks.append(struct.pack("<ii", y + top, len(data)) + data)
    start, table = len(head) + 8 * len(blocks), b""
    for block in blocks:
        table += struct.pack("<Q", start)
        start += len(block)
    return head + table + b"".join(blocks)
