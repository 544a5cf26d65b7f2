"""What bash offers to complete a command line of brot-client with."""

from __future__ import annotations

import grp
import os
import re
import subprocess
from pathlib import Path

import pytest

from harness import BIN, Stage, wait_until

SCRIPTS = Path(__file__).parents[2] / "deploy" / "completion"
# As readline calls it: the words, and the last of them under the cursor.
ASK = """
source "$1" && name=$2 && shift 2
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
"_${name//-/_}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


def offered(*words: str, folder: Path | None = None, broker: str = "", program: str = "brot-client",
            script: str = "brot-client") -> set[str]:
    environment = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "BROT_BROKER": broker}
    done = subprocess.run(["bash", "--norc", "-c", ASK, "bash", str(SCRIPTS / script), script, program,
                           *words], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          check=True, cwd=folder, env=environment)
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
                                                 "phase", "raw", "density", "density32",
                                                 "nebula", "nebula32"}
    assert offered("colour", "--format", "") == {"rgb8", "rgb16"}
    assert offered("wait", "--format", "") == {"rgb8", "rgb16"}
    assert offered("render", "--mode", "") == {"smooth", "banded", "histogram", "distance", "relief",
                                               "angle"}
    assert offered("render", "--mode", "re") == {"relief"}
    assert offered("submit", "--kind", "") == {"escape", "buddhabrot"}
    assert offered("render", "--sampling", "") == {"random", "grid", "zoom"}
    assert offered("colour", "--tone", "l") == {"linear", "log"}
    assert offered("render", "--points", "") == set()
    assert offered("colour", "--compress", "") == set("0123456789")
    assert offered("colour", "--dpi", "") == set()
    assert offered("view", "seahorse-t") == {"seahorse-tail"}
    assert offered("palettes", "cl") == {"classic"}
    assert offered("render", "--format", "=", "sm") == {"smooth"}
    assert offered("render", "--size", "") == set()
    assert offered("render", "--quiet", "=") == {"true", "false"}
    assert offered("render", "--quiet", "=", "f") == {"false"}


def test_files(tmp_path: Path) -> None:
    (tmp_path / "picture.png").touch()
    assert offered("render", "--out", "pi", folder=tmp_path) == {"picture.png"}
    assert offered("render", "--view", "@pi", folder=tmp_path) == {"@picture.png"}
    (tmp_path / "ada.cert_secret").touch()
    (tmp_path / "keys").mkdir()
    assert offered("render", "--key", "a", folder=tmp_path) == {"ada.cert_secret"}
    assert offered("status", "--server-key", "=", "a", folder=tmp_path) == {"ada.cert_secret"}
    assert offered("keygen", "--out", "", folder=tmp_path) == {"keys"}


@pytest.mark.parametrize("program", ["brot-broker", "brot-worker"])
def test_services(program: str, tmp_path: Path) -> None:
    def ask(*words: str) -> set[str]:
        return offered(*words, folder=tmp_path, program=program, script="brot-service")
    text = subprocess.run([BIN / program, "--help"], check=True, text=True, capture_output=True,
                          stdin=subprocess.DEVNULL).stdout
    listed = {line.split()[0] for line in text.splitlines() if line.startswith("  --")}
    assert ask("") == ask("--") == listed
    assert {"--config", "--key", "--insecure", "--help"} <= listed
    (tmp_path / "broker.json").touch()
    (tmp_path / "keys").mkdir()
    assert ask("--config", "br") == ask("--config", "=", "br") == {"broker.json"}
    assert ask("--key", "") == {"broker.json", "keys"}
    assert ask("--log-level", "") == {"error", "warning", "notice", "info", "debug"}
    assert ask("--log-level", "=") == {"error", "warning", "notice", "info", "debug"}
    assert ask("--insecure", "=") == {"true", "false"}
    # A word behind a flag is the next option.
    assert ask("--insecure", "--ver") == {"--version"}
    assert ask("--tied-to", "") == ask("--wallpaper", "") == set()


def test_values_of_services(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "key").touch()
    group = grp.getgrall()[0].gr_name
    assert offered("--keys", "k", folder=tmp_path, program="brot-broker",
                   script="brot-service") == {"keys"}
    assert group in offered("--clients-group", group[:2], program="brot-broker", script="brot-service")
    kernels = offered("--kernel", "", program="brot-worker", script="brot-service")
    text = subprocess.run([BIN / "brot-worker", "--version"], check=True, text=True, capture_output=True,
                          stdin=subprocess.DEVNULL).stdout
    assert "scalar" in kernels
    assert kernels == set(re.findall(r"(\w+)(?=[,;])(?! \()", text))


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
