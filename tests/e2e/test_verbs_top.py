"""brot-client top: as lines, as JSON, on a terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import signal
import struct
import termios
import time

import wire
from harness import PATIENCE_S, Stage, heavy, light_request, wait_until
from verbs import say, submit

TERMINAL = (24, 80)


def test_top_as_json(stage: Stage) -> None:
    broker = stage.broker()
    stage.worker(broker)
    broker.wait_workers(1)
    job = submit(stage, broker, *heavy(8))
    first, second = say(stage, broker, "top", "--count", "2", "--interval", "0.1",
                        "--json").events()
    assert first["tiles_per_s"] is None and second["tiles_per_s"] >= 0
    assert [row["job"] for row in second["jobs"]] == [job] and len(second["workers"]) == 1


def test_top_of_very_many_jobs(stage: Stage) -> None:
    """Whose list is refused after a while: the next round asks over a new connection."""
    broker = stage.broker()
    with wire.Client(broker.url) as client:
        for number in range(256):
            answer = client.submit(light_request(size=[1, 1]), keep=True,
                                   client=f"{number % 8:063}")
            assert answer.name == "ACCEPTED"
    events = say(stage, broker, "top", "--count", "20", "--interval", "0.3", "--json").events()
    whole = [len(event["jobs"]) for event in events if "silent_ms" not in event]
    assert set(whole) == {256} and 17 < len(whole) < 20
    with wire.Client(broker.url) as client:
        for job in broker.jobs():
            assert client.ask("CANCEL_JOB", job=job["job"]).name == "REPORT"


def test_top_without_a_terminal(stage: Stage) -> None:
    broker = stage.broker()
    job = submit(stage, broker, "--size", "64x48", "--client", "somebody")
    out = say(stage, broker, "top", "--count", "2", "--interval", "0.1").out
    assert "\x1b" not in out
    assert len(re.findall(r"^brot ", out, re.MULTILINE)) == 2
    assert len(re.findall(rf"^{job} +somebody +.*no worker is connected", out, re.MULTILINE)) == 2


class Terminal:
    """The other side of a terminal that a program writes to."""

    def __init__(self) -> None:
        self.ours, self.theirs = pty.openpty()
        fcntl.ioctl(self.theirs, termios.TIOCSWINSZ, struct.pack("HHHH", *TERMINAL, 0, 0))
        os.set_blocking(self.ours, False)
        self.said = ""

    def read(self) -> str:
        try:
            self.said += os.read(self.ours, 65536).decode()
        except (BlockingIOError, OSError):
            pass
        return self.said

    def close(self) -> None:
        os.close(self.ours)
        os.close(self.theirs)


def test_top_on_a_terminal(stage: Stage) -> None:
    """It fits, lives through a broker's death, and leaves the screen as it was."""
    broker = stage.broker()
    for _ in range(30):
        submit(stage, broker, "--size", "8x8")
    terminal = Terminal()
    top = stage.start("brot-client", "top", "--interval", "0.1", "--broker", broker.url,
                      stdout=terminal.theirs)
    wait_until(lambda: terminal.read().count("\x1b[H") > 3, "three screens")
    assert terminal.said.startswith("\x1b[?1049h\x1b[?25l")
    screens = [re.sub(r"\x1b\[[KJ]", "", screen) for screen in terminal.said.split("\x1b[H")]
    assert "and 13 more" in screens[2]
    for screen in screens[2:-1]:
        lines = screen.split("\r\n")
        assert len(lines) <= TERMINAL[0] and all(len(line) <= TERMINAL[1] for line in lines)

    url = [broker.url], broker.workers
    broker.process.kill()
    wait_until(lambda: "no answer for" in terminal.read(), "silence is told")
    terminal.said = ""
    again = stage.broker(clients=url[0], workers=url[1])
    wait_until(lambda: "jobs: none" in terminal.read(), "the next broker")
    assert again.process.is_running()
    top.popen.send_signal(signal.SIGINT)
    deadline = time.monotonic() + PATIENCE_S
    while top.is_running() and time.monotonic() < deadline:
        terminal.read()
    result = top.wait()
    terminal.read()
    assert result.status == 0 and result.err == ""
    assert terminal.said.endswith("\x1b[?25h\x1b[?1049l")
    terminal.close()


def test_top_ends_at_q(stage: Stage) -> None:
    """And leaves the terminal as it was."""
    broker = stage.broker()
    terminal = Terminal()
    before = termios.tcgetattr(terminal.theirs)
    top = stage.start("brot-client", "top", "--broker", broker.url, stdin=terminal.theirs,
                      stdout=terminal.theirs)
    wait_until(lambda: "jobs: none" in terminal.read(), "a screen")
    assert termios.tcgetattr(terminal.theirs) != before
    os.write(terminal.ours, b"xq")
    wait_until(lambda: terminal.read() is not None and not top.is_running(), "its end")
    assert top.wait().status == 0
    assert termios.tcgetattr(terminal.theirs) == before
    assert "xq" not in terminal.read()
    terminal.close()


def test_top_at_the_wrong_door(stage: Stage) -> None:
    broker = stage.broker()
    result = stage.client("top", "--broker", broker.workers[0], "--timeout", "2")
    assert result.status == 76 and "endpoint for clients" in result.err
