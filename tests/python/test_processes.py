"""brot.local.processes(): every request, the bytes of every other path, and children that end."""

from __future__ import annotations

import itertools
import json
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import brot
import brot.local
import numpy as np
import pytest
from brot import _native, _processes
from conftest import program, same
from harness import SHM, Broker, Stage, heavy_request, wait_until

SIZE = (120, 77)
COUNTED: dict[str, Any] = {"kind": "buddhabrot", "points": 50_000, "iterations": 300}
BANDS = [(1, 300), (1, 50), (1, 20)]
GRID = {"sampling": "grid", "orbits": "inside", "points": 20_000}
ZOOM = {"sampling": "zoom", "view": (-0.16, 1.03, 0.1)}
WORDS: list[dict[str, Any]] = [
    *({"format": name} for name in ("iterations", "smooth", "raw", "distance", "phase", "rgb16")),
    *({"mode": mode, "samples": samples} for samples, mode in itertools.product(
        (1, 2), ("smooth", "banded", "histogram", "distance", "relief", "angle"))),
    {"format": "rgb16", "mode": "relief"}, {"format": "rgb16", "mode": "histogram", "samples": 2},
    {"mode": "relief", "colour": {"inside": "period"}}, {"colour": {"dither": True}},
    {"formula": "julia:-0.75,0", "format": "smooth"}, {"formula": "burning-ship"},
    {"formula": "tricorn", "format": "raw"}, {"formula": "multibrot:3", "samples": 3},
    {"shortcuts": False, "format": "iterations"}, {"adaptive": 0, "samples": 4},
    {"format": "density", **COUNTED}, {"format": "density32", **COUNTED, **GRID},
    {"format": "nebula", "bands": BANDS, **COUNTED}, {"format": "nebula32", "bands": BANDS,
                                                     **COUNTED, "first": 7},
    {"format": "density", **COUNTED, **ZOOM}, {"tone": "log", **COUNTED},
    {"format": "rgb16", "bands": BANDS, **COUNTED},
]


@pytest.fixture(name="pools", scope="module")
def some_pools() -> Iterator[list[brot.local.Processes]]:
    pools = [brot.local.processes(count) for count in (1, 2, 3)]
    yield pools
    for pool in pools:
        pool.close()


def pids_of(pool: brot.local.Processes) -> list[int]:
    return [child.process.pid for child in pool._children]


def is_alive(pid: int | str) -> bool:
    return Path(f"/proc/{pid}").exists()


@pytest.mark.parametrize("words", WORDS, ids=str)
@pytest.mark.parametrize("view", ["home", "seahorse"])
def test_the_bytes_of_a_render(pools: list[brot.local.Processes], words: dict[str, Any],
                               view: str) -> None:
    words = {"view": None if "formula" in words or "kind" in words else view, "size": SIZE,
             "iterations": 400, **words}
    expected = brot.local.render(**words)
    for pool in pools:
        assert same(pool.render(**words), expected)


def test_the_bytes_of_a_service(broker: Broker, pools: list[brot.local.Processes]) -> None:
    with brot.connect(broker.url) as service:
        for words in (WORDS[0], WORDS[2], WORDS[10], WORDS[-1], WORDS[-5]):
            words = {"view": None, "size": SIZE, "iterations": 400, **words}
            assert same(pools[1].render(**words), service.render(**words))


@pytest.mark.parametrize("size", [(33, 1), (1, 33), (16, 2), (16, 31), (16, 32)])
def test_mirrored_views(pools: list[brot.local.Processes], size: tuple[int, int]) -> None:
    for format_ in ("rgb8", "raw", "smooth"):
        expected = brot.local.render("minibrot", size, format=format_)
        for pool in pools:
            assert same(pool.render("minibrot", size, format=format_), expected)


