"""Settings files: what they give, what is said of bad ones, and what SIGHUP takes from them."""

from __future__ import annotations

import json
import os
import re
import signal
from pathlib import Path

import pytest

import wire
from harness import Process, Stage, light_request, wait_until


def settings(stage: Stage, name: str, **keys: object) -> Path:
    """A settings file; replaced as a whole, as an editor does it."""
    path = stage.folder / name
    new = stage.folder / f"{name}.new"
    new.write_text(json.dumps(keys, indent=1) + "\n")
    new.rename(path)
    stage.named.add(path)
    return path


def doors(stage: Stage) -> dict[str, list[str]]:
    return {"clients": [f"ipc://{stage.folder}/c"], "workers": [f"ipc://{stage.folder}/w"]}


def hang_up(process: Process, times: int = 1) -> None:
    """SIGHUP, until the settings have been read so many times since the start."""
    process.popen.send_signal(signal.SIGHUP)
    wait_until(lambda: process.err().count("settings ") >= times, "the settings read again")


def last_lines(process: Process, beginning: str) -> list[str]:
    """What was said since the settings were read for the last time, without the times."""
    text = re.sub(r"(?m)^[-0-9:T]+Z ", "", process.err())
    return text[text.rindex(beginning):].splitlines()


def test_broker_and_worker_from_files_alone(stage: Stage) -> None:
    broker = settings(stage, "broker.json", **doors(stage), state_dir=str(stage.folder / "state"),
                      tile_rows=8, log_level="notice")
    worker = settings(stage, "worker.json", broker=f"ipc://{stage.folder}/w", processes=2)
    reading, writing = os.pipe()
    started = stage.start("brot-broker", "--config", broker, "--ready-fd", writing,
                          pass_fds=(writing,))
    os.close(writing)
    with os.fdopen(reading) as pipe:
        assert json.loads(pipe.readline()) == doors(stage)
    stage.start("brot-worker", environment={"BROT_CONFIG": str(worker)})
    url = f"ipc://{stage.folder}/c"
    with wire.Client(url) as client:
        wait_until(lambda: len(client.report("WORKERS")["workers"]) == 2, "two workers")
        job = client.submit(light_request()).body["job"]
        assert client.wait(job).body["tiles"] == 48 / 8
        client.release(job)
    assert (stage.folder / "state" / "brot.db").exists()
    assert "job accepted" not in started.err(), "notice was asked for, and info was told"


def test_later_sources_win(stage: Stage) -> None:
    path = settings(stage, "broker.json", **{**doors(stage), "clients": ["ipc:///nowhere/at/all"]},
                    log_level="debug")
    broker = stage.broker("--config", path, environment={"BROT_LOG_LEVEL": "error"})
    assert broker.clients == [f"ipc://{stage.folder}/c1"]
    assert broker.process.err() == ""


@pytest.mark.parametrize("program", ["brot-broker", "brot-worker"])
@pytest.mark.parametrize(("text", "sentence"), [
    ('{\n  "log_level": "info",\n}', "3:1: not JSON: string or '}' expected near '}'"),
    ('{"insecure": true,\n "wallpaper": 1}', "2:2: wallpaper: unknown key"),
    ('{"insecure": true,\n "insecure": false}', "2:2: insecure: doubled, line 1 has it too"),
    ('{"insecure":\n   "yes"}', '2:4: insecure: must be true or false, got "yes"'),
    ('{"log_level": "loud"}',
     '1:15: log_level: must be error, warning, notice, info or debug, got "loud"'),
    ("[]", "1:1: must be an object {...}, got []"),
])
def test_a_bad_file_is_refused_with_its_place(stage: Stage, program: str, text: str,
                                              sentence: str) -> None:
    path = stage.folder / "bad.json"
    path.write_text(text)
    result = stage.start(program, "--config", path).wait()
    assert result.status == 78
    assert result.err == f"{program}: {path}:{sentence}\n"
    assert stage.start(program, "--config", path, "--help").wait().status == 0
    assert stage.start(program, "--config", path, "--version").wait().status == 0


