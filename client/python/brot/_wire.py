"""Messages of BROT/1 as frames, and frames as messages: PROTOCOL.md, sections 2 and 4.

Pure: no socket, no clock. Only what a client sends and hears is here.

>>> frames = encode(Type.WATCH, {"jobs": [7]})
>>> frames
[b'BROT\\x01H', b'{"jobs":[7]}']
>>> decode([b"BROT\\x01\\x63", b'{"job": 7, "error": "cancelled", "text": "enough"}']).body["job"]
7
"""

from __future__ import annotations

import enum
import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from . import _limits
from .errors import ProtocolError, RequestError

Bytes = bytes | memoryview

VERSION = 1
JSON_BYTES = 262144  # of a body, but for a list in a REPORT
JOB_FRAME_BYTES = _limits.FETCH_BYTES  # that a connection of a job may bring
_MAGIC = b"BROT"
_HEADER = struct.Struct("<4sBB")
_ROWS = struct.Struct("<QIIIIII")


class Type(enum.IntEnum):
    """The types of messages that go over a client's connection."""

    SUBMIT = 0x40
    ATTACH = 0x41
    FETCH = 0x42
    RELEASE = 0x43
    CANCEL_JOB = 0x44
    JOBS = 0x45
    WORKERS = 0x46
    STATUS = 0x47
    WATCH = 0x48
    PAUSE = 0x49
    RESUME = 0x4A
    RETRY = 0x4B
    PRIORITY = 0x4C
    DRAIN_WORKER = 0x4D
    HISTORY = 0x4E
    ACCEPTED = 0x60
    PROGRESS = 0x61
    FINISHED = 0x62
    FAILED = 0x63
    ROWS = 0x64
    REPORT = 0x65
    BAND = 0x66
    REFUSED = 0x7F


_BODY_BYTES = {Type.ROWS: _limits.FETCH_BYTES, Type.REPORT: _limits.BROKER_FRAME_BYTES}


@dataclass(frozen=True, slots=True)
class Piece:
    """A rectangle of one plane: index in the format, pixels of the picture."""

    plane: int
    x: int
    y: int
    w: int
    h: int


@dataclass(frozen=True, slots=True)
class Message:
    """One message. ``rows``, ``job`` and ``data`` (raw pixels, borrowed) are those of ROWS."""

    type: Type
    body: dict[str, Any] = field(default_factory=dict)
    job: int = 0
    piece: Piece | None = None
    data: Bytes = b""


def encode(type_: Type, body: dict[str, Any]) -> list[bytes]:
    """The frames of what a client says. RequestError where the body is larger than a broker takes,
    or has a number that JSON cannot say."""
    try:
        text = json.dumps(body, separators=(",", ":"), allow_nan=False).encode()
    except (ValueError, TypeError) as error:
        raise RequestError(f"request: cannot be said in JSON: {error}") from None
    if len(text) > _limits.CLIENT_FRAME_BYTES:
        raise RequestError(f"request: must have at most {_limits.REQUEST_BYTES} bytes, "
                           f"got {len(text)}")
    return [_HEADER.pack(_MAGIC, VERSION, type_), text]


def decode(frames: Sequence[Bytes]) -> Message:
    """What a broker said. ProtocolError names the rule that was broken."""
    if not 1 <= len(frames) <= _limits.FRAMES:
        raise ProtocolError(f"the broker sent a message of {len(frames)} frames")
    head = bytes(frames[0][:_HEADER.size + _ROWS.size + 1])
    if len(head) < _HEADER.size or not head.startswith(_MAGIC):
        raise ProtocolError("the broker sent a message that is not BROT")
    _, version, code = _HEADER.unpack_from(head)
    if version != VERSION:
        raise ProtocolError(f"the broker speaks BROT/{version}, this package BROT/{VERSION}")
    try:
        type_ = Type(code)
    except ValueError:
        raise ProtocolError(f"the broker sent a message of type 0x{code:02x}") from None
    if type_ < Type.ACCEPTED:
        raise ProtocolError(f"the broker sent {type_.name}, which is a client's")
    if len(frames) != 2:
        raise ProtocolError(f"the broker sent {type_.name} in {len(frames)} frames")
    most = _BODY_BYTES.get(type_, JSON_BYTES)
    if len(frames[1]) > most:
        raise ProtocolError(f"the broker sent {type_.name} whose body has {len(frames[1])} bytes: "
                            f"must be at most {most}")
    fields = head[_HEADER.size:]
    if type_ is Type.ROWS:
        return _decode_rows(fields, frames[1])
    if fields:
        raise ProtocolError(f"the broker sent {type_.name} with a header of {len(head)} bytes")
    return Message(type_, _decode_body(type_, frames[1]))


def _decode_rows(fields: bytes, data: Bytes) -> Message:
    if len(fields) != _ROWS.size:
        raise ProtocolError("the broker sent ROWS with a header of another length")
    job, plane, x, y, w, h, codec = _ROWS.unpack(fields)
    if codec != 0:
        raise ProtocolError(f"the broker sent ROWS with codec {codec}, which was not asked for")
    return Message(Type.ROWS, job=job, piece=Piece(plane, x, y, w, h), data=data)


def _decode_body(type_: Type, frame: Bytes) -> dict[str, Any]:
    try:
        return read_object(bytes(frame))
    except ValueError as error:
        raise ProtocolError(f"the broker sent {type_.name} with a body that is {error}") from None


def read_object(text: bytes) -> dict[str, Any]:
    """An object of JSON, no key of which is there twice. ValueError: what it is instead."""
    try:
        body = json.loads(text.decode("utf-8"), object_pairs_hook=_unique,
                          parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not JSON: {str(error)[:80]}") from None
    if not isinstance(body, dict):
        raise ValueError("no object")
    return body


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is there twice")
    return found


def _refuse_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number of JSON")
