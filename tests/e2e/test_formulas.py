"""Formulas, precisions and brute force: against the definition in exact integers."""

from __future__ import annotations

import json

import numpy
import pytest

import pictures
from harness import Stage, light_request

ONE = 1 << 160  # the fixed point: z is scaled by it
COLUMNS, ROWS, LIMIT = 24, 16, 80

# The word of --formula, and a view: re and im of the centre as fractions, and the width.
FORMULAS = {
    "mandelbrot": ((-3, 4), (0, 1), 3),
    "julia:-0.75,0.125": ((0, 1), (0, 1), 3),
    "multibrot:3": ((0, 1), (1, 8), 3),
    "multibrot:4": ((0, 1), (1, 8), 3),
    "multibrot:5": ((1, 2), (1, 2), 1),
    "multibrot:6": ((1, 2), (1, 2), 1),
    "burning-ship": ((-1, 2), (-1, 2), 4),
    "tricorn": ((-1, 4), (1, 8), 4),
}

Point = tuple[int, int]


def multiply(a: Point, b: Point) -> Point:
    return (a[0] * b[0] - a[1] * b[1]) // ONE, (a[0] * b[1] + a[1] * b[0]) // ONE


def step(name: str, power: int, z: Point) -> Point:
    """The next z, without the c that is added to it."""
    if name == "burning-ship":
        z = abs(z[0]), abs(z[1])
    if name == "tricorn":
        z = z[0], -z[1]
    product = z
    for _ in range(power - 1):
        product = multiply(product, z)
    return product


def count(word: str, point: Point) -> int:
    """The smallest n >= 1 with |z_n| > 2, 0 if there is none up to LIMIT."""
    name, _, parameters = word.partition(":")
    z, c, power = (0, 0), point, 2
    if name == "julia":
        re, im = parameters.split(",")
        z, c = point, (int(float(re) * ONE), int(float(im) * ONE))
    elif name == "multibrot":
        power = int(parameters)
    for n in range(1, LIMIT + 1):
        re, im = step(name, power, z)
        z = re + c[0], im + c[1]
        if z[0] * z[0] + z[1] * z[1] > 4 * ONE * ONE:
            return n
    return 0


