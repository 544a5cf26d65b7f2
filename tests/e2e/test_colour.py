"""Pictures of numbers: whole-image modes, colour, and files of numbers, read by programs that are not
ours as well."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy
import pytest

from harness import Broker, Stage
from others import needs, run
from pictures import exr_attributes, make_exr, png_texts, read_exr, read_npy, read_png

VIEW = ["--view", "-0.7453,0.1127,0.0065", "--size", "93x71", "--iterations", "600"]
HOME = ["--view", "-0.6,0,3", "--size", "93x71", "--iterations", "600"]
BIAS = 1024
INSIDE = (1 << 32) - 1


@pytest.fixture(name="broker")
def make_broker(stage: Stage) -> Broker:
    broker = stage.broker("--tile-rows", 9)
    stage.worker(broker, processes=2)
    broker.wait_workers(2)
    return broker


def colour(stage: Stage, data: Path, out: str, *arguments: object) -> Path:
    path = stage.folder / out
    result = stage.client("colour", data, "--out", path, *arguments)
    assert result.status == 0, result.err
    return path


# ---- the bytes of a render ----

RAW_WAYS = {
    "smooth": ["--mode", "smooth"],
    "angle": ["--mode", "angle", "--palette", "magma"],
    "distance": ["--mode", "distance", "--palette", "viridis", "--colour", "dither=true"],
    "histogram": ["--mode", "histogram", "--palette", "hot", "--colour", "offset=0.2,rotation=-0.1"],
    "relief": ["--mode", "relief", "--colour", "azimuth=120,elevation=40,blend=overlay"],
    "inside period": ["--colour", "inside=period,period=20,density=2"],
    "inside distance": ["--mode", "histogram", "--colour", "inside=distance,interior=#204060"],
}
PLACES = {
    "close": VIEW,
    "home": HOME,
    "power": [*HOME, "--formula", "multibrot:3"],
}


@pytest.mark.parametrize("place", ["close", "home", "power"])
def test_raw_numbers_make_the_pictures_of_a_render(stage: Stage, broker: Broker, place: str) -> None:
    exr = stage.render(broker, "raw.exr", *PLACES[place])
    npy = stage.render(broker, "raw.npy", *PLACES[place], "--format", "raw")
    for name, words in RAW_WAYS.items():
        rendered = stage.render(broker, "r.png", *PLACES[place], *words)
        again = colour(stage, exr, "c.png", *words)
        assert again.read_bytes() == rendered.read_bytes(), name
        rendered = stage.render(broker, "r.ppm", *PLACES[place], *words, "--format", "rgb16")
        assert colour(stage, exr, "c.ppm", *words, "--format",
                      "rgb16").read_bytes() == rendered.read_bytes(), name
        assert colour(stage, npy, "n.ppm", *words, "--format",
                      "rgb16").read_bytes() == rendered.read_bytes(), name


@pytest.mark.parametrize("formula", ["julia:-0.8,0.156", "burning-ship", "tricorn"])
def test_other_formulas(stage: Stage, broker: Broker, formula: str) -> None:
    place = ["--formula", formula, "--size", "93x71"]
    exr = stage.render(broker, "raw.exr", *place)
    for mode in ("smooth", "angle", "distance", "histogram", "relief"):
        rendered = stage.render(broker, "r.png", *place, "--mode", mode)
        assert colour(stage, exr, "c.png", "--mode", mode).read_bytes() == rendered.read_bytes()


def test_a_rotated_view(stage: Stage, broker: Broker) -> None:
    document = {"brot": 1, "size": [93, 71], "iterations": 600,
                "view": {"re": "-0.7453", "im": "0.1127", "width": "0.0065", "height": "0.003",
                         "rotate": 30}}
    path = stage.folder / "r.json"
    path.write_text(json.dumps(document))
    place = ["--view", f"@{path}"]
    exr = stage.render(broker, "raw.exr", *place)
    for mode in ("angle", "distance", "relief"):
        rendered = stage.render(broker, "r.png", *place, "--mode", mode)
        assert colour(stage, exr, "c.png", "--mode", mode).read_bytes() == rendered.read_bytes()


@pytest.mark.parametrize("suffix", ["npy", "exr"])
def test_smooth_numbers(stage: Stage, broker: Broker, suffix: str) -> None:
    data = stage.render(broker, f"s.{suffix}", *VIEW, "--format", "smooth")
    for mode in ("smooth", "histogram", "relief"):
        rendered = stage.render(broker, "r.ppm", *VIEW, "--mode", mode)
        assert colour(stage, data, "c.ppm", "--mode", mode).read_bytes() == rendered.read_bytes()
    rendered = stage.render(broker, "r.png", *VIEW)
    again = colour(stage, data, "c.png")
    assert numpy.array_equal(read_png(again), read_png(rendered))
    assert (again.read_bytes() == rendered.read_bytes()) == (suffix == "exr")
    # A file without a request makes no claims.
    assert ("brot-request" in png_texts(again)) == (suffix == "exr")


def test_iterations(stage: Stage, broker: Broker) -> None:
    words = ["--mode", "banded", "--palette", "ega"]
    rendered = stage.render(broker, "r.ppm", *VIEW, *words)
    for out, kind in (("i.npy", "iterations"), ("i.exr", "iterations"), ("r.npy", "raw"), ("r.exr", "raw")):
        data = stage.render(broker, out, *VIEW, "--format", kind)
        assert colour(stage, data, "c.ppm", *words).read_bytes() == rendered.read_bytes()


def test_an_exr_file_knows_its_colours(stage: Stage, broker: Broker) -> None:
    words = ["--mode", "relief", "--palette", "hot", "--colour", "power=0.5"]
    exr = stage.render(broker, "raw.exr", *VIEW, *words)
    rendered = stage.render(broker, "r.png", *VIEW, *words)
    assert colour(stage, exr, "c.png").read_bytes() == rendered.read_bytes()
    rendered = stage.render(broker, "r.png", *VIEW, *words, "--palette", "ice")
    assert colour(stage, exr, "c.png", "--palette", "ice").read_bytes() == rendered.read_bytes()


def test_palettes_of_files(stage: Stage, broker: Broker) -> None:
    palette = stage.folder / "p.json"
    palette.write_text('["#000", "#fa0 30%", "white"]')
    exr = stage.render(broker, "raw.exr", *VIEW)
    rendered = stage.render(broker, "r.png", *VIEW, "--palette", f"@{palette}")
    assert colour(stage, exr, "c.png", "--palette",
                  f"@{palette}").read_bytes() == rendered.read_bytes()


# ---- modes that need the whole image ----

@pytest.mark.parametrize("mode", ["histogram", "relief"])
def test_a_picture_says_how_it_was_made(stage: Stage, broker: Broker, mode: str) -> None:
    colours = {"histogram": "inside=period", "relief": "azimuth=90"}[mode]
    words = ["--mode", mode, "--samples", "3", "--colour", colours]
    picture = stage.render(broker, "a.png", *HOME, *words)
    request = json.loads(png_texts(picture)["brot-request"])
    assert request["colour"]["mode"] == mode and request["samples"] == 3
    assert request["format"] == "rgb8" and request["size"] == [93, 71]
    again = stage.render(broker, "b.png", "--view", f"@{picture}")
    assert again.read_bytes() == picture.read_bytes()
    other = stage.render(broker, "c.png", *HOME, *words, "--samples", "1")
    assert not numpy.array_equal(read_png(other), read_png(picture))
    unshared = stage.render(broker, "d.png", *HOME, *words, "--no-shm")
    assert unshared.read_bytes() == picture.read_bytes()


def test_events_tell_of_the_picture(stage: Stage, broker: Broker) -> None:
    result = stage.client("render", *VIEW, "--mode", "histogram", "--samples", "2", "--out",
                          stage.folder / "a.png", "--broker", broker.url, "--json")
    assert result.status == 0, result.err
    events = {event["event"]: event for event in result.events()}
    assert events["accepted"]["request"]["colour"]["mode"] == "histogram"
    assert events["accepted"]["request"]["format"] == "rgb8"
    assert events["saved"]["bytes"] == (stage.folder / "a.png").stat().st_size


def test_numbers_in_bands_are_refused(stage: Stage) -> None:
    broker = stage.broker("--memory", "1M")
    stage.worker(broker)
    broker.wait_workers(1)
    out = stage.folder / "a.png"
    place = ["--view", "-0.6,0,3", "--size", "1000x1000", "--iterations", "50"]
    result = stage.client("render", *place, "--mode", "histogram", "--out", out, "--broker",
                          broker.url, "--quiet")
    assert result.status == 65 and not out.exists()
    assert result.err.count("\n") == 1
    assert "--memory" in result.err and "--size" in result.err and "8 MB" in result.err
    assert [job for job in broker.jobs() if job["state"] not in ("cancelled",)] == []
    # Modes that see one pixel at a time are delivered in bands.
    stage.render(broker, "b.png", *place)


def test_samples_that_are_too_many(stage: Stage) -> None:
    result = stage.client("render", "--size", "400000x4", "--samples", "3", "--mode", "relief",
                          "--out", stage.folder / "a.png")
    assert result.status == 65 and result.err.startswith("brot-client: samples: 3 of 400000x4")


# ---- jobs of numbers ----

def submit(stage: Stage, broker: Broker, *arguments: object) -> int:
    result = stage.client("submit", *arguments, "--broker", broker.url)
    assert result.status == 0, result.err
    return int(result.out)


def fetch(stage: Stage, broker: Broker, job: int, out: str, *arguments: object) -> Path:
    result = stage.client("wait", job, "--out", stage.folder / out, "--broker", broker.url,
                          *arguments)
    assert result.status == 0, result.err
    return stage.folder / out


@pytest.mark.parametrize("words", [["--mode", "angle", "--format", "raw"],
                                   ["--mode", "banded", "--format", "iterations"],
                                   ["--mode", "banded", "--format", "raw"],
                                   ["--palette", "hot", "--format", "smooth"],
                                   ["--mode", "histogram"],
                                   ["--mode", "relief", "--colour", "blend=soft"],
                                   ["--mode", "histogram", "--colour", "inside=distance"]])
def test_a_job_of_numbers_becomes_a_picture(stage: Stage, broker: Broker, words: list[str]) -> None:
    job = submit(stage, broker, *VIEW, *words)
    without = words[:words.index("--format")] if "--format" in words else words
    rendered = stage.render(broker, "r.png", *VIEW, *without)
    assert fetch(stage, broker, job, "a.png").read_bytes() == rendered.read_bytes()
    assert fetch(stage, broker, job, "a.ppm").stat().st_size > 93 * 71 * 3
    # and the numbers are to be had as well
    numbers = read_npy(fetch(stage, broker, job, "a.npy", "--release"))
    assert numbers.shape == (71, 93)


def test_numbers_that_are_not_enough(stage: Stage, broker: Broker) -> None:
    job = submit(stage, broker, *VIEW, "--mode", "angle", "--format", "smooth")
    out = stage.folder / "a.png"
    result = stage.client("wait", job, "--out", out, "--broker", broker.url, "--quiet")
    assert result.status == 64 and not out.exists()
    assert result.err.startswith("brot-client: --out: a .png file is a picture, and colour.mode")
    assert "needs plane phase" in result.err and "--format raw" in result.err
    assert fetch(stage, broker, job, "a.exr").exists()


def test_a_job_of_numbers_in_bands(stage: Stage) -> None:
    broker = stage.broker("--memory", "1M")
    stage.worker(broker)
    broker.wait_workers(1)
    place = ["--view", "-0.6,0,3", "--size", "700x700", "--iterations", "50"]
    job = submit(stage, broker, *place, "--mode", "relief")
    result = stage.client("wait", job, "--out", stage.folder / "a.png", "--broker", broker.url,
                          "--quiet")
    assert result.status == 64 and "get them with --out FILE.exr" in result.err
    data = fetch(stage, broker, job, "a.exr")
    picture = colour(stage, data, "a.png")
    assert json.loads(png_texts(picture)["brot-request"])["colour"]["mode"] == "relief"
    wanted = stage.render(None, "b.png", *place, "--mode", "relief", "--workers", "1")
    assert picture.read_bytes() == wanted.read_bytes()


def test_sixteen_bits_of_a_job_that_goes_on_alone(stage: Stage, broker: Broker) -> None:
    """Its numbers do not tell of them: --format does, and submit says so."""
    words = [*VIEW, "--mode", "histogram", "--colour", "inside=distance,dither=true", "--format", "rgb16"]
    result = stage.client("submit", *words, "--broker", broker.url)
    job = int(result.out)
    assert f"`brot-client wait {job} --out FILE --format rgb16`" in result.err
    rendered = stage.render(broker, "r.png", *words)
    assert read_png(rendered).dtype.itemsize == 2
    deep = fetch(stage, broker, job, "a.png", "--format", "rgb16")
    assert deep.read_bytes() == rendered.read_bytes()
    flat = stage.render(broker, "r8.png", *words[:-2])
    assert fetch(stage, broker, job, "b.png", "--format", "rgb8").read_bytes() == flat.read_bytes()
    where = ["--broker", broker.url, "--format"]
    for words, part in (([job, "--out", "c.png", *where, "smooth"], "--format: must be rgb8 or rgb16"),
                        ([job, "--out", "c.dzi", *where, "rgb16"], "--format: a .dzi file holds rgb8"),
                        ([job, "--out", "c.npy", *where, "rgb16"], "--format: is for numbers that become"),
                        ([job, *where, "rgb16"], "--format: goes with --out")):
        result = stage.client("wait", *words)
        assert result.status == 64 and part in result.err, result.err
    (event,) = stage.client("submit", *VIEW, "--mode", "relief", "--format", "rgb16", "--json", "--broker",
                            broker.url).events()
    assert event["format"] == "rgb16" and event["request"]["format"] == "smooth"


def test_colours_inside_do_not_depend_on_samples_or_mode(stage: Stage, broker: Broker) -> None:
    place = ["--view", "-0.16,1.035,0.05", "--size", "96x64", "--iterations", "600", "--palette", "grey", "--colour",
             "inside=distance"]
    inside = read_npy(stage.render(broker, "raw.npy", *place[:6], "--format", "raw"))["whole"] == INSIDE
    # whose neighbours are inside, as all of their samples then are
    for axis, step in ((0, 1), (0, -1), (1, 1), (1, -1)):
        inside &= numpy.roll(inside, step, axis)
    inside[[0, -1]] = inside[:, [0, -1]] = False
    assert inside.sum() > 200
    for samples in (1, 2, 3, 4):
        smooth = read_png(stage.render(broker, "s.png", *place, "--samples", samples)).astype(int)
        for mode in ("histogram", "relief"):
            other = read_png(stage.render(broker, "o.png", *place, "--samples", samples, "--mode", mode)).astype(int)
            assert abs(smooth[inside] - other[inside]).mean() < 1.5, (samples, mode)


def test_a_relief_is_as_steep_with_many_samples(stage: Stage, broker: Broker) -> None:
    def relief(height: float, samples: int) -> numpy.ndarray:
        return read_png(stage.render(broker, "a.png", "--view", "0.6,0.6,0.5", "--size", "96x64", "--iterations", "600",
                                     "--palette", "grey", "--mode", "relief", "--colour",
                                     f"elevation=45,power=1,height={height}", "--samples", samples)).astype(int)
    plain = relief(16, 1)
    for samples in (2, 4):
        # A slope a sample would be that of a lower surface.
        near, low = abs(relief(16, samples) - plain).mean(), abs(relief(16 / samples, samples) - plain).mean()
        assert near < 6 and 4 * near < low, (samples, near, low)


def test_an_exr_file_without_derivatives(stage: Stage, broker: Broker) -> None:
    words = ["render", *VIEW, "--precision", "f32", "--broker", broker.url, "--out", stage.folder / "a.exr"]
    result = stage.client(*words)
    assert result.status == 65 and ".exr file holds raw without --format: iterations or smooth would do" in result.err
    for kind in ("iterations", "smooth"):
        assert stage.client(*words, "--format", kind).status == 0


def test_jobs_alone_have_one_sample(stage: Stage, broker: Broker) -> None:
    words = [*VIEW, "--mode", "histogram", "--samples", "2", "--broker", broker.url]
    result = stage.client("submit", *words)
    assert result.status == 65 and result.err.startswith("brot-client: samples: must be 1 with")
    result = stage.client("render", *words, "--keep", "--out", stage.folder / "a.png")
    assert result.status == 65 and "samples: must be 1 with" in result.err
    result = stage.client("render", *VIEW, "--mode", "histogram", "--broker", broker.url, "--keep",
                          "--out", stage.folder / "a.png")
    assert result.status == 0, result.err


# ---- files of numbers, by others ----

def test_numpy_reads_every_format(stage: Stage, broker: Broker) -> None:
    raw = read_npy(stage.render(broker, "raw.npy", *HOME, "--format", "raw"))
    assert raw.dtype.names == ("iterations", "whole", "fraction", "distance", "phase", "period",
                               "interior")
    assert raw.shape == (71, 93) and raw["distance"].shape == (71, 93, 2)
    distance = read_npy(stage.render(broker, "d.npy", *HOME, "--format", "distance"))
    phase = read_npy(stage.render(broker, "p.npy", *HOME, "--format", "phase"))
    smooth = read_npy(stage.render(broker, "s.npy", *HOME, "--format", "smooth"))
    assert distance.dtype == "<f4" and numpy.array_equal(distance, raw["distance"])
    assert phase.dtype == "<f4" and numpy.array_equal(phase, raw["phase"])
    inside = raw["whole"] == INSIDE
    assert inside.any() and not inside.all()
    assert numpy.array_equal(numpy.isinf(smooth), inside)
    assert numpy.array_equal(smooth[~inside], (raw["whole"] + raw["fraction"].astype("f8"))[~inside])
    assert (raw["period"][inside] > 0).any() and not raw["period"][~inside].any()


def planes_of(raw: numpy.ndarray) -> dict[str, numpy.ndarray]:
    """What an EXR file of the same numbers has."""
    inside = raw["whole"] == INSIDE
    return {"N": numpy.where(inside, INSIDE, raw["whole"].astype("u8") + BIAS).astype("u4"),
            "NF": raw["fraction"], "T": raw["phase"], "DEX": raw["distance"][..., 0],
            "DEY": raw["distance"][..., 1], "PERIOD": raw["period"], "INTERIOR": raw["interior"],
            "ITERATIONS": raw["iterations"]}


def test_values_of_an_exr_file(stage: Stage, broker: Broker) -> None:
    raw = read_npy(stage.render(broker, "raw.npy", *HOME, "--format", "raw"))
    for level in (0, 1, 9):
        path = stage.render(broker, "raw.exr", *HOME, "--compress", level, "--dpi", 300)
        got, want = read_exr(path), planes_of(raw)
        assert list(got) == sorted(want)
        for name, plane in want.items():
            assert numpy.array_equal(got[name].view("u4"), numpy.ascontiguousarray(plane).view("u4"))
    attributes, _ = exr_attributes(path.read_bytes())
    assert attributes["Iterations"] == ("int", struct.pack("<i", 600))
    assert attributes["IterationsBias"] == ("int", struct.pack("<i", BIAS))
    assert attributes["xDensity"] == ("float", struct.pack("<f", 300))
    request = json.loads(attributes["brot-request"][1])
    assert request["format"] == "raw" and request["size"] == [93, 71]
    smooth = read_exr(stage.render(broker, "s.exr", *HOME, "--format", "smooth"))
    assert list(smooth) == ["N", "NF"] and numpy.array_equal(smooth["N"], got["N"])


@needs("exrheader")
def test_openexr_reads_it(stage: Stage, broker: Broker) -> None:
    path = stage.render(broker, "raw.exr", *HOME)
    text = run("exrheader", path)
    for line in ("IterationsBias (type int): 1024", "Iterations (type int): 600",
                 "N, 32-bit unsigned integer, sampling 1 1", "DEX, 32-bit floating-point",
                 "compression (type compression): zip, multi-scanline blocks",
                 "dataWindow (type box2i): (0 0) - (92 70)", "brot-request (type string)"):
        assert line in text
    # Decoded by the library's other half, and put down without any packing.
    tiled = stage.folder / "tiled.exr"
    run("exrmaketiled", "-z", "none", "-o", path, tiled)
    got, want = read_exr(tiled), read_exr(path)
    tiled.unlink()
    for name in ("N", "NF", "T", "DEX", "DEY", "PERIOD", "INTERIOR"):
        assert numpy.array_equal(got[name].view("u4"), want[name].view("u4"))


def test_distances_point_away_from_the_set(stage: Stage, broker: Broker) -> None:
    """To the right of it x is positive, above it y, as the others' files have it."""
    for view, name, sign in (("0.6,0.001,0.01", "DEX", 1), ("-2.3,0.001,0.01", "DEX", -1),
                             ("0,1.3,0.01", "DEY", 1), ("0,-1.3,0.01", "DEY", -1)):
        planes = read_exr(stage.render(broker, "raw.exr", "--view", view, "--size", "8x8"))
        other = planes["DEX" if name == "DEY" else "DEY"]
        assert (planes[name] * sign > 0).all()
        assert (abs(planes[name]) > abs(other)).all()


