"""Programs in a mount namespace of their own, with another /dev/shm."""

from __future__ import annotations

import functools
import os
import subprocess

import pytest

from harness import BIN


def _unshare() -> list[str]:
    """Who is not root becomes root of a user namespace first."""
    return ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--map-root-user",
                                                              "--mount"]


@functools.cache
def _is_permitted() -> bool:
    return subprocess.run(_unshare() + ["mount", "-t", "tmpfs", "tmpfs", "/dev/shm"],
                          stdin=subprocess.DEVNULL, capture_output=True,
                          check=False).returncode == 0


def in_own_shm(size: str, program: str, *arguments: str) -> list[str]:
    """The command that runs a program of brot with an empty /dev/shm of that size. Skips the test
    where the system does not let us."""
    if not _is_permitted():
        pytest.skip("mount namespaces are not permitted here")
    script = 'mount -t tmpfs -o "size=$1" tmpfs /dev/shm && shift && exec "$@"'
    return [*_unshare(), "sh", "-c", script, "sh", size, str(BIN / program), *arguments]