@pytest.mark.parametrize(("program", "keys", "sentence"), [
    ("brot-broker", {"clients": ["ipc://c", "tcp:/a:1"], "workers": ["ipc://w"]},
     '4:3: clients: must be ipc://PATH or tcp://HOST:PORT, got "tcp:/a:1"'),
    ("brot-broker", {"clients": ["ipc://c"], "workers": ["tcp://a:99999"]},
     '6:3: workers: must be ipc://PATH or tcp://HOST:PORT, got "tcp://a:99999"'),
    ("brot-broker", {"clients": ["ipc://c"], "workers": ["ipc://w", "ipc://c"]},
     '7:3: workers: must not name an ipc endpoint again, got "ipc://c"'),
    ("brot-broker", {"clients": ["tcp://*:1"], "workers": ["ipc://w"]},
     "3:3: clients: tcp://*:1 is tcp beyond this host, which needs --key and --keys, or --insecure, "
     "with which anybody who reaches it may use it"),
    ("brot-broker", {"clients": ["ipc://c"], "workers": ["ipc://w"], "metrics": "0.0.0.0:1"},
     "8:13: metrics: must be HOST:PORT of a loopback address, such as 127.0.0.1:9570, got "
     '"0.0.0.0:1"'),
    ("brot-broker", {"clients": ["ipc://c"], "workers": ["ipc://w"], "clients_group": "no-such"},
     '8:19: clients_group: must be one that this system has, got "no-such"'),
    ("brot-broker", {"clients": ["ipc://c"], "workers": ["ipc://w"], "keys": "keys"},
     "8:10: keys: needs --key, the broker's own secret certificate"),
    ("brot-worker", {"broker": "udp://a:1"},
     '2:12: broker: must be ipc://PATH or tcp://HOST:PORT, got "udp://a:1"'),
    ("brot-worker", {"broker": "tcp://a:1"},
     "2:12: broker: tcp://a:1 is tcp beyond this host, which needs --key and --server-key, or "
     "--insecure, since nobody knows who answers there"),
    ("brot-worker", {"broker": "ipc://w", "kernel": "mmx"},
     '3:12: kernel: must be one of scalar, avx2, avx512, got "mmx"'),
    ("brot-worker", {"broker": "tcp://a:1", "key": "w.cert_secret"},
     "3:9: key: needs --server-key, the broker's public certificate"),
])
def test_a_value_that_no_table_knows_is_refused_with_its_place(
        stage: Stage, program: str, keys: dict[str, object], sentence: str) -> None:
    path = settings(stage, "bad.json", **keys)
    result = stage.start(program, "--config", path).wait()
    said = re.sub(r"one of [\w, ]+, got", "one of scalar, avx2, avx512, got", result.err)
    assert (result.status, said) == (78, f"{program}: {path}:{sentence}\n")


def test_of_elsewhere_it_is_a_wrong_command_line(stage: Stage) -> None:
    file = settings(stage, "good.json", **doors(stage))
    result = stage.start("brot-broker", "--config", file, "--metrics", "nonsense").wait()
    assert result.status == 64
    assert result.err.startswith("brot-broker: --metrics: must be HOST:PORT of a loopback address")
    result = stage.start("brot-worker", "--broker", "ipc://w",
                         environment={"BROT_KERNEL": "mmx"}).wait()
    assert result.status == 64
    assert result.err.startswith("brot-worker: BROT_KERNEL: must be one of ")


def test_a_variable_gives_several_urls(stage: Stage) -> None:
    urls = [f"ipc://{stage.folder}/{name}" for name in ("c1", "c2", "c3", "w1", "w2")]
    reading, writing = os.pipe()
    broker = stage.start("brot-broker", "--ready-fd", writing, pass_fds=(writing,),
                         environment={"BROT_CLIENTS": f"{urls[0]} {urls[1]}, {urls[2]}",
                                      "BROT_WORKERS": ",".join(urls[3:])})
    os.close(writing)
    with os.fdopen(reading) as pipe:
        assert json.loads(pipe.readline()) == {"clients": urls[:3], "workers": urls[3:]}
    for url in urls[:3]:
        with wire.Client(url) as client:
            assert client.report("STATUS")
    assert broker.stop().status == 0
    result = stage.start("brot-broker", environment={"BROT_CLIENTS": f"{urls[0]} tcp:/a",
                                                     "BROT_WORKERS": urls[3]}).wait()
    assert result.status == 64
    assert result.err == ("brot-broker: BROT_CLIENTS: must be ipc://PATH or tcp://HOST:PORT, got "
                          '"tcp:/a"\n')


def test_a_flag_of_the_file_is_unset_elsewhere(stage: Stage) -> None:
    path = settings(stage, "broker.json", clients=["tcp://0.0.0.0:1"],
                    workers=[f"ipc://{stage.folder}/w"], insecure=True)
    for words, environment in ((["--insecure=false"], {}), ([], {"BROT_INSECURE": "false"}),
                               (["--insecure=0"], {"BROT_INSECURE": "1"})):
        result = stage.start("brot-broker", "--config", path, *words,
                             environment=environment).wait()
        assert result.status == 78
        assert "clients: tcp://0.0.0.0:1 is tcp beyond this host" in result.err


def test_a_file_that_is_named_must_exist(stage: Stage) -> None:
    for program in ("brot-broker", "brot-worker"):
        result = stage.start(program, environment={"BROT_CONFIG": "lacks.json"}).wait()
        assert result.status == 78
        assert result.err == f"{program}: lacks.json: cannot be read: No such file or directory\n"


def test_a_call_of_its_own_heeds_no_service(stage: Stage) -> None:
    """The broker and the worker of a render without a broker are not the service."""
    path = stage.folder / "bad.json"
    path.write_text("nonsense")
    stage.named.add(path)
    stage.environment.update(BROT_CONFIG=str(path), BROT_STATE_DIR="/nowhere/at/all",
                             BROT_CHECKPOINT_DIR="/nowhere/at/all", BROT_THREADS="3",
                             BROT_METRICS="nonsense")
    stage.render(None, "a.png", "--view", "seahorse", "--size", "64x48")