def test_only_the_upper_half_is_rendered(pools: list[brot.local.Processes],
                                         monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[dict[str, Any]] = []
    say = _processes._Child.say
    monkeypatch.setattr(_processes._Child, "say",
                        lambda child, said, *more: (told.append(said), say(child, said, *more)))
    for view, size, rows in (("home", (50, 40), 20), ("home", (50, 41), 21),
                             ("seahorse", (50, 40), 40)):
        told.clear()
        pools[1].render(view, size, format="iterations")
        assert sum(said["rows"][1] for said in told if "rows" in said) == rows


def test_images_keep_their_numbers(pools: list[brot.local.Processes]) -> None:
    smooth = pools[1].image("home", SIZE, format="smooth", iterations=300)
    assert list(smooth.planes) == ["whole", "fraction"]
    relief = pools[1].image("home", SIZE, mode="relief", iterations=300)
    assert same(smooth.recolour(mode="relief").array, relief.array)
    assert not relief.array.flags.writeable  # type: ignore[union-attr]


def test_counts_of_32_bits_that_are_too_many() -> None:
    assert _processes._narrow(np.array([[2**32 - 1]], "u8")).dtype == np.uint32
    with pytest.raises(brot.FailedError, match="4294967296 hits, and u32"):
        _processes._narrow(np.array([[1, 2**32]], "u8"))


def test_progress(pools: list[brot.local.Processes]) -> None:
    for words in ({}, COUNTED):
        told: list[float] = []
        pools[2].render(None, SIZE, progress=told.append, **words)
        assert told == sorted(told) and told[-1] == 1.0
    with brot.local.processes(2) as pool:
        with pytest.raises(brot.Cancelled):
            pool.render(heavy_request(8), progress=lambda done: False)
        with pytest.raises(ZeroDivisionError):
            pool.render(heavy_request(8), progress=lambda done: 1 / 0)
        with pytest.raises(ValueError, match="by what they call"):
            pool.render("home", SIZE, progress=lambda done: pool.render("home", SIZE))
        assert same(pool.render("home", SIZE), brot.local.render("home", SIZE))


@pytest.mark.parametrize("words", [{"view": heavy_request(4096)},
                                   {"points": 10**11, "kind": "buddhabrot", "iterations": 1000}],
                         ids=["rows", "samples"])
def test_a_killed_process_is_an_error(words: dict[str, Any]) -> None:
    with brot.local.processes(2) as pool:
        first = pids_of(pool)
        timer = threading.Timer(0.3, os.kill, (first[1], signal.SIGKILL))
        timer.start()
        with pytest.raises(brot.Error, match="died"):
            pool.render(**words)
        timer.join()
        assert not any(map(is_alive, first))
        assert same(pool.render("home", SIZE), brot.local.render("home", SIZE))
        idle = pids_of(pool)
        os.kill(idle[0], signal.SIGKILL)
        with pytest.raises(brot.Error, match="died"):
            pool.render("home", SIZE)
        assert same(pool.render("home", SIZE), brot.local.render("home", SIZE))
        last = pids_of(pool)
    assert not any(map(is_alive, last)) and not list(SHM.glob("brot-*"))


@pytest.mark.parametrize("words", [{"view": heavy_request(4096)},
                                   {"points": 10**11, "kind": "buddhabrot", "iterations": 1000}],
                         ids=["rows", "samples"])
@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c(words: dict[str, Any]) -> None:
    with brot.local.processes(2) as pool:
        timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            try:
                pool.render(**words)
            finally:
                timer.join()
        assert same(pool.render("home", SIZE), brot.local.render("home", SIZE))


@pytest.mark.parametrize("is_busy", [False, True])
def test_they_end_with_the_program(stage: Stage, is_busy: bool) -> None:
    text = """
import json, os, sys, threading, brot.local
pool = brot.local.processes(2)
pool.render("home", (8, 8))
print(*[child.process.pid for child in pool._children], flush=True)
if sys.argv[1]:
    threading.Timer(0.5, os.kill, (os.getpid(), 9)).start()
    pool.render(json.loads(sys.argv[1]))
os.kill(os.getpid(), 9)
"""
    # One row is hours of work.
    heavy = {**heavy_request(2), "iterations": 10**9, "shortcuts": False}
    request = json.dumps(heavy) if is_busy else ""
    out = program(stage, text, request).wait().out
    assert len(out.split()) == 2
    wait_until(lambda: not any(map(is_alive, out.split())), "the processes to end")


def test_closed_by_another_thread_amid_a_render() -> None:
    pool = brot.local.processes(2)
    pids = pids_of(pool)
    raised: list[BaseException] = []

    def render() -> None:
        try:
            pool.render({**heavy_request(2), "iterations": 10**9, "shortcuts": False})
        except BaseException as error:  # pylint: disable=broad-except
            raised.append(error)
    thread = threading.Thread(target=render, daemon=True)
    thread.start()
    wait_until(lambda: pool._is_busy, "the render to begin")
    pool.close()
    thread.join(30)
    assert not thread.is_alive() and isinstance(raised[0], brot.Cancelled)
    assert "closed amid a render" in str(raised[0])
    assert not any(map(is_alive, pids)) and not pool._children


def test_closed_by_what_it_calls() -> None:
    with brot.local.processes(1) as pool:
        pids = pids_of(pool)
        with pytest.raises(brot.Cancelled, match="closed amid a render"):
            pool.render("home", SIZE, progress=lambda done: pool.close())
        assert not any(map(is_alive, pids)) and not pool._children
        with pytest.raises(ValueError, match="once they are closed"):
            pool.render("home", SIZE)
        assert not pool._children  # nothing is started that nobody ends
    with brot.local.processes(1) as pool:
        told = lambda done: pool.close() if done == 1.0 else None  # noqa: E731
        assert pool.render("home", SIZE, progress=told) is not None
        assert not pool._children


def test_threads_that_wait_when_it_closes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that have not begun are refused, and start no processes."""
    pool = brot.local.processes(1)
    with pool._lock:
        raised: list[BaseException] = []
        has_shared = threading.Event()
        share = _processes._share
        monkeypatch.setattr(_processes, "_share",
                            lambda asked: (has_shared.set(), share(asked))[1])

        def render() -> None:
            try:
                pool.render("home", SIZE)
            except brot.Error as error:
                raised.append(error)
        thread = threading.Thread(target=render)
        thread.start()
        assert has_shared.wait(30)
        pool.close()
    thread.join(30)
    assert not thread.is_alive() and isinstance(raised[0], brot.RequestError)
    assert not pool._children


def test_a_process_that_forks_leaves_them(stage: Stage) -> None:
    text = """
import os, gc, brot.local
pool = brot.local.processes(2)
if os.fork() == 0:
    try:
        pool.render("home", (4, 4))
    except ValueError as error:
        assert "forked" in str(error)
        del pool
        gc.collect()
        os._exit(0)
    os._exit(1)
_, status = os.wait()
assert status == 0, status
assert pool.render("home", (4, 4)).shape == (4, 4, 3)
pool.close()
try:
    pool.render("home", (4, 4))
except ValueError as error:
    print(error)
"""
    result = program(stage, text).wait()
    assert result.status == 0 and "closed" in result.out, result.err


def test_a_folder_named_brot_is_not_taken_for_the_package(tmp_path: Path,
                                                          monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "brot").mkdir()
    (tmp_path / "brot" / "__init__.py").write_text("raise SystemExit(9)")
    (tmp_path / "json.py").write_text("raise SystemExit(9)")
    monkeypatch.chdir(tmp_path)
    with brot.local.processes(1) as pool:
        assert same(pool.render("home", SIZE), brot.local.render("home", SIZE))


def test_threads_that_share_them(pools: list[brot.local.Processes]) -> None:
    expected = brot.local.render("home", SIZE)
    found: list[Any] = []
    threads = [threading.Thread(target=lambda: found.append(pools[2].render("home", SIZE)))
               for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6 and all(same(array, expected) for array in found)


@pytest.mark.parametrize("count", [0, -1, 257, 1.5, "2", True])
def test_numbers_of_processes_that_are_none(count: Any) -> None:
    with pytest.raises(ValueError, match="processes: must be a whole number, 1 to 256"):
        brot.local.processes(count)


def test_what_is_wrong(pools: list[brot.local.Processes]) -> None:
    for words, word in (({"samples": 2, "format": "smooth"}, "samples"), ({"size": (0, 1)}, "size"),
                        ({"colour": {"palette": "mud"}}, "palette"),
                        ({"view": (-0.75, 0, "1e-300")}, "width")):
        with pytest.raises(ValueError, match=word):
            pools[1].render(**{"view": "home", "size": SIZE, **words})
    with pytest.raises(brot.NoSpaceError, match="size: 1048576x1048576 of raw takes"):
        pools[1].render("home", (1 << 20, 1 << 20), format="raw")
    assert same(pools[1].render("home", SIZE), brot.local.render("home", SIZE))


# Rows and samples of libbrot


def test_rows() -> None:
    asked = brot.local.request("minibrot", SIZE, format="iterations")
    handle = _native.open_request(asked)
    whole = brot.local.render(asked)
    assert isinstance(whole, np.ndarray) and handle.rows() == 39
    array = np.full((40, 200), 7, np.uint32)
    _native.render(handle, [array[5:35, :120]], 2, None, rows=(40, 30))
    assert np.array_equal(array[5:35, :120], whole[40:70])
    array[5:35, :120] = 7
    assert (array == 7).all()
    for rows in ((77, 1), (76, 2), (0, 78), (2**32 - 1, 2)):
        with pytest.raises(ValueError, match="rows"):
            _native.render(handle, [array], 1, None, rows=rows)
    with pytest.raises(ValueError, match="samples"):
        _native.render(handle, [array], 1, None, samples=(0, 1))
