"""The life of a job at a client, in virtual time: no socket, no clock."""

from __future__ import annotations

import math
from typing import Any, TypeVar

import pytest
from brot import _conversation
from brot._actions import Failed, Finished, Pixels, Plan, Reconnect, Send
from brot._fetching import AGAIN_S, WINDOW, Area, Fetching, pieces
from brot._notice import Accepted, Progress
from brot._session import Session, State
from brot._wire import Message, Piece, Type
from brot.errors import (BusyError, Cancelled, ConnectionError, DeniedError, FailedError,
                         NotFoundError, ProtocolError)

KEY = "5a" * 16
IMAGE = {"name": "/brot-" + "0" * 32, "bytes": 8192, "nonce": "01" * 16}
REQUEST = {"brot": 1, "size": [4, 3]}
AREA = Area(0, 3, 4, (4,))

T = TypeVar("T")


class Play:
    """A session and its time."""

    def __init__(self, **plan: Any) -> None:
        self.session = Session(Plan(**{"url": "ipc:///x", "timeout_s": 10.0, "key": KEY,
                                       "request": REQUEST, **plan}))
        self.now = 100.0
        self.actions = self.session.start(self.now)

    def hear(self, type_: Type, **body: Any) -> list[Any]:
        self.actions = self.session.receive(Message(type_, body), self.now)
        return self.actions

    def rows(self, piece: Piece, data: bytes, job: int = 7) -> list[Any]:
        self.actions = self.session.receive(Message(Type.ROWS, job=job, piece=piece, data=data),
                                            self.now)
        return self.actions

    def accept(self, job: int = 7, **change: Any) -> list[Any]:
        return self.hear(Type.ACCEPTED, **{"key": KEY, "job": job, "request": REQUEST, "slice": 4,
                                           "image": IMAGE, **change})

    def progress(self, job: int = 7, done: int = 0) -> list[Any]:
        return self.hear(Type.PROGRESS, job=job, state="running", pixels_done=done, pixels=12,
                         tiles_done=0, tiles_running=1, workers=1, iterations=0, elapsed_ms=1)

    def finish(self, job: int = 7) -> list[Any]:
        return self.hear(Type.FINISHED, job=job, pixels=12, tiles=1, retries=0, workers=1,
                         iterations=5, elapsed_ms=9)

    def band(self, index: int, rows: int = 2) -> list[Any]:
        return self.hear(Type.BAND, job=7, band=index, first=2 * index, rows=rows, image=IMAGE)

    def lost(self, job: int = 7) -> list[Any]:
        return self.hear(Type.FAILED, job=job, error="not_found", text=f"job: {job} is not known")

    def pass_time(self, seconds: float) -> list[Any]:
        """Ticks at each deadline on the way."""
        end, found = self.now + seconds, []
        while self.session.deadline() <= end:
            self.now = max(self.now, self.session.deadline())
            found += self.session.tick(self.now)
        self.now = end
        return found

    def said(self, actions: list[Any] | None = None) -> list[tuple[Type, dict[str, Any]]]:
        return [(action.type, action.body) for action in
                (self.actions if actions is None else actions) if isinstance(action, Send)]


def one(actions: list[Any], kind: type[T]) -> T:
    found = [action for action in actions if isinstance(action, kind)]
    assert len(found) == 1, actions
    return found[0]


def types(said: list[tuple[Type, dict[str, Any]]]) -> list[Type]:
    return [type_ for type_, _ in said]


# The good life


def test_from_submit_to_release() -> None:
    play = Play(priority=3, client="me")
    assert play.said() == [(Type.SUBMIT, {"key": KEY, "request": REQUEST, "priority": 3,
                                          "client": "me"})]
    assert one(play.accept(), Accepted).job == 7
    assert play.said() == [(Type.WATCH, {"jobs": [7]})]
    assert one(play.progress(done=6), Progress).done == 0.5
    assert one(play.finish(), Finished).summary.iterations == 5
    assert play.session.use(play.now) == []
    assert types(play.said(play.pass_time(100))) == [Type.WATCH] * 50
    assert play.said(play.session.release(play.now)) == [(Type.RELEASE, {"job": 7})]
    assert play.session.is_over


def test_a_kept_job_is_not_released() -> None:
    play = Play(is_kept=True)
    play.accept()
    play.finish()
    play.session.use(play.now)
    assert play.session.release(play.now) == [] and play.session.is_over


