"""What goes on over a connection: one question, or one job. Both live in the loop's thread."""

from __future__ import annotations

import logging
import math
import weakref
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from . import _formats
from ._actions import (Action, AllPixels, BandReady, Failed, Finished, Pixels, Plan, Reconnect,
                       Send)
from ._fetching import Area
from ._formats import Array, Format
from ._link import Kind, Link, connections
from ._loop import Loop
from ._notice import Accepted, Band, Progress, Summary, refusal
from ._rows import runs
from ._session import Session, State
from ._shm import MappedImage, NotShared, open_image
from ._wire import Message, Piece, Type
from .errors import (BusyError, Cancelled, ConnectionError, Error, ProtocolError,
                     RequestError)
from .request import Request

log = logging.getLogger("brot")

LISTS = (Type.JOBS, Type.WORKERS, Type.HISTORY)
QUESTION_S = 1.0  # an unanswered one is repeated after
HANDSHAKE_S = 0.05  # how often it is looked whether the broker turns a connection away
BAND_BIT = 40  # of the id of a band's image
HELD_MAX = 32  # images that one service has its broker keep; the oldest is released then


class Question:
    """One message, and the REPORT that answers it. ``told`` gets that, or the error, once."""

    def __init__(self, loop: Loop, type_: Type, body: dict[str, Any], timeout_s: float,
                 told: Callable[[dict[str, Any] | Error], None], *,
                 watches_handshake: bool = False) -> None:
        self.link: Link
        self._loop, self._watches_handshake = loop, watches_handshake
        self._type, self._body, self._told = type_, body, told
        self._url, self._timeout_s = loop.url, timeout_s
        self._end_s = self._asked_s = math.inf
        self._look_s = 0.0 if watches_handshake else math.inf
        self._is_over = False

    def is_working(self) -> bool:
        return False

    def gives_way(self, now: float) -> bool:
        return False

    def start(self, now: float) -> None:
        self.link = self._loop.link(Kind.LIST if self._type in LISTS else Kind.QUESTION)
        if self._watches_handshake:
            self.link.watch_handshake()
        self._end_s = now + self._timeout_s
        self._ask(now)

    def _ask(self, now: float) -> None:
        self._asked_s = now
        self.link.send(self._type, self._body)
        if self._type is Type.RELEASE:
            # It has no answer of its own where it is done: that of WATCH says so.
            self.link.send(Type.WATCH, {"jobs": [self._body["job"]]})

    def _tell(self, answer: dict[str, Any] | Error) -> None:
        self._is_over = True
        self._told(answer)

    def receive(self, message: Message | Error, now: float) -> None:
        if isinstance(message, Error):
            self._tell(message)
        elif message.type is Type.REPORT:
            self._tell(message.body)
        elif message.type is Type.REFUSED:
            refused = refusal(message)
            if refused.message in (self._type.name, ""):
                self._tell(refused.error)
        elif message.type is Type.FAILED and self._type is Type.RELEASE:
            self._tell({})

    def tick(self, now: float) -> None:
        if now >= self._look_s:
            self._look_s = now + HANDSHAKE_S
            error = self.link.why_refused()
            if error is not None:
                self._tell(error)
                return
        if now >= self._end_s:
            self._tell(ConnectionError(f"no broker answers at {self._url} within "
                                       f"{self._timeout_s:g} s"))
        elif now >= self._asked_s + QUESTION_S:
            self._ask(now)

    def deadline(self) -> float:
        return min(self._end_s, self._asked_s + QUESTION_S, self._look_s)

    def is_over(self) -> bool:
        return self._is_over

    def leave(self, now: float) -> None:
        if not self._is_over:
            self._tell(ConnectionError("the connection was closed"))

    def crashed(self, error: Error) -> None:
        if not self._is_over:
            self._tell(error)


class Sink(Protocol):
    """Who waits for a job; told in the loop's thread, so nothing here may wait."""

    def on_accepted(self, job: int, request: Request, image: MappedImage | None) -> None: ...

    def on_progress(self, progress: Progress) -> None: ...

    def on_rows(self, arrays: list[Array], first: int, rows: int) -> None: ...

    def on_done(self, arrays: list[Array], summary: Summary, is_mapped: bool) -> None: ...

    def on_failed(self, error: Error) -> None: ...


