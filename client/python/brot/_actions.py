"""What a session is for, and what it wants done: see _session.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ._notice import Accepted, Band, Progress, Summary
from ._wire import Bytes, Piece, Type
from .errors import Error


@dataclass(frozen=True, slots=True)
class Send:
    """Send a message; if that fails, forget it."""

    type: Type
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reconnect:
    """Leave the connection, which may be dead, for a new one."""


@dataclass(frozen=True, slots=True)
class BandReady:
    """The next band is complete: answer with fetch() or, once it is copied, release_band()."""

    band: Band


@dataclass(frozen=True, slots=True)
class Finished:
    """The image is complete: answer with use() or fetch(). Of a job in bands: all of them have been
    handed out, and the session is over."""

    summary: Summary


@dataclass(frozen=True, slots=True)
class Pixels:
    """Copy ``data`` to that place of the picture."""

    piece: Piece
    data: Bytes


@dataclass(frozen=True, slots=True)
class AllPixels:
    """All pixels of the area that fetch() named have been handed out."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The session is over."""

    error: Error


Action = (Send | Reconnect | Accepted | Progress | BandReady | Finished | Pixels | AllPixels
          | Failed)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a session is for. ``attach``: a job that somebody has submitted, or 0: then ``key`` (32
    hexadecimal digits, random), ``request``, ``is_kept``, ``priority`` and ``client`` are those of
    SUBMIT. ``url`` is for sentences."""

    url: str
    timeout_s: float
    is_patient: bool = False
    attach: int = 0
    key: str = ""
    request: dict[str, Any] | None = None
    is_kept: bool = False
    priority: int = 0
    client: str = ""

    def submit_body(self) -> dict[str, Any]:
        body: dict[str, Any] = {"key": self.key, "request": self.request}
        if self.is_kept:
            body["keep"] = True
        if self.priority:
            body["priority"] = self.priority
        if self.client:
            body["client"] = self.client
        return body
