"""What a job does with its pixels, in virtual time: no socket, no clock, no memory of a broker."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from brot import _task
from brot._actions import Plan
from brot._formats import Array
from brot._link import Kind
from brot._notice import Progress, Summary
from brot._task import JobTask
from brot._wire import Message, Piece, Type
from brot.errors import BusyError, Cancelled, Error, ProtocolError
from brot.request import Request

KEY = "5a" * 16
IMAGE = {"name": "/brot-" + "0" * 32, "bytes": 8192, "nonce": "01" * 16}
WIDTH, HEIGHT = 4, 5


class FakeLink:
    """Remembers what was said."""

    def __init__(self) -> None:
        self.said: list[tuple[Type, dict[str, Any]]] = []

    def send(self, type_: Type, body: dict[str, Any]) -> None:
        self.said.append((type_, body))

    def reconnect(self) -> None:
        pass

    def types(self) -> list[Type]:
        return [type_ for type_, _ in self.said]


class FakeLoop:
    """Has tasks, and no thread."""

    def __init__(self) -> None:
        self.begun: list[JobTask] = []

    def link(self, kind: Kind) -> FakeLink:
        assert kind is Kind.JOB
        return FakeLink()

    def tasks(self) -> list[JobTask]:
        return self.begun

    def now(self) -> float:
        return 0.0

    def hint(self, call: Callable[[], None]) -> None:
        call()


class Sink:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, int]] = []
        self.arrays: list[Array] = []
        self.errors: list[Error] = []
        self.is_mapped = False

    def on_accepted(self, job: int, request: Request, image: Any) -> None:
        pass

    def on_progress(self, progress: Progress) -> None:
        pass

    def on_rows(self, arrays: list[Array], first: int, rows: int) -> None:
        self.rows.append((first, rows))

    def on_done(self, arrays: list[Array], summary: Summary, is_mapped: bool) -> None:
        self.arrays, self.is_mapped = arrays, is_mapped

    def on_failed(self, error: Error) -> None:
        self.errors.append(error)


class Memory:
    """Stands for a map."""


class FakeImage:
    """Lies in shared memory, as far as a task can tell."""

    def __init__(self, is_done: list[bool]) -> None:
        self.map = Memory()
        self.arrays = [np.full((len(is_done), WIDTH), 9, np.uint32)]
        self._is_done = is_done

    def done_rows(self) -> Any:
        return np.array(self._is_done)


class Play:
    """One task and its broker."""

    def __init__(self, loop: FakeLoop | None = None, is_started: bool = True, **plan: Any) -> None:
        self.loop, self.sink = loop or FakeLoop(), Sink()
        self.request = Request("home", (WIDTH, HEIGHT), format=plan.pop("format", "iterations"))
        may_map = plan.pop("may_map", True)
        self.task = JobTask(self.loop, Plan(**{  # type: ignore[arg-type]
            "url": "ipc:///x", "timeout_s": 10.0, "key": KEY, "request": self.request.document,
            **plan}), self.sink, may_map)
        if is_started:
            self.task.start(0.0)
            self.loop.begun.append(self.task)

    @property
    def link(self) -> FakeLink:
        return self.task.link  # type: ignore[return-value]

    def hear(self, type_: Type, **body: Any) -> None:
        try:
            self.task.receive(Message(type_, body), 0.0)
        except Error as error:
            self.task.crashed(error)

    def accept(self, **change: Any) -> None:
        self.hear(Type.ACCEPTED, **{"key": KEY, "job": 7, "request": self.request.document,
                                    "slice": 4, "image": IMAGE, **change})

    def finish(self) -> None:
        self.hear(Type.FINISHED, job=7, pixels=20, tiles=1, retries=0, workers=1, iterations=5,
                  elapsed_ms=9)

    def fetched(self) -> list[Piece]:
        found = [Piece(body["plane"], body["x"], body["y"], body["w"], body["h"])
                 for type_, body in self.link.said if type_ is Type.FETCH]
        self.link.said.clear()
        return found

    def rows(self, piece: Piece, value: int) -> None:
        data = np.full(piece.w * piece.h, value, np.uint32).tobytes()
        self.task.receive(Message(Type.ROWS, job=7, piece=piece, data=data), 0.0)


@pytest.fixture(name="images")
def images_to_map(monkeypatch: pytest.MonkeyPatch) -> list[FakeImage]:
    """What is mapped, one after the other."""
    images: list[FakeImage] = []
    maps: list[Memory] = []  # as long as these are, their arrays are in use

    def open_image(*_: Any) -> FakeImage:
        if not images:
            raise _task.NotShared("none is left")
        maps.append(images[0].map)
        return images.pop(0)
    monkeypatch.setattr(_task, "open_image", open_image)
    return images


def test_an_image_that_is_complete_is_held(images: list[FakeImage]) -> None:
    images.append(FakeImage([True] * HEIGHT))
    play = Play()
    play.accept()
    play.finish()
    assert play.sink.is_mapped and play.task.is_holding() and Type.FETCH not in play.link.types()
    assert not play.sink.arrays[0].flags.writeable


def test_one_that_is_not_was_made_anew(images: list[FakeImage]) -> None:
    images.append(FakeImage([True] * (HEIGHT - 1) + [False]))
    play = Play()
    play.accept()
    play.finish()
    (piece,) = play.fetched()
    play.rows(piece, 3)
    assert not play.sink.is_mapped and (play.sink.arrays[0] == 3).all() and play.task.is_over()


@pytest.mark.parametrize("change", [{"size": [5, 4]}, {"format": "smooth"}])
def test_another_request_is_not_accepted(change: dict[str, Any]) -> None:
    play = Play()
    play.accept(request={**play.request.document, **change})
    (error,) = play.sink.errors
    assert isinstance(error, ProtocolError) and "another request" in str(error)
    assert play.link.types()[-1] is Type.CANCEL_JOB


def test_rows_are_counted_anew_with_their_image() -> None:
    play = Play(format="smooth", may_map=False)
    play.accept()
    play.finish()
    whole, fraction = play.fetched()
    play.rows(whole, 3)
    assert not play.sink.rows
    play.hear(Type.REFUSED, job=7, message="FETCH", error="not_found", text="job: is not known")
    play.finish()
    assert play.fetched() == [whole, fraction]
    play.rows(whole, 4)
    assert not play.sink.rows
    play.rows(fraction, 4)
    assert play.sink.rows == [(0, HEIGHT)] and (play.sink.arrays[0] == 4).all()


def test_so_are_those_of_a_band() -> None:
    play = Play(format="smooth", may_map=False)
    play.accept(bands={"count": 3, "rows": 2})
    play.hear(Type.BAND, job=7, band=0, first=0, rows=2, image=IMAGE)
    play.rows(play.fetched()[0], 3)
    play.hear(Type.REFUSED, job=7, message="FETCH", error="request", text="band: is not complete")
    for first, rows in ((0, 2), (2, 2), (4, 1)):
        play.hear(Type.BAND, job=7, band=first // 2, first=first, rows=rows, image=IMAGE)
        whole, fraction = play.fetched()
        play.rows(whole, first)
        assert (first, rows) not in play.sink.rows
        play.rows(fraction, first)
    play.finish()
    assert play.sink.rows == [(0, 2), (2, 2), (4, 1)]
    assert [int(value) for value in play.sink.arrays[0][:, 0]] == [0, 0, 2, 2, 4]


def test_bands_that_are_mapped(images: list[FakeImage]) -> None:
    images += [FakeImage([True] * rows) for rows in (2, 2, 1)]
    play = Play()
    play.accept(bands={"count": 3, "rows": 2})
    for first, rows in ((0, 2), (2, 2), (4, 1)):
        play.hear(Type.BAND, job=7, band=first // 2, first=first, rows=rows, image=IMAGE)
    play.finish()
    assert play.sink.rows == [(0, 2), (2, 2), (4, 1)] and (play.sink.arrays[0] == 9).all()
    assert play.link.types().count(Type.RELEASE) == 3 and not play.sink.is_mapped


def test_a_kept_job_that_nobody_waits_for_is_submitted_all_the_same() -> None:
    play = Play(is_kept=True)
    play.task.drop(0.0)
    play.task.tick(1.0)
    assert play.link.types() == [Type.SUBMIT] * 2 and not play.task.is_over()
    play.accept()
    assert play.task.is_over() and Type.CANCEL_JOB not in play.link.types()


def test_any_other_is_cancelled() -> None:
    play = Play()
    play.accept()
    play.task.drop(0.0)
    assert play.task.is_over() and play.link.types()[-1] is Type.CANCEL_JOB


def test_what_was_not_submitted_ends_at_once() -> None:
    for leave in (JobTask.cancel, JobTask.leave, JobTask.drop):
        play = Play(is_started=False)
        leave(play.task, 0.0)
        assert play.task.is_over() and isinstance(play.sink.errors[0], Cancelled)


def busy(play: Play) -> None:
    play.hear(Type.REFUSED, key=KEY, message="SUBMIT", error="busy", text="memory: is full")


def test_images_make_room_one_by_one(images: list[FakeImage]) -> None:
    loop = FakeLoop()
    held = []
    for is_kept in (True, False, False):
        images.append(FakeImage([True] * HEIGHT))
        held.append(Play(loop, is_kept=is_kept))
        held[-1].accept()
        held[-1].finish()
    play = Play(loop)
    for others in held[1:]:
        play.link.said.clear()
        assert others.task.is_holding()
        busy(play)
        assert play.link.said[0] == (Type.RELEASE, {"job": 7})
        assert play.link.types() == [Type.RELEASE, Type.SUBMIT] and others.task.is_over()
        assert (others.sink.arrays[0] == 9).all()
    busy(play)
    assert isinstance(play.sink.errors[0], BusyError) and held[0].task.is_holding()


@pytest.mark.parametrize("error", ["no_space", "request", "denied"])
def test_no_other_refusal_takes_an_image(images: list[FakeImage], error: str) -> None:
    images.append(FakeImage([True] * HEIGHT))
    held = Play()
    held.accept()
    held.finish()
    play = Play(held.loop)
    play.hear(Type.REFUSED, key=KEY, message="SUBMIT", error=error, text="no")
    assert play.sink.errors[0].code == error and held.task.is_holding()
