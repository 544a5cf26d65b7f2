"""Who waits for a job: band by band, beside other readers, while the broker is away."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator

import pytest
import zmq

import wire
from harness import Broker, Stage, heavy, wait_until
from verbs import CANCELLED, UNAVAILABLE, USAGE, durable_broker, row_of, say, submit

__all__ = ["durable_broker"]  # a fixture is used by its other name

BANDED = ["--view", "seahorse", "--size", "1000x1500", "--iterations", "200"]


def test_bands_that_somebody_else_has_read(stage: Stage) -> None:
    """A wait that was stopped, while another client took its bands, gets the picture all the same."""
    broker = stage.broker("--memory", "1M")
    job = submit(stage, broker, *BANDED)
    waiter = stage.start("brot-client", "wait", job, "--out", "a.png", "--json", "--broker",
                         broker.url)
    wait_until(lambda: '"accepted"' in waiter.out_path.read_text(), "the waiter to read")
    waiter.popen.send_signal(signal.SIGSTOP)
    with wire.Client(broker.url) as other:
        wait_until(lambda: other.attach(job).name == "ACCEPTED", "the job for another reader")
        stage.worker(broker, processes=2)
        for band in range(3):
            wait_until(lambda n=band: other.wait(job, "BAND").body["band"] == n, f"band {band}")
            other.release_band(job, band)
        waiter.popen.send_signal(signal.SIGCONT)
        wait_until(lambda: other.wait(job, "BAND").body["band"] > 2, "the next band")
        assert waiter.is_running(), waiter.wait()
    result = waiter.wait()
    assert result.status == 0, result.err
    whole = stage.render(None, "whole.png", *BANDED, "--workers", "2")
    assert (stage.folder / "a.png").read_bytes() == whole.read_bytes()
    assert broker.jobs() == []


def test_submit_in_bands(stage: Stage) -> None:
    """Nothing happens to such a job unless somebody reads it: submit says so."""
    broker = stage.broker("--memory", "1M")
    result = say(stage, broker, "submit", *BANDED)
    job = int(result.out)
    bands = row_of(broker, job)["bands"]
    assert bands > 2
    assert f"{bands} bands" in result.err and f"`brot-client wait {job} --out FILE`" in result.err
    (event,) = say(stage, broker, "submit", *BANDED, "--json").events()
    assert event["bands"] == bands
    for row in broker.jobs():
        assert say(stage, broker, "cancel", row["job"]).status == 0


@pytest.mark.parametrize("words", [["fetch", "--out", "a.png"], ["wait"]])
def test_what_does_not_suit_bands_takes_no_seat(stage: Stage, words: list[str]) -> None:
    broker = stage.broker("--memory", "1M")
    job = submit(stage, broker, *BANDED)
    result = say(stage, broker, words[0], job, *words[1:])
    assert result.status == USAGE and "bands" in result.err
    with wire.Client(broker.url) as reader:
        assert reader.attach(job).name == "ACCEPTED"
    assert say(stage, broker, "cancel", job).status == 0


def test_two_readers(stage: Stage) -> None:
    """The second says whom it waits for, and gets the picture if the first one goes."""
    broker = stage.broker("--memory", "1M")
    job = submit(stage, broker, *BANDED)
    with wire.Client(broker.url) as reader:
        assert reader.attach(job).name == "ACCEPTED"
        waiters = [stage.start("brot-client", "wait", job, "--out", f"{name}.png", *more,
                               "--broker", broker.url)
                   for name, more in (("a", []), ("b", ["--json"]))]
        wait_until(lambda: waiters[0].err() == f"another client reads job {job}: waiting for it\n",
                   "the first waiter to say so")
        wait_until(lambda: '"busy"' in waiters[1].out_path.read_text(), "the second as well")
    stage.worker(broker)
    waiters[1].popen.send_signal(signal.SIGINT)
    assert waiters[1].wait().status == CANCELLED
    result = waiters[0].wait()
    assert result.status == 0, result.err
    assert broker.jobs() == []


@contextlib.contextmanager
def relay(stage: Stage, broker: Broker, name: str) -> Iterator[tuple[str, list[int]]]:
    """A URL for one client, whose messages it passes on, and the sizes of the answers it passed back:
    what tells that a client which prints nothing has been answered."""
    path = stage.folder / name
    url = f"ipc://{path}"
    answers: list[int] = []
    is_over = threading.Event()

    def pass_on() -> None:
        with zmq.Context() as context, context.socket(zmq.ROUTER) as front, \
                context.socket(zmq.DEALER) as back:
            front.linger = back.linger = 0
            front.bind(url)
            back.connect(broker.url)
            client = b""
            while not is_over.is_set():
                if front.poll(20):
                    client, *frames = front.recv_multipart()
                    back.send_multipart(frames)
                while client and back.poll(0):
                    frames = back.recv_multipart()
                    front.send_multipart([client, *frames])
                    answers.append(sum(map(len, frames)))

    thread = threading.Thread(target=pass_on)
    thread.start()
    try:
        yield url, answers
    finally:
        is_over.set()
        thread.join()
        path.unlink()


def test_a_broker_that_is_away(stage: Stage, durable: Broker) -> None:
    """A wait says so, once, and that it is back."""
    job = submit(stage, durable, *heavy(8))
    with contextlib.ExitStack() as stack:
        relays = [stack.enter_context(relay(stage, durable, f"relay{i}")) for i in range(3)]
        waiters = [stage.start("brot-client", "wait", job, *more, "--broker", url)
                   for more, (url, _) in zip(([], ["--quiet"], ["--json"]), relays, strict=True)]
        # WELCOME, and PROGRESS.
        wait_until(lambda: all(len(answers) >= 2 for _, answers in relays), "the waits")
        durable.process.kill()
        away = f"the broker at {relays[0][0]} does not answer: waiting for it\n"
        wait_until(lambda: away in waiters[0].err(), "the silence is told")
        again = stage.broker("--state-dir", stage.folder / "state", clients=durable.clients,
                             workers=durable.workers)
        back = f"the broker at {relays[0][0]} is back\n"
        wait_until(lambda: back in waiters[0].err(), "its end is told")
        stage.worker(again)
        results = [waiter.wait() for waiter in waiters]
    assert [result.status for result in results] == [0, 0, 0]
    assert results[0].err.count(away) == results[0].err.count(back) == 1
    assert results[1].err == "" and results[2].err == ""
    names = [event["event"] for event in results[2].events()]
    assert names.count("silent") == names.count("back") == 1
    assert say(stage, again, "cancel", job).status == 0
    durable.process = again.process


def test_a_wait_that_gives_up(stage: Stage) -> None:
    """It names the job, which is not lost."""
    broker = stage.broker()
    job = submit(stage, broker, "--size", "8x8")
    waiter = stage.start("brot-client", "wait", job, "--out", "a.png", "--json", "--broker",
                         broker.url, "--timeout", "0.5")
    wait_until(lambda: '"progress"' in waiter.out_path.read_text(), "the wait")
    broker.process.popen.send_signal(signal.SIGSTOP)
    result = waiter.wait()
    broker.process.popen.send_signal(signal.SIGCONT)
    assert result.status == UNAVAILABLE
    assert [event["event"] for event in result.events()][-2:] == ["left", "failed"]
    assert say(stage, broker, "cancel", job).status == 0