def counts(word: str, shift: Point) -> numpy.ndarray:
    """Of every pixel of the formula's view, whose point is shifted a little."""
    (re, re_by), (im, im_by), width = FORMULAS[word]
    half = width * ONE // (2 * COLUMNS)
    return numpy.array([[count(word, (re * ONE // re_by + (2 * column + 1 - COLUMNS) * half + shift[0],
                                      im * ONE // im_by - (2 * row + 1 - ROWS) * half + shift[1]))
                         for column in range(COLUMNS)] for row in range(ROWS)])


def is_robust(word: str, exact: numpy.ndarray, shift: int) -> numpy.ndarray:
    """Where a count does not hang on the rounding of a point or of what comes of it."""
    robust = numpy.ones(exact.shape, bool)
    for by in ((shift, 0), (-shift, 0), (0, shift), (0, -shift)):
        robust &= counts(word, by) == exact
    return robust


def view_of(word: str) -> list[str]:
    (re, re_by), (im, im_by), width = FORMULAS[word]
    return ["--formula", word, "--view", f"{re / re_by},{im / im_by},{width}",
            "--size", f"{COLUMNS}x{ROWS}", "--iterations", str(LIMIT)]


@pytest.mark.parametrize("word", FORMULAS)
def test_counts_are_right(stage: Stage, word: str) -> None:
    broker = stage.broker()
    stage.worker(broker)
    exact = counts(word, (0, 0))
    assert len(numpy.unique(exact)) >= 8 and (exact == 0).any()
    for precision, shift, least in (("f64", ONE >> 42, 0.95), ("f32", ONE >> 15, 0.7)):
        got = pictures.read_npy(stage.render(broker, f"{precision}.npy", *view_of(word),
                                             "--precision", precision))
        robust = is_robust(word, exact, shift)
        assert robust.mean() > least, "too few pixels are compared"
        assert numpy.array_equal(got[robust], exact[robust]), precision


@pytest.mark.parametrize("word", FORMULAS)
def test_shortcuts_do_not_show(stage: Stage, word: str) -> None:
    """Views that lie evenly on the real axis too, whose lower half may be a copy."""
    broker = stage.broker()
    stage.worker(broker, processes=2)
    width = str(FORMULAS[word][2])
    for precision in ("f64", "f32"):
        for file_format in ("iterations", "smooth"):
            where = ["--formula", word, "--view", f"-0.25,0,{width}", "--size", "60x45",
                     "--iterations", "3000", "--precision", precision, "--format", file_format]
            with_them = stage.render(broker, "with.npy", *where)
            without = stage.render(broker, "without.npy", *where, "--no-shortcuts")
            assert with_them.read_bytes() == without.read_bytes(), (precision, file_format)
    where = ["--formula", word, "--size", "32x24", "--samples", "3"]
    assert numpy.array_equal(pictures.read_png(stage.render(broker, "a.png", *where)),
                             pictures.read_png(stage.render(broker, "b.png", *where,
                                                            "--no-shortcuts")))


def test_precisions_differ(stage: Stage) -> None:
    """f32 is not f64 by another name."""
    where = ["--view", "seahorse", "--size", "64x36", "--workers", "1"]
    assert (stage.render(None, "a.npy", *where).read_bytes() !=
            stage.render(None, "b.npy", *where, "--precision", "f32").read_bytes())


def refused(stage: Stage, *arguments: object) -> str:
    result = stage.client("render", "--quiet", "--out", "a.png", "--size", "64x48",
                          *arguments)
    assert result.status == 65 and result.out == ""
    (sentence,) = result.err.splitlines()
    return sentence


@pytest.mark.parametrize("word", ["phoenix", "Mandelbrot", "julia", "julia:1", "julia:1,2,3",
                                  "multibrot", "tricorn:3"])
def test_bad_formulas(stage: Stage, word: str) -> None:
    sentence = refused(stage, "--formula", word)
    assert ("formula: must be mandelbrot, julia:RE,IM, multibrot:POWER, burning-ship or tricorn, "
            f'got "{word}"') in sentence


@pytest.mark.parametrize(("word", "why"), [
    ("julia:a,0", "formula: RE: must be a decimal number"),
    ("julia:1.5,1.5", "parameters: re and im must be at most 2 away from 0"),
    ("multibrot:7", "formula: POWER: must be 3..6"),
])
def test_bad_parameters(stage: Stage, word: str, why: str) -> None:
    assert why in refused(stage, "--formula", word)


def test_bad_precision(stage: Stage) -> None:
    assert 'precision: must be "f64" or "f32"' in refused(stage, "--precision", "f16")


def test_a_request_without_its_parameters(stage: Stage) -> None:
    document = stage.folder / "request.json"
    document.write_text(json.dumps(light_request(formula="julia")))
    assert "parameters: required" in refused(stage, "--view", f"@{document}")
    counts_of = ["--view", "-0.1,0.1,2", "--size", "40x30", "--workers", "1"]
    plain = stage.render(None, "a.npy", *counts_of, "--formula", "julia:-0.8,0.156")
    document.write_text(json.dumps({
        "brot": 1, "view": {"re": "-0.1", "im": "0.1", "width": "2"}, "size": [40, 30],
        "formula": "julia", "parameters": {"re": -0.8, "im": "0.156"}, "format": "iterations"}))
    same = stage.render(None, "b.npy", "--view", f"@{document}", "--workers", "1")
    assert same.read_bytes() == plain.read_bytes()


def test_too_deep_for_f32(stage: Stage) -> None:
    """The least width that the sentence names is drawn; f64 draws what f32 refused."""
    where = ["--size", "64x48", "--precision"]
    sentence = refused(stage, "--view", "-0.74,0.13,1e-9", *where, "f32")
    assert "too deep for f32" in sentence and "f64 goes deeper" in sentence
    least = sentence.split("must be at least ")[1].split(";")[0]
    assert 1e-6 < float(least) < 1e-4
    stage.render(None, "a.npy", "--view", f"-0.74,0.13,{least}", *where, "f32", "--workers", "1")
    stage.render(None, "b.npy", "--view", "-0.74,0.13,1e-9", *where, "f64", "--workers", "1")


def test_views_of_formulas(stage: Stage) -> None:
    """What `views` lists can be said by --formula and --view as well."""
    views = {view["name"]: view for view in json.loads(stage.client("views", "--json").out)["views"]}
    broker = stage.broker()
    stage.worker(broker)
    listed = stage.client("views").out
    for name in ("julia-spirals", "multibrot-4", "tricorn-island"):
        view = views[name]
        assert view["formula"] in listed
        parameters = ",".join(str(value) for value in view.get("parameters", {}).values())
        formula = f"{view['formula']}:{parameters}" if parameters else view["formula"]
        size = ["--size", "48x32"]
        preset = stage.render(broker, "preset.npy", "--view", name, *size)
        said = stage.render(broker, "said.npy", "--formula", formula, "--view",
                            f"{view['view']['re']},{view['view']['im']},{view['view']['width']}",
                            "--iterations", str(view["iterations"]), *size)
        assert preset.read_bytes() == said.read_bytes()


def test_the_ship_stands_upright(stage: Stage) -> None:
    """The masts rise from the hull: what does not escape is below, not above."""
    inside = pictures.read_npy(stage.render(None, "a.npy", "--view", "ship", "--size", "96x54",
                                            "--workers", "1")) == 0
    assert inside[27:].sum() > 4 * inside[:27].sum()