def test_answers_for_others_are_none() -> None:
    play = Play()
    assert play.accept(key="00" * 16) == []
    play.hear(Type.REFUSED, key="00" * 16, message="SUBMIT", error="request", text="no")
    assert play.session.state is State.ASKING
    play.accept()
    assert play.progress(job=8) == [] and play.finish(job=8) == [] and play.lost(job=8) == []


def test_submit_is_repeated_with_its_key() -> None:
    play = Play(timeout_s=1000.0)
    first = play.said()
    repeated = play.said(play.pass_time(5))
    assert repeated == first * 5


def test_three_unanswered_and_a_new_connection() -> None:
    play = Play(timeout_s=1000.0)
    actions = play.pass_time(4)
    kinds = ["r" if isinstance(action, Reconnect) else "s" for action in actions]
    assert "".join(kinds) == "sssrs"


# Silence


@pytest.mark.parametrize("is_patient", [False, True])
def test_a_broker_that_never_answers(is_patient: bool) -> None:
    play = Play(is_patient=is_patient)
    actions = play.pass_time(9.9)
    assert not any(isinstance(action, Failed) for action in actions)
    error = one(play.pass_time(0.2), Failed).error
    assert isinstance(error, ConnectionError) and "within 10 s" in str(error)
    assert play.session.is_over and play.session.deadline() == float("inf")


def test_a_broker_that_falls_silent_and_comes_back() -> None:
    play = Play()
    play.accept()
    play.pass_time(9.9)
    play.progress()
    play.pass_time(9.9)
    assert not play.session.is_over
    actions = play.pass_time(0.2)
    assert isinstance(one(actions, Failed).error, ConnectionError)
    assert play.said(actions)[-1] == (Type.CANCEL_JOB, {"job": 7})


def test_patience_has_no_end_once_it_answered() -> None:
    play = Play(is_patient=True)
    play.accept()
    play.pass_time(10_000)
    assert not play.session.is_over


# Jobs that get lost


def test_a_lost_job_is_submitted_again() -> None:
    play = Play()
    play.accept()
    play.lost()
    assert play.said() == [(Type.SUBMIT, {"key": KEY, "request": REQUEST})]
    assert one(play.accept(job=9), Accepted).job == 9
    assert play.lost(job=7) == []
    play.finish(job=9)
    assert play.session.state is State.READY


def test_lost_again_and_again() -> None:
    play = Play()
    for job in range(1, _conversation.RESUBMITS + 1):
        play.accept(job=job)
        play.lost(job=job)
        assert not play.session.is_over
    play.accept(job=99)
    assert isinstance(one(play.lost(job=99), Failed).error, NotFoundError)


def test_a_lost_job_of_another() -> None:
    play = Play(attach=7)
    assert play.said() == [(Type.ATTACH, {"job": 7})]
    play.accept(key="")
    assert isinstance(one(play.lost(), Failed).error, NotFoundError)


def test_a_failed_job() -> None:
    play = Play()
    play.accept()
    actions = play.hear(Type.FAILED, job=7, error="failed", text="tile 3 failed on three workers")
    assert isinstance(one(actions, Failed).error, FailedError) and play.said() == []


# Refusals


def test_a_bad_request() -> None:
    play = Play()
    actions = play.hear(Type.REFUSED, key=KEY, message="SUBMIT", error="request",
                        text="size: must be 1 to 1048576, got 0")
    assert isinstance(one(actions, Failed).error, ValueError)


def test_busy_is_the_end_of_a_new_job_alone() -> None:
    play = Play()
    actions = play.hear(Type.REFUSED, key=KEY, message="SUBMIT", error="busy", text="256 jobs")
    assert isinstance(one(actions, Failed).error, BusyError)
    play = Play()
    assert play.hear(Type.REFUSED, key=KEY, job=7, message="SUBMIT", error="busy", text="b") == []
    assert types(play.said(play.pass_time(1))) == [Type.SUBMIT]
    play.accept()
    assert play.session.state is State.WAITING


def test_busy_is_waited_for_where_a_restarted_broker_has_no_room_yet() -> None:
    play = Play()
    play.accept()
    play.lost()
    play.hear(Type.REFUSED, key=KEY, message="SUBMIT", error="busy", text="256 jobs")
    assert types(play.said(play.pass_time(1))) == [Type.SUBMIT]
    play.accept(job=9)
    assert play.session.state is State.WAITING