def test_one_row_and_one_column(stage: Stage, broker: Broker) -> None:
    for size in ("1x1", "1x33", "33x1", "17x16"):
        place = ["--view", "-0.6,0,3", "--size", size]
        exr = stage.render(broker, "raw.exr", *place)
        raw = read_npy(stage.render(broker, "raw.npy", *place, "--format", "raw"))
        for name, plane in planes_of(raw).items():
            assert numpy.array_equal(read_exr(exr)[name], plane)
        rendered = stage.render(broker, "r.png", *place, "--mode", "relief")
        assert colour(stage, exr, "c.png", "--mode", "relief").read_bytes() == rendered.read_bytes()


# ---- files that are none ----

def test_files_of_other_programs(stage: Stage, broker: Broker) -> None:
    raw = read_npy(stage.render(broker, "raw.npy", *HOME, "--format", "raw"))
    planes = {name: plane for name, plane in planes_of(raw).items()
              if name in ("N", "NF", "T", "DEX", "DEY")}
    planes["R"] = planes["NF"]  # a picture lies beside them
    path = stage.folder / "kf.exr"
    path.write_bytes(make_exr(planes, BIAS))
    for mode in ("smooth", "angle", "distance", "histogram", "relief"):
        rendered = stage.render(broker, "r.ppm", *HOME, "--mode", mode)
        assert colour(stage, path, "c.ppm", "--mode", mode).read_bytes() == rendered.read_bytes()
    result = stage.client("colour", path, "--colour", "inside=period", "--out",
                          stage.folder / "d.png")
    assert result.status == 65 and "plane period" in result.err
    path.write_bytes(make_exr(planes, BIAS, is_zipped=True))
    assert colour(stage, path, "c.ppm", "--mode", mode).read_bytes() == rendered.read_bytes()
    # without a bias the counts are those of N
    other = dict(planes, N=numpy.where(planes["N"] == INSIDE, INSIDE, planes["N"] - BIAS).astype("u4"))
    path.write_bytes(make_exr(other, None))
    rendered = stage.render(broker, "r.ppm", *HOME)
    assert colour(stage, path, "c.ppm").read_bytes() == rendered.read_bytes()


