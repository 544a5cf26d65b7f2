"""The codec of BROT/1 and the notices, against bytes that are written out here."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from brot import _limits, _notice
from brot._wire import Message, Type, decode, encode
from brot.errors import Error, ProtocolError, RequestError

ACCEPTED: dict[str, Any] = {"key": "ab" * 16, "job": 7, "request": {"size": [4, 3]}, "slice": 4,
            "image": {"name": "/brot-" + "0" * 32, "bytes": 8192, "nonce": "01" * 16}}
PROGRESS = {"job": 7, "state": "running", "pixels_done": 5, "pixels": 10, "tiles_done": 1,
            "tiles_running": 2, "workers": 2, "iterations": 77, "elapsed_ms": 3}


def said(type_: int, body: object, version: int = 1) -> Message:
    return decode([b"BROT" + bytes([version, type_]), json.dumps(body).encode()])


def test_what_a_client_says() -> None:
    assert encode(Type.SUBMIT, {"key": "k"}) == [b"BROT\x01\x40", b'{"key":"k"}']
    assert encode(Type.HISTORY, {}) == [b"BROT\x01\x4e", b"{}"]


def test_what_cannot_be_said() -> None:
    with pytest.raises(RequestError, match="at most"):
        encode(Type.SUBMIT, {"key": "x" * _limits.CLIENT_FRAME_BYTES})
    with pytest.raises(ValueError, match="JSON"):
        encode(Type.SUBMIT, {"number": float("nan")})


def test_rows() -> None:
    header = b"BROT\x01\x64" + bytes.fromhex("0807060504030201" "01000000" "02000000" "03000000"
                                             "04000000" "05000000" "00000000")
    message = decode([header, memoryview(b"pixels")])
    assert message.type is Type.ROWS and message.job == 0x0102030405060708
    piece = message.piece
    assert piece is not None
    assert (piece.plane, piece.x, piece.y, piece.w, piece.h) == (1, 2, 3, 4, 5)
    assert bytes(message.data) == b"pixels"


@pytest.mark.parametrize("frames, word", [
    ([], "0 frames"),
    ([b"", b"", b"", b""], "4 frames"),
    ([b"BRO"], "not BROT"),
    ([b"TORB\x01\x61", b"{}"], "not BROT"),
    ([b"BROT\x02\x61", b"{}"], "BROT/2"),
    ([b"BROT\x01\x11", b"{}"], "type 0x11"),
    ([b"BROT\x01\x40", b"{}"], "a client's"),
    ([b"BROT\x01\x61"], "1 frames"),
    ([b"BROT\x01\x61", b"{}", b""], "3 frames"),
    ([b"BROT\x01\x61\x00", b"{}"], "header of 7 bytes"),
    ([b"BROT\x01\x61", b"[]"], "no object"),
    ([b"BROT\x01\x61", b"\xff{}"], "not JSON"),
    ([b"BROT\x01\x61", b'{"a":1,"a":2}'], "twice"),
    ([b"BROT\x01\x61", b'{"a":NaN}'], "NaN"),
    ([b"BROT\x01\x61", b"[" * 100000], "not JSON"),
    ([b"BROT\x01\x64" + bytes(31), b""], "another length"),
    ([b"BROT\x01\x64" + bytes(28) + b"\x01\0\0\0", b""], "codec 1"),
])
def test_what_is_no_message(frames: list[bytes], word: str) -> None:
    with pytest.raises(ProtocolError, match=word):
        decode(frames)


def test_any_bytes_are_a_message_or_an_error() -> None:
    chance = random.Random(1)
    good = [b"BROT\x01\x60", json.dumps(ACCEPTED).encode()]
    for _ in range(3000):
        frames = [bytearray(frame) for frame in good]
        for _ in range(chance.randint(1, 4)):
            frame = chance.choice(frames)
            frame[chance.randrange(len(frame))] = chance.randrange(256)
        try:
            message = decode([bytes(frame) for frame in frames])
            if message.type is Type.ACCEPTED:
                _notice.accepted(message)
        except Error as error:
            assert isinstance(error, ProtocolError)


def test_accepted() -> None:
    accepted = _notice.accepted(said(0x60, {**ACCEPTED, "later": "word"}))
    assert accepted.job == 7 and accepted.bands == 0
    assert accepted.image is not None and accepted.image.nonce == b"\1" * 16
    bands = {key: value for key, value in ACCEPTED.items() if key != "image"}
    accepted = _notice.accepted(said(0x60, {**bands, "request": {"size": [4, 11]},
                                            "bands": {"count": 3, "rows": 5}}))
    assert accepted.image is None and (accepted.bands, accepted.band_rows) == (3, 5)


@pytest.mark.parametrize("change", [
    {"job": 0}, {"job": 2**63}, {"job": True}, {"job": 1.5}, {"job": None}, {"slice": 0},
    {"request": []}, {"request": {}}, {"request": {"size": [4]}}, {"request": {"size": [4, "3"]}},
    {"key": 5},
    {"image": {**ACCEPTED["image"], "name": "/brot-../etc/passwd"}},
    {"image": {**ACCEPTED["image"], "nonce": "xy"}}, {"image": None},
    {"image": {**ACCEPTED["image"], "bytes": -1}}, {"bands": {"count": 0, "rows": 1}},
])
def test_accepted_that_is_none(change: dict[str, object]) -> None:
    with pytest.raises(ProtocolError, match="ACCEPTED"):
        _notice.accepted(said(0x60, {**ACCEPTED, **change}))


def test_progress() -> None:
    progress = _notice.progress(said(0x61, PROGRESS))
    assert progress.done == 0.5 and progress.workers == 2
    for key in PROGRESS:
        with pytest.raises(ProtocolError, match=key):
            _notice.progress(said(0x61, {**PROGRESS, key: -1}))


def test_refused() -> None:
    refusal = _notice.refusal(said(0x7f, {"error": "request", "text": "size: must be x, got 0",
                                          "message": "SUBMIT", "key": "k"}))
    assert isinstance(refusal.error, ValueError)
    assert (refusal.error.field, refusal.error.rule) == ("size", "must be x, got 0")
    assert (refusal.message, refusal.key, refusal.job) == ("SUBMIT", "k", 0)
    assert _notice.refusal(said(0x7f, {"error": "novel", "text": "t"})).error.code == "novel"
    error = _notice.refusal(said(0x7f, {"error": "e" * 99, "text": "\x1b[2J\n" + "x" * 5000})).error
    assert str(error).startswith("?[2J?xxx") and len(str(error)) == 256 and len(error.code) == 32
