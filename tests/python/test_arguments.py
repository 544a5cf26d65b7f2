"""What callers must not say: errors of the right kind with the argument's name, never another's."""

from __future__ import annotations

import decimal
import math
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import brot
import brot.local
import numpy as np
import pytest
from brot import _checks, _keys, _native
from conftest import same
from harness import Broker

SIZE = (8, 6)
JUNK = [1.5, "x", b"x", [], {}, (1,), (1, 2, 3), object(), float("nan"), float("inf"), True, -1, 0,
        2**70, np.float64("nan"), np.array([1, 2]), "\ud800", "a\0b", 1j, print, {"a": object()}]
ESCAPE = ["size", "iterations", "format", "samples", "formula", "colour", "palette", "mode", "kind",
          "precision", "shortcuts", "adaptive", "view"]
COUNTED = ["points", "seed", "first", "sampling", "orbits", "bands", "tone"]


@pytest.fixture(name="service")
def a_service(broker: Broker) -> Iterator[brot.Service]:
    with brot.connect(broker.url) as service:
        yield service


@pytest.mark.parametrize("field", ESCAPE + COUNTED)
def test_words_of_a_request(field: str) -> None:
    """Each is rendered, or refused as a ValueError or LookupError of brot's that names a field."""
    for value in JUNK:
        words: dict[str, Any] = {"view": "home", "size": SIZE}
        if field in COUNTED:
            words.update(kind="buddhabrot", points=100, iterations=50)
        try:
            brot.local.render(**{**words, field: value})
        except brot.NotFoundError as error:
            assert field == "view" and "view" in str(error)
        except brot.RequestError as error:
            assert error.field, error


def test_numbers_of_numpy_and_others() -> None:
    expected = brot.local.render((-0.75, 0, 4), SIZE, iterations=50, samples=2, threads=1)
    words: dict[str, Any] = {"iterations": np.int16(50), "samples": np.uint8(2)}
    for view in ((np.float64(-0.75), np.int8(0), 4), np.array([-0.75, 0, 4]),
                 (decimal.Decimal("-0.75"), "0", "4"),
                 {"re": np.float32(-0.75), "im": 0, "width": 4, "rotate": np.int64(0)}):
        for size in ((np.int32(8), np.int64(6)), np.array(SIZE), [8, 6], (8.0, 6)):
            found = brot.local.render(view, size, threads=np.int64(1),  # type: ignore[arg-type]
                                      **words)
            assert same(found, expected)
    for points in (np.float32(100), np.float64(100), 100.0):
        counted = brot.Request(None, SIZE, kind="buddhabrot", points=points)  # type: ignore[arg-type]
        assert counted.document["buddha"] == {"points": 100}
    buddha = brot.Request(None, SIZE, kind="buddhabrot", points=np.int64(100),
                          seed=np.int64(3),  # type: ignore[arg-type]
                          bands=np.array([[1, 50]]),  # type: ignore[arg-type]
                          shortcuts=np.bool_(True), colour={"density": np.int64(2)})
    assert buddha.document["buddha"] == {"points": 100, "seed": 3, "bands": [[1, 50]]}
    assert buddha.document["shortcuts"] is True and buddha.document["colour"] == {"density": 2}


HUGE = 10**5000  # which Python does not say in digits


@pytest.mark.parametrize("call", [
    lambda: brot.Request((HUGE, 0, 3)), lambda: brot.Request("home", (HUGE, 1)),
    lambda: brot.Request("home", iterations=HUGE), lambda: brot.Request("home", colour={"a": HUGE}),
    lambda: brot.Request({"re": 0, "im": 0, "width": HUGE}), lambda: brot.Request(HUGE),
    lambda: brot.Request("home", formula=f"multibrot:{5000 * '3'}"),
    lambda: brot.Request("home", format=HUGE), lambda: brot.cluster(HUGE),
    lambda: brot.connect("tcp://127.0.0.1:1", timeout=-HUGE), lambda: brot.Request("home", HUGE),
    lambda: brot.Request("@a\0b"), lambda: brot.Request(Path("a\0b")),
    lambda: brot.Request("0,0,1e9999999").extent, lambda: brot.Request("1e9999999,0,1").extent,
], ids=range(15))
def test_what_cannot_be_said_is_refused_all_the_same(call: Callable[[], object]) -> None:
    with pytest.raises(brot.RequestError) as raised:
        call()
    assert len(str(raised.value)) < 400 and raised.value.field
    assert _checks.seconds("timeout", HUGE) == math.floor(threading.TIMEOUT_MAX)


