"""What a connection takes from a broker that may be anything."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zmq
from brot import _limits, _wire
from brot._link import Kind, Link
from brot._wire import Message, Type
from brot.errors import ProtocolError
from harness import wait_until

PATIENCE_MS = 30_000


class Peers:
    """A link, and a ROUTER that it has spoken to."""

    def __init__(self, folder: Path) -> None:
        self.context: zmq.Context[Any] = zmq.Context()
        self.url = f"ipc://{folder}/s"
        self.router = self.context.socket(zmq.ROUTER)
        self.router.linger = 0
        self.router.bind(self.url)
        self.links: list[Link] = []

    def link(self, kind: Kind) -> Link:
        self.links.append(Link(self.context, self.url, None, kind))
        return self.links[-1]

    def route(self, link: Link) -> bytes:
        """Where the link is heard from."""
        link.send(Type.STATUS, {})
        assert self.router.poll(PATIENCE_MS)
        found: bytes = self.router.recv_multipart()[0]
        return found

    def close(self) -> None:
        for link in self.links:
            link.close()
        self.router.close()
        self.context.destroy(linger=0)


@pytest.fixture(name="peers")
def some_peers(tmp_path: Path) -> Iterator[Peers]:
    peers = Peers(tmp_path)
    yield peers
    peers.close()


@pytest.mark.parametrize("kind", list(Kind))
def test_a_frame_that_is_too_large_ends_the_connection(peers: Peers, kind: Kind) -> None:
    link = peers.link(kind)
    route = peers.route(link)
    ends = peers.router.get_monitor_socket(zmq.EVENT_DISCONNECTED)
    peers.router.send_multipart([route, b"BROT\x01\x61", b"{}"])
    peers.router.send_multipart([route, b"BROT\x01\x61", b" " * (kind.value[1] + 1)])
    assert ends.poll(PATIENCE_MS)
    assert kind.value[1] <= (_limits.BROKER_FRAME_BYTES if kind is Kind.LIST else 1 << 20)
    assert list(link.receive(9)) == [Message(Type.PROGRESS)]
    peers.router.disable_monitor()
    ends.close(0)


def test_few_messages_may_wait(peers: Peers) -> None:
    held = {kind: peers.link(kind).socket.getsockopt(zmq.RCVHWM) * kind.value[1] for kind in Kind}
    assert max(held.values()) <= 32 << 20, held


def test_a_message_of_many_frames_is_not_kept(peers: Peers) -> None:
    link = peers.link(Kind.JOB)
    route = peers.route(link)
    peers.router.send_multipart([route, b"BROT\x01\x61", *[b""] * 100_000])
    peers.router.send_multipart([route, b"BROT\x01\x61", b"{}"])
    assert link.socket.poll(PATIENCE_MS)
    assert len(link._receive_frames()) == _limits.FRAMES + 1
    peers.router.send_multipart([route, b"BROT\x01\x61", *[b""] * 4])
    wait_until(lambda: link.socket.poll(0), "a message")
    found: list[Any] = []
    wait_until(lambda: found.extend(link.receive(1)) or len(found) == 2, "both")
    assert found[0] == Message(Type.PROGRESS) and isinstance(found[1], ProtocolError)


def test_lists_alone_are_long() -> None:
    body = b'{"a":"' + b"x" * _wire.JSON_BYTES + b'"}'
    assert _wire.decode([b"BROT\x01\x65", body]).type is Type.REPORT
    for type_ in (Type.ACCEPTED, Type.PROGRESS, Type.FAILED, Type.REFUSED):
        with pytest.raises(ProtocolError, match=f"{type_.name} whose body has"):
            _wire.decode([b"BROT\x01" + bytes([type_]), body])
    with pytest.raises(ProtocolError, match="ROWS whose body has"):
        _wire.decode([b"BROT\x01\x64" + bytes(32), bytes(_limits.FETCH_BYTES + 1)])


def test_a_watched_link_leaves_no_socket(peers: Peers) -> None:
    link = peers.link(Kind.QUESTION)
    link.watch_handshake()
    monitor = link._monitor
    assert monitor is not None and link.why_refused() is None
    link.close()
    assert monitor.closed and link.socket.closed
