"""Palettes beside the ones that others have published, as pictures have them."""

from __future__ import annotations

from pathlib import Path

import numpy
import pytest

from harness import Stage
from pictures import read_ppm

TABLE = Path(__file__).parents[1] / "cases" / "palettes"
CYCLIC = {"twilight"}
PERIOD = 4096  # counts a run of a palette
ENTRIES = 4096  # of the table that brot makes of a run

# How far a channel may be from the published one anywhere, of 255: 0.8 for the lines between the stops, 0.5 for
# rounding, and a position that falls upon an entry beside it.
ANYWHERE = {"viridis": 1.5, "magma": 1.5, "inferno": 1.5, "plasma": 1.5, "cividis": 1.5, "cubehelix": 1.5,
            "twilight": 1.5, "turbo": 1.5, "coolwarm": 1.5, "hot": 1.0, "grey": 1.0, "bone": 1.0, "copper": 1.0,
            "cool": 1.0, "jet": 1.5, "afmhot": 1.5, "gnuplot2": 2.0, "earth": 2.0}
NAMES = {"earth": "gist_earth", "grey": "gray"}


def published() -> dict[str, tuple[numpy.ndarray, numpy.ndarray]]:
    """Positions and colours of each palette."""
    found = {}
    for line in TABLE.read_text().splitlines():
        if line.startswith("#"):
            continue
        name, form, *words = line.split()
        if form == "every":
            parts, words = int(words[0]), words[1:]
            words = [f"{i / parts}:{word}" for i, word in enumerate(words)]
        pairs = [word.split(":") for word in words]
        found[name] = (numpy.array([float(position) for position, _ in pairs]),
                       numpy.array([list(bytes.fromhex(colour)) for _, colour in pairs]))
    return found


def colours_at(stage: Stage, name: str, positions: numpy.ndarray) -> numpy.ndarray:
    """Of smooth counts that have those positions: a palette that is not cyclic is run to and fro."""
    counts = PERIOD * (1 + positions * (1 if name in CYCLIC else 0.5))
    data, out = stage.folder / "a.npy", stage.folder / "a.ppm"
    numpy.save(data, counts.reshape(1, -1))
    result = stage.client("colour", data, "--palette", name, "--colour", f"period={PERIOD}", "--out", out)
    assert result.status == 0, result.err
    return read_ppm(out)[0].astype(int)


def test_published_colours_are_at_their_places(stage: Stage) -> None:
    """A position falls upon an entry of the table that is at most one beside it."""
    assert len(published()) >= 18
    for name, (positions, colours) in published().items():
        entries = ENTRIES if name in CYCLIC else ENTRIES / 2
        ring = numpy.append(positions, 1.0), numpy.vstack([colours, colours[:1]])
        places, values = ring if name in CYCLIC else (positions, colours)
        slopes = abs(numpy.diff(values, axis=0)) / numpy.diff(places)[:, None]
        before, after = numpy.vstack([slopes[-1:], slopes]), numpy.vstack([slopes, slopes[:1]])
        most = 2 + numpy.maximum(before, after)[:len(positions)] / entries
        off = abs(colours_at(stage, name, positions) - colours)
        assert (off <= most).all(), (name, positions[(off > most).any(axis=1)], off.max())


@pytest.mark.parametrize("name", sorted(ANYWHERE))
def test_all_of_a_published_palette(stage: Stage, name: str) -> None:
    matplotlib = pytest.importorskip("matplotlib")
    colours = matplotlib.colormaps[NAMES.get(name, name)]
    table = colours(numpy.arange(colours.N))[:, :3] * 255
    off = abs(colours_at(stage, name, numpy.arange(colours.N) / (colours.N - 1)) - table).max()
    print(name, off)
    assert off <= ANYWHERE[name]


def test_every_published_palette_is_ours() -> None:
    assert set(published()) == set(ANYWHERE)
