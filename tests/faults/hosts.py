"""Hosts of our own: namespaces with another network, other mounts and another /dev/shm.

Nothing of them has a name in the system: a host is a process that waits, and vanishes with it.
"""

from __future__ import annotations

import functools
import os
import subprocess
from pathlib import Path

import pytest

from durable import run


@functools.cache
def _what_is_missing() -> str:
    if os.geteuid() != 0:
        return "hosts of our own need root"
    probe = ["unshare", "--net", "--mount", "sh", "-c",
             "mount -t tmpfs tmpfs /dev/shm && ip link add name left type veth peer name right"]
    done = subprocess.run(probe, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          check=False)
    return "" if done.returncode == 0 else f"no namespaces here: {done.stderr.strip()}"


class Host:
    """Programs run in it by its prefix, and find themselves at its root. Skips the test where the
    system does not let us."""

    def __init__(self, shm: str = "50%", has_net: bool = False) -> None:
        if _what_is_missing():
            pytest.skip(_what_is_missing())
        script = (f"mount -t tmpfs -o size={shm} tmpfs /dev/shm && "
                  + ("ip link set lo up && " if has_net else "") + "echo ready && exec cat")
        options = ["--net"] if has_net else []
        # It ends with us, whatever becomes of us, for its input does.
        self.holder = subprocess.Popen(["unshare", "--mount", *options, "sh", "-c", script],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.holder.stdout is not None and self.holder.stdout.readline() == b"ready\n"
        self.prefix = ["nsenter", f"--target={self.holder.pid}", "--mount",
                       *[f"{option}={'/proc/%d/ns/net' % self.holder.pid}" for option in options]]

    def run(self, *command: object) -> str:
        return run(*self.prefix, *command)

    def path(self, name: str | Path) -> Path:
        """Where a file of the host lies for us."""
        return Path(f"/proc/{self.holder.pid}/root") / str(name).lstrip("/")

    def images(self) -> set[str]:
        return {path.name for path in self.path("/dev/shm").glob("brot-*")}

    def close(self) -> None:
        self.holder.kill()
        self.holder.communicate()


class Net:
    """A broker's host, and others that each have a cable to it and to nobody else."""

    def __init__(self, names: list[str]) -> None:
        self.middle = Host(has_net=True)
        self.hosts = {}
        self.numbers = {}
        for number, name in enumerate(names):
            host = self.hosts[name] = Host(has_net=True)
            self.numbers[name] = number
            self.middle.run("ip", "link", "add", "name", f"to-{name}", "type", "veth", "peer",
                            "name", "cable", "netns", host.holder.pid)
            self.middle.run("ip", "address", "add", f"10.77.{number}.1/24", "dev", f"to-{name}")
            self.middle.run("ip", "link", "set", f"to-{name}", "up")
            host.run("ip", "address", "add", f"10.77.{number}.2/24", "dev", "cable")
            host.run("ip", "link", "set", "cable", "up")

    def url(self, name: str, port: int) -> str:
        """The broker's, as that host knows it."""
        return f"tcp://10.77.{self.numbers[name]}.1:{port}"

    def cut(self, name: str) -> None:
        self.middle.run("ip", "link", "set", f"to-{name}", "down")

    def heal(self, name: str) -> None:
        self.middle.run("ip", "link", "set", f"to-{name}", "up")

    def close(self) -> None:
        for host in [*self.hosts.values(), self.middle]:
            host.close()
