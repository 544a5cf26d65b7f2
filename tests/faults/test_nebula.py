"""A large Nebulabrot out of a storm has the bytes of a quiet run.

In its long form 4096 x 4096 of three workers, which takes some minutes; BROT_STORM_SEED repeats it.
`deploy/storm --nebula` runs it.
"""

from __future__ import annotations

import os
import random
import time

from durable import IS_LONG, images, sha
from harness import SHM, Stage
from phoenix import STEPS_BROKER, needs_steps
from weather import Climate, Weather

SEED = int(os.environ.get("BROT_STORM_SEED") or random.SystemRandom().randrange(10**6))
SIDE_PX, POINTS = (4096, 400_000_000) if IS_LONG else (500, 30_000_000)
# Room for the picture and half a dozen grids.
MEMORY = "4G" if IS_LONG else "64M"
WORKERS = 3
# A worker or a broker dies every few seconds, so that grids must be committed sooner than the usual
# half a minute.
BROKER_LIFE_S, WORKER_LIFE_S = (5.0, 6.0) if IS_LONG else (2.0, 4.0)
GRID_MS = 1500 if IS_LONG else 500
DEATHS = 12 if IS_LONG else 1
PATIENCE_S = 600  # a claim that there is an end, not about speed

# Off the axis: neither half of it is the other's mirror image.
NEBULA = ["--kind", "buddhabrot", "--view", "-0.4,0.01,3.2", "--size", f"{SIDE_PX}x{SIDE_PX}",
          "--points", str(POINTS), "--iterations", "2000", "--bands", "1:20,10:200,100:2000",
          "--format", "nebula", "--quiet"]


def quiet_run(stage: Stage) -> tuple[str, float]:
    broker = stage.broker("--memory", MEMORY)
    worker = stage.worker(broker, processes=WORKERS)
    broker.wait_workers(WORKERS)
    began_s = time.monotonic()
    out = stage.folder / "quiet.npy"
    result = stage.start("brot-client", "render", *NEBULA, "--out", out, "--broker",
                         broker.url).wait(PATIENCE_S)
    assert result.status == 0, result.err
    digest = sha(out)
    took_s = time.monotonic() - began_s
    assert worker.stop().status == 0 and broker.process.stop().status == 0
    out.unlink()
    return digest, took_s


@needs_steps
def test_a_nebulabrot_from_a_storm(stage: Stage, capsys: object) -> None:
    with capsys.disabled():  # type: ignore[attr-defined]
        print(f"\nNebulabrot of {SIDE_PX} x {SIDE_PX}, {POINTS} points, seed {SEED}", flush=True)
        expected, quiet_s = quiet_run(stage)
        print(f"quiet: {quiet_s:.1f} s, sha256 {expected}", flush=True)
        climate = Climate(WORKERS, 1, BROKER_LIFE_S, WORKER_LIFE_S, "info", [STEPS_BROKER],
                          {"BROT_GRID_MS": str(GRID_MS)})
        weather = Weather(stage, SEED, climate, "--memory", MEMORY)
        out = stage.folder / "storm.npy"
        client = stage.start("brot-client", "render", *NEBULA, "--out", out, "--broker",
                             weather.durable.url, "--timeout", PATIENCE_S)
        try:
            weather.rage(lambda: not client.is_running())
        finally:
            weather.heal(everything=True)
        storm_s = weather.age_s()
        result = client.wait()
        assert result.status == 0, result.err
        digest = sha(out)
        weather.settle()
        counts = weather.figures.counts
        deaths = counts["broker deaths"] + counts["workers killed"]
        print(f"storm: {storm_s:.1f} s, sha256 {digest}; {deaths} deaths: "
              f"{weather.figures.line()}", flush=True)
    assert digest == expected
    assert deaths >= DEATHS and counts["grids committed"] > 2 * WORKERS
    assert not images() and SHM.is_dir()