def test_attach_waits_for_a_dead_reader() -> None:
    play = Play(attach=7, timeout_s=2.0)
    for _ in range(24):
        play.hear(Type.REFUSED, job=7, message="ATTACH", error="busy", text="is read")
        play.pass_time(0.49)
    assert not play.session.is_over
    assert isinstance(one(play.pass_time(1), Failed).error, BusyError)


def test_denied_at_once_and_later() -> None:
    play = Play()
    actions = play.hear(Type.REFUSED, message="SUBMIT", error="denied", text="no role")
    assert isinstance(one(actions, Failed).error, DeniedError)
    play = Play()
    play.accept()
    for _ in range(9):
        assert play.hear(Type.REFUSED, message="WATCH", error="denied", text="no role") == []
        play.pass_time(1)
    play.progress()
    play.pass_time(2)
    assert not play.session.is_over


# The end by the user


def test_cancel() -> None:
    play = Play()
    play.accept()
    assert play.said(play.session.cancel(play.now)) == [(Type.CANCEL_JOB, {"job": 7})]
    actions = play.hear(Type.REPORT, job=7, state="cancelled")
    assert isinstance(one(actions, Failed).error, Cancelled)


def test_cancel_before_it_was_accepted() -> None:
    play = Play()
    assert play.session.cancel(play.now) == []
    assert play.said(play.accept()) == [(Type.CANCEL_JOB, {"job": 7})]
    assert isinstance(one(play.pass_time(1.1), Failed).error, Cancelled)


def test_leave() -> None:
    for is_kept, said in ((False, [Type.CANCEL_JOB]), (True, [])):
        play = Play(is_kept=is_kept)
        play.accept()
        actions = play.session.leave(play.now)
        assert types(play.said(actions)) == said and play.session.is_over
        kind = ConnectionError if is_kept else Cancelled
        assert isinstance(one(actions, Failed).error, kind)


def test_leave_before_it_was_accepted() -> None:
    kept = Play(is_kept=True)
    assert types(kept.said(kept.session.leave(kept.now))) == [] and kept.session.is_over
    play = Play()
    assert play.session.leave(play.now) == [] and play.session.leave(play.now) == []
    assert play.session.deadline() < math.inf
    assert play.said(play.accept()) == [(Type.CANCEL_JOB, {"job": 7})]
    silent = Play()
    assert silent.session.leave(silent.now) == []
    assert isinstance(one(silent.pass_time(1.1), Failed).error, Cancelled)


# Pixels


def fetched(play: Play) -> list[Piece]:
    return [Piece(body["plane"], body["x"], body["y"], body["w"], body["h"])
            for type_, body in play.said() if type_ is Type.FETCH]


def test_fetch() -> None:
    play = Play()
    play.accept()
    play.finish()
    play.actions = play.session.fetch(AREA, play.now)
    (piece,) = fetched(play)
    assert piece == Piece(0, 0, 0, 4, 3)
    assert play.rows(Piece(0, 0, 0, 4, 2), bytes(32)) == []
    play.actions = play.pass_time(AGAIN_S)
    assert [body["seen"] for type_, body in play.said() if type_ is Type.FETCH] == [1]
    actions = play.rows(piece, bytes(48))
    assert bytes(one(actions, Pixels).data) == bytes(48)
    assert play.session.state is State.HOLDING
    assert play.rows(piece, bytes(48)) == []


def test_an_image_that_went_is_waited_for() -> None:
    play = Play()
    play.accept()
    play.finish()
    play.session.fetch(AREA, play.now)
    play.hear(Type.REFUSED, job=7, message="FETCH", error="request", text="job: is not finished")
    assert play.said() == [(Type.WATCH, {"jobs": [7]})]
    play.progress()
    play.finish()
    assert play.session.state is State.READY


def test_pixels_that_never_come() -> None:
    play = Play(timeout_s=9.0)
    play.accept()
    play.finish()
    play.session.fetch(AREA, play.now)
    for _ in range(8):
        play.pass_time(1)
        play.finish()
    error = one(play.pass_time(1.1), Failed).error
    assert isinstance(error, ConnectionError) and "but sent no pixels for 9 s" in str(error)
    assert play.session.is_over


def fetching(**plan: Any) -> Play:
    play = Play(**plan)
    play.accept()
    play.finish()
    play.actions = play.session.fetch(AREA, play.now)
    return play


