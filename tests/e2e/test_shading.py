"""Distances against a numerical derivative, and lit pictures against matplotlib's definition of light."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import numpy
import pytest

from harness import Broker, Stage
from pictures import read_npy, read_ppm

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))

import compare_relief  # noqa: E402

WIDTH, HEIGHT = 240, 170


@pytest.fixture(name="broker")
def make_broker(stage: Stage) -> Broker:
    broker = stage.broker("--tile-rows", 32)
    stage.worker(broker, processes=2)
    broker.wait_workers(2)
    return broker


def differences(values: numpy.ndarray, reach: int) -> numpy.ndarray:
    """Central ones in x (to the right) and y (up), a pixel being 1; of what lies 2 pixels within."""
    height, width = values.shape
    inner = slice(2, height - 2), slice(2, width - 2)
    x = values[inner[0], 2 + reach:width - 2 + reach] - values[inner[0], 2 - reach:width - 2 - reach]
    y = values[2 - reach:height - 2 - reach, inner[1]] - values[2 + reach:height - 2 + reach, inner[1]]
    return numpy.stack([x, y], axis=-1) / (2 * reach)


PLACES = {
    "whole": ["--view", "-0.6,0.1,4"],
    "close": ["--view", "-0.7453,0.1127,0.0065"],
    "needle": ["--view", "-1.9,0.01,0.1"],
    "rotated": {"re": "-0.74", "im": "0.18", "width": "0.05", "rotate": 50},
    "stretched": {"re": "-0.7", "im": "0.5", "width": "1", "height": "0.3", "rotate": -20},
    "julia": ["--formula", "julia:-0.8,0.156"],
    "power 3": ["--formula", "multibrot:3"],
    "power 6": ["--formula", "multibrot:6"],
    "ship": ["--formula", "burning-ship"],
    "tricorn": ["--formula", "tricorn"],
}


def place_of(stage: Stage, name: str) -> list[str]:
    place = PLACES[name]
    if isinstance(place, dict):
        path = stage.folder / "place.json"
        path.write_text(json.dumps({"brot": 1, "view": place, "size": [WIDTH, HEIGHT]}))
        place = ["--view", f"@{path}"]
    return [*place, "--size", f"{WIDTH}x{HEIGHT}", "--iterations", "2000"]


@pytest.mark.parametrize("name", PLACES)
def test_distance_is_the_potential_over_its_slope(stage: Stage, broker: Broker, name: str) -> None:
    """The estimate is G / |grad G|, and points along grad G, where the potential G is a constant times
    p^-v for smooth count v and power p: so it is -grad v / (ln p |grad v|^2).

    The derivative is numerical, from differences over 1 and 2 pixels by Richardson's rule, whose error is
    4/5! of the fifth derivative of ln G. ln G is as smooth as Cauchy's estimates have it within the disk
    without a point of the set, whose radius is over 3/8 of the estimate (Koebe) where G is below 0.3: 4! times
    the largest slope, which is no more than 4 times that at the middle, over the fourth power of half that
    radius. And v was rounded: its fraction is an f32, of which differences take 3/2."""
    place = place_of(stage, name)
    counts = read_npy(stage.render(broker, "s.npy", *place, "--format", "smooth"))
    distance = read_npy(stage.render(broker, "d.npy", *place, "--format", "distance")).astype(float)[2:-2, 2:-2]
    power = int(name[-1]) if name.startswith("power") else 2
    with numpy.errstate(divide="ignore", invalid="ignore"):
        slope = (4 * differences(counts, 1) - differences(counts, 2)) / 3
        wanted = -slope / (math.log(power) * (slope**2).sum(axis=-1, keepdims=True))
        size = numpy.hypot(distance[..., 0], distance[..., 1])
        off = numpy.hypot(*numpy.moveaxis(distance - wanted, -1, 0)) / size
        potential = math.log(65536) * power ** (1 - counts[2:-2, 2:-2])
        most = 4 / 120 * 24 * 4 * (2 / (3 / 8 * size)) ** 4 + 1.5 * math.log(power) * size * 2**-23 + 1e-6
    far = (size > 12) & (potential < 0.3)
    assert far.sum() > 500
    wrong = far & ~(off <= most)
    print(name, far.sum(), wrong.sum(), numpy.median(off[far]))
    # The ship's formula folds the plane, and ln G has edges: what Cauchy says holds between them.
    assert numpy.median(off[far]) < 1e-5
    assert wrong.sum() <= (far.sum() / 6 if name == "ship" else 0), (off[wrong], size[wrong])


LIGHTS = [
    ("hsv", 315, 10, 1.5, 0.3, "hot"),
    ("hsv", 100, 45, 0.2, 1.0, "viridis"),
    ("overlay", -60, 40, 0.5, 0.3, "hot"),
    ("soft", 200, 30, 2.0, 0.6, "grey"),
]


@pytest.mark.parametrize("light", LIGHTS, ids=[" ".join(map(str, light)) for light in LIGHTS])
@pytest.mark.parametrize("place", ["whole", "close", "ship"])
def test_relief_is_the_light_of_matplotlib(stage: Stage, broker: Broker, light: tuple, place: str) -> None:
    """The definition written out in NumPy, on the heights that an .npy file has."""
    blend, azimuth, elevation, height, power, palette = light
    words = place_of(stage, place)
    counts = read_npy(stage.render(broker, "s.npy", *words, "--format", "smooth"))
    inside = numpy.isinf(counts)
    counts[inside] = 0
    # A palette's colours, by counts that run through it once.
    run = numpy.arange(compare_relief.COLOURS) / (compare_relief.COLOURS - 1)
    numpy.save(stage.folder / "run.npy", 4096 * (1 + run / 2).reshape(1, -1))
    result = stage.client("colour", stage.folder / "run.npy", "--palette", palette, "--colour", "period=4096",
                          "--format", "rgb16", "--out", stage.folder / "run.ppm")
    assert result.status == 0, result.err
    colours = read_ppm(stage.folder / "run.ppm")[0] / 65535
    wanted = compare_relief.by_numpy(colours, counts, light)
    picture = stage.render(broker, "r.ppm", *words, "--mode", "relief", "--palette", palette, "--format", "rgb16",
                           "--colour", f"blend={blend},azimuth={azimuth},elevation={elevation},"
                           f"height={height},power={power}")
    off = abs(read_ppm(picture) / 257 - wanted * 255)[~inside]
    # The definition takes a colour of the table as it is, brot one between two, of a table that lies half a colour
    # beside this one; blending doubles that at most.
    step = abs(numpy.diff(colours, axis=0)).max() * 255
    print(off.max(), off.mean(), step)
    assert off.max() <= max(compare_relief.MOST, 3 * step + 0.6) and off.mean() < 0.1