@pytest.mark.parametrize("document", [
    {"view": 3}, {"view": {"re": 0, "im": 0}}, {"view": {"re": 0, "im": 0, "width": "wide"}},
    {"view": {"re": 0, "im": 0, "width": 1, "rotate": "up"}}, {"colour": 3}, {"buddha": 3},
    {"buddha": {"bands": 3}}, {"samples": "x"}, {"size": 3}, {"format": 3}, {"tone": []},
    {"view": {"re": 0, "im": 0, "width": 1, "height": None}}, {"iterations": 2**63},
    {"a" * 20: [[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]},
], ids=str)
def test_documents(document: dict[str, Any]) -> None:
    for make in (brot.Request, brot.Request.from_document):
        with pytest.raises(brot.RequestError) as raised:
            make({"brot": 1, "size": SIZE, "view": {"re": 0, "im": 0, "width": 4}, **document})
        assert raised.value.field.split(".")[0] in ("bands", *document)
    cyclic: dict[str, Any] = {}
    cyclic["view"] = cyclic
    with pytest.raises(brot.RequestError):
        brot.Request.from_document(cyclic)
    with pytest.raises(brot.RequestError):
        brot.Request.from_document(3)  # type: ignore[arg-type]


@pytest.mark.parametrize("url", [3, b"tcp://x", "", "x", "tcp://", "http://x", "tcp://*:5",
                                 "ipc:///tmp/a\0b", "\ud800", Path("/x"), "ipc://" + "x" * 300,
                                 "ipc://", "ipc://@a", "ipc://" + "x" * 108, "tcp://h:0",
                                 "tcp://h", "tcp://h:65536", "tcp://::1:5", "tcp://[::1:5",
                                 "tcp://h:1\n", "tcp://127.0.0.1:0;192.0.2.1:5570"])
def test_urls(url: Any) -> None:
    with pytest.raises(brot.RequestError, match="url: "):
        brot.connect(url, timeout=0.2)


@pytest.mark.parametrize("host, is_local", [
    ("127.0.0.1", True), ("127.255.1.2", True), ("localhost", True), ("[::1]", True),
    ("[::ffff:127.0.0.1]", True), ("[0:0::0:1]", True), ("127.example.com", False),
    ("localhost.example.com", False), ("localhostess", False), ("127.1", False),
    ("[::2]", False), ("[::ffff:192.0.2.1]", False), ("128.0.0.1", False), ("0.0.0.0", False),
    ("127.0.0.1.example.com", False), ("[fe80::1%lo]", False),
])
def test_hosts_that_need_no_keys(host: str, is_local: bool) -> None:
    url = f"tcp://{host}:5570"
    if is_local:
        assert _keys.for_url(url, None, None, False) is None
        return
    with pytest.raises(brot.RequestError, match="url: .* is beyond this host"):
        brot.connect(url, timeout=0.2)
    assert _keys.for_url(url, None, None, True) is None


@pytest.mark.parametrize("words, word", [
    *(({"timeout": value}, "timeout") for value in ("1", -1, 0, float("nan"), True, [])),
    ({"client": 3}, "client"), ({"client": ""}, "client"), ({"client": "a\0"}, "client"),
    ({"key": 3, "server_key": 4}, "key"), ({"key": "a\0b", "server_key": "x"}, "key"),
    ({"key": "/nowhere"}, "server_key"),
])
def test_words_of_connect(words: dict[str, Any], word: str) -> None:
    with pytest.raises(brot.RequestError, match=f"{word}: must"):
        brot.connect("tcp://127.0.0.1:1", **{"timeout": 0.2, **words})


@pytest.mark.parametrize("words", [{"workers": 0}, {"workers": "2"}, {"workers": 1.5},
                                   {"threads": None}, {"programs": 3}, {"memory": 3},
                                   {"memory": "a\0b"}], ids=str)
def test_words_of_cluster(words: dict[str, Any]) -> None:
    with pytest.raises(brot.RequestError, match=f"{next(iter(words))}: must"):
        brot.cluster(**words)


def test_words_of_a_service(service: brot.Service) -> None:
    calls: list[tuple[str, Callable[[Any], object]]] = [
        *(("job", getattr(service, name)) for name in ("attach", "cancel", "release", "pause",
                                                       "resume", "retry")),
        ("priority", lambda value: service.priority(1, value)),
        ("priority", lambda value: service.submit("home", SIZE, priority=value)),
        ("limit", service.history),
    ]
    for name, call in calls:
        for value in ("1", 1.5, None, 2**63, True, np.float64(3), [], "\ud800"):
            with pytest.raises(brot.RequestError, match=f"{name}: must be a whole number"):
                call(value)
    for value in ("1", -1, float("nan"), True, []):
        with pytest.raises(brot.RequestError, match="timeout: must be seconds"):
            service.render("home", SIZE, timeout=value)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="progress: must be callable"):
        service.render("home", SIZE, progress=3)  # type: ignore[arg-type]
    assert not service.jobs()  # nothing of it was submitted
    for value in (3, "a\0", "\ud800", None, ""):
        with pytest.raises(brot.RequestError, match="worker: must be a (text|name)"):
            service.drain(value)  # type: ignore[arg-type]
    with pytest.raises(LookupError):
        service.drain("ünï")
    with pytest.raises(LookupError):
        service.attach(np.int64(99)).result(30)  # type: ignore[arg-type]


