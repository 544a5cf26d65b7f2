"""Where a session is, and what it says: see _session.py, which hears. Pure."""

from __future__ import annotations

import enum
import math
from typing import Any

from ._actions import Action, AllPixels, Failed, Plan, Reconnect, Send
from ._fetching import Fetching
from ._notice import Accepted, Summary
from ._wire import Type
from .errors import BusyError, ConnectionError, Error

ASK_S = 1.0  # SUBMIT and ATTACH are repeated this often
WATCH_S = 2.0  # and WATCH; sooner where timeout_s is short
CANCEL_S = 1.0
BUSY_S = 12.0  # an ATTACH is tried at least: a reader that died counts for 10 s
PIXELS_S = 8.0  # at least, that pixels may fail to come while the broker answers all else
SILENT_S = 3.0  # and one that was not heard for so long does not
RESUBMITS = 16  # times that a job may be lost by its broker, or its bands to another client
OPEN_BANDS = 2  # bands of a job that have an image at a time
UNANSWERED = 3  # messages in a row: the next goes by a new connection


class State(enum.Enum):
    ASKING = enum.auto()
    WAITING = enum.auto()
    READY = enum.auto()
    FETCHING = enum.auto()
    HOLDING = enum.auto()
    CANCELLING = enum.auto()
    OVER = enum.auto()


class Conversation:
    """One job: what is known of it, and when to say what. A session feeds it."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.state = State.ASKING
        self.job = plan.attach
        self.accepted: Accepted | None = None
        self._is_attaching = plan.attach != 0
        self._now = 0.0
        self._asked_s = self._heard_s = self._end_s = 0.0
        self._is_heard = False
        self._unanswered = 0
        self._resubmits = self._refetches = 0
        self._seen = 0
        self._next_band = 0
        self._is_rendered = False  # all pixels are, as the last PROGRESS said
        self._fetching: Fetching | None = None
        self._summary: Summary | None = None
        self._excuse: Error | None = None  # why it was told to try again, and since when
        self._excuse_s = 0.0
        self._actions: list[Action] = []

    # Looking

    @property
    def is_own(self) -> bool:
        """Submitted here, and of no use to anybody else."""
        return not self.plan.attach and not self.plan.is_kept

    @property
    def is_over(self) -> bool:
        return self.state is State.OVER

    def deadline(self) -> float:
        """When tick() must be called; infinity: never."""
        if self.state is State.OVER:
            return math.inf
        if self.state is State.CANCELLING:
            return self._end_s
        due = self._asked_s + self._period()
        if self.state is not State.HOLDING:
            due = min(due, self._patience_end(), self._pixels_end())
        if self._fetching is not None and self.state is State.FETCHING:
            due = min(due, self._fetching.deadline())
        return due

    # What is said

    def _take(self) -> list[Action]:
        taken, self._actions = self._actions, []
        return taken

    def _send(self, type_: Type, body: dict[str, Any]) -> None:
        self._actions.append(Send(type_, body))

    def _period(self) -> float:
        return min(ASK_S if self.state is State.ASKING else WATCH_S, self.plan.timeout_s / 4)

    def _patience_end(self) -> float:
        timeout = self.plan.timeout_s
        if self._excuse is not None:
            attach = BUSY_S if isinstance(self._excuse, BusyError) else 0.0
            return self._excuse_s + (math.inf if self.plan.is_patient else max(timeout, attach))
        if self.plan.is_patient and self._is_heard:
            return math.inf
        return self._heard_s + timeout

    def _pixels_patience(self) -> float:
        return max(self.plan.timeout_s, PIXELS_S)

    def _pixels_end(self) -> float:
        """When a broker that answers all but FETCH is given up. (A silent one: _patience_end().)"""
        is_silent = self._now >= self._heard_s + SILENT_S
        if self._fetching is None or self.state is not State.FETCHING or is_silent:
            return math.inf
        return self._fetching.last_s + self._pixels_patience()

    def _ask(self) -> None:
        self.state = State.ASKING
        self._asked_s = self._now
        if self._is_attaching:
            self._send(Type.ATTACH, {"job": self.job})
        else:
            self.job = 0
            self._send(Type.SUBMIT, self.plan.submit_body())

    def _watch(self) -> None:
        self._asked_s = self._now
        self._send(Type.WATCH, {"jobs": [self.job]})

    def _repeat(self) -> None:
        self._unanswered += 1
        if self._unanswered > UNANSWERED:
            self._unanswered = 0
            self._actions.append(Reconnect())
        if self.state is State.ASKING:
            self._ask()
        else:
            self._watch()

    def _fetch_more(self) -> None:
        assert self._fetching is not None
        for piece in self._fetching.due(self._now):
            self._send(Type.FETCH, {"job": self.job, "plane": piece.plane, "x": piece.x,
                                    "y": piece.y, "w": piece.w, "h": piece.h, "seen": self._seen})
        if self._fetching.is_complete():
            self._fetching = None
            is_band = self._summary is None
            self.state = State.READY if is_band else State.HOLDING
            self._actions.append(AllPixels())

    # Ends

    def _end(self, error: Error) -> None:
        self.state = State.OVER
        self._actions.append(Failed(error))

    def _fail_silent(self) -> None:
        self._fail(self._excuse or ConnectionError(
            f"no broker answers at {self.plan.url} within {self.plan.timeout_s:g} s"))

    def _fail(self, error: Error) -> None:
        if self.is_own and self.job and self.state is not State.CANCELLING:
            self._send(Type.CANCEL_JOB, {"job": self.job})
        self._end(error)

    def _lose(self, error: Error) -> None:
        """The broker does not know the job any more: the same key makes it again, or finds it."""
        self._resubmits += 1
        if self.plan.attach or self._resubmits > RESUBMITS:
            self.job = 0
            self._end(error)
            return
        self._is_attaching = False
        self._ask()

    def _attach_again(self, error: Error) -> None:
        """Somebody else has released bands that are missing here: begin again from the top."""
        self._resubmits += 1
        if self._resubmits > RESUBMITS:
            self._fail(error)
            return
        self._is_attaching = True
        self._excused(error)
        self._ask()

    def _excused(self, error: Error) -> None:
        """It is to be asked again, but not for ever."""
        if self._excuse is None:
            self._excuse_s = self._now
        self._excuse = error

    # Bands

    def _is_banded(self) -> bool:
        return self.accepted is not None and self.accepted.bands > 0

    def _has_all_bands(self) -> bool:
        return (self.accepted is not None and self.accepted.bands > 0
                and self._next_band == self.accepted.bands)

    def _summary_of_bands(self) -> Summary:
        """The broker died after the last RELEASE: what FINISHED would have said is not known."""
        return Summary(self.job, 0, 0, 0, 0, 0, 0)
