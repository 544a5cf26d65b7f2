"""Which pixels of an image to ask for next, where its memory cannot be shared.

Pure. An area is cut into pieces of at most 1 MiB; so many are asked for at a time as a broker
answers, and one that stays unanswered is asked for again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from . import _limits
from ._wire import Bytes, Piece
from .errors import ProtocolError

WINDOW = 6  # pieces on their way; a broker allows 8, and one that is repeated takes another
AGAIN_S = 2.0  # an unanswered FETCH is repeated after


@dataclass(frozen=True, slots=True)
class Area:
    """Rows of a picture, in all its planes. ``pixel_bytes``: of each plane in its order."""

    first: int
    rows: int
    width: int
    pixel_bytes: Sequence[int]


def pieces(area: Area) -> Iterator[Piece]:
    """Covers the area, plane by plane and row by row: whole rows where one fits a FETCH."""
    for plane, size in enumerate(area.pixel_bytes):
        if area.width * size <= _limits.FETCH_BYTES:
            step = max(1, _limits.FETCH_BYTES // (area.width * size))
            for y in range(0, area.rows, step):
                yield Piece(plane, 0, area.first + y, area.width, min(step, area.rows - y))
        else:
            step = _limits.FETCH_BYTES // size
            for y in range(area.first, area.first + area.rows):
                for x in range(0, area.width, step):
                    yield Piece(plane, x, y, min(step, area.width - x), 1)


@dataclass(slots=True)
class Fetching:
    """One area that is being fetched."""

    area: Area
    waiting: dict[Piece, float] = field(default_factory=dict)  # when it was asked for last
    last_s: float = 0.0  # when a piece came, or the first was asked for
    _more: Iterator[Piece] = field(init=False)

    def __post_init__(self) -> None:
        self._more = pieces(self.area)

    def due(self, now: float) -> list[Piece]:
        """What to ask for now."""
        found = [piece for piece, asked in self.waiting.items() if now >= asked + AGAIN_S]
        while len(self.waiting) < WINDOW:
            piece = next(self._more, None)
            if piece is None:
                break
            self.waiting[piece] = now
            found.append(piece)
        for piece in found:
            self.waiting[piece] = now
        return found

    def take(self, piece: Piece, data: Bytes, now: float) -> bool:
        """Whether these ROWS were still waited for. ProtocolError: of another length."""
        if piece not in self.waiting:
            return False
        size = self.area.pixel_bytes[piece.plane]
        if len(data) != piece.w * piece.h * size:
            raise ProtocolError(f"the broker sent ROWS of {piece.w} x {piece.h} pixels of {size} "
                                f"bytes in {len(data)} bytes")
        del self.waiting[piece]
        self.last_s = now
        return True

    def is_complete(self) -> bool:
        """Of what due() has handed out so far: call due() before."""
        return not self.waiting

    def deadline(self) -> float:
        """When due() has something to repeat."""
        return min(self.waiting.values()) + AGAIN_S