@pytest.mark.parametrize("is_zipped", [False, True])
def test_counts_in_two_halves(stage: Stage, broker: Broker, is_zipped: bool) -> None:
    """Kalles Fraktaler's N0 and N1, the low and high 32 bits."""
    raw = read_npy(stage.render(broker, "raw.npy", *HOME, "--format", "raw"))
    planes = planes_of(raw)
    inside = raw["whole"] == INSIDE
    planes = {"N0": planes["N"], "N1": numpy.where(inside, INSIDE, 0).astype("u4"), "NF": planes["NF"]}
    rendered = stage.render(broker, "r.ppm", *HOME)
    path = stage.folder / "kf.exr"
    path.write_bytes(make_exr(planes, BIAS, is_zipped))
    assert colour(stage, path, "c.ppm").read_bytes() == rendered.read_bytes()
    # The last count there is lies beyond 32 bits with its bias.
    row, column = numpy.argwhere(~inside)[100]
    planes["N1"][row, column], planes["N0"][row, column] = 1, BIAS - 2
    path.write_bytes(make_exr(planes, BIAS, is_zipped))
    colour(stage, path, "c.ppm")
    planes["N0"][row, column] += 1
    path.write_bytes(make_exr(planes, BIAS, is_zipped))
    assert (f"the count at column {column} of row {row} must be at most 4294967294, got 4294967295"
            in refused(stage, path))
    # Of both, N is the count; of one, there is none.
    path.write_bytes(make_exr(dict(planes, N=planes_of(raw)["N"]), BIAS, is_zipped))
    assert colour(stage, path, "c.ppm").read_bytes() == rendered.read_bytes()
    path.write_bytes(make_exr({"N0": planes["N0"], "NF": planes["NF"]}, BIAS, is_zipped))
    assert "must have the channels N and NF" in refused(stage, path)
    path.write_bytes(make_exr(dict(planes, N1=planes["NF"]), BIAS, is_zipped))
    assert "channel N1 must be of whole numbers" in refused(stage, path)


