"""What a broker tells a client, checked: the bodies of PROTOCOL.md, section 4.2, as values.

Pure. Keys that are not known are ignored, as a later broker may say more; ProtocolError where one
that must be there is missing or is not what the page says.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from . import _limits
from ._wire import Message
from .errors import Error, ProtocolError, from_code

_NAME = re.compile(r"/brot-[0-9a-f]{32}")
_NONCE = re.compile(r"[0-9a-f]{32}")
_U64_MAX = 2**64 - 1
STATES = ("queued", "running", "paused")
CODE_CHARS, SENTENCE_CHARS = 32, 256  # longer ones are cut


@dataclass(frozen=True, slots=True)
class ImageName:
    """Where an image lies on the broker's host. ``nonce`` is what its header must hold."""

    name: str
    size_bytes: int
    nonce: bytes


@dataclass(frozen=True, slots=True)
class Accepted:
    """``image`` is None where the job is in bands, of ``band_rows`` rows but for the last one. All
    of them have the ``height`` rows of the picture."""

    key: str
    job: int
    request: dict[str, Any]
    slice_px: int
    image: ImageName | None
    bands: int
    band_rows: int
    height: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is. Of a Buddhabrot, samples count among the pixels."""

    job: int
    state: str  #: ``queued``, ``running`` or ``paused``
    pixels_done: int
    pixels: int
    tiles_done: int
    tiles_running: int
    workers: int  #: processes that have a tile of it now
    iterations: int
    elapsed_ms: int

    @property
    def done(self) -> float:
        """0 to 1."""
        return self.pixels_done / self.pixels if self.pixels else 0.0


@dataclass(frozen=True, slots=True)
class Band:
    job: int
    band: int
    first: int
    rows: int
    image: ImageName


@dataclass(frozen=True, slots=True)
class Summary:
    """What a finished job took."""

    job: int
    pixels: int
    tiles: int
    retries: int
    workers: int
    iterations: int
    elapsed_ms: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """REFUSED or FAILED. ``message``: the type that was refused, by its name; ``key`` and ``job``
    are empty and 0 where the broker named none."""

    error: Error
    message: str
    key: str
    job: int


def _bad(message: Message, key: str, rule: str) -> ProtocolError:
    return ProtocolError(f"the broker sent {message.type.name} whose \"{key}\" {rule}")


def _int(message: Message, body: dict[str, Any], key: str, least: int = 0,
         most: int = _U64_MAX) -> int:
    value = body.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise _bad(message, key, f"is not a whole number of {least} to {most}")
    return value


def _text(message: Message, body: dict[str, Any], key: str) -> str:
    value = body.get(key)
    if not isinstance(value, str):
        raise _bad(message, key, "is not a text")
    return value


def _dict(message: Message, body: dict[str, Any], key: str) -> dict[str, Any]:
    value = body.get(key)
    if not isinstance(value, dict):
        raise _bad(message, key, "is not an object")
    return value


def job_of(message: Message) -> int:
    """The job that a message is about; 0: none that it names."""
    if message.piece is not None:
        return message.job
    value = message.body.get("job", 0)
    return value if isinstance(value, int) and 0 < value <= _limits.ID_MAX else 0


def _image(message: Message, body: dict[str, Any]) -> ImageName:
    image = _dict(message, body, "image")
    name, nonce = _text(message, image, "name"), _text(message, image, "nonce")
    if not _NAME.fullmatch(name):
        raise _bad(message, "name", "is not that of an image")
    if not _NONCE.fullmatch(nonce):
        raise _bad(message, "nonce", "is not 32 hexadecimal digits")
    return ImageName(name, _int(message, image, "bytes", 1, _limits.ARRAY_BYTES),
                     bytes.fromhex(nonce))


def _height(message: Message, request: dict[str, Any]) -> int:
    size = request.get("size")
    if not isinstance(size, list) or len(size) != 2:
        raise _bad(message, "size", "is not [width, height]")
    return _int(message, {"size": size[1]}, "size", 1, _limits.SIZE_PX)


def accepted(message: Message) -> Accepted:
    body = message.body
    key = body.get("key", "")
    if not isinstance(key, str):
        raise _bad(message, "key", "is not a text")
    request = _dict(message, body, "request")
    height = _height(message, request)
    image, count, rows = None, 0, 0
    if "bands" in body:
        bands = _dict(message, body, "bands")
        count = _int(message, bands, "count", 1, _limits.BANDS)
        rows = _int(message, bands, "rows", 1, _limits.SIZE_PX)
        if count != -(-height // rows):
            raise _bad(message, "bands", f"do not have the {height} rows of the picture")
    else:
        image = _image(message, body)
    return Accepted(key, _int(message, body, "job", 1, _limits.ID_MAX), request,
                    _int(message, body, "slice", 1, _limits.SIZE_PX), image, count, rows, height)


def progress(message: Message) -> Progress:
    body = message.body
    state = _text(message, body, "state")
    if state not in STATES:
        raise _bad(message, "state", f"is not one of {', '.join(STATES)}")
    numbers = {key: _int(message, body, key) for key in
               ("pixels_done", "pixels", "tiles_done", "tiles_running", "workers", "iterations",
                "elapsed_ms")}
    return Progress(job=_int(message, body, "job", 1, _limits.ID_MAX), state=state, **numbers)


def band(message: Message) -> Band:
    body = message.body
    return Band(_int(message, body, "job", 1, _limits.ID_MAX),
                _int(message, body, "band", 0, _limits.BANDS - 1),
                _int(message, body, "first", 0, _limits.SIZE_PX - 1),
                _int(message, body, "rows", 1, _limits.SIZE_PX), _image(message, body))


def finished(message: Message) -> Summary:
    body = message.body
    return Summary(job=_int(message, body, "job", 1, _limits.ID_MAX),
                   **{key: _int(message, body, key) for key in
                      ("pixels", "tiles", "retries", "workers", "iterations", "elapsed_ms")})


def _printable(text: str, most: int) -> str:
    """What a terminal and a log may be given."""
    cut = text if len(text) <= most else f"{text[:most - 3]}..."
    return "".join(character if character.isprintable() else "?" for character in cut)


def refusal(message: Message) -> Refusal:
    """Of REFUSED and FAILED."""
    body = message.body
    error = from_code(_printable(_text(message, body, "error"), CODE_CHARS),
                      _printable(_text(message, body, "text"), SENTENCE_CHARS))
    name, key = body.get("message", ""), body.get("key", "")
    return Refusal(error, name if isinstance(name, str) else "",
                   key if isinstance(key, str) else "", job_of(message))
