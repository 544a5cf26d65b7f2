"""Several hosts, each with its own network, mounts and shared memory, and cables that are cut."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import pictures
from durable import IS_LONG, Durable, sha
from harness import (CUSP_COLUMNS, CUSP_COUNTS, Broker, Process, Stage, heavy, wait_until)
from hosts import Host, Net

CLIENTS_PORT, WORKERS_PORT = 5570, 5571
PROXY_PORT = 5600
# Silence after which a peer is taken for dead, as PROTOCOL.md has it.
LOST_S = 10.0
LONG_S = "120"


class Site:
    """A broker's host, two of workers and one of clients. The broker has an ipc door besides, by
    which the test asks it."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.net = Net(["one", "two", "desk"])
        clients = [f"ipc://{stage.folder}/c", f"tcp://0.0.0.0:{CLIENTS_PORT}"]
        workers = [f"ipc://{stage.folder}/w", f"tcp://0.0.0.0:{WORKERS_PORT}"]
        self.durable = Durable(stage, "--insecure", "--tile-rows", 4)
        self.durable.start(clients=clients, workers=workers, prefix=self.net.middle.prefix)

    @property
    def broker(self) -> Broker:
        return self.durable.broker

    def host(self, name: str) -> Host:
        return self.net.hosts[name]

    def worker(self, name: str, url: str = "", processes: int = 1) -> Process:
        return self.stage.start("brot-worker", "--insecure", "--processes", processes, "--broker",
                                url or self.net.url(name, WORKERS_PORT),
                                prefix=self.host(name).prefix)

    def client(self, *arguments: object, url: str = "") -> Process:
        return self.stage.start("brot-client", *arguments, "--insecure", "--broker",
                                url or self.net.url("desk", CLIENTS_PORT),
                                prefix=self.host("desk").prefix)

    def render(self, rows: int, *more: object, url: str = "") -> Process:
        return self.client("render", *heavy(rows), "--quiet", "--out",
                           self.stage.folder / "a.npy", "--timeout", LONG_S, *more, url=url)

    def check(self, rows: int) -> None:
        counts = pictures.read_npy(self.stage.folder / "a.npy")
        assert counts.shape == (rows, CUSP_COLUMNS)
        assert counts.min() in CUSP_COUNTS and counts.max() in CUSP_COUNTS

    def finish(self) -> None:
        """Nothing is left on any host."""
        wait_until(lambda: not self.broker.jobs(), "the end of all jobs")
        hosts = [self.net.middle, *self.net.hosts.values()]
        wait_until(lambda: not any(host.images() for host in hosts), "the end of all images")
        for process in reversed(self.stage.processes):
            if process.is_running():
                assert process.stop().status == 0, process.err()


@pytest.fixture(name="site")
def make_site(stage: Stage) -> Iterator[Site]:
    made = Site(stage)
    try:
        yield made
        made.finish()
    finally:
        for process in reversed(stage.processes):
            if process.is_running():
                process.kill()
        made.net.close()


def test_the_same_bytes_as_on_one_host(stage: Stage, site: Site) -> None:
    """All pixels travel: nobody sees the broker's shared memory. Of every format."""
    for name in ("one", "two"):
        site.worker(name)
    site.broker.wait_workers(2)
    scene = ["--view", "seahorse", "--size", "400x301", "--iterations", "2000"]
    for number, more in enumerate([[], ["--format", "iterations"], ["--format", "smooth"],
                                   ["--samples", "2"]]):
        ending = "npy" if "--format" in more else "png"
        out = stage.folder / f"{number}.{ending}"
        result = site.client("render", *scene, *more, "--quiet", "--out", out).wait()
        assert result.status == 0, result.err
        alone = stage.render(None, f"alone-{number}.{ending}", *scene, *more, "--workers", "2")
        assert sha(out) == sha(alone)
    workers = site.broker.worker_list()
    assert not any(entry["is_local"] for entry in workers)
    assert all(entry["tiles_done"] for entry in workers)


def test_a_cable_cut_and_mended_in_mid_job(site: Site) -> None:
    """The tiles beyond it go to the other host, and when it is mended that worker is back."""
    for name in ("one", "two"):
        site.worker(name)
    pids = {entry["pid"] for entry in site.broker.wait_workers(2)}
    render = site.render(2048)
    site.broker.wait_tiles(4)
    site.net.cut("one")
    site.broker.wait_tiles(8)
    (left,) = site.broker.wait_workers(1)
    site.net.heal("one")
    wait_until(lambda: {entry["pid"] for entry in site.broker.worker_list()} == pids,
               "the worker beyond the cable", 60)
    assert left["pid"] in pids
    assert render.wait(120).status == 0
    site.check(2048)


def test_a_host_that_vanishes_and_returns(site: Site) -> None:
    site.worker("two")
    victim = site.worker("one", processes=2)
    site.broker.wait_workers(3)
    render = site.render(2048)
    site.broker.wait_tiles(4)
    site.net.cut("one")
    # With its power gone nobody says BYE.
    for pid in site.stage.children(victim.pid) | {victim.pid}:
        subprocess.run(["kill", "-9", str(pid)], check=False)
    victim.kill()
    site.broker.wait_workers(1)
    site.net.heal("one")
    site.worker("one", processes=2)
    site.broker.wait_workers(3)
    assert render.wait(120).status == 0
    site.check(2048)


