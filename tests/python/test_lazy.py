"""Arrays of dask that are rendered, or waited for, band by band when they are computed."""

from __future__ import annotations

import sys
import threading
from typing import Any

import brot
import brot.local
import numpy as np
import pytest
from brot import _native
from conftest import ROOT, program, same
from harness import Broker, Stage, heavy_request, wait_until

pytest.importorskip("dask.array")

SIZE = (64, 50)
FORMATS = ["iterations", "smooth", "rgb8", "rgb16", "distance", "phase"]


@pytest.fixture(name="rendered")
def what_is_rendered(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """First and number of the rows of each call of libbrot's."""
    calls: list[tuple[int, int]] = []
    render = _native.render

    def counting(*arguments: Any, rows: tuple[int, int] = (0, 0), **words: Any) -> None:
        calls.append(rows)
        render(*arguments, rows=rows, **words)
    monkeypatch.setattr(_native, "render", counting)
    return calls


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("scheduler", ["synchronous", "threads"])
def test_the_whole_and_its_chunks(format_: str, scheduler: str) -> None:
    words: dict[str, Any] = {"view": "minibrot", "size": SIZE, "format": format_,
                             "iterations": 300}
    whole = brot.local.render(**words)
    assert isinstance(whole, np.ndarray)
    lazy = brot.local.dask(rows=12, **words)
    assert lazy.shape == whole.shape and lazy.dtype == whole.dtype
    assert lazy.chunks[0] == (12, 12, 12, 12, 2) and lazy.chunks[1] == (64,)
    assert same(lazy.compute(scheduler=scheduler), whole)
    for index in range(5):
        chunk = lazy.blocks[index].compute(scheduler=scheduler)
        assert same(chunk, np.ascontiguousarray(whole[12 * index:12 * index + 12]))


def test_only_what_is_asked_for_is_rendered(rendered: list[tuple[int, int]]) -> None:
    lazy = brot.local.dask("home", SIZE, rows=10, format="iterations")
    assert not rendered
    assert lazy[23:25, 3:9].compute(scheduler="synchronous").shape == (2, 6)
    assert rendered == [(20, 10)]
    rendered.clear()
    maximum = lazy[15:35].max().compute(scheduler="threads")
    assert sorted(rendered) == [(10, 10), (20, 10), (30, 10)]
    whole = brot.local.render("home", SIZE, format="iterations")
    assert maximum == np.max(whole[15:35])  # type: ignore[call-overload]


def test_far_more_than_memory_holds(rendered: list[tuple[int, int]]) -> None:
    lazy = brot.local.dask("seahorse", (1 << 16, 1 << 20), rows=1 << 10, format="raw",
                           iterations=100)["distance"]
    assert lazy.shape == (1 << 20, 1 << 16, 2) and lazy.numblocks[0] == 1024 and not rendered


def test_raw_is_a_dict_and_rendered_once(rendered: list[tuple[int, int]]) -> None:
    dask = pytest.importorskip("dask")
    lazy = brot.local.dask("home", SIZE, rows=25, format="raw")
    found = dask.compute(lazy, scheduler="threads")[0]
    assert sorted(rendered) == [(0, 25), (25, 25)]
    assert same(found, brot.local.render("home", SIZE, format="raw"))


def test_processes_of_dask(stage: Stage) -> None:
    text = """
import brot.local, numpy as np
if __name__ == "__main__":
    lazy = brot.local.dask("home", (64, 50), rows=20, format="smooth")
    found = lazy.compute(scheduler="processes", num_workers=2)
    assert np.array_equal(found, brot.local.render("home", (64, 50), format="smooth"))
    print("equal")
"""
    path = stage.folder / "lazy.py"
    path.write_text(text)
    process = stage.start([sys.executable, str(path)],
                          environment={"PYTHONPATH": str(ROOT / "client" / "python")})
    result = process.wait()
    assert result.out == "equal\n", result.err


def test_equal_requests_have_equal_names() -> None:
    one, two, three = (brot.local.dask("home", SIZE, rows=25, iterations=count)
                       for count in (9, 9, 10))
    assert one.name == two.name != three.name


def test_chunks_of_their_own_choice() -> None:
    for size, words, expected in (((4096, 1000), {}, (64,) * 15 + (40,)),
                                  (SIZE, {"rows": np.int64(1000)}, (50,)),
                                  ((1 << 20, 2), {}, (1, 1))):
        lazy = brot.local.dask("home", size, **words)  # type: ignore[arg-type]
        assert lazy.chunks[0] == expected


@pytest.mark.parametrize("words, word", [
    ({"mode": "histogram"}, "kind: must be escape"), ({"mode": "relief"}, "kind: must be escape"),
    ({"kind": "buddhabrot", "points": 100, "format": "density"}, "kind: must be escape"),
    ({"rows": 0}, "rows: must be a whole number"), ({"rows": "5"}, "rows"), ({"size": 7}, "size"),
    ({"samples": 2, "format": "smooth"}, "samples"),
])
def test_what_is_wrong(words: dict[str, Any], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        brot.local.dask(**{"view": "home", "size": SIZE, **words})


def test_dask_is_imported_only_when_used(stage: Stage) -> None:
    text = """
import sys, brot, brot.local
brot.local.render("home", (8, 8))
assert "dask" not in sys.modules and "xarray" not in sys.modules
"""
    assert program(stage, text).wait().status == 0


# Of a job


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("words", [
    {"format": "smooth"}, {"format": "raw"}, {"mode": "relief"},
    {"kind": "buddhabrot", "points": 50_000, "iterations": 200, "view": None}], ids=str)
def test_a_jobs_chunks(broker: Broker, words: dict[str, Any], shared: bool) -> None:
    dask = pytest.importorskip("dask")
    words = {"view": "home", "size": SIZE, **words}
    with brot.connect(broker.url) as service:
        job = service.submit(shared=shared, **words)
        lazy = job.dask(rows=20)
        found = dask.compute(lazy, scheduler="threads")[0]
        assert same(found, brot.local.render(**words))


def test_a_chunk_waits_for_its_own_rows(stage: Stage) -> None:
    broker = stage.broker()
    with brot.connect(broker.url) as service:
        job = service.submit(heavy_request(16_000), shared=True)
        lazy = job.dask(rows=10)
        found: list[Any] = []
        thread = threading.Thread(target=lambda: found.append(
            lazy.blocks[0].compute(scheduler="synchronous")))
        thread.start()
        assert not job.wait(0) and not found
        stage.worker(broker)
        thread.join()
        assert len(found) == 1 and found[0].shape[0] == 10 and found[0].all() and not job.done()
        assert same(job.rows(0, 10, timeout=10), found[0])
        job.cancel()
        with pytest.raises(brot.Cancelled):
            lazy.blocks[-1].compute(scheduler="synchronous")


def test_rows_of_a_job(broker: Broker) -> None:
    with brot.connect(broker.url) as service:
        job = service.submit("home", SIZE, format="iterations")
        whole = job.result()
        assert isinstance(whole, np.ndarray)
        assert same(job.rows(3, 7), np.ascontiguousarray(whole[3:10]))
        for first, rows in ((50, 1), (-1, 2), (49, 2), (0, 0), ("0", 1)):
            with pytest.raises(ValueError, match="first|rows"):
                job.rows(first, rows)  # type: ignore[arg-type]
        heavy = service.submit(heavy_request(4096))
        with pytest.raises(TimeoutError):
            heavy.rows(0, 4096, timeout=0.1)
        heavy.cancel()
        with pytest.raises(brot.Cancelled):
            heavy.rows(0, 4096, timeout=30)
        with pytest.raises(LookupError):
            service.attach(99).dask()
        with pytest.raises(brot.Cancelled):
            heavy.dask().compute(scheduler="threads")
        wait_until(lambda: len(service.jobs()) == 1, "the heavy one to go")