@pytest.mark.parametrize("is_busy", [False, True])
def test_patience_does_not_wait_for_pixels_alone(is_busy: bool) -> None:
    play = fetching(is_patient=True)
    found: list[Any] = []
    for _ in range(11):
        if is_busy:
            play.hear(Type.REFUSED, job=7, message="FETCH", error="busy", text="8 are on their way")
        else:
            play.finish()
        assert not found
        found = [action for action in play.pass_time(1) if isinstance(action, Failed)]
        if found:
            break
    assert "sent no pixels" in str(one(found, Failed).error)


def test_pixels_cannot_come_from_a_broker_that_is_away() -> None:
    play = fetching(is_patient=True)
    (piece,) = fetched(play)
    play.pass_time(100)
    assert not play.session.is_over
    play.finish()
    play.pass_time(2)
    play.finish()
    assert not play.session.is_over
    one(play.rows(piece, bytes(48)), Pixels)


def test_rows_of_another_length() -> None:
    for data in (b"short", bytes(49)):
        play = fetching()
        error = one(play.rows(*fetched(play), data), Failed).error
        assert isinstance(error, ProtocolError) and "4 x 3 pixels" in str(error)


def test_pieces_cover_all_once() -> None:
    for area in (Area(5, 700, 1000, (12, 4)), Area(0, 3, 500_000, (6, 1)), Area(9, 1, 1, (8,))):
        for plane, size in enumerate(area.pixel_bytes):
            found = [piece for piece in pieces(area) if piece.plane == plane]
            assert sum(piece.w * piece.h for piece in found) == area.rows * area.width
            assert all(piece.w * piece.h * size <= 1 << 20 for piece in found)
            rows = {(y, piece.x) for piece in found for y in range(piece.y, piece.y + piece.h)}
            assert {y for y, _ in rows} == set(range(area.first, area.first + area.rows))


def test_so_many_at_a_time() -> None:
    fetching = Fetching(Area(0, 100, 1 << 18, (4,)))
    first = fetching.due(0.0)
    assert len(first) == WINDOW and fetching.due(0.1) == []
    assert fetching.take(first[3], bytes(1 << 20), 0.2)
    assert len(fetching.due(0.2)) == 1
    assert set(fetching.due(AGAIN_S)) == set(first) - {first[3]}


# Bands


def banded(**plan: Any) -> Play:
    play = Play(**plan)
    change = {"key": ""} if plan.get("attach") else {}
    play.hear(Type.ACCEPTED, **{"key": KEY, "job": 7, "request": {"size": [4, 5]}, "slice": 4,
                                "bands": {"count": 3, "rows": 2}, **change})
    return play


def test_band_by_band() -> None:
    play = banded()
    for index, rows in enumerate((2, 2, 1)):
        play.band(index, rows)
        assert play.session.state is State.READY
        play.actions = play.session.release_band(play.now)
        assert play.said()[0] == (Type.RELEASE, {"job": 7, "band": index})
    assert one(play.finish(), Finished).summary.pixels == 12
    assert play.session.is_over


def test_a_release_that_was_lost() -> None:
    play = banded()
    play.band(0)
    play.session.release_band(play.now)
    play.band(0)
    assert play.said() == [(Type.RELEASE, {"job": 7, "band": 0})]
    assert play.session.state is State.WAITING


def test_bands_that_another_has_read() -> None:
    play = banded()
    play.band(1)
    assert play.said() == [] and play.session.state is State.WAITING
    play.band(2, 1)
    assert play.said() == [(Type.ATTACH, {"job": 7})]
    play = banded()
    play.progress(done=12)
    play.band(2, 1)
    assert play.said() == [(Type.ATTACH, {"job": 7})]


def test_a_band_that_there_is_not() -> None:
    play = banded()
    assert isinstance(one(play.band(3), Failed).error, ProtocolError)
    assert isinstance(one(banded().band(0, 1), Failed).error, ProtocolError)


def test_bands_have_all_rows() -> None:
    for rows in (2, 3):  # of the last one, which has 1
        play = banded()
        for band in range(2):
            play.band(band)
            play.session.release_band(play.now)
        assert isinstance(one(play.band(2, rows), Failed).error, ProtocolError)
    for count, rows in ((1, 2), (2, 2), (4, 2), (6, 1), (1, 4)):
        play = Play()
        actions = play.hear(Type.ACCEPTED, key=KEY, job=7, request={"size": [4, 5]}, slice=4,
                            bands={"count": count, "rows": rows})
        assert "5 rows of the picture" in str(one(actions, Failed).error)