def test_a_client_cut_off_for_a_moment(site: Site) -> None:
    """Shorter than it takes to be given up: the job goes on, and its picture comes."""
    render = site.render(512)
    (job,) = wait_until(site.broker.jobs, "the job")
    site.net.cut("desk")
    site.worker("one")
    site.broker.wait_tiles(2)
    site.net.heal("desk")
    assert render.wait(120).status == 0
    site.check(512)
    assert [entry["job"] for entry in site.broker.history()] == [job["job"]]


def test_a_client_cut_off_for_too_long(site: Site) -> None:
    """A kept job is there when the cable is, and one that is not kept is over."""
    submit = site.client("submit", *heavy(256), "--format", "iterations").wait()
    assert submit.status == 0, submit.err
    kept = int(submit.out.split()[0])
    waiter = site.client("wait", kept, "--release", "--quiet", "--out",
                         site.stage.folder / "a.npy", "--timeout", LONG_S)
    other = site.client("render", *heavy(16384), "--quiet", "--out",
                        site.stage.folder / "b.npy", "--timeout", "2")
    wait_until(lambda: len(site.broker.jobs()) == 2, "two jobs")
    site.net.cut("desk")
    site.worker("one")
    wait_until(lambda: [job["job"] for job in site.broker.jobs()] == [kept],
               "the end of the job that is not kept")
    wait_until(lambda: site.broker.jobs()[0]["state"] == "finished", "the kept one", 120)
    site.net.heal("desk")
    assert waiter.wait(120).status == 0
    site.check(256)
    assert other.wait(120).status != 0
    states = {entry["job"]: entry["state"] for entry in site.broker.history()}
    assert states.pop(kept) == "released" and set(states.values()) <= {"abandoned", "cancelled"}


class Cable:
    """proxy.py on some host, toward the broker's door."""

    def __init__(self, site: Site, name: str, port: int) -> None:
        address = site.net.url(name, port).removeprefix("tcp://").split(":")
        script = Path(__file__).with_name("proxy.py")
        self.process = subprocess.Popen(
            [*site.host(name).prefix, sys.executable, str(script), str(PROXY_PORT), *address],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.line().startswith("ready")
        self.url = f"tcp://127.0.0.1:{PROXY_PORT}"

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def say(self, order: str) -> str:
        assert self.process.stdin is not None
        self.process.stdin.write(order + "\n")
        self.process.stdin.flush()
        return self.line()

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.mark.parametrize("order", ["delay 60", "slow 2000000", "drop", "half", "refuse"])
def test_a_bad_cable_to_a_worker(site: Site, order: str) -> None:
    if not IS_LONG and order == "slow 2000000":
        pytest.skip("much as a delay; BROT_FAULTS=long runs it")
    cable = Cable(site, "one", WORKERS_PORT)
    try:
        site.worker("one", cable.url)
        site.broker.wait_workers(1)
        render = site.render(512)
        site.broker.wait_tiles(2)
        cable.say(order)
        if order == "refuse":
            cable.say("drop")
        if order in ("half", "refuse"):
            # It alone cannot be waited for: with another one the job goes on.
            site.worker("two")
            wait_until(lambda: any(not entry["tiles_held"] or entry["silent_ms"] < 3000
                                   for entry in site.broker.worker_list()), "a worker")
            cable.say("drop")
            cable.say("accept")
        assert render.wait(180).status == 0
        site.check(512)
        if order in ("drop", "half", "refuse"):
            assert int(cable.say("count").split()[1]) > 1
    finally:
        cable.close()


@pytest.mark.parametrize("order", ["delay 60", "drop", "half"])
def test_a_bad_cable_to_a_client(site: Site, order: str) -> None:
    """Also while the pixels are on their way."""
    site.worker("one")
    cable = Cable(site, "desk", CLIENTS_PORT)
    try:
        render = site.render(1024, url=cable.url)
        site.broker.wait_tiles(2)
        cable.say(order)
        if order == "half":
            cable.say("drop")
        wait_until(lambda: any(job["state"] == "finished" for job in site.broker.jobs())
                   or not render.is_running(), "all tiles", 120)
        cable.say("drop")
        assert render.wait(180).status == 0
        site.check(1024)
        wait_until(lambda: not site.broker.jobs(), "what it said last")
    finally:
        cable.close()


def test_a_broker_that_dies_behind_the_network(site: Site) -> None:
    """kill -9; workers and client reconnect over tcp, and all that was done is there."""
    for name in ("one", "two"):
        site.worker(name)
    site.broker.wait_workers(2)
    render = site.render(1024)
    site.broker.wait_tiles(20)
    site.durable.restart(prefix=site.net.middle.prefix)
    assert render.wait(120).status == 0
    site.check(1024)
    assert 0 < site.broker.status()["tiles_done"] <= 1024 // 4 - 20
