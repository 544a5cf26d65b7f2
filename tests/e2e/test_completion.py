"""What bash offers to complete a command line of brot-client with."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from harness import BIN, Stage, wait_until

SCRIPT = Path(__file__).parents[2] / "deploy" / "completion" / "brot-client"
# As readline calls it: the words, and the last of them under the cursor.
ASK = """
source "$1" && shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_brot_client
printf '%s\\n' "${COMPREPLY[@]}"
"""


def offered(*words: str, folder: Path | None = None, broker: str = "") -> set[str]:
    environment = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "BROT_BROKER": broker}
    done = subprocess.run(["bash", "--norc", "-c", ASK, "bash", str(SCRIPT), "brot-client", *words],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True,
                          cwd=folder, env=environment)
    assert done.stderr == ""
    return set(done.stdout.split("\n")) - {""}


def commands() -> set[str]:
    text = subprocess.run([BIN / "brot-client", "--help"], check=True, capture_output=True, text=True,
                          stdin=subprocess.DEVNULL).stdout
    return {line.split()[0] for line in text.split("\n\n")[2].splitlines()}


def test_commands() -> None:
    assert offered("") == commands() | {"--help", "--version"}
    assert "render" in commands()
    assert offered("w") == {"wait", "workers"}


@pytest.mark.parametrize("command", sorted(commands()))
def test_options_are_those_of_the_help(command: str) -> None:
    text = subprocess.run([BIN / "brot-client", command, "--help"], check=True, text=True,
                          capture_output=True, stdin=subprocess.DEVNULL).stdout
    listed = {line.split()[0] for line in text.splitlines() if line.startswith("  --")}
    assert offered(command, "--") == listed


def test_keys_of_colours() -> None:
    assert {"inside=", "period=", "blend="} <= offered("render", "--colour", "")
    assert offered("render", "--colour", "in") == {"interior=", "inside="}
    assert offered("render", "--colour", "period=3,inside=p") == {"period=3,inside=plain",
                                                                 "period=3,inside=period"}
    assert offered("render", "--colour", "inside=plain,in") == {"inside=plain,interior="}
    assert offered("render", "--colour", "density=") == set()
    # as bash parts them
    assert offered("render", "--colour", "inside", "=", "p") == {"plain", "period"}
    assert offered("render", "--colour", "inside", "=") == {"plain", "period", "distance"}
    assert offered("render", "--colour", "period", "=", "3,blend", "=", "o") == {"overlay"}
    assert offered("render", "--colour", "=", "inside", "=", "p") == {"plain", "period"}


def test_values() -> None:
    assert {"seahorse", "home"} <= offered("render", "--view", "")
    assert offered("render", "--view", "seahorse-t") == {"seahorse-tail"}
    assert offered("render", "--palette", "cl") == {"classic"}
    assert offered("submit", "--format", "") == {"rgb8", "rgb16", "iterations", "smooth", "distance",
                                                 "phase", "raw"}
    assert offered("colour", "--format", "") == {"rgb8", "rgb16"}
    assert offered("render", "--mode", "") == {"smooth", "banded", "histogram", "distance", "relief",
                                               "angle"}
    assert offered("render", "--mode", "re") == {"relief"}
    assert offered("colour", "--compress", "") == set("0123456789")
    assert offered("colour", "--dpi", "") == set()
    assert offered("view", "seahorse-t") == {"seahorse-tail"}
    assert offered("palettes", "cl") == {"classic"}
    assert offered("render", "--format", "=", "sm") == {"smooth"}
    assert offered("render", "--size", "") == set()


def test_files(tmp_path: Path) -> None:
    (tmp_path / "picture.png").touch()
    assert offered("render", "--out", "pi", folder=tmp_path) == {"picture.png"}
    assert offered("render", "--view", "@pi", folder=tmp_path) == {"@picture.png"}


def test_jobs_and_workers(stage: Stage) -> None:
    broker = stage.broker()
    job = stage.client("submit", "--view", "seahorse", "--broker", broker.url).out.strip()
    assert offered("wait", "", broker=broker.url) == {job}
    assert offered("cancel", job[:2], broker=broker.url) == {job}
    stage.client("cancel", job, "--broker", broker.url)
    wait_until(lambda: broker.jobs() == [], "an end of the job")
    stage.worker(broker)
    (worker,) = broker.wait_workers(1)
    assert offered("drain", "", broker=broker.url) == {worker["name"]}
