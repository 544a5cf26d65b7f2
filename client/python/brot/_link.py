"""A DEALER to a broker: bounded, never blocking."""

from __future__ import annotations

import enum
import resource
from collections.abc import Iterator
from typing import Any

import zmq
import zmq.utils.monitor

from . import _limits
from ._keys import Keys
from ._wire import JOB_FRAME_BYTES, JSON_BYTES, Message, Type, decode, encode
from .errors import ConnectionError, DeniedError, Error, RequestError

QUEUE = 64  # messages that may wait to be sent
LINGER_MS = 500  # for a last RELEASE or CANCEL_JOB
RECONNECT_MS, RECONNECT_MAX_MS = 20, 1000


def connections(most: int) -> int:
    """How many of that kind there may be at a time: a twelfth of what descriptors there are, as
    each needs two or three, and ZeroMQ goes without a word without them."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return most if soft == resource.RLIM_INFINITY else min(most, max(1, soft // 12))


class NoDescriptors(Error):
    """One connection more is not to be had; later it may be."""


class Kind(enum.Enum):
    """What a connection is for: the messages that may wait to be received, the bytes of a frame."""

    JOB = (16, JOB_FRAME_BYTES)
    LIST = (2, _limits.BROKER_FRAME_BYTES)  # of jobs, workers, the history
    QUESTION = (4, JSON_BYTES)


class Link:
    """One connection. One thread owns it."""

    def __init__(self, context: zmq.Context[Any], url: str, keys: Keys | None, kind: Kind) -> None:
        self._context, self._url, self._keys, self._kind = context, url, keys, kind
        self._monitor: zmq.Socket[bytes] | None = None
        self.socket = self._open()

    def _open(self) -> zmq.Socket[bytes]:
        try:
            socket: zmq.Socket[bytes] = self._context.socket(zmq.DEALER)
        except zmq.ZMQError as error:
            raise NoDescriptors(f"no connection can be made: {error}", "system") from None
        try:
            socket.setsockopt(zmq.LINGER, LINGER_MS)
            socket.setsockopt(zmq.SNDHWM, QUEUE)
            queue, frame_bytes = self._kind.value
            socket.setsockopt(zmq.RCVHWM, queue)
            socket.setsockopt(zmq.MAXMSGSIZE, frame_bytes)
            socket.setsockopt(zmq.RECONNECT_IVL, RECONNECT_MS)
            socket.setsockopt(zmq.RECONNECT_IVL_MAX, RECONNECT_MAX_MS)
            if self._url.startswith("tcp://["):
                socket.setsockopt(zmq.IPV6, 1)
            if self._keys is not None:
                socket.setsockopt(zmq.CURVE_PUBLICKEY, self._keys.public)
                socket.setsockopt(zmq.CURVE_SECRETKEY, self._keys.secret)
                socket.setsockopt(zmq.CURVE_SERVERKEY, self._keys.server)
            socket.connect(self._url)
        except zmq.ZMQError as error:
            socket.close(0)
            raise RequestError(f"url: must be an endpoint to connect to, got {self._url!r} "
                               f"({error})") from None
        return socket

    def reconnect(self) -> None:
        """By a new socket, where one is to be had."""
        try:
            socket = self._open()
        except NoDescriptors:
            return
        self.socket.close(0)
        self.socket = socket

    def close(self) -> None:
        if self._monitor is not None:
            self.socket.disable_monitor()
            self._monitor.close(0)
            self._monitor = None
        self.socket.close()

    def send(self, type_: Type, body: dict[str, Any]) -> None:
        """What cannot be sent now is forgotten: whoever says it repeats it."""
        try:
            self.socket.send_multipart(encode(type_, body), zmq.DONTWAIT)
        except zmq.Again:
            pass

    def receive(self, most: int) -> Iterator[Message | Error]:
        """At most so many of the messages that are there; in place of a bad one what is wrong."""
        for _ in range(most):
            try:
                frames = self._receive_frames()
            except zmq.Again:
                return
            try:
                yield decode([frame.buffer for frame in frames])
            except Error as error:
                yield error

    def _receive_frames(self) -> list[zmq.Frame]:
        """Of one message; of one that has too many only so many that this shows."""
        frames = [self.socket.recv(zmq.DONTWAIT, copy=False)]
        last = frames[0]
        while last.more:
            last = self.socket.recv(zmq.DONTWAIT, copy=False)
            if len(frames) <= _limits.FRAMES:
                frames.append(last)
        return frames

    # What a handshake failed for is told by libzmq's monitor alone.

    def watch_handshake(self) -> None:
        """Has why_refused() know, of handshakes from here on."""
        events = (zmq.EVENT_HANDSHAKE_FAILED_AUTH | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
                  | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL)
        self._monitor = self.socket.get_monitor_socket(events)

    def why_refused(self) -> Error | None:
        """Whether the broker has turned this connection away."""
        while self._monitor is not None:
            try:
                event = zmq.utils.monitor.recv_monitor_message(self._monitor, zmq.DONTWAIT)
            except zmq.Again:
                return None
            if event["event"] == zmq.EVENT_HANDSHAKE_FAILED_AUTH:
                return DeniedError(f"the broker at {self._url} does not let this key in")
            return ConnectionError(f"the broker at {self._url} does not shake hands: are its keys "
                                   "those of key and server_key?")
        return None
