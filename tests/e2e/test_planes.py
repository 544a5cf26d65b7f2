"""Planes of derivatives and the colours that need them, through broker and workers."""

from __future__ import annotations

import math

import numpy
import pytest

import wire
from harness import Broker, Stage, light_request

TYPES = {"rgb8": ("u1", 3), "rgb16": ("<u2", 3), "iterations": ("<u4", 1), "whole": ("<u4", 1),
         "fraction": ("<f4", 1), "distance": ("<f4", 2), "phase": ("<f4", 1),
         "period": ("<u4", 1), "interior": ("<f4", 1)}
FORMATS = {"rgb8": ["rgb8"], "rgb16": ["rgb16"], "iterations": ["iterations"],
           "smooth": ["whole", "fraction"], "distance": ["distance"], "phase": ["phase"],
           "raw": ["iterations", "whole", "fraction", "distance", "phase", "period", "interior"]}
INSIDE = (1 << 32) - 1

MANDELBROT = {"view": {"re": "-0.7", "im": "0", "width": "2.8"}}
CLOSE = {"view": {"re": "-0.7453", "im": "0.1127", "width": "0.0065", "rotate": 30}}
OTHERS = {
    "julia": {"formula": "julia", "parameters": {"re": "-0.8", "im": "0.156"},
              "view": {"re": "0", "im": "0", "width": "3.2"}},
    "multibrot 3": {"formula": "multibrot", "parameters": {"power": 3},
                    "view": {"re": "0", "im": "0.4", "width": "2.6"}},
    "multibrot 6": {"formula": "multibrot", "parameters": {"power": 6},
                    "view": {"re": "0", "im": "0", "width": "2.6"}},
    "burning ship": {"formula": "burning-ship", "view": {"re": "-0.5", "im": "-0.5", "width": "4"}},
    "tricorn": {"formula": "tricorn", "view": {"re": "-0.2", "im": "0", "width": "4"}},
}


def planes_of(client: wire.Client, document: dict) -> dict[str, numpy.ndarray]:
    """The planes of a request, by name."""
    job = client.submit(document).body["job"]
    finished = client.wait(job)
    assert finished.name == "FINISHED", finished.body
    width, height = document["size"]
    planes = {}
    for number, name in enumerate(FORMATS[document["format"]]):
        kind, values = TYPES[name]
        size = numpy.dtype(kind).itemsize * values
        data = client.fetch(job, number, size, width, height)
        planes[name] = numpy.frombuffer(data, kind).reshape(height, width, *[values] * (values > 1))
    client.release(job)
    return planes


def request_of(*changes: dict, **more: object) -> dict:
    document = light_request(size=[96, 64], iterations=400)
    for change in (*changes, more):
        document.update(change)
    return document


@pytest.fixture(name="broker")
def make_broker(stage: Stage) -> Broker:
    broker = stage.broker("--tile-rows", 7)
    stage.worker(broker)
    return broker


@pytest.mark.parametrize("name", ["mandelbrot", "close", *OTHERS])
def test_raw_holds_what_the_others_hold(broker: Broker, name: str) -> None:
    """And the same for brute force, which nothing is copied for."""
    view = {"mandelbrot": MANDELBROT, "close": CLOSE, **OTHERS}[name]
    with wire.Client(broker.url) as client:
        raw = planes_of(client, request_of(view, format="raw"))
        for kind in ("iterations", "smooth", "distance", "phase"):
            for plane, values in planes_of(client, request_of(view, format=kind)).items():
                assert values.tobytes() == raw[plane].tobytes(), (kind, plane)
        brute = planes_of(client, request_of(view, format="raw", shortcuts=False))
    for plane, values in raw.items():
        assert values.tobytes() == brute[plane].tobytes(), plane
    inside = raw["whole"] == INSIDE
    assert inside.any() or name == "julia"
    assert not inside.all()
    for plane in ("fraction", "distance", "phase"):
        assert not raw[plane][inside].any(), plane
    for plane in ("period", "interior"):
        assert not raw[plane][~inside].any(), plane
    has_period = name in ("mandelbrot", "close", "multibrot 3", "multibrot 6")
    assert not has_period or raw["period"].any() or name == "close"
    assert has_period or not raw["period"].any()
    assert ((raw["period"] > 0) == (raw["interior"] > 0)).all()
    assert (raw["phase"] >= 0).all() and (raw["phase"] < 1).all()


