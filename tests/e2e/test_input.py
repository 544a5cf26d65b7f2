"""Bad input: one sentence that names the field, an exit status of sysexits, nothing touched."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import wire
from harness import Result, Stage, light_request
from isolation import in_own_shm

USAGE, DATAERR, NOINPUT, UNAVAILABLE, OSERR, CANTCREAT, PROTOCOL = 64, 65, 66, 69, 71, 73, 76

SMALL = ["--size", "64x48"]


def one_sentence(result: Result, status: int, *words: str) -> None:
    assert result.status == status, result.err
    (line,) = result.err.splitlines()
    assert line.startswith("brot-client: ")
    for word in words:
        assert word in line
    assert result.out == ""


def document(**changes: object) -> str:
    return json.dumps(light_request(**changes))


def view(**changes: object) -> dict:
    return {"re": "0", "im": "0", "width": "1", **changes}


# What stands on the command line, the exit status, and words that the sentence must have.
BAD_OPTIONS = {
    "no width": (["--view", "0,0,0"], DATAERR, ["WIDTH", "0"]),
    "negative width": (["--view", "0,0,-1"], DATAERR, ["WIDTH", "-1"]),
    "not a number": (["--view", "nan,0,1"], None, ["nan"]),
    "infinite": (["--view", "0,inf,1"], None, ["inf"]),
    "far away": (["--view", "1e99,0,1"], DATAERR, ["RE", "1e99"]),
    "empty range": (["--view", "1:1,0:1"], None, ["XMAX", "1:1"]),
    "unknown view": (["--view", "seahorsse"], NOINPUT, ["seahorsse", "seahorse"]),
    "no pixels": (["--view", "home", "--size", "0x0"], USAGE, ["--size", "0x0"]),
    "too many pixels": (["--view", "home", "--size", "1000000000x1000000000"], USAGE,
                        ["--size", "1000000000x1000000000"]),
    "half a size": (["--view", "home", "--size", "640"], USAGE, ["--size", "640"]),
    "no iterations": (["--view", "home", "--iterations", "0"], USAGE, ["--iterations", "0"]),
    "negative iterations": (["--view", "home", "--iterations", "-5"], USAGE,
                            ["--iterations", "-5"]),
    "absurd iterations": (["--view", "home", "--iterations", "99999999999999999999"], USAGE,
                          ["--iterations", "99999999999999999999"]),
    "too many samples": (["--view", "home", "--samples", "17"], USAGE, ["--samples", "17"]),
    "unknown format": (["--view", "home", "--format", "rgb7"], DATAERR, ["format", "rgb7"]),
    "unknown palette": (["--view", "home", "--palette", "clasic"], DATAERR,
                        ["palette", "clasic", "classic"]),
    "unknown option": (["--view", "home", "--itertions", "5"], USAGE,
                       ["--itertions", "--iterations"]),
    "missing value": (["--view"], USAGE, ["--view"]),
    "numbers in a picture": (["--view", "home", "--format", "iterations"], USAGE, ["iterations"]),
    "missing file": (["--view", "@missing.json"], NOINPUT, ["missing.json"]),
    "folder for a file": (["--view", "@/"], NOINPUT, ["/"]),
    "no workers": (["--view", "home", "--workers", "0"], USAGE, ["--workers", "0"]),
    "zero timeout": (["--view", "home", "--timeout", "0"], USAGE, ["--timeout", "0"]),
    "not a URL": (["--view", "home", "--broker", "carrier-pigeon"], USAGE,
                  ["--broker: must be", "carrier-pigeon"]),
}

# A document, and words that the sentence must have; the exit status is EX_DATAERR.
BAD_DOCUMENTS = {
    "unknown key": (document(colr={}), ["colr"]),
    "unknown key within": (document(view=view(zoom="3")), ["view", "zoom"]),
    "duplicate key": (document()[:-1] + ', "size": [1, 1]}', ["size"]),
    "NaN": (document(view=view(re=float("nan"))), ["NaN"]),
    "NaN as text": (document(view=view(re="nan")), ["view.re", "nan"]),
    "no pixels": (document(size=[0, 0]), ["size", "0"]),
    "too many pixels": (document(size=[10**9, 10**9]), ["size", "1000000000"]),
    "no iterations": (document(iterations=0), ["iterations", "0"]),
    "negative iterations": (document(iterations=-5), ["iterations", "-5"]),
    "absurd iterations": (document(iterations=10**18), ["iterations", "1000000000000000000"]),
    "overflow": (document(iterations=1).replace('"iterations": 1,',
                                                '"iterations": 99999999999999999999,'), []),
    "no width": (document(view=view(width="0")), ["view.width", "0"]),
    "another version": (document(brot=2), ["brot", "2"]),
    "other kind": (document(kind="orbit"), ["kind", "orbit"]),
    "samples of numbers": (document(samples=2), ["samples", "2"]),
    "not an object": ("[1, 2]", []),
    "truncated": (document()[:40], []),
    "empty": ("", []),
    "not UTF-8": ('{"brot": 1, "kind": "\udc80"}', []),
}


@pytest.fixture(name="old")
def make_old(stage: Stage) -> Iterator[Path]:
    """A file that stands where the picture should go."""
    path = stage.folder / "out" / "old.png"
    path.parent.mkdir()
    path.write_bytes(b"old")
    yield path
    path.unlink()


def check_untouched(old: Path) -> None:
    assert old.read_bytes() == b"old"
    assert [path.name for path in old.parent.iterdir()] == [old.name]


@pytest.mark.parametrize("name", BAD_OPTIONS)
def test_options(stage: Stage, old: Path, name: str) -> None:
    options, status, words = BAD_OPTIONS[name]
    result = stage.client("render", "--out", old, *options)
    assert status or result.status in (USAGE, DATAERR)
    one_sentence(result, status or result.status, *words)
    check_untouched(old)
    stage.wait_nothing_left()


@pytest.mark.parametrize("name", BAD_DOCUMENTS)
def test_documents(stage: Stage, old: Path, name: str) -> None:
    text, words = BAD_DOCUMENTS[name]
    path = stage.folder / "request.json"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    # A name, so that not the suffix but the document is at fault.
    out = old.with_suffix(".npy")
    result = stage.client("render", "--out", out, "--view", f"@{path}")
    one_sentence(result, DATAERR, "request.json", *words)
    check_untouched(old)


def test_documents_sent_to_a_broker(stage: Stage) -> None:
    """A client of another make may send them all: each is refused, and the service goes on."""
    broker = stage.broker()
    stage.worker(broker)
    broker.wait_workers(1)
    with wire.Client(broker.url) as client:
        for name, (text, words) in BAD_DOCUMENTS.items():
            raw = text.encode("utf-8", "surrogateescape")
            body = b'{"key": "' + b"ab" * 16 + b'", "request": ' + raw + b"}"
            client.send_raw(wire.header("SUBMIT"), body)
            refused = client.expect("REFUSED", "ACCEPTED")
            assert refused.name == "REFUSED", name
            assert refused.body["error"] in ("request", "protocol"), name
            # jansson's parser may put a position in the place of the field's name.
            if refused.body["error"] == "request":
                assert all(word in refused.body["text"] for word in words), refused.body["text"]
        job = client.submit(light_request()).body["job"]
        assert client.wait(job).name == "FINISHED"
        client.release(job)


def test_truncated_pictures(stage: Stage, old: Path) -> None:
    whole = stage.render(None, "whole.png", "--view", "home", "--size", "16x16", "--workers",
                         "1").read_bytes()
    at = whole.index(b"brot-request")
    for length in (4, 20, at + 30, len(whole) - 12, len(whole) - 1):
        path = stage.folder / "cut.png"
        path.write_bytes(whole[:length])
        one_sentence(stage.client("render", "--out", old, "--view", f"@{path}"), DATAERR, "cut.png")
    check_untouched(old)


def test_a_picture_without_a_request(stage: Stage, old: Path) -> None:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    path = stage.folder / "foreign.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n"
                     + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
                     + chunk(b"IDAT", b"x\x9cc````\x00\x00\x00\x05\x00\x01") + chunk(b"IEND", b""))
    one_sentence(stage.client("render", "--out", old, "--view", f"@{path}"), DATAERR,
                 "foreign.png")


UNWRITABLE: dict[str, Callable[[Path], str]] = {
    "no such folder": lambda folder: str(folder / "missing" / "a.png"),
    "a folder": lambda folder: str(folder),
    "not a folder": lambda folder: "/dev/null/a.png",
    "nowhere": lambda folder: "/proc/a.png",
}


@pytest.mark.parametrize("name", UNWRITABLE)
def test_unwritable_output(stage: Stage, name: str) -> None:
    out = UNWRITABLE[name](stage.folder)
    result = stage.client("render", "--view", "home", "--out", out, *SMALL)
    # A folder has no suffix that names a kind of file.
    one_sentence(result, USAGE if name == "a folder" else CANTCREAT, "--out")


def test_no_output_named(stage: Stage) -> None:
    one_sentence(stage.client("render", "--view", "home"), USAGE, "--out", ".npy")


def test_unknown_suffix(stage: Stage) -> None:
    one_sentence(stage.client("render", "--view", "home", "--out", "a.gif"), USAGE, "gif", "png")


def test_unknown_subcommand(stage: Stage) -> None:
    one_sentence(stage.client("rendr"), USAGE, "rendr", "render")


@pytest.mark.parametrize("url", ["ipc:///nonexistent/clients", "tcp://127.0.0.1:1"])
def test_no_broker(stage: Stage, old: Path, url: str) -> None:
    result = stage.client("render", "--view", "home", "--out", old, "--broker", url, "--timeout",
                          "0.3")
    one_sentence(result, UNAVAILABLE, url)
    check_untouched(old)
    one_sentence(stage.client("jobs", "--broker", url, "--timeout", "0.3"), UNAVAILABLE, url)


def test_the_endpoint_for_workers(stage: Stage, old: Path) -> None:
    broker = stage.broker()
    url = broker.workers[0]
    words = [f"{url}: this is not the broker's endpoint for clients"]
    one_sentence(stage.client("render", "--view", "home", "--out", old, "--broker", url), PROTOCOL,
                 *words)
    one_sentence(stage.client("status", "--broker", url), PROTOCOL, *words)
    check_untouched(old)


def test_shared_memory_too_small(stage: Stage, old: Path) -> None:
    """A row of 1048576 pixels takes 3 MB: no band of it fits."""
    command = in_own_shm("1m", "brot-client", "render", "--view", "home", "--out", str(old),
                         "--size", "1048576x2", "--iterations", "10")
    result = stage.start(command).wait()
    assert result.status == OSERR
    lines = [line for line in result.err.splitlines() if line.startswith("brot-client: ")]
    assert len(lines) == 1 and "byte" in lines[0], result.err
    check_untouched(old)


def test_image_beyond_the_memory_budget(stage: Stage, old: Path) -> None:
    broker = stage.broker("--memory", "1M")
    stage.worker(broker)
    where = ["render", "--view", "home", "--broker", broker.url, "--iterations", "10", "--quiet"]
    result = stage.client(*where, "--size", "1048576x2", "--out", old)
    one_sentence(result, OSERR, "1048576 that the broker")
    check_untouched(old)
    assert stage.client(*where, "--size", "64x48", "--out", "small.png").status == 0


def test_worker_options(stage: Stage) -> None:
    for options, word in ((["--broker", "carrier-pigeon"], "carrier-pigeon"), ([], "--broker"),
                          (["--broker", "ipc:///tmp/x", "--kernel", "mmx"], "mmx"),
                          (["--broker", "ipc:///tmp/x", "--processes", "0"], "--processes")):
        result = stage.start("brot-worker", *options).wait()
        assert result.status == USAGE, result.err
        (line,) = result.err.splitlines()
        assert word in line


def test_broker_options(stage: Stage) -> None:
    good = ["--clients", f"ipc://{stage.folder}/c", "--workers", f"ipc://{stage.folder}/w"]
    for options, word in ((good[:2], "--workers"), (good[2:], "--clients"),
                          (good + ["--tile-rows", "0"], "--tile-rows"),
                          (good + ["--log-level", "loud"], "loud"),
                          (good + ["--clients", "udp://1.2.3.4:5"], "udp://1.2.3.4:5")):
        result = stage.start("brot-broker", *options).wait()
        assert result.status == USAGE, result.err
        assert word in result.err and len(result.err.splitlines()) == 1