def test_sighup_changes_a_broker(stage: Stage) -> None:
    path = settings(stage, "broker.json", memory="1M", log_level="notice", tile_rows=8)
    broker = stage.broker("--config", path)
    process = broker.process
    with wire.Client(broker.url) as client:
        assert client.report("STATUS")["status"]["image_budget_bytes"] == 1 << 20
        large = light_request(size=[1024, 1024])

        settings(stage, "broker.json", memory="16M", log_level="info", tile_rows=9, retention=5,
                 history_days=3, metrics="127.0.0.1:0")
        hang_up(process)
        wait_until(lambda: "wait for a restart" in process.err(), "the warning")
        assert last_lines(process, "settings read again") == [
            "settings read again changed=memory,retention,history_days,log_level",
            "brot-broker: settings that wait for a restart names=metrics,tile_rows"]
        assert client.report("STATUS")["status"]["image_budget_bytes"] == 16 << 20
        job = client.submit(large).body["job"]
        wait_until(lambda: "job accepted" in process.err(), "a line of the new level")

        # A bad file changes nothing, and ends nothing.
        path.write_text("{\n}}")
        hang_up(process, 3)
        assert last_lines(process, "settings stay") == [
            f"settings stay as they are: {path}:2:2: not JSON: end of file expected near '}}'"]
        assert client.report("STATUS")["status"]["image_budget_bytes"] == 16 << 20
        settings(stage, "broker.json", memory="1M", metrics="nonsense")
        hang_up(process, 4)
        (said,) = last_lines(process, "settings stay")
        assert said.startswith(f"settings stay as they are: {path}:3:13: metrics: must be HOST:PORT")
        assert client.report("STATUS")["status"]["image_budget_bytes"] == 16 << 20

        # What there is stays, though the budget falls below it.
        settings(stage, "broker.json", memory="1M", log_level="info", tile_rows=8, retention=5,
                 history_days=3)
        hang_up(process, 5)
        assert last_lines(process, "settings read") == ["settings read again changed=memory"]
        assert client.progress(job).name == "PROGRESS"
        client.send("CANCEL_JOB", body={"job": job})
        assert client.wait(job).body["error"] == "cancelled"

        # As at the start, more than there is becomes what there is.
        settings(stage, "broker.json", memory="1048576T", log_level="info", tile_rows=8,
                 retention=5, history_days=3)
        hang_up(process, 6)
        shm = os.statvfs("/dev/shm")
        there_is = shm.f_blocks * shm.f_frsize
        assert client.report("STATUS")["status"]["image_budget_bytes"] == (there_is or 1 << 60)
        if there_is > 0:
            assert f"/dev/shm has asked={1 << 60} used={there_is}\n" in process.err()


def test_sighup_reaches_every_process_of_a_worker(stage: Stage) -> None:
    broker = stage.broker("--tile-rows", 1)
    path = settings(stage, "worker.json", broker=broker.workers[0], processes=2,
                    log_level="notice")
    worker = stage.start("brot-worker", "--config", path)
    before = {entry["pid"] for entry in broker.wait_workers(2)}
    settings(stage, "worker.json", broker=broker.workers[0], processes=3, log_level="debug")
    hang_up(worker)
    wait_until(lambda: "wait for a restart" in worker.err(), "the warning")
    told = worker.err()
    assert "settings read again changed=log_level\n" in told
    assert "settings that wait for a restart names=processes\n" in told
    with wire.Client(broker.url) as client:
        job = client.submit(light_request(size=[64, 1000])).body["job"]
        assert client.wait(job).name == "FINISHED"
        client.release(job)
    wait_until(lambda: worker.err().count("received type=JOB ") == 2, "debug lines of the children")
    assert {entry["pid"] for entry in broker.wait_workers(2)} == before
    assert worker.err().count("settings read again") == 1, "children told of it as well"


def test_a_child_waits_for_a_file_that_is_bad_for_a_while(stage: Stage) -> None:
    broker = stage.broker()
    path = settings(stage, "worker.json", broker=broker.workers[0], processes=1)
    worker = stage.start("brot-worker", "--config", path)
    (entry,) = broker.wait_workers(1)
    path.write_text("{")
    os.kill(entry["pid"], signal.SIGKILL)
    wait_until(lambda: "status=78" in worker.err(), "a child that read the bad file")
    settings(stage, "worker.json", broker=broker.workers[0], processes=1)
    # One that dies before it knows its session is missed by its silence alone: it may be listed yet.
    with wire.Client(broker.url) as client:
        wait_until(lambda: any(now["pid"] != entry["pid"] for now in client.report("WORKERS")["workers"]),
                   "another child")
    assert worker.is_running()
