"""Buddhabrots as a client makes them: arrays of counts, pictures of them, more points, previews."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
from pathlib import Path

import numpy
import pytest

from harness import Broker, Stage, wait_until
from pictures import make_exr, png_texts, read_npy, read_png, read_ppm

KIND = ["--kind", "buddhabrot"]
SMALL = [*KIND, "--size", "97x113", "--points", "1e5", "--iterations", "400"]
NEBULA = [*SMALL, "--bands", "1:400,2:100,20:50"]
MASK = (1 << 64) - 1


@pytest.fixture(name="broker")
def make_broker(stage: Stage) -> Broker:
    broker = stage.broker()
    stage.worker(broker, processes=2)
    broker.wait_workers(2)
    return broker


def colour(stage: Stage, data: Path, out: str, *arguments: object) -> Path:
    path = stage.folder / out
    result = stage.client("colour", data, "--out", path, *arguments)
    assert result.status == 0, result.err
    return path


def refused(stage: Stage, *arguments: object) -> str:
    """The one sentence."""
    result = stage.client(*arguments)
    assert result.status != 0 and result.err.count("\n") == 1, result.err
    return result.err


# ---- the counts ----

def philox(counter: int, seed: int) -> list[int]:
    """Philox4x64-10, as its authors publish it."""
    x, keys = [counter, 0, 0, 0], [seed, 0]
    for _ in range(10):
        first, second = 0xD2E7470EE14C6C93 * x[0], 0xCA5A826395121157 * x[2]
        x = [(second >> 64) ^ x[1] ^ keys[0], second & MASK,
             (first >> 64) ^ x[3] ^ keys[1], first & MASK]
        keys = [(keys[0] + 0x9E3779B97F4A7C15) & MASK, (keys[1] + 0xBB67AE8584CAA73B) & MASK]
    return x


def escape(sample: int, seed: int, iterations: int) -> int:
    """The n of a sample; 0: none."""
    words = philox(sample, seed)
    c_re, c_im = (-2 + 4 * ((words[0] >> 11) * 2.0**-53)), 2 * ((words[1] >> 11) * 2.0**-53)
    re, im = c_re, c_im
    for n in range(1, iterations + 1):
        if not re * re + im * im <= 4:
            return n
        re, im = re * re - im * im + c_re, 2 * re * im + c_im
    return 0


def test_counts_are_those_of_another_program(stage: Stage, broker: Broker) -> None:
    """All hits lie in this view, so that their number does not depend on pixels."""
    bands = [(1, 150), (5, 40), (100, 120)]
    path = stage.render(broker, "a.npy", *KIND, "--view", "0.01,0.02,4.4", "--size", "40x40",
                        "--points", "3000", "--seed", "77", "--iterations", "150", "--bands",
                        ",".join(f"{least}:{most}" for least, most in bands))
    numbers = [escape(k, 77, 150) for k in range(3000)]
    counts = read_npy(path)
    assert counts.shape == (40, 40, 3) and counts.dtype == "<u8"
    for channel, (least, most) in enumerate(bands):
        wanted = sum(2 * (n - 1) for n in numbers if least <= n <= most)
        assert counts[:, :, channel].sum() == wanted > 0
    inside = stage.render(broker, "b.npy", *KIND, "--view", "0.01,0.02,4.4", "--size", "40x40",
                          "--points", "3000", "--seed", "77", "--iterations", "150", "--inside")
    assert read_npy(inside).sum() == 2 * 150 * numbers.count(0)


def test_the_whole_sits_upright(stage: Stage, broker: Broker) -> None:
    """The head is above: the mirror image of the left half is the right half, nearly, and the
    point -1.75 lies above the point 0.3."""
    for size in ("97x113", "160x90"):
        counts = read_npy(stage.render(broker, f"{size}.npy", *KIND, "--size", size, "--points",
                                       "3e5", "--min-iterations", 20))
        assert abs(counts - counts[:, ::-1].astype("i8")).sum() < 0.02 * counts.sum()
        rows = numpy.flatnonzero(counts.sum(axis=1))
        middle = (rows[0] + rows[-1]) / 2
        weight = (counts.sum(axis=1) * numpy.arange(counts.shape[0])).sum() / counts.sum()
        assert weight > middle
        # Little lies above -2, and below the cardioid.
        assert counts[:2].sum() + counts[-4:].sum() < 0.02 * counts.sum()


@pytest.mark.parametrize("kind", [[], ["--sampling", "grid"], ["--sampling", "zoom"],
                                  ["--inside"], ["--min-iterations", "20"]])
def test_u32_and_u64_are_the_same(stage: Stage, broker: Broker, kind: list[str]) -> None:
    points = ["--samples-per-pixel", "2"] if kind[1:] == ["grid"] else ["--points", "20000"]
    options = [*KIND, "--size", "50x40", *points, *kind]
    wide = read_npy(stage.render(broker, "a.npy", *options))
    narrow = read_npy(stage.render(broker, "b.npy", *options, "--format", "density32"))
    assert (wide.dtype, narrow.dtype, wide.shape) == ("<u8", "<u4", (40, 50))
    assert (wide == narrow).all() and wide.sum() > 0


# ---- colours ----

@pytest.mark.parametrize("tone", [[], ["--tone", "linear"], ["--tone", "log"], ["--gamma", "0.3"],
                                  ["--tone", "rank"], ["--white", "0.9"],
                                  ["--colour", "dither=true"]], ids=" ".join)
@pytest.mark.parametrize("options", [SMALL, NEBULA], ids=["density", "nebula"])
def test_coloured_counts_are_the_picture(stage: Stage, broker: Broker, options: list[str],
                                         tone: list[str]) -> None:
    numbers = stage.render(broker, "a.exr", *options)
    array = stage.render(broker, "a.npy", *options)
    for out, depth in (("b.png", "rgb8"), ("b.png", "rgb16"), ("b.ppm", "rgb8")):
        wanted = stage.render(broker, out, *options, *tone, "--format", depth).read_bytes()
        assert colour(stage, numbers, f"c{out}", *tone, "--format",
                      depth).read_bytes() == wanted
    pixels = read_ppm(colour(stage, array, "d.ppm", *tone))
    assert (pixels == read_ppm(stage.folder / "b.ppm")).all()


def test_arrays_of_u32(stage: Stage, broker: Broker) -> None:
    """One of two dimensions is iterations unless it is said to be counts."""
    for options, told in ((SMALL, KIND), (NEBULA, [])):
        wanted = read_ppm(stage.render(broker, "a.ppm", *options))
        form = "nebula32" if "--bands" in options else "density32"
        array = stage.render(broker, "a.npy", *options, "--format", form)
        assert (read_ppm(colour(stage, array, "b.ppm", *told)) == wanted).all()
        narrow = stage.render(broker, "a.exr", *options, "--format", form)
        assert (read_ppm(colour(stage, narrow, "c.ppm")) == wanted).all()
    whole = stage.render(broker, "b.npy", "--size", "9x9")
    assert "does not hold" not in refused(stage, "colour", whole, "--out", "x.png", "--kind", "no")
    floats = stage.render(broker, "c.npy", "--size", "9x9", "--format", "smooth")
    assert "does not hold" in refused(stage, "colour", floats, "--out", "x.png", *KIND)


def test_files_that_have_more_than_counts(stage: Stage) -> None:
    """Counts are all that is read, and of two widths the larger; a part of them is none."""
    counts = numpy.arange(12, dtype="u4").reshape(3, 4) * 7
    floats = counts.astype("f4")
    path = stage.folder / "a.exr"

    def pixels(**planes: numpy.ndarray) -> numpy.ndarray:
        path.write_bytes(make_exr(planes, None))
        return read_ppm(colour(stage, path, "a.ppm"))
    wanted = pixels(DENSITY=counts)
    assert wanted.max() == 255 and wanted.min() == 0
    zeros = numpy.zeros_like(counts)
    for more in ({"N": counts}, {"NF": floats}, {"N0": counts, "N1": counts}, {"T": floats},
                 {"RED": counts}, {"DENSITY0": zeros}, {"ITERATIONS": counts}):
        assert (pixels(DENSITY=counts, **more) == wanted).all()
    assert (pixels(DENSITY0=counts, DENSITY1=zeros, DENSITY=zeros) == wanted).all()
    coloured = pixels(RED=counts, GREEN=zeros, BLUE=counts)
    assert (coloured[:, :, 0] == wanted[:, :, 0]).all() and not coloured[:, :, 1].any()
    for planes in ({"RED": counts, "GREEN": counts}, {"DENSITY1": counts}, {"DENSITY0": counts},
                   {"DENSITY": floats}, {"RED0": counts, "RED1": counts}):
        path.write_bytes(make_exr(planes, None))
        assert "a.exr" in refused(stage, "colour", path, "--out", stage.folder / "x.png")


def test_tones_are_those_of_the_counts(stage: Stage, broker: Broker) -> None:
    """By another program, to the nearest of 65536."""
    counts = read_npy(stage.render(broker, "a.npy", *NEBULA)).astype("f8")
    for tone, curve in {"linear": lambda x: x, "sqrt": numpy.sqrt, "gamma": numpy.sqrt,
                        "log": lambda x: numpy.log1p(1000 * x) / numpy.log(1001)}.items():
        picture = stage.render(broker, "a.png", *NEBULA, "--tone", tone, "--format", "rgb16",
                               "--white", "0.97")
        pixels = read_png(picture).astype("f8")
        for c in range(3):
            ordered = numpy.sort(counts[:, :, c][counts[:, :, c] > 0])
            white = ordered[int(numpy.ceil(0.97 * ordered.size)) - 1]
            wanted = 65535 * curve(numpy.minimum(counts[:, :, c] / white, 1))
            assert abs(pixels[:, :, c] - wanted).max() <= 0.5001
    pixels = read_png(stage.render(broker, "b.png", *NEBULA, "--tone", "rank", "--format",
                                   "rgb16")).astype("f8")
    for c in range(3):
        ordered = numpy.sort(counts[:, :, c][counts[:, :, c] > 0])
        share = numpy.searchsorted(ordered, counts[:, :, c], side="right") / ordered.size
        share[counts[:, :, c] == 0] = 0
        assert abs(pixels[:, :, c] - 65535 * share).max() <= 0.5001
        assert pixels[:, :, c].max() == 65535


def test_a_picture_says_what_it_is(stage: Stage, broker: Broker) -> None:
    picture = stage.render(broker, "a.png", *NEBULA, "--tone", "log", "--seed", "5")
    (text,) = [text for text in png_texts(picture).values() if text.startswith("{")]
    request = json.loads(text)
    assert request["kind"] == "buddhabrot" and request["buddha"]["seed"] == 5
    assert request["view"]["rotate"] == 90
    again = stage.render(broker, "b.png", "--view", f"@{picture}")
    assert again.read_bytes() == picture.read_bytes()
    # Another view of the same, and the set itself from the same place.
    stage.render(broker, "c.png", "--view", f"@{picture}", "--points", "1000", "--tone", "rank")
    stage.render(broker, "d.png", "--view", f"@{picture}", "--kind", "escape")


def test_options_that_a_view_leaves_no_meaning(stage: Stage, broker: Broker) -> None:
    ways = ["render", "--broker", broker.url, "--out", stage.folder / "x.png", "--view"]
    nebula = f"@{stage.render(broker, 'a.png', *NEBULA)}"
    assert "--min-iterations: is of one band, and the view has three, of red, green and blue: " \
        "--bands sets them anew" in refused(stage, *ways, nebula, "--min-iterations", "5")
    inside = f"@{stage.render(broker, 'b.png', *SMALL, '--inside')}"
    assert "orbits do not escape" in refused(stage, *ways, inside, "--min-iterations", "5")
    assert stage.client(*ways, nebula, "--bands", "5:400").status == 0
    late = f"@{stage.render(broker, 'c.png', *SMALL, '--min-iterations', '20')}"
    assert "--inside: needs a band whose least is 1, and the view's is 20" in refused(
        stage, *ways, late, "--inside")
    assert stage.client(*ways, late, "--inside", "--bands", "1:400").status == 0


def test_a_view_says_that_it_is_a_buddhabrot(stage: Stage, broker: Broker) -> None:
    def told(out: str, *options: object) -> dict[str, str]:
        picture = stage.render(broker, out, *options)
        text = stage.client("view", f"@{picture}").out
        return {line[:15].strip(): line[15:] for line in text.splitlines() if line[0] != " "}
    nebula = told("a.png", *NEBULA, "--seed", "5")
    assert nebula["kind"] == "buddhabrot" and nebula["points"] == "100000"
    assert nebula["bands"] == "red 1 to 400, green 2 to 100, blue 20 to 50"
    assert nebula["sampling"] == "random, seed 5" and nebula["orbits"] == "escaping"
    inside = told("b.exr", *KIND, "--size", "9x9", "--points", "98", "--sampling", "grid",
                  "--inside", "--iterations", "30")
    assert inside["sampling"] == "grid" and inside["bands"] == "1 to 30"
    assert inside["orbits"] == "inside, those that do not escape"
    assert "kind" not in told("c.png", "--size", "9x9")
    request = json.loads(stage.client("view", f"@{stage.folder / 'a.png'}", "--json").out)
    assert request["kind"] == "buddhabrot" and request["request"]["buddha"]["seed"] == 5
    request["request"]["buddha"]["first"] = 7
    (stage.folder / "d.json").write_text(json.dumps(request["request"]))
    assert "100000, from number 7 on\n" in stage.client("view", f"@{stage.folder / 'd.json'}").out


@pytest.mark.parametrize("options", [SMALL, NEBULA, ["--view", "-0.7,0.1,0.2", "--size", "97x113"]],
                         ids=["density", "nebula", "escape"])
def test_every_file_of_ours_is_a_view(stage: Stage, broker: Broker, options: list[str]) -> None:
    wanted = stage.render(broker, "a.png", *options).read_bytes()
    for name in ("b.exr", "b.dzi"):
        view = stage.render(broker, name, *options)
        again = stage.render(broker, "c.png", "--view", f"@{view}", "--format", "rgb8")
        assert again.read_bytes() == wanted
        whole = view.read_bytes()
        for cut in (5, 100, len(whole) // 2, len(whole) - 9):
            view.write_bytes(whole[:cut])
            why = refused(stage, "view", f"@{view}")
            assert "--view: " in why and view.name in why
    shutil.rmtree(stage.folder / "b_files")
    foreign = stage.folder / "d.exr"
    foreign.write_bytes(make_exr({"DENSITY": numpy.ones((3, 3), dtype="u4")}, None))
    assert "carries no request" in refused(stage, "view", f"@{foreign}")
    foreign = stage.folder / "d.dzi"
    foreign.write_text('<?xml version="1.0"?>\n<Image x="1">\n</Image>\n')
    assert "carries no request" in refused(stage, "view", f"@{foreign}")
    foreign.write_text("<?xml?><?brot-request {}?><Image ></Image>" + " " * 99999)
    assert "is longer" in refused(stage, "view", f"@{foreign}")
    foreign.write_text("<?xml?><?brot-request {}?><Image ></Image>")
    assert f'in "{foreign}"' in refused(stage, "view", f"@{foreign}")


# ---- more points ----

@pytest.mark.parametrize("sampling", ["random", "zoom"])
def test_added_points_are_one_larger_job(stage: Stage, broker: Broker, sampling: str) -> None:
    options = [*KIND, "--size", "60x71", "--bands", "1:300,9:100,2:30", "--sampling", sampling,
               "--seed", "9"]
    for out, form in (("b.exr", "nebula"), ("b.exr", "nebula32"), ("b.png", "rgb16")):
        data = "nebula" if form == "rgb16" else form
        base = stage.render(broker, "a.exr", *options, "--points", "70001", "--format", data)
        wanted = stage.render(broker, out, *options, "--points", "100001", "--format", form)
        added = stage.render(broker, f"c{out}", "--base", base, "--add-points", "3e4", "--format",
                             form)
        assert added.read_bytes() == wanted.read_bytes()


def test_points_are_added_to_a_job(stage: Stage, broker: Broker) -> None:
    submitted = stage.client("submit", "--broker", broker.url, *SMALL)
    job = submitted.out.strip()
    assert stage.client("wait", "--broker", broker.url, job).status == 0
    added = stage.render(broker, "a.png", "--base", job, "--add-points", "50000", "--tone", "log")
    more = [word if word != "1e5" else "150000" for word in SMALL]
    assert added.read_bytes() == stage.render(broker, "b.png", *more, "--tone", "log").read_bytes()


def test_what_nothing_can_be_added_to(stage: Stage, broker: Broker) -> None:
    ways = ["--broker", broker.url, "--add-points", "100", "--out", stage.folder / "x.exr"]
    grid = stage.render(broker, "grid.exr", *KIND, "--size", "9x9", "--points", "98", "--sampling",
                        "grid")
    escaped = stage.render(broker, "escaped.exr", "--size", "9x9")
    array = stage.render(broker, "array.npy", *SMALL)
    files = "--base: must be an .exr file of a Buddhabrot's counts, or a job's number, got"
    for base, words in ((grid, "has all 98 points"), (escaped, "must hold the counts"),
                        (array, files), ("a.png", files), ("9x", files),
                        ("nowhere.exr", "nowhere"), ("99", "99")):
        assert words in refused(stage, "render", *ways, "--base", base)
    assert "--view" in refused(stage, "render", *ways, "--base", grid, "--view", "0,0,1")


def test_counts_over_32_bits(stage: Stage, broker: Broker) -> None:
    """In each kind of file, coloured, and added to; and in u32 they are refused."""
    options = [*KIND, "--inside", "--iterations", "1000000000", "--size", "5x4", "--view",
               "0.01,0.02,4"]
    some, more = [*options, "--points", "1000"], [*options, "--points", "1500"]
    counts = read_npy(stage.render(broker, "a.npy", *some))
    assert counts.max() > 10 * 2**32 and (counts[counts > 2**32] % 2**32).min() > 0
    base = stage.render(broker, "a.exr", *some)
    for tone in (["--tone", "rank"], ["--tone", "log", "--format", "rgb16"], ["--white", "0.5"]):
        picture = stage.render(broker, "a.png", *some, *tone)
        for data in ("a.npy", base.name):
            again = stage.folder / "again.png"
            said = stage.client("colour", stage.folder / data, *tone, "--out", again,
                                *([] if data == base.name else ["--kind", "buddhabrot"]))
            assert said.status == 0, said.err
            assert (read_png(again) == read_png(picture)).all()
    added = stage.render(broker, "b.exr", "--base", base, "--add-points", "500")
    wanted = stage.render(broker, "c.exr", *more)
    assert added.read_bytes() == wanted.read_bytes()
    why = refused(stage, "render", *some, "--format", "density32", "--broker", broker.url, "--out",
                  stage.folder / "d.npy")
    assert "u32 holds at most 4294967295" in why and "density" in why


# ---- what is told ----

def test_every_command_says_the_same_share(stage: Stage, broker: Broker) -> None:
    """Points that are held count, and the pixels of the image are no points."""
    def row() -> dict:
        (listed,) = broker.jobs()
        return listed
    ways = ["--broker", broker.url]
    job = stage.client("submit", *ways, *KIND, "--size", "2000x2000", "--points", "3e8",
                       "--iterations", "2000").out.strip()
    wait_until(lambda: row()["held"] > 9e6, "samples")
    workers = [worker["pid"] for worker in broker.worker_list()]
    for pid in workers:
        os.kill(pid, signal.SIGSTOP)

    def told() -> tuple[str, str, str, int] | None:
        before = row()
        fetched = stage.client("fetch", *ways, job, "--out", stage.folder / "x.png")
        listed = stage.client("jobs", *ways).out.splitlines()[1]
        top = stage.client("top", *ways, "--count", 1).out
        if before["pixels_done"] + before["held"] != row()["pixels_done"] + row()["held"]:
            return None
        share = (before["pixels_done"] + before["held"]) * 100 // 300000000
        return fetched.err, listed, top, share
    try:
        err, listed, top, share = wait_until(told, "a standstill")
    finally:
        for pid in workers:
            os.kill(pid, signal.SIGCONT)
    assert 3 <= share < 100
    assert f"{share} % done" in err and "--preview" in err
    assert f" {share} % " in listed
    assert f" {share} % " in top and "tiles," not in top.split("PROGRESS")[1]
    assert stage.client("cancel", *ways, job).status == 0


@pytest.mark.parametrize("out", ["a.png", "a.npy", "a.exr"])
@pytest.mark.parametrize("kind", [[], ["--bands", "999:1000,1:9,999:1000"]], ids=["1", "3"])
def test_counts_that_are_all_zero(stage: Stage, broker: Broker, out: str, kind: list[str]) -> None:
    """They are told of, once the file is there; those of one channel are not."""
    path = stage.folder / out
    ways = ["render", "--broker", broker.url, "--out", path, *KIND, "--size", "9x9", "--points"]
    none = [*ways, "1000", "--iterations", "1000", "--min-iterations", "1000"]
    if kind:
        none[-2:] = ["--bands", "999:1000,998:1000,999:1000"]
    sentence = "no orbit of 1000 points passes through the view"
    result = stage.client(*none)
    assert result.status == 0 and path.exists() and result.err.count(sentence) == 1
    assert stage.client(*none, "--quiet").err == ""
    result = stage.client(*none, "--json")
    assert result.err == "" and result.events()[-1]["hits"] is False
    result = stage.client(*ways, "1000", "--iterations", "1000", *kind, "--json")
    assert result.events()[-1]["event"] == "saved" and result.events()[-1]["hits"] is True
    assert "no orbit" not in stage.client(*ways, "1000", "--iterations", "1000", *kind).err


def test_all_zero_after_an_addition(stage: Stage, broker: Broker) -> None:
    options = [*KIND, "--size", "9x9", "--iterations", "1000", "--min-iterations", "1000"]
    base = stage.render(broker, "a.exr", *options, "--points", "600")
    result = stage.client("render", "--broker", broker.url, "--base", base, "--add-points", "400",
                          "--out", stage.folder / "b.exr")
    assert result.status == 0 and "no orbit of 1000 points" in result.err
    job = stage.client("submit", "--broker", broker.url, *options, "--points", "700").out.strip()
    result = stage.client("wait", "--broker", broker.url, job, "--out", stage.folder / "c.png")
    assert result.status == 0 and "no orbit of 700 points" in result.err


# ---- previews ----

def test_preview_of_a_paused_job(stage: Stage, broker: Broker) -> None:
    def row() -> dict:
        (listed,) = broker.jobs()
        return listed
    options = [*KIND, "--size", "97x113", "--points", "3e8", "--bands", "1:400,2:100,20:50"]
    job = stage.client("submit", "--broker", broker.url, *options).out.strip()
    ways = ["--broker", broker.url, job]
    first = stage.client("fetch", *ways, "--preview", "--out", stage.folder / "first.ppm")
    assert first.status == 0 and read_ppm(stage.folder / "first.ppm").shape == (113, 97, 3)
    wait_until(lambda: row()["held"] > 0, "samples")
    assert stage.client("pause", *ways).status == 0

    def is_still() -> bool:
        now = row()
        return (now["tiles_running"] == now["held"] == 0
                and 0 < now["preview"] == now["pixels_done"])
    wait_until(is_still, "a total")
    result = stage.client("fetch", *ways, "--preview", "--out", stage.folder / "a.npy")
    assert result.status == 0
    samples = int(re.search(r"^(\d+) of 300000000 points", result.err)[1])
    assert samples == row()["preview"]
    counts = read_npy(stage.folder / "a.npy")
    assert counts.dtype == "<u8" and counts.sum() > 0
    assert stage.client("fetch", *ways, "--preview", "--out", stage.folder / "a.png").status == 0
    assert "request" not in "".join(png_texts(stage.folder / "a.png"))
    pixels = read_ppm(colour(stage, stage.folder / "a.npy", "b.ppm"))
    assert (pixels == read_png(stage.folder / "a.png")).all()
    assert "of which points" in refused(stage, "fetch", *ways, "--preview", "--out", "x.exr")
    assert stage.client("cancel", *ways).status == 0


def test_preview_is_of_a_buddhabrot(stage: Stage, broker: Broker) -> None:
    job = stage.client("submit", "--broker", broker.url, "--size", "9x9").out.strip()
    assert "Buddhabrot" in refused(stage, "fetch", "--broker", broker.url, job, "--preview",
                                   "--out", stage.folder / "x.png")


# ---- what is refused ----

@pytest.mark.parametrize("words,said", [
    ("--kind buddhabrot", "--points: must be given"),
    ("--kind buddhabrot --points 0", "--points: must be at least 1, got 0"),
    ("--kind buddhabrot --points 1.5", "whole number"),
    ("--kind buddhabrot --points 9 --samples-per-pixel 1", "cannot stand beside"),
    ("--kind buddhabrot --samples-per-pixel 0", "over 0"),
    ("--kind buddhabrot --points 9 --iterations 50 --min-iterations 51",
     "--min-iterations: must be at most the iterations, 50, got 51"),
    ("--kind buddhabrot --points 9 --iterations 50 --min-iterations 5.1e1", "50, got 51"),
    ("--kind buddhabrot --points 9 --min-iterations 1e8",
     "must be at most the iterations, 500 without --iterations, got 100000000"),
    ("--kind buddhabrot --points 9 --min-iterations 5 --inside", "cannot stand beside --inside"),
    ("--kind buddhabrot --points 4611686018427387904", "--points: must be below 2^62, got"),
    ("--kind buddhabrot --points 9 --bands 7:3", "--bands: must be MIN:MAX, iterations from 1 to"),
    ("--kind buddhabrot --points 9 --bands 1:2,1:3", "--bands: must be MIN:MAX, iterations from 1"),
    ("--kind buddhabrot --points 9 --bands 1:5 --iterations 4",
     "--bands: must be within --iterations, 4, got"),
    ("--kind buddhabrot --points 9 --view 9,9,1", "no orbit reaches it"),
    ("--kind buddhabrot --points 9 --view 0,3,100 --size 1000x10", "no orbit reaches it"),
    ("--kind buddhabrot --points 99 --sampling grid", "98 would do"),
    ("--kind buddhabrot --points 9 --samples 2", "samples: must be 1"),
    ("--kind buddhabrot --points 9 --mode histogram", "colour.mode: must be smooth"),
    ("--kind buddhabrot --points 9 --formula tricorn", "formula: must be mandelbrot"),
    ("--kind buddhabrot --points 9 --bands 1:9,1:9,1:9 --palette hot", "--palette: has no meaning"),
    ("--kind buddhabrot --points 9 --tone cubic", "--tone: must be linear, sqrt"),
    ("--kind buddhabrot --points 9 --tone log --gamma 2", "--gamma: goes with --tone gamma"),
    ("--kind buddhabrot --points 9 --colour interior=#ff0000",
     "--colour: interior has no meaning for a Buddhabrot"),
    ("--kind buddhabrot --points 9 --colour dither=true,azimuth=9", "azimuth has no meaning"),
    ("--kind buddhabrot --points 9 --bands 1:9,1:9,1:9 --colour density=2",
     "--colour: density has no meaning with three bands"),
    ("--kind buddhabrot --points 9 --white 2", "tone.white: must be a number 0..1"),
    ("--points 9", "--points: goes with a Buddhabrot alone"),
    ("--inside", "--inside: goes with a Buddhabrot alone"),
])
def test_bad_input(stage: Stage, words: str, said: str) -> None:
    assert said in refused(stage, "render", *words.split(), "--out", stage.folder / "x.png")


def test_grids_over_the_budget(stage: Stage) -> None:
    broker = stage.broker("--memory", "8M")
    assert "grids of its counts need" in refused(stage, "render", "--broker", broker.url, *KIND,
                                                 "--points", "9", "--size", "1000x1000", "--out",
                                                 stage.folder / "x.png")
