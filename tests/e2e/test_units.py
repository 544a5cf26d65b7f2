"""What the systemd units leave a program to work with, without systemd."""

from __future__ import annotations

import ctypes.util
import functools
import grp
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness import Stage

UNITS = Path(os.environ["BROT_UNITS"])
LOCK = Path(__file__).with_name("lock_up.py")


def settings(unit: str, key: str) -> list[str]:
    return re.findall(rf"^{key}=(.*)$", (UNITS / unit).read_text(), re.MULTILINE)


@functools.cache
def members(name: str) -> frozenset[str]:
    """The system calls of a word of SystemCallFilter=."""
    if not name.startswith("@"):
        return frozenset({name})
    listed = subprocess.run(["systemd-analyze", "syscall-filter", name], check=True, text=True,
                            stdin=subprocess.DEVNULL, capture_output=True).stdout
    words = [line.strip() for line in listed.splitlines()[1:]]
    return frozenset().union(*(members(word) for word in words if word and word[0] != "#"))


def allowed_calls(unit: str) -> set[str]:
    calls: set[str] = set(members("@default"))
    for words in settings(unit, "SystemCallFilter"):
        listed = set().union(*(members(word) for word in words.lstrip("~").split()))
        calls = calls - listed if words.startswith("~") else calls | listed
    return calls


def locked(unit: str) -> list[str]:
    """The command that runs another one as the unit would, as far as one may without systemd."""
    if shutil.which("systemd-analyze") is None or ctypes.util.find_library("seccomp") is None:
        pytest.skip("no systemd-analyze or libseccomp here")
    families = settings(unit, "RestrictAddressFamilies")[0].split()
    return [sys.executable, str(LOCK), ",".join(sorted(allowed_calls(unit))), ",".join(families)]


def test_a_filter_that_forbids_too_much_is_noticed() -> None:
    """That is, the lock of these tests holds."""
    for program in ("import socket; socket.socket(socket.AF_PACKET)", "import os; os.nice(1)"):
        done = subprocess.run([*locked("brot-broker.service"), sys.executable, "-c", program],
                              capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
        assert "PermissionError" in done.stderr, done.stderr


@pytest.mark.parametrize("tcp", [False, True])
def test_the_programs_work_with_what_the_units_leave_them(stage: Stage, tcp: bool) -> None:
    # What looks for leaks needs ptrace(2), which the units deny.
    stage.environment["ASAN_OPTIONS"] = (stage.environment.get("ASAN_OPTIONS", "") +
                                         ":detect_leaks=0")
    kept = ["--state-dir", stage.folder / "state", "--checkpoint-dir", stage.folder / "points"]
    own = grp.getgrgid(os.getgid()).gr_name
    group = [] if tcp else ["--clients-group", own]
    broker = stage.broker(*kept, *group, "--metrics", "127.0.0.1:0", tcp=tcp,
                          prefix=locked("brot-broker.service"))
    worker = stage.worker(broker, prefix=locked("brot-worker.service"), processes=2)
    broker.wait_workers(2)
    stage.render(broker, "a.png", "--view", "seahorse", "--size", "320x240")
    assert worker.stop().status == 0
    assert broker.process.stop().status == 0


def test_a_unit_starts_the_program_with_the_settings_of_the_package() -> None:
    for role in ("broker", "worker"):
        (line,) = settings(f"brot-{role}.service", "ExecStart")
        program, *arguments = shlex.split(line)
        assert Path(program).name == f"brot-{role}"
        assert arguments == ["--config", f"/etc/brot/{role}.json"]


def test_what_must_not_be_in_a_unit() -> None:
    """Each of these would break the sharing of images, or hide who a client is."""
    for unit in ("brot-broker.service", "brot-worker.service"):
        assert settings(unit, "RemoveIPC") == ["no"] and settings(unit, "User") == ["brot"]
        assert not settings(unit, "DynamicUser") and not settings(unit, "PrivateUsers")

