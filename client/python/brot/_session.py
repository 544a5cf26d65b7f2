"""What a client says to see one job through, from SUBMIT or ATTACH to the last pixel.

Pure: no socket, no clock. The caller feeds one event at a time, with the time in it (seconds of a
monotonic clock), and carries out the actions that come back, in order::

    ASKING --ACCEPTED--> WAITING --FINISHED, BAND--> READY --fetch--> FETCHING --last ROWS--+
      ^                   |   ^                        |                                    |
      +---- not_found ----+   |                        +--use--> HOLDING <---- FINISHED ----+
                              +------ release_band ---------- BAND -------------------------+

HOLDING ends with release(). From everywhere a failure, or silence, leads to OVER; a cancel to
CANCELLING and, with the broker's answer or after CANCEL_S, to OVER.

What it promises: SUBMIT is repeated, always with the same key, so that a broker that was
restarted, or an answer that was lost, does no harm. A broker that is silent for ``timeout_s`` ends
the session; where ``is_patient`` only before its first answer. A job that this session has
submitted and that is not kept is cancelled however the session fails.
"""

from __future__ import annotations

from . import _notice
from ._actions import Action, BandReady, Finished, Pixels
from ._conversation import (CANCEL_S, OPEN_BANDS, RESUBMITS, SILENT_S, Conversation,
                            State)
from ._fetching import Area, Fetching
from ._notice import Accepted, Band, Refusal, Summary
from ._wire import Message, Type
from .errors import BusyError, Cancelled, ConnectionError, DeniedError, Error, NotFoundError
from .errors import ProtocolError, RequestError

__all__ = ["Session", "State"]