def refused(stage: Stage, data: Path, *words: str) -> str:
    """Colours a file that is wrong over a picture that is there; the sentence."""
    out = stage.folder / "kept.png"
    out.write_bytes(b"as it was")
    result = stage.client("colour", data, "--out", out, *words)
    assert result.status in (64, 65, 66), result.err
    assert result.err.count("\n") == 1 and result.out == ""
    assert out.read_bytes() == b"as it was"
    assert [path.name for path in stage.folder.iterdir() if path.name.endswith(".tmp")] == []
    return result.err


def test_arrays_that_are_something_else(stage: Stage) -> None:
    counts = numpy.arange(12, dtype="<u4").reshape(3, 4)
    cases = {
        "big-endian": (counts.astype(">u4"), "'>u4'"),
        "signed": (counts.astype("<i4"), "'<i4'"),
        "float": (counts.astype("<f4"), "no mode"),
        "half": (counts.astype("<f2"), "'<f2'"),
        "Fortran": (numpy.asfortranarray(counts), "C order"),
        "flat": (counts.ravel(), "shape"),
        "deep": (counts.reshape(3, 2, 2), "shape"),
        "empty": (counts[:0], "size"),
        "no number": (numpy.full((3, 4), numpy.nan), "nan at column 0 of row 0"),
        "negative": (-counts.astype("<f8") - 1, "-1 at column 0 of row 0"),
        "huge counts": (counts * 1e300, "column 1 of row 0"),
        "text": (numpy.array([["a", "b"]]), "'<U1'"),
    }
    path = stage.folder / "a.npy"
    for name, (array, part) in cases.items():
        numpy.save(path, array)
        assert part in refused(stage, path), name
    # NumPy's own files are fine
    numpy.save(path, counts)
    colour(stage, path, "b.png", "--mode", "banded")
    numpy.save(path, numpy.where(counts % 3 == 0, numpy.inf, counts + 0.5))
    colour(stage, path, "b.png", "--mode", "relief")