def points_of(document: dict) -> numpy.ndarray:
    width, height = document["size"]
    view = document["view"]
    step = float(view["width"]) / width
    across = (numpy.arange(width) + 0.5 - width / 2) * step
    up = (height / 2 - numpy.arange(height) - 0.5) * step
    return complex(float(view["re"]), float(view["im"])) + across + 1j * up[:, None]


def test_numbers_are_those_of_numpy(broker: Broker) -> None:
    """Phase and distance by complex numbers, period and interior where they are known."""
    document = request_of(MANDELBROT, format="raw", iterations=1000)
    with wire.Client(broker.url) as client:
        raw = planes_of(client, document)
    c = points_of(document)
    step = 2.8 / 96
    z, slope = numpy.zeros_like(c), numpy.zeros_like(c)
    far = numpy.zeros(c.shape, bool)
    for _ in range(40):
        near = ~far
        slope[near] = 2 * z[near] * slope[near] + 1
        z[near] = z[near] ** 2 + c[near]
        far |= abs(z) > 65536
    assert far.sum() > 2000
    turns = numpy.angle(z[far]) / (2 * math.pi) % 1
    off = abs(raw["phase"][far] - turns)
    assert numpy.minimum(off, 1 - off).max() < 1e-6
    # The way from the set is that of the gradient of |z|, z conj(slope).
    want = (abs(z) * numpy.log(abs(z)) / abs(slope))[far] / step
    way = (z * slope.conj())[far]
    got = raw["distance"][far][:, 0] + 1j * raw["distance"][far][:, 1]
    assert (abs(got - want * way / abs(way)) <= 1e-5 * want).all()

    disc = abs(c + 1) < 0.24
    assert (raw["period"][disc] == 2).all()
    known = (1 - 16 * abs(c[disc] + 1) ** 2) / 4 / step
    assert (abs(raw["interior"][disc] - known) <= 1e-5 * known).all()
    multiplier = 1 - numpy.sqrt(1 - 4 * c)
    cardioid = abs(multiplier) < 0.98
    assert cardioid.sum() > 500 and (raw["period"][cardioid] == 1).all()
    known = (1 - abs(multiplier) ** 2) * abs(1 - multiplier) / 2 / step
    assert (abs(raw["interior"] - known)[cardioid] <= 1e-5 * known[cardioid]).all()
    assert {1, 2, 3, 4} <= set(raw["period"].ravel())


@pytest.mark.parametrize("colour", [{"mode": "distance"}, {"mode": "angle"},
                                    {"inside": "period"}, {"inside": "distance"}, {"dither": True}])
@pytest.mark.parametrize("samples", [1, 3])
def test_colours_are_those_of_brute_force(broker: Broker, colour: dict, samples: int) -> None:
    """Rendered by halves where that may be."""
    document = request_of(MANDELBROT, format="rgb8", colour=colour, samples=samples)
    with wire.Client(broker.url) as client:
        picture = planes_of(client, document)["rgb8"]
        brute = planes_of(client, {**document, "shortcuts": False})["rgb8"]
    assert (picture == brute).all()


@pytest.mark.parametrize("name", ["mandelbrot", "close", "multibrot 3", "julia"])
@pytest.mark.parametrize("kind", ["rgb8", "rgb16"])
def test_adaptive_keeps_its_bound(broker: Broker, name: str, kind: str) -> None:
    view = {"mandelbrot": MANDELBROT, "close": CLOSE, **OTHERS}[name]
    document = request_of(view, format=kind, samples=4)
    steps = 257 if kind == "rgb16" else 1
    with wire.Client(broker.url) as client:
        full = planes_of(client, document)[kind].astype(int)
        for error in (1, 8, 32):
            fewer = planes_of(client, {**document, "adaptive": error})[kind]
            assert abs(fewer.astype(int) - full).max() <= error * steps
            brute = planes_of(client, {**document, "adaptive": error, "shortcuts": False})[kind]
            assert (brute == fewer).all()


def test_every_kernel_and_way_gives_the_same_bytes(stage: Stage) -> None:
    documents = [request_of(CLOSE, format="raw"),
                 request_of(CLOSE, format="rgb8", samples=3, colour={"mode": "distance"}),
                 request_of(CLOSE, format="rgb8", samples=3, adaptive=6)]
    pictures = []
    for arguments in ((), ("--no-shm",), ("--kernel", "scalar")):
        broker = stage.broker("--tile-rows", 11 if arguments else 64)
        stage.worker(broker, *arguments)
        with wire.Client(broker.url) as client:
            pictures.append([{name: values.tobytes() for name, values in
                              planes_of(client, document).items()} for document in documents])
    assert pictures[0] == pictures[1] == pictures[2]
