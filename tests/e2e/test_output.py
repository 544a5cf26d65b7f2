"""What a render says, and where: events, lines, a bar, or nothing."""

from __future__ import annotations

import itertools
import os
import pty
import signal

import pytest

from harness import BIN, Stage, heavy, wait_until

SMALL = ["--view", "seahorse", "--size", "64x48"]


def test_json_is_all_that_standard_output_carries(stage: Stage) -> None:
    out = stage.folder / "a.png"
    result = stage.client("render", *SMALL, "--out", out, "--workers", "1", "--json")
    assert result.status == 0, result.err
    events = result.events()
    kinds = [event["event"] for event in events]
    assert [kind for kind in kinds if kind not in ("progress", "writing")] == ["started", "accepted", "finished",
                                                              "saved"]
    accepted = events[kinds.index("accepted")]
    assert accepted["request"]["size"] == [64, 48]
    assert events[kinds.index("finished")]["pixels"] == 64 * 48
    assert events[-1]["bytes"] == out.stat().st_size


def test_json_reports_progress(stage: Stage) -> None:
    broker = stage.broker("--tile-rows", 4)
    stage.worker(broker)
    broker.wait_workers(1)
    result = stage.client("render", *heavy(1024), "--out", stage.folder / "a.npy", "--broker",
                          broker.url, "--json")
    assert result.status == 0, result.err
    progress = [event for event in result.events() if event["event"] == "progress"]
    assert progress
    done = [event["pixels_done"] for event in progress]
    assert done == sorted(done) and done[-1] <= progress[-1]["pixels"]


def test_json_says_what_failed(stage: Stage) -> None:
    words = ["render", "--view", "0,0,0", "--out", "a.png"]
    for json in (["--json"], ["--json=true"], ["--json=false", "--json=1"]):
        result = stage.client(*words, *json)
        (event,) = result.events()
        assert event["event"] == "failed" and event["error"] == "request"
        assert event["text"] in result.err
        assert len(result.err.splitlines()) == 1
    for unset in ([], ["--json", "--json=false"]):
        assert stage.client(*words, *unset).out == ""


@pytest.mark.parametrize("words", [["render", *SMALL, "--out", "a.png", "--workers", "1", "--json"],
                                   ["views", "--json"], ["views"]])
def test_a_reader_that_has_enough(stage: Stage, words: list[str]) -> None:
    """Such as head: its end is no failure."""
    reading, writing = os.pipe()
    os.close(reading)
    result = stage.client(*words, stdout=writing)
    os.close(writing)
    assert result.status == 0, result.err
    assert "standard output" not in result.err


def test_output_that_cannot_be_written(stage: Stage) -> None:
    with open("/dev/full", "wb") as full:
        result = stage.client("render", *SMALL, "--out", "a.png", "--workers", "1", "--json",
                              stdout=full)
        assert result.status == 73 and "standard output" in result.err
        assert stage.client("views", stdout=full).status == 73


CLOSED = [streams for count in range(1, 4) for streams in itertools.combinations("012", count)]


def test_closed_streams(stage: Stage) -> None:
    """A file that got the number of a closed stream must not get what is printed there as well."""
    broker = stage.broker()
    stage.worker(broker)
    wanted = stage.render(broker, "wanted.png", *SMALL).read_bytes()
    out = stage.folder / "out" / "a.png"
    out.parent.mkdir()
    for where in ("--broker", broker.url), ("--workers", "1"):
        for streams in CLOSED:
            command = " ".join(['exec "$@"', *(f"{stream}>&-" for stream in streams)])
            result = stage.start(["sh", "-c", command, "sh", str(BIN / "brot-client"), "render",
                                  *SMALL, "--out", str(out), *where]).wait()
            assert result.status == 0, (streams, result.err)
            assert out.read_bytes() == wanted, streams
            assert [path.name for path in out.parent.iterdir()] == ["a.png"]
            out.unlink()


def test_a_line_while_there_is_no_worker(stage: Stage) -> None:
    broker = stage.broker()
    process = stage.start("brot-client", "render", *SMALL, "--out", "a.png", "--broker", broker.url)
    wait_until(lambda: "no worker is connected yet" in process.err(), "a line that says so")
    stage.worker(broker)
    assert process.wait().status == 0