def test_files_that_are_none(stage: Stage, broker: Broker) -> None:
    exr = stage.render(broker, "raw.exr", *VIEW)
    data = exr.read_bytes()
    path = stage.folder / "a.exr"
    for size in (0, 3, 100, 700, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:size])
        assert "is no whole OpenEXR file" in refused(stage, path)
    path.write_bytes(data.replace(b'"size":[93,71]', b'"size":[71,93]'))
    assert "for raw of 71x93 pixels" in refused(stage, path)
    path.write_bytes(data.replace(b'"brot":1', b'"brot":2'))
    assert "request that it carries" in refused(stage, path)
    window = struct.pack("<4i", 0, 0, 92, 70)
    path.write_bytes(data.replace(window, struct.pack("<4i", 0, 0, (1 << 20) - 1, 70)))
    refused(stage, path)
    path.write_bytes(data.replace(window, struct.pack("<4i", 0, 0, (1 << 20) - 1, (1 << 20) - 1)))
    assert "too short for the size" in refused(stage, path)
    path.write_bytes(data.replace(window, struct.pack("<4i", 0, 0, 1 << 20, 70)))
    refused(stage, path)
    path.write_bytes(data.replace(window, struct.pack("<4i", -(1 << 31), 0, (1 << 31) - 1, 70)))
    refused(stage, path)
    packing = b"compression\0" * 2 + struct.pack("<I", 1)
    path.write_bytes(data.replace(packing + b"\3", packing + b"\4"))
    assert "must be packed by ZIP" in refused(stage, path)
    path.write_bytes(data.replace(b"NF\0", b"NG\0"))
    assert "channels N and NF" in refused(stage, path)
    npy = stage.render(broker, "s.npy", *VIEW, "--format", "smooth")
    path = stage.folder / "a.npy"
    path.write_bytes(npy.read_bytes()[:-1])
    assert "bytes, as its header says" in refused(stage, path)
    path.write_bytes(data)
    assert "NumPy" in refused(stage, path)
    numpy.save(path, numpy.zeros((2, 2)))
    with path.open("r+b") as file:  # a header that claims a terabyte
        text = file.read(128).replace(b"(2, 2), }", b"(1048576, 1048576), }")[:128]
        file.seek(0)
        file.write(text)
    refused(stage, path)
    assert "cannot read" in refused(stage, stage.folder / "nowhere.npy")
    assert "suffix is .npy or .exr" in refused(stage, stage.folder / "kept.png")


