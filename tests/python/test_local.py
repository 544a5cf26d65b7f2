"""Rendering without a service, and images: the same bytes by every path."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import Any

import brot
import brot.local
import numpy as np
import pytest
from brot import _native, _png
from conftest import same
from harness import Broker, Stage, heavy_request

SIZE = (200, 131)
WORDS: list[dict[str, Any]] = [
    {"format": "iterations"}, {"format": "smooth"}, {"format": "raw"}, {"format": "distance"},
    {"format": "rgb8", "samples": 2}, {"format": "rgb16"}, {"format": "phase"},
    {"format": "rgb8", "mode": "histogram"}, {"format": "rgb16", "mode": "relief", "samples": 2},
    {"format": "rgb8", "formula": "julia:-0.8,0.156", "view": None},
    {"format": "nebula", "kind": "buddhabrot", "points": 1e5, "view": None, "iterations": 300,
     "bands": [(1, 300), (1, 50), (1, 20)]},
    {"format": "rgb8", "kind": "buddhabrot", "points": 1e5, "view": None, "iterations": 300},
]


def test_a_service_and_any_number_of_threads(broker: Broker) -> None:
    with brot.connect(broker.url) as service:
        for words in WORDS:
            words = {"view": "seahorse", "size": SIZE, "iterations": 500, **words}
            expected = service.render(**words)
            for threads in (1, 2, 3):
                assert same(brot.local.render(threads=threads, **words), expected), words


def test_the_clients_npy_and_png(stage: Stage, broker: Broker, tmp_path: Path) -> None:
    path = stage.render(broker, "a.npy", "--view", "seahorse", "--size", "200x131", "--format",
                        "smooth", "--iterations", 500)
    image = brot.local.image("seahorse", SIZE, format="smooth", iterations=500)
    mine = tmp_path / "mine.npy"
    image.save(mine)
    assert mine.read_bytes() == path.read_bytes()
    assert same(np.load(mine), image.array)
    path = stage.render(broker, "b.png", "--view", "seahorse", "--size", "200x131",
                        "--iterations", 500, "--palette", "hot")
    picture = image.recolour(palette="hot")
    picture.save(tmp_path / "mine.png")
    assert (tmp_path / "mine.png").read_bytes() == path.read_bytes() == picture._repr_png_()


def test_out() -> None:
    expected = brot.local.render("home", SIZE, format="iterations")
    whole = np.full((131, 400), 7, np.uint32)
    part = whole[:, 100:300]
    assert brot.local.render("home", SIZE, format="iterations", out=part) is part
    assert np.array_equal(part, expected) and (whole[:, :100] == 7).all()
    read_only = np.empty((131, 200), np.uint32)
    read_only.flags.writeable = False
    for out in (np.empty((131, 200), np.int32), np.empty((200, 131), np.uint32), whole[:, ::2],
                np.empty((131, 200), np.uint32)[::-1], read_only, [],
                np.ndarray((131, 200), np.uint32, bytearray(131 * 800 + 1), 1)):
        with pytest.raises(ValueError, match="out"):
            brot.local.render("home", SIZE, format="iterations", out=out)
    with pytest.raises(ValueError, match="out"):
        brot.local.render("home", SIZE, format="smooth", out=np.empty((131, 200)))


def test_out_whose_rows_overlap() -> None:
    """libbrot takes a distance of 0 for rows without a gap, and writes where nothing is."""
    memory = np.zeros(200 * 131, np.uint32)
    for stride in (0, 4, 796):
        out = np.lib.stride_tricks.as_strided(memory, (131, 200), (stride, 4))
        with pytest.raises(ValueError, match="out: must have rows .* 800 bytes apart or more"):
            brot.local.render("home", SIZE, format="iterations", out=out)
    assert not memory.any()
    one = np.lib.stride_tricks.as_strided(memory, (1, 200), (0, 4))
    assert brot.local.render("home", (200, 1), format="iterations", out=one) is one and one.any()


def test_the_gil_is_released() -> None:
    done: list[float] = []
    thread = threading.Thread(target=lambda: brot.local.render(
        heavy_request(512), threads=1, progress=done.append))
    thread.start()
    steps = 0
    while thread.is_alive():
        steps += 1
    thread.join()
    assert steps > 1000 and done[-1] == 1.0 and done == sorted(done)


def test_cancel() -> None:
    with pytest.raises(brot.Cancelled):
        brot.local.render(heavy_request(4096), progress=lambda done: False)
    with pytest.raises(ZeroDivisionError):
        brot.local.render(heavy_request(4096), progress=lambda done: 1 / 0)


@pytest.mark.usefixtures("ctrl_c")
@pytest.mark.parametrize("threads", [1, 2])
def test_ctrl_c(threads: int) -> None:
    timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        try:
            brot.local.render(heavy_request(16_000), threads=threads)
        finally:
            timer.join()


@pytest.mark.parametrize("words, error, word", [
    ({"view": "seahorze"}, LookupError, "seahorse"),
    ({"view": "home", "threads": -1}, ValueError, "threads"),
    ({"view": "home", "threads": 10**6}, ValueError, "threads"),
    ({"view": "home", "colour": {"palette": "mud"}}, ValueError, "palette"),
    ({"view": "home", "colour": {"gloss": 1}}, ValueError, "gloss"),
    ({"view": (-0.75, 0, "1e-300")}, ValueError, "width"),
    ({"view": "@/nowhere.kfr"}, OSError, "nowhere"),
    ({"view": "@a\0b"}, ValueError, "NUL"),
    ({"view": "home", "size": (1 << 20, 1 << 20), "format": "raw"}, ValueError, "size"),
])
def test_what_is_wrong(words: dict[str, Any], error: type[Exception], word: str) -> None:
    with pytest.raises(error, match=word):
        brot.local.render(**{"size": (8, 8), **words})


def test_places_in_files(tmp_path: Path) -> None:
    image = brot.local.image("ship", (40, 30))
    image.save(tmp_path / "ship.png")
    again = brot.local.render(f"@{tmp_path / 'ship.png'}")
    assert same(again, image.array)


# Images


def test_recolour() -> None:
    smooth = brot.local.image("seahorse", SIZE, format="smooth", iterations=500)
    for words in ({"palette": "hot"}, {"mode": "histogram"}, {"mode": "relief", "azimuth": 10}):
        assert same(smooth.recolour(**words).array,
                    brot.local.render("seahorse", SIZE, iterations=500, colour=words))
    again = smooth.recolour(palette="hot").recolour(mode="histogram")
    assert same(again.array, brot.local.render("seahorse", SIZE, iterations=500, palette="hot",
                                               mode="histogram"))
    with pytest.raises(ValueError):
        smooth.recolour(mode="angle")
    with pytest.raises(ValueError, match="no numbers"):
        brot.local.image("home", SIZE).recolour(palette="hot")
    nebula = brot.local.image(size=SIZE, **WORDS[10] | {"view": None})
    assert same(nebula.recolour(tone="log").array,
                brot.local.render(size=SIZE, tone="log", **WORDS[10] | {"format": "rgb8"}))


def test_numbers_in_a_notebook(tmp_path: Path) -> None:
    """Iterations are banded, as nothing else can be had of them; others say what they are."""
    counts = brot.local.image("seahorse", SIZE, format="iterations", iterations=500,
                              colour={"inside": "period", "palette": "hot"})
    expected = brot.local.image("seahorse", SIZE, mode="banded", iterations=500, palette="hot")
    assert same(counts.picture(), expected.array)
    assert counts._repr_png_() == counts.png()
    counts.save(tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes() == counts.png()
    assert same(brot.local.render(tmp_path / "a.png"), expected.array)
    with pytest.raises(ValueError, match="needs plane"):
        counts.recolour(mode="smooth")
    for format_ in ("distance", "phase"):
        image = brot.local.image("seahorse", SIZE, format=format_)
        assert image._repr_png_() is None
        for call in (image.png, image.recolour, lambda: image.save(tmp_path / "b.png")):
            with pytest.raises(brot.RequestError, match="format: must be one that can be coloured"):
                call()  # type: ignore[operator]


def test_files(tmp_path: Path) -> None:
    image = brot.local.image("home", SIZE, format="smooth")
    for suffix in ("png", "ppm", "npy", "exr"):
        image.save(tmp_path / f"a.{suffix}", dpi=0, compress=1)
        assert (tmp_path / f"a.{suffix}").stat().st_size > 1000
    with pytest.raises(ValueError):
        image.save(tmp_path / "a.gif")
    with pytest.raises(OSError):
        image.save(tmp_path / "nowhere" / "a.png")
    with pytest.raises(ValueError, match="compress"):
        image.save(tmp_path / "a.png", compress=10)


def test_without_libbrot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = brot.local.image("home", SIZE)
    deep = brot.local.image("home", SIZE, format="rgb16")
    monkeypatch.setattr(_native, "is_there", lambda: False)
    pillow = pytest.importorskip("PIL.Image")
    image.save(tmp_path / "a.png")
    assert np.array_equal(np.asarray(pillow.open(tmp_path / "a.png")), image.array)
    assert len(_png.encode(np.asarray(deep))) > 1000
    image.save(tmp_path / "a.npy")
    assert same(np.load(tmp_path / "a.npy"), image.array)
    monkeypatch.setattr(_native, "library", _native.library.__wrapped__)
    monkeypatch.setenv("LIBBROT", "/nowhere/libbrot.so.0")
    with pytest.raises(LookupError, match="libbrot cannot be loaded"):
        brot.local.render("home", SIZE)
    with pytest.raises(LookupError):
        image.save(tmp_path / "a.exr")


def test_coordinates() -> None:
    image = brot.local.image("-2:1,-1.5:1.5", (30, 60), format="iterations")
    re, im = image.coordinates()
    assert np.allclose(re[:2], [-1.95, -1.85]) and np.allclose(im[[0, -1]], [1.475, -1.475])
    turned = brot.local.image({"re": 0, "im": 0, "width": 4, "rotate": 90}, (8, 8))
    re, im = turned.coordinates()
    assert re.shape == (8, 8) and np.allclose((re[0, 0], im[0, 0]), (-1.75, -1.75))


def test_xarray_and_dask() -> None:
    image = brot.local.image("home", SIZE, format="raw")
    pytest.importorskip("xarray")
    data = image.xarray()
    assert data["phase"].dims == ("y", "x") and data["distance"].dims == ("y", "x", "channel")
    counts = brot.local.image("home", SIZE, format="iterations")
    assert counts.xarray().sizes == {"y": 131, "x": 200}
    pytest.importorskip("dask.array")
    lazy = counts.dask(chunks=(50, 50))
    assert lazy.numblocks == (3, 4) and int(lazy.max().compute()) == int(np.max(counts.array))