class JobTask:
    """Carries out a session. The sink is dropped when it has its arrays, or its error: what keeps
    the image at the broker from then on is that the arrays are in use."""

    def __init__(self, loop: Loop, plan: Plan, sink: Sink, may_map: bool) -> None:
        self.link: Link
        self._loop = loop
        self._sink: Sink | None = sink
        self._may_map = may_map
        self._plan = plan
        self._session = Session(plan)
        self._is_started = self._is_dropped = False
        self._wanted = Request.from_document(plan.request) if plan.request else None
        self._format: Format | None = None
        self._size = (0, 0)
        self._image: MappedImage | None = None
        self._arrays: list[Array] = []
        self._filled = np.zeros(0, np.int64)  # bytes of each row that are here
        self._band: Band | None = None
        self._summary: Summary | None = None
        self._now = 0.0

    # The loop's

    def is_working(self) -> bool:
        return self._session.state is not State.HOLDING

    def gives_way(self, now: float) -> bool:
        if self.is_holding():
            self.release(now)
        return self.is_over()

    def start(self, now: float) -> None:
        self.link = self._loop.link(Kind.JOB)
        self._is_started = True
        self._now = now
        self._act(self._session.start(now))

    def receive(self, message: Message | Error, now: float) -> None:
        self._now = now
        if isinstance(message, Error):
            self._act(self._session.broken(message, now))
        else:
            self._act(self._session.receive(message, now))

    def tick(self, now: float) -> None:
        self._now = now
        self._act(self._session.tick(now))

    def deadline(self) -> float:
        return self._session.deadline()

    def is_over(self) -> bool:
        return self._session.is_over

    def leave(self, now: float) -> None:
        self._now = now
        self._before_start()
        self._act(self._session.leave(now))

    def crashed(self, error: Error) -> None:
        actions = self._session.broken(error, self._now)
        try:
            self._act(actions)
        finally:
            self._session.state = State.OVER
            self._failed(error)

    # What a caller wants

    def drop(self, now: float) -> None:
        """Nobody waits for it any more. One that is to be kept is submitted all the same."""
        if self._session.is_own or self._session.job:
            self.leave(now)
        else:
            self._is_dropped = True

    def cancel(self, now: float) -> None:
        self._now = now
        self._before_start()
        self._act(self._session.cancel(now))

    def release(self, now: float) -> None:
        self._now = now
        self._act(self._session.release(now))

    def is_holding(self) -> bool:
        return self._session.state is State.HOLDING

    def _before_start(self) -> None:
        """Ends at once what no broker knows of yet."""
        if not self._is_started and not self._session.is_over:
            self._session.state = State.OVER
            self._failed(Cancelled("the job was cancelled before it was submitted"))

    # Actions

    def _act(self, actions: list[Action]) -> None:
        for action in actions:
            if isinstance(action, Send):
                self.link.send(action.type, action.body)
            elif isinstance(action, Reconnect):
                self.link.reconnect()
            elif isinstance(action, Accepted):
                self._accepted(action)
            elif isinstance(action, Progress):
                if self._sink is not None:
                    self._sink.on_progress(action)
            elif isinstance(action, Pixels):
                self._pixels(action)
            elif isinstance(action, BandReady):
                self._band_ready(action.band)
            elif isinstance(action, Finished):
                self._finished(action.summary)
            elif isinstance(action, AllPixels):
                self._all_pixels()
            elif isinstance(action, Failed):
                self._failed(action.error)
        if self._is_dropped and self._session.job and not self._session.is_over:
            self._is_dropped = False
            self._act(self._session.leave(self._now))

    def _accepted(self, accepted: Accepted) -> None:
        try:
            request = Request.from_document(accepted.request)
        except RequestError as error:
            raise ProtocolError(f"the broker accepted what is no request: {error}") from None
        wanted = self._wanted or request
        if (request.size, request.format) != (wanted.size, wanted.format):
            raise ProtocolError("the broker accepted another request than the one submitted")
        self._wanted, self._size = request, request.size
        self._format = _formats.by_name(request.format)
        self._image = None
        if accepted.image is not None and self._may_map:
            width, height = self._size
            try:
                self._image = open_image(accepted.image, accepted.job, self._format, height, width,
                                         accepted.slice_px)
            except NotShared as why:
                log.debug("job %d: %s", accepted.job, why)
        if self._sink is not None:
            self._sink.on_accepted(accepted.job, request, self._image)

    def _make_arrays(self) -> list[Array]:
        assert self._format is not None
        width, height = self._size
        if not self._arrays:
            self._arrays = self._format.empty(height, width)
            self._filled = np.zeros(height, np.int64)
        return self._arrays

    def _area(self, first: int, rows: int) -> Area:
        assert self._format is not None
        return Area(first, rows, self._size[0],
                    tuple(plane.pixel_bytes for plane in self._format.planes))

    def _finished(self, summary: Summary) -> None:
        self._summary = summary
        if self._session.is_over:
            self._done(self._make_arrays(), is_mapped=False)
        elif self._image is not None and self._image.done_rows().all():
            self._hold(self._image)
        else:
            self._make_arrays()
            self._filled[:] = 0
            self._act(self._session.fetch(self._area(0, self._size[1]), self._now))

    def _hold(self, image: MappedImage) -> None:
        self._act(self._session.use(self._now))
        weakref.finalize(image.map, _post_release, self._loop, weakref.ref(self))
        self._image = None
        self._done(image.arrays, is_mapped=True)
        held = self._held()
        for task in held[:max(0, len(held) - connections(HELD_MAX))]:
            task.release(self._now)

    def _held(self) -> list[JobTask]:
        """Images that this service has its broker keep, the oldest first."""
        return [task for task in self._loop.tasks()
                if isinstance(task, JobTask) and task.is_holding()]

    def _makes_room(self, error: Error) -> bool:
        """Whether a job that found no room is submitted again, after the oldest image, which its
        arrays do not need, was released. Over this connection: the broker hears that first."""
        session = self._session
        if not isinstance(error, BusyError) or session.accepted is not None or self._plan.attach:
            return False
        for task in [task for task in self._held() if task._session.is_own][:1]:
            self._act(task._session.release(self._now))
            self._session = Session(self._plan)
            self._act(self._session.start(self._now))
            return True
        return False

    def _pixels(self, pixels: Pixels) -> None:
        assert self._format is not None
        piece = pixels.piece
        plane = self._format.planes[piece.plane]
        data = np.frombuffer(pixels.data, plane.dtype)
        self._arrays[piece.plane][piece.y:piece.y + piece.h, piece.x:piece.x + piece.w] = (
            data.reshape((piece.h, piece.w) if plane.channels == 1
                         else (piece.h, piece.w, plane.channels)))
        self._fill(piece, plane.pixel_bytes)

    def _fill(self, piece: Piece, pixel_bytes: int) -> None:
        assert self._format is not None
        filled = self._filled[piece.y:piece.y + piece.h]
        filled += piece.w * pixel_bytes
        if self._sink is not None:
            for first, rows in runs(filled == self._format.row_bytes(self._size[0])):
                self._sink.on_rows(self._arrays, piece.y + first, rows)

    def _band_ready(self, band: Band) -> None:
        assert self._format is not None and self._session.accepted is not None
        arrays = self._make_arrays()
        self._band = band
        self._filled[band.first:band.first + band.rows] = 0
        image = None
        if self._may_map:
            try:
                image = open_image(band.image, band.job | band.band << BAND_BIT, self._format,
                                   band.rows, self._size[0], self._session.accepted.slice_px)
            except NotShared as why:
                log.debug("job %d, band %d: %s", band.job, band.band, why)
        if image is None:
            self._act(self._session.fetch(self._area(band.first, band.rows), self._now))
            return
        for array, rows in zip(arrays, image.arrays):
            array[band.first:band.first + band.rows] = rows
        if self._sink is not None:
            self._sink.on_rows(arrays, band.first, band.rows)
        self._act(self._session.release_band(self._now))

    def _all_pixels(self) -> None:
        if self._session.state is State.READY:
            self._act(self._session.release_band(self._now))
        else:
            self._done(self._make_arrays(), is_mapped=False)
            self._act(self._session.release(self._now))

    def _done(self, arrays: list[Array], is_mapped: bool) -> None:
        sink, self._sink, self._arrays = self._sink, None, []
        assert self._summary is not None
        _formats.freeze(arrays)
        if sink is not None:
            sink.on_done(arrays, self._summary, is_mapped)

    def _failed(self, error: Error) -> None:
        if self._is_started and self._makes_room(error):
            return
        sink, self._sink, self._arrays, self._image = self._sink, None, [], None
        if sink is not None:
            sink.on_failed(error)


def _post_release(loop: Loop, reference: weakref.ref[JobTask]) -> None:
    """The last array of an image is gone. In whatever thread that happened."""
    def release() -> None:
        task = reference()
        if task is not None:
            task.release(loop.now())
    loop.hint(release)