def test_what_the_numbers_lack(stage: Stage, broker: Broker) -> None:
    exr = stage.render(broker, "raw.exr", *VIEW)
    smooth = stage.render(broker, "smooth.exr", *VIEW, "--format", "smooth")
    assert "--format iterations or raw" in refused(stage, smooth, "--mode", "banded")
    assert "no palette" in refused(stage, exr, "--palette", "hott")
    assert "--format" in refused(stage, exr, "--format", "smooth")
    counts = stage.render(broker, "i.npy", *VIEW)
    assert "--format smooth or raw" in refused(stage, counts)
    result = stage.client("colour", exr, "--out", stage.folder / "a.npy")
    assert result.status == 64 and ".png, .ppm or .dzi" in result.err


def test_colour_says_what_it_has_made(stage: Stage, broker: Broker) -> None:
    exr = stage.render(broker, "raw.exr", *VIEW)
    out = stage.folder / "a.png"
    result = stage.client("colour", exr, "--out", out, "--json")
    (event,) = result.events()
    assert event["event"] == "saved" and event["bytes"] == out.stat().st_size
    result = stage.client("colour", exr, "--out", out)
    assert result.status == 0 and result.err.startswith("93x71 coloured in ")
    assert stage.client("colour", exr, "--out", out, "--quiet").err == ""