def test_words_of_a_job(service: brot.Service) -> None:
    job = service.submit("home", SIZE, priority=np.int8(3))
    for call in (job.add_done_callback, job.add_progress_callback):
        for value in (3, None):
            with pytest.raises(TypeError, match="callback: must be callable"):
                call(value)  # type: ignore[operator]
    for wait in (job.wait, job.result, job.exception, job.planes, lambda s: list(job.stream(s))):
        with pytest.raises(brot.RequestError, match="timeout: must be seconds"):
            wait("x")  # type: ignore[operator]
    assert job.result(np.float32(60)) is not None and job.wait(float("inf"))
    raw = service.submit("home", SIZE, format="raw")
    rows = list(raw.stream())
    assert rows and all(isinstance(part, dict) for _, part in rows)


def test_words_of_an_image(tmp_path: Path) -> None:
    image = brot.local.image("home", SIZE)
    for words, word in (({"dpi": "x"}, "dpi"), ({"dpi": 1.5}, "dpi"), ({"compress": True},
                        "compress"), ({"compress": 10}, "compress"), ({"dpi": -1}, "dpi")):
        with pytest.raises(brot.RequestError, match=f"{word}: must be a whole number"):
            image.save(tmp_path / "a.png", **words)  # type: ignore[arg-type]
    for path in (None, 3, f"{tmp_path}/a.png\0.png"):
        with pytest.raises(brot.RequestError, match="path: must be a path"):
            image.save(path)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())
    for name in ("ünï-𝔅.png", "\udcff.png"):
        image.save(tmp_path / name, dpi=np.int64(100), compress=np.int8(3))
        assert (tmp_path / name).stat().st_size > 100
    image.save(bytes(tmp_path / "bytes.png"))  # type: ignore[arg-type]
    for path in (tmp_path / "bytes.png", f"@{tmp_path / 'bytes.png'}"):
        assert same(brot.local.render(path), image.array)


@pytest.mark.parametrize("array, format_", [
    (3, "rgb8"), (np.zeros((6, 8)), "rgb8"), (np.zeros(5), "rgb8"), ({}, "raw"),
    (np.zeros((1, 8), "u1"), "rgb8"), (np.zeros((6, 8), "u1"), "iterations"),
    (np.zeros((8, 6), "u4"), "iterations"), ({"iterations": np.zeros((6, 8), "u4")}, "raw"),
    (np.zeros((6, 8), "f4"), "smooth"),
])
def test_images_that_are_none(array: Any, format_: str) -> None:
    with pytest.raises(brot.RequestError, match="array: "):
        brot.Image(array, brot.Request("home", SIZE, format=format_))
    with pytest.raises(brot.RequestError, match="request: must be"):
        brot.Image(array, None)  # type: ignore[arg-type]


def test_planes_that_are_too_small() -> None:
    """libbrot reads as many bytes as the request says: none of them may be another's."""
    request = brot.Request("home", SIZE, format="smooth")
    whole, fraction = np.zeros((6, 8), "u4"), np.zeros((6, 8), "f4")
    for planes in ({"whole": whole, "fraction": fraction[:2, :2]}, {"whole": whole[:1]},
                   {"whole": whole.astype("u1"), "fraction": fraction}, {"whole": 3},
                   {"whole": whole, "fraction": [0.5]}):
        image = brot.Image(np.zeros(SIZE[::-1]), request, planes=planes)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="planes: |numbers"):
            image.recolour(palette="hot")
        with pytest.raises(ValueError, match="planes: "):
            image.save("/nowhere/a.npy")
    with pytest.raises(ValueError, match="planes: "):
        _native.encode_png(brot.Request("home", (8, 1)), np.zeros((1, 8), "u1"))
