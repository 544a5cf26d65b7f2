"""What a broker is asked, and what its REPORT must say: PROTOCOL.md, section 4.2. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from . import _limits
from ._checks import text, whole
from ._wire import Type
from .errors import ProtocolError, RequestError

T = TypeVar("T")
Body = dict[str, Any]
Rows = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Question(Generic[T]):
    """``read`` makes a value of the body of the REPORT, or raises ProtocolError."""

    type: Type
    body: Body
    read: Callable[[Body], T]


def job_id(job: int) -> int:
    return whole("job", job, 1, _limits.ID_MAX)


def priority_of(priority: int) -> int:
    return whole("priority", priority, -_limits.PRIORITY, _limits.PRIORITY)


def _rows(key: str) -> Callable[[Body], Rows]:
    def read(body: Body) -> Rows:
        rows = body.get(key)
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise ProtocolError(f"the broker sent REPORT whose \"{key}\" is not a list of objects")
        return rows
    return read


def _nothing(body: Body) -> None:
    del body


def jobs() -> Question[Rows]:
    return Question(Type.JOBS, {}, _rows("jobs"))


def workers() -> Question[Rows]:
    return Question(Type.WORKERS, {}, _rows("workers"))


def status() -> Question[dict[str, Any]]:
    def read(body: Body) -> dict[str, Any]:
        found = body.get("status")
        if not isinstance(found, dict):
            raise ProtocolError("the broker sent REPORT whose \"status\" is not an object")
        return found
    return Question(Type.STATUS, {}, read)


def history(limit: int, before: int | None) -> Question[Rows]:
    body = {"limit": whole("limit", limit, 1, _limits.HISTORY)}
    if before is not None:
        body["before"] = whole("before", before, 1, _limits.ID_MAX)
    return Question(Type.HISTORY, body, _rows("history"))


def of_job(type_: Type, job: int) -> Question[None]:
    """CANCEL_JOB, RELEASE, PAUSE, RESUME, RETRY."""
    return Question(type_, {"job": job_id(job)}, _nothing)


def priority(job: int, value: int) -> Question[None]:
    return Question(Type.PRIORITY, {"job": job_id(job), "priority": priority_of(value)}, _nothing)


def drain(worker: str) -> Question[int]:
    if not text("worker", worker):
        raise RequestError("worker: must be a name, got ''")

    def read(body: Body) -> int:
        count = body.get("draining")
        if not isinstance(count, int) or isinstance(count, bool) or count < 0:
            raise ProtocolError("the broker sent REPORT whose \"draining\" is not a count")
        return count
    return Question(Type.DRAIN_WORKER, {"worker": worker}, read)