def test_events_while_a_file_is_written(stage: Stage) -> None:
    """The file is large, and packing it takes its time."""
    broker = stage.broker()
    stage.worker(broker)
    out = stage.folder / "a.png"
    result = stage.client("render", "--view", "seahorse", "--iterations", "50", "--size",
                          "4000x4000", "--out", out, "--broker", broker.url, "--json")
    assert result.status == 0, result.err
    kinds = [event["event"] for event in result.events()]
    writing = [event for event in result.events() if event["event"] == "writing"]
    assert all(event["rows"] == 4000 for event in writing)
    done = [event["rows_done"] for event in writing]
    assert done == sorted(set(done)) and all(0 < rows < 4000 for rows in done)
    # At most one each half second, so that a fast machine may have none.
    saved = result.events()[-1]
    assert len(writing) <= saved["elapsed_ms"] // 500
    assert kinds[-1] == "saved"
    assert all(kind == "writing" for kind in kinds[kinds.index("finished") + 1:-1])


def test_quiet(stage: Stage) -> None:
    result = stage.client("render", *SMALL, "--out", "a.png", "--workers", "1", "--quiet")
    assert (result.status, result.out, result.err) == (0, "", "")


def test_lines_where_there_is_no_terminal(stage: Stage) -> None:
    result = stage.client("render", *SMALL, "--out", "a.png", "--workers", "1")
    assert result.status == 0 and result.out == ""
    assert "\r" not in result.err and "\033" not in result.err
    assert "a.png" in result.err


def read_terminal(descriptor: int) -> str:
    """All that was written to a terminal until its last writer closed it."""
    pieces = []
    try:
        while piece := os.read(descriptor, 65536):
            pieces.append(piece)
    except OSError:  # EIO is how Linux reports that end
        pass
    return b"".join(pieces).decode()


def test_bar_on_a_terminal(stage: Stage) -> None:
    broker = stage.broker("--tile-rows", 4)
    stage.worker(broker)
    broker.wait_workers(1)
    ours, theirs = pty.openpty()
    process = stage.start("brot-client", "render", *heavy(1024), "--out", "a.npy", "--broker",
                          broker.url, stderr=theirs)
    os.close(theirs)
    shown = read_terminal(ours)
    os.close(ours)
    result = process.wait()
    assert result.status == 0 and result.out == ""
    bar, _, summary = shown.rpartition("\r\033[K")
    assert "%" in bar and "tiles" in bar
    assert "a.npy" in summary


def interrupt(stage: Stage, *where: str, number: int = signal.SIGINT) -> None:
    """A signal, usually that of Ctrl-C, in the midst of a render into old.npy."""
    out = stage.folder / "pictures" / "old.npy"
    out.parent.mkdir()
    out.write_bytes(b"old")
    process = stage.start("brot-client", "render", *heavy(16384), "--json", "--out", out, *where)
    wait_until(lambda: '"running"' in process.out_path.read_text(), "a running job")
    process.popen.send_signal(number)
    result = process.wait()
    assert result.status == 128 + number
    assert result.err.splitlines()[-1:] == ["brot-client: the render was cancelled"]
    assert result.events()[-1]["event"] == "cancelled"
    assert len(result.err.splitlines()) <= 1
    assert out.read_bytes() == b"old"
    assert [path.name for path in out.parent.iterdir()] == ["old.npy"]


def test_interrupt(stage: Stage) -> None:
    broker = stage.broker("--tile-rows", 1)
    stage.worker(broker)
    interrupt(stage, "--broker", broker.url)
    assert broker.jobs() == []
    wait_until(lambda: broker.worker_list()[0]["tiles_held"] == 0, "an idle worker")
    assert broker.status()["image_bytes"] == 0
    stage.render(broker, "after.png", *SMALL)


def test_termination(stage: Stage) -> None:
    broker = stage.broker("--tile-rows", 1)
    stage.worker(broker)
    interrupt(stage, "--broker", broker.url, number=signal.SIGTERM)
    assert broker.jobs() == []


def test_kill_leaves_no_file(stage: Stage) -> None:
    broker = stage.broker("--tile-rows", 1)
    stage.worker(broker)
    folder = stage.folder / "pictures"
    folder.mkdir()
    old = folder / "old.npy"
    old.write_bytes(b"old")
    for out in ("new.npy", "old.npy"):
        process = stage.start("brot-client", "render", *heavy(16384), "--json", "--out",
                              folder / out, "--broker", broker.url)
        wait_until(lambda: '"running"' in process.out_path.read_text(), "a running job")
        process.kill()
        assert [path.name for path in folder.iterdir()] == ["old.npy"]
        assert old.read_bytes() == b"old"


def test_interrupt_of_an_embedded_service(stage: Stage) -> None:
    interrupt(stage, "--workers", "2")
    stage.wait_nothing_left()