class Session(Conversation):
    """One job. Every method that is an event returns the actions that it causes."""

    # Events

    def start(self, now: float) -> list[Action]:
        self._now = self._heard_s = now
        self._ask()
        return self._take()

    def receive(self, message: Message, now: float) -> list[Action]:
        if self.state is State.OVER:
            return []
        if self._fetching is not None and now >= self._heard_s + SILENT_S:
            self._fetching.last_s = now  # pixels could not come
        self._now = self._heard_s = now
        self._is_heard, self._unanswered = True, 0
        try:
            self._hear(message)
        except ProtocolError as error:
            self._fail(error)
        return self._take()

    def broken(self, error: Error, now: float) -> list[Action]:
        """The broker said what is no message."""
        self._now = now
        if self.state is not State.OVER:
            self._fail(error)
        return self._take()

    def tick(self, now: float) -> list[Action]:
        """Time has passed: deadline() has come, or not."""
        self._now = now
        if self.state is State.CANCELLING:
            if now >= self._end_s:
                self._end(Cancelled("the job was cancelled; its broker has not confirmed it"))
        elif self.state not in (State.OVER, State.HOLDING) and now >= self._patience_end():
            self._fail_silent()
        elif now >= self._pixels_end():
            self._fail(ConnectionError(f"the broker at {self.plan.url} answers, but sent no pixels "
                                       f"for {self._pixels_patience():g} s"))
        elif self.state is not State.OVER and now >= self._asked_s + self._period():
            self._repeat()
        if self.state is State.FETCHING:
            self._fetch_more()
        return self._take()

    def cancel(self, now: float) -> list[Action]:
        """The user wants the end of the job, whoever has submitted it."""
        self._now = now
        if self.state in (State.HOLDING, State.CANCELLING, State.OVER):
            return []
        is_known = self.job != 0
        self.state, self._end_s = State.CANCELLING, now + CANCEL_S
        if is_known:
            self._send(Type.CANCEL_JOB, {"job": self.job})
        return self._take()

    def leave(self, now: float) -> list[Action]:
        """The caller goes: a job of its own that is not kept is over, any other goes on. One that
        the broker has not answered yet can only be cancelled once it has, or CANCEL_S later."""
        self._now = now
        if self.state is State.HOLDING:
            return self.release(now)
        if self.state is State.ASKING and self.is_own and not self.job:
            return self.cancel(now)
        if self.state is State.CANCELLING:
            return self._take()
        if self.state is not State.OVER:
            self._fail((Cancelled if self.is_own else ConnectionError)("the connection was closed"))
        return self._take()

    def use(self, now: float) -> list[Action]:
        """Answers Finished: the pixels are read in shared memory, until release()."""
        assert self.state is State.READY
        self._now = now
        self.state = State.HOLDING
        return self._take()

    def fetch(self, area: Area, now: float) -> list[Action]:
        """Answers Finished or BandReady: send these pixels."""
        assert self.state is State.READY
        self._now = now
        self.state = State.FETCHING
        self._fetching = Fetching(area, last_s=now)
        self._fetch_more()
        return self._take()

    def release_band(self, now: float) -> list[Action]:
        """After BandReady, or AllPixels of it: its rows are no longer needed."""
        assert self.state is State.READY
        self._now = now
        self._send(Type.RELEASE, {"job": self.job, "band": self._next_band})
        self._next_band += 1
        self.state = State.WAITING
        self._watch()
        return self._take()

    def release(self, now: float) -> list[Action]:
        """The image is no longer needed. One that is kept, or another's, stays where it is."""
        self._now = now
        if self.state is State.HOLDING:
            if self.is_own:
                self._send(Type.RELEASE, {"job": self.job})
            self.state = State.OVER
        return self._take()

    # What is heard

    def _hear(self, message: Message) -> None:
        job = _notice.job_of(message)
        if message.type is Type.ACCEPTED:
            self._hear_accepted(_notice.accepted(message))
        elif message.type is Type.REFUSED:
            self._hear_refused(_notice.refusal(message))
        elif message.type is Type.ROWS:
            self._seen += 1
            if job == self.job:
                self._hear_rows(message)
        elif self.job and job == self.job:
            self._hear_job(message)

    def _hear_accepted(self, accepted: Accepted) -> None:
        if self._is_attaching:
            is_ours = not accepted.key and accepted.job == self.job
        else:
            is_ours = accepted.key == self.plan.key
        if not is_ours:
            return
        if self.state is State.CANCELLING:
            if not self.job:
                self.job = accepted.job
                self._send(Type.CANCEL_JOB, {"job": self.job})
        elif self.state is State.ASKING:
            self._excuse = None
            self.job, self.accepted = accepted.job, accepted
            self._next_band, self._is_rendered = 0, False
            self._summary = self._fetching = None
            self.state = State.WAITING
            self._actions.append(accepted)
            self._watch()

    def _hear_job(self, message: Message) -> None:
        if message.type is Type.FAILED:
            self._hear_failed(_notice.refusal(message).error)
        elif self.state is State.CANCELLING:
            if message.type is Type.REPORT and message.body.get("state") == "cancelled":
                self._end(Cancelled("the job was cancelled"))
        elif self.state is State.ASKING:
            pass
        elif message.type is Type.PROGRESS:
            self._excuse = None
            progress = _notice.progress(message)
            self._is_rendered = progress.pixels_done == progress.pixels
            if self.state is State.WAITING:
                self._actions.append(progress)
        elif message.type is Type.BAND:
            self._hear_band(_notice.band(message))
        elif message.type is Type.FINISHED:
            self._hear_finished(_notice.finished(message))

    def _hear_failed(self, error: Error) -> None:
        if self.state is State.CANCELLING:
            self._end(Cancelled("the job was cancelled"))
        elif self.state in (State.HOLDING, State.ASKING):
            pass
        elif not isinstance(error, NotFoundError):
            self.job = 0
            self._end(error)
        elif self._has_all_bands():
            self.state = State.OVER
            self._actions.append(Finished(self._summary_of_bands()))
        else:
            self._lose(error)

    def _hear_refused(self, refusal: Refusal) -> None:
        error = refusal.error
        if self.state is State.CANCELLING:
            if refusal.message == Type.CANCEL_JOB.name and refusal.job == self.job:
                self._end(Cancelled("the job was cancelled"))
            elif refusal.key == self.plan.key and not self.plan.attach:
                self._end(Cancelled("the job was cancelled before it was accepted"))
        elif self.state is State.ASKING:
            self._hear_refused_ask(refusal)
        elif refusal.message == Type.FETCH.name and refusal.job == self.job:
            self._hear_refused_fetch(error)
        elif refusal.message in (Type.WATCH.name, "") and self.state is not State.HOLDING:
            if isinstance(error, DeniedError):
                self._excused(error)
            elif not isinstance(error, BusyError):
                self._fail(error)
        elif (isinstance(error, BusyError) and refusal.message == Type.RELEASE.name
              and refusal.job == self.job and self._is_banded()):
            self._attach_again(error)

    def _hear_refused_ask(self, refusal: Refusal) -> None:
        error = refusal.error
        type_ = Type.ATTACH if self._is_attaching else Type.SUBMIT
        if refusal.message != type_.name and refusal.message:
            return
        if self._is_attaching:
            is_ours = refusal.job in (self.job, 0)
            may_wait = isinstance(error, BusyError) or (
                isinstance(error, DeniedError) and self.accepted is not None)
        else:
            is_ours = refusal.key in (self.plan.key, "")
            is_known = self.accepted is not None
            may_wait = (isinstance(error, BusyError) and (refusal.job != 0 or is_known)) or (
                isinstance(error, DeniedError) and is_known)
        if not is_ours:
            return
        if may_wait:
            self._excused(error)
        elif self._is_attaching and not self.plan.attach and isinstance(error, NotFoundError):
            self._lose(error)
        else:
            self._end(error)

    def _hear_refused_fetch(self, error: Error) -> None:
        """What is not there, or not there any more, shows in the answer to a WATCH."""
        if self.state is not State.FETCHING or isinstance(error, BusyError):
            return
        self._refetches += 1
        is_missing = isinstance(error, (NotFoundError, RequestError))
        if not is_missing or self._refetches > RESUBMITS:
            self._fail(error)
            return
        self._fetching = self._summary = None
        self.state = State.WAITING
        self._watch()

    def _hear_rows(self, message: Message) -> None:
        assert message.piece is not None
        if self._fetching is None or self.state is not State.FETCHING:
            return
        if self._fetching.take(message.piece, message.data, self._now):
            self._actions.append(Pixels(message.piece, message.data))
            self._fetch_more()

    def _hear_band(self, band: Band) -> None:
        if self.state is not State.WAITING or not self._is_banded():
            return
        assert self.accepted is not None
        self._excuse = None
        rows = self.accepted.band_rows
        left = self.accepted.height - band.first
        if (band.band >= self.accepted.bands or band.first != band.band * rows
                or band.rows != min(rows, left)):
            raise ProtocolError(f"the broker sent BAND {band.band} of rows {band.first}+{band.rows}"
                                f", which job {self.job} does not have")
        if band.band == self._next_band:
            self.state = State.READY
            self._actions.append(BandReady(band))
        elif band.band < self._next_band:
            self._send(Type.RELEASE, {"job": self.job, "band": band.band})
        elif band.band >= self._next_band + OPEN_BANDS or self._is_rendered:
            self._attach_again(BusyError(f"job {self.job}: its bands are read by another client"))

    def _hear_finished(self, summary: Summary) -> None:
        self._excuse = None
        if self.state is not State.WAITING:
            return
        self._summary = summary
        if self._is_banded():
            if not self._has_all_bands():
                self._end(NotFoundError(f"job {self.job}: its bands were read by another client"))
                return
            self.state = State.OVER
        else:
            self.state = State.READY
        self._actions.append(Finished(summary))