# ---- swatches ----

def test_swatches(stage: Stage) -> None:
    listed = json.loads(stage.client("palettes", "--json").out)["palettes"]
    out = stage.folder / "all.png"
    assert stage.client("palettes", "--swatch", out).status == 0
    pixels = read_png(out)
    assert pixels.shape == (28 * len(listed) - 4, 1024, 3)
    assert (pixels[24:28] == 255).all()
    names = [palette["name"] for palette in listed]
    some = stage.folder / "some.png"
    assert stage.client("palettes", "--swatch", some, "viridis", "hot").status == 0
    strips = read_png(some)
    assert strips.shape == (2 * 28 - 4, 1024, 3)
    for i, name in enumerate(["viridis", "hot"]):
        at = 28 * names.index(name)
        assert numpy.array_equal(strips[28 * i:28 * i + 24], pixels[at:at + 24])
    # from the first colour to the last, as matplotlib publishes it
    for strip, first, last in ((strips[0], (68, 1, 84), (253, 231, 37)),
                               (strips[28], (11, 0, 0), (255, 255, 255))):
        assert abs(strip[0].astype(int) - first).max() <= 2
        assert abs(strip[-1].astype(int) - last).max() <= 2
    palette = stage.folder / "p.json"
    palette.write_text('["#ff0000", "#0000ff"]')
    assert stage.client("palettes", "--swatch", some, f"@{palette}").status == 0
    strip = read_png(some)[0].astype(int)
    assert abs(strip[0] - (255, 0, 0)).max() <= 1 and abs(strip[-1] - (0, 0, 255)).max() <= 1


def test_swatches_that_cannot_be(stage: Stage) -> None:
    for words, part in ((["--swatch", "a.npy"], "--swatch: the file's suffix must be .png, .ppm or .dzi"),
                        (["--swatch", "a.png", "hott"], "no palette is named"),
                        (["--swatch", "/nowhere/a.png"], "--swatch: cannot write"),
                        (["--swatch", "a.png", "--json"], "--swatch: cannot stand beside --json"),
                        (["hot"], "goes with --swatch alone")):
        result = stage.client("palettes", *words)
        assert result.status in (64, 65, 73) and part in result.err
        assert not (stage.folder / "a.png").exists()