def test_bands_that_another_reads_for_ever() -> None:
    play, said = banded(), 0
    while not play.session.is_over:
        play.band(2, 1)
        said += types(play.said()).count(Type.ATTACH)
        play.hear(Type.ACCEPTED, job=7, request={"size": [4, 5]}, slice=4,
                  bands={"count": 3, "rows": 2})
        assert said <= _conversation.RESUBMITS
    assert said == _conversation.RESUBMITS


def test_a_broker_that_dies_after_the_last_band() -> None:
    play = banded()
    for index, rows in enumerate((2, 2, 1)):
        play.band(index, rows)
        play.session.release_band(play.now)
    one(play.lost(), Finished)
    assert play.session.is_over


def test_nonsense_ends_it() -> None:
    play = Play()
    play.accept()
    actions = play.hear(Type.PROGRESS, job=7, state="asleep")
    assert isinstance(one(actions, Failed).error, ProtocolError)
    assert play.said() == [(Type.CANCEL_JOB, {"job": 7})]


# What is another's, or came too late, changes nothing


def test_nonsense_amid_a_cancel_is_no_second_cancel() -> None:
    play = Play()
    play.accept()
    play.session.cancel(play.now)
    play.hear(Type.FAILED, job=7, error=3, text="x")
    assert play.session.is_over and play.said() == []


def test_the_last_band_alone_once_all_is_rendered() -> None:
    play = banded()
    play.band(1)
    assert play.said() == []
    play.progress(done=12)
    play.band(1)
    assert play.said() == [(Type.ATTACH, {"job": 7})]


def test_an_image_that_always_goes() -> None:
    play = Play()
    play.accept()
    for _ in range(_conversation.RESUBMITS + 1):
        assert not play.session.is_over
        play.finish()
        play.session.fetch(AREA, play.now)
        play.hear(Type.REFUSED, job=7, message="FETCH", error="not_found", text="job: is not known")
    assert isinstance(one(play.actions, Failed).error, NotFoundError)


def test_accepted_of_another_attach() -> None:
    play = Play(attach=7)
    assert play.accept(key="", job=8) == [] and play.accept() == []
    assert one(play.accept(key=""), Accepted).job == 7


def test_bands_begin_again_with_their_job() -> None:
    play = banded()
    play.band(0)
    play.session.release_band(play.now)
    play.lost()
    play.hear(Type.ACCEPTED, key=KEY, job=9, request={"size": [4, 5]}, slice=4,
              bands={"count": 3, "rows": 2})
    play.hear(Type.BAND, job=9, band=0, first=0, rows=2, image=IMAGE)
    assert play.session.state is State.READY


@pytest.mark.parametrize("error", ["not_found", "failed"])
def test_an_image_in_use_outlives_its_job(error: str) -> None:
    play = Play()
    play.accept()
    play.finish()
    play.session.use(play.now)
    assert play.hear(Type.FAILED, job=7, error=error, text="gone") == []
    assert play.session.state is State.HOLDING


def test_an_answer_makes_the_connection_good() -> None:
    play = Play(timeout_s=1000.0)
    play.accept()
    play.pass_time(6)
    play.progress()
    assert not any(isinstance(action, Reconnect) for action in play.pass_time(6))
    actions = play.pass_time(9)
    assert sum(isinstance(action, Reconnect) for action in actions) == 1


def test_refusals_of_other_jobs() -> None:
    play = Play(attach=7)
    assert play.hear(Type.REFUSED, job=8, message="ATTACH", error="not_found", text="no") == []
    play = banded()
    play.band(0)
    play.session.release_band(play.now)
    assert play.hear(Type.REFUSED, job=8, message="RELEASE", error="busy", text="read") == []
    play.hear(Type.REFUSED, job=7, message="RELEASE", error="busy", text="read")
    assert play.said() == [(Type.ATTACH, {"job": 7})]
    play = Play()
    play.accept()
    play.session.cancel(play.now)
    assert play.hear(Type.REFUSED, job=8, message="CANCEL_JOB", error="not_found", text="n") == []
    play.hear(Type.REFUSED, job=7, message="CANCEL_JOB", error="not_found", text="no")
    assert isinstance(one(play.actions, Failed).error, Cancelled)
