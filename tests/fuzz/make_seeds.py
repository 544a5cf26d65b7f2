#!/usr/bin/env python3
"""Writes the seeds of the fuzz targets: real inputs, the messages as tests/e2e/wire.py says them.

usage: make_seeds.py [CORPUS]

CORPUS/NAME/seed-* are written anew; other files there (findings, and what libFuzzer kept) stay.
"""

from __future__ import annotations

import io
import json
import struct
import sys
import zlib
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "e2e"))
import numpy  # noqa: E402
from pictures import make_exr  # noqa: E402
from wire import frames_of, hello, xxh3  # noqa: E402

Frames = list[bytes]
KEY = "01" * 16  # what the make-believe random numbers of fakes.c begin with
NONCE = "02" * 16
IMAGE = {"name": "/brot-" + "0" * 31 + "1", "bytes": 12288, "nonce": NONCE}
REQUEST = {"brot": 1, "view": {"re": "-0.5", "im": "0", "width": "3"}, "size": [16, 12]}
WORKER = "00112233445566778899aabbccddeeff"


def record(frames: Frames, op: int = 0, how: int = 0, wait: int = 0) -> bytes:
    """As records.h says."""
    head = bytes([op, how, wait, len(frames)])
    return head + b"".join(struct.pack("<H", len(frame)) + frame for frame in frames)


def request(**changes: object) -> dict:
    return {**REQUEST, **changes}


# ---- single messages ----

SUBMIT = {"key": KEY, "request": REQUEST}
ACCEPTED = {"key": KEY, "job": 1, "request": REQUEST, "slice": 16, "image": IMAGE}
BANDED = {"key": KEY, "job": 1, "request": REQUEST, "slice": 16, "bands": {"count": 3, "rows": 4}}
PROGRESS = {"job": 1, "state": "running", "pixels_done": 4, "pixels": 192, "tiles_done": 1,
            "tiles_running": 1, "workers": 1, "iterations": 99, "elapsed_ms": 10}
FINISHED = {"job": 1, "pixels": 192, "tiles": 2, "retries": 0, "workers": 1, "iterations": 99,
            "elapsed_ms": 20}
STATUS = {"status": {"version": "0.1.0", "pid": 1, "uptime_ms": 5, "jobs": {
    "queued": 0, "running": 1, "paused": 0, "finished": 0, "failed": 0, "done": 0}, "workers": 1,
    "clients": 1, "tiles_done": 1, "iterations": 9, "image_bytes": 1, "image_budget_bytes": 2,
    "worker_bytes_sent": 1, "worker_bytes_received": 1, "client_bytes_sent": 1,
    "client_bytes_received": 1}}
JOBS = {"jobs": [{**PROGRESS, "client": "me", "priority": 0, "keep": False, "bands": 1,
                  "worker_ms": 5, "kind": "escape", "format": "rgb8", "size": [16, 12],
                  "retries": 0}]}
WORKERS = {"workers": [{"session": "00000000000000ff", "name": "w", "pid": 1, "threads": 2,
                        "kernel": "avx2", "kernels": ["avx2"], "version": "0.1.0", "credit": 3,
                        "tiles_held": 1, "tiles_done": 5, "failures": 0, "iterations": 7,
                        "local": True, "draining": False, "connected_ms": 5, "silent_ms": 1}]}
HISTORY = {"history": [{"job": 1, "state": "failed", "client": "me", "kind": "escape",
                        "format": "rgb8", "size": [16, 12], "pixels": 192, "tiles_done": 1,
                        "retries": 0, "workers": 1, "iterations": 9, "worker_ms": 1,
                        "accepted_ms": 1, "finished_ms": 0, "ended_ms": 2, "error": "failed",
                        "text": "job: so"}]}
REFUSED = {"error": "busy", "text": "later", "message": "SUBMIT", "key": KEY, "job": 1}
JOB = {"request": REQUEST, "phases": ["render"], "slice": 16, "rows": [0, 12], "image": IMAGE}

# Name, whose, fields, body, data. 0 is a worker, 1 a client, 2 the broker.
MESSAGES: list[tuple] = [
    ("HELLO", 0, (), {**hello(), "worker": WORKER,
                      "speeds": {"python": {"f64": 1000, "f32": 2000}}}, None),
    ("WELCOME", 2, (1,), {"brot": 1, "version": "0.1.0", "beat_ms": 2000, "lost_ms": 10000}, None),
    ("CREDIT", 0, (1, 3), None, None),
    ("JOB", 2, (1, 1), JOB, None),
    ("MAPPED", 0, (1, 1, 1, bytes(16)), "not tried", None),
    ("TILE", 2, (1, 1, 0, 0, 1, 0, 0, 16, 4), None, None),
    ("DONE", 0, (1, 1, 0, 0, 1, xxh3(bytes(192)), 1, 1, 0), None, bytes(192)),
    ("FAIL", 0, (1, 1, 0, 0, 1, 9), "so", None),
    ("BEAT", 0, (1, 1, 5), None, None),
    ("CANCEL", 2, (1, 1), None, None),
    ("DRAIN", 2, (1,), None, None),
    ("BYE", 0, (1,), None, None),
    ("REREGISTER", 2, (1,), None, None),
    ("GONE", 0, (1,), None, None),
    ("REVOKE", 2, (1, 1, 0, 0, 1), None, None),
    ("SUBMIT", 1, (), {**SUBMIT, "keep": True, "priority": 3, "client": "me"}, None),
    ("ATTACH", 1, (), {"job": 1}, None),
    ("FETCH", 1, (), {"job": 1, "plane": 0, "x": 0, "y": 0, "w": 16, "h": 12, "seen": 0}, None),
    ("RELEASE", 1, (), {"job": 1, "band": 0}, None),
    ("CANCEL_JOB", 1, (), {"job": 1}, None),
    ("JOBS", 1, (), {}, None),
    ("WORKERS", 1, (), {}, None),
    ("STATUS", 1, (), {}, None),
    ("WATCH", 1, (), {"jobs": [1]}, None),
    ("PAUSE", 1, (), {"job": 1}, None),
    ("RESUME", 1, (), {"job": 1}, None),
    ("RETRY", 1, (), {"job": 1}, None),
    ("PRIORITY", 1, (), {"job": 1, "priority": -5}, None),
    ("DRAIN_WORKER", 1, (), {"worker": "python"}, None),
    ("HISTORY", 1, (), {"limit": 10, "before": 5}, None),
    ("ACCEPTED", 2, (), ACCEPTED, None),
    ("PROGRESS", 2, (), PROGRESS, None),
    ("FINISHED", 2, (), FINISHED, None),
    ("FAILED", 2, (), {"job": 1, "error": "failed", "text": "job: so"}, None),
    ("ROWS", 2, (1, 0, 0, 0, 16, 12, 0), None, bytes(576)),
    ("REPORT", 2, (), STATUS, None),
    ("BAND", 2, (), {"job": 1, "band": 0, "first": 0, "rows": 4, "image": IMAGE}, None),
    ("REFUSED", 2, (), REFUSED, None),
]


def say(name: str, *fields: object, body: object = None, data: bytes | None = None) -> Frames:
    return frames_of(name, *fields, body=body, data=data)


def message_seeds() -> dict[str, bytes]:
    seeds = {name.lower(): record(say(name, *fields, body=body, data=data), op=who)
             for name, who, fields, body, data in MESSAGES}
    bare = (1, 1, 0, 0, 1, 5, 1, 1, 0)
    return {**seeds, "done-mapped": record(say("DONE", *bare)),
            "done-zstd": record(say("DONE", *bare[:-1], 1, data=b"\x28\xb5\x2f\xfd")),
            "empty": record([]), "version": record(frames_of("STATUS", body={}, version=2), op=1)}


# The order of the table in fuzz_body.c.
BODIES = ["HELLO", "SUBMIT", "ATTACH", "RELEASE", "PRIORITY", "HISTORY", "WATCH", "DRAIN_WORKER",
          "FETCH", "STATUS", "ACCEPTED", "BAND", "PROGRESS", "FINISHED", "FAILED", "REFUSED",
          "REPORT"]


def body_seeds() -> dict[str, bytes]:
    bodies = [(name.lower(), name, body) for name, _, _, body, _ in MESSAGES if name in BODIES]
    bodies += [("banded", "ACCEPTED", BANDED), ("jobs", "REPORT", JOBS),
               ("workers", "REPORT", WORKERS), ("history-rows", "REPORT", HISTORY),
               ("history-first", "HISTORY", {"limit": 100}), ("release-all", "RELEASE", {"job": 1}),
               ("refused-hello", "REFUSED", {"error": "protocol", "text": "t", "message": "HELLO"})]
    return {seed: bytes([BODIES.index(name)]) + json.dumps(body).encode()
            for seed, name, body in bodies}


def image_seeds() -> dict[str, bytes]:
    seeds = {f"right-{format}": bytes([15, 11, 15, format, 1]) for format in range(3)}
    seeds["durable"] = bytes([3, 40, 1, 2, 255])
    seeds["not-ours"] = bytes([3, 3, 1, 0, 0]) + b"BROTIMG1" + struct.pack("<II", 1, 192)
    seeds["name"] = bytes([3, 3, 1, 0, 0]) + IMAGE["name"].encode()
    return seeds


def view_seeds() -> dict[str, bytes]:
    lines = ["-0.5,0,3\nmandelbrot\nclassic\nipc:///run/brot/clients", "seahorse-valley\n\nfire\n",
             "-2:1,-1.25:1.25\nburning-ship\n\ntcp://127.0.0.1:5555",
             " +1e-5 , -.25 ,\t3E-3\njulia: -0.8 , 0.156\n\ntcp://[::1]:80",
             "whole\nmultibrot:4\nclasic\ntcp://*:*", "\njulia:-0.8,0.156\n\n", "\ntricorn\ngrey\n",
             "-1.74995768370609350360221450607069970727110579726252077930242837820286008082972804887,"
             "0,1e-80\n\n\n", "9" * 300 + "e-300,0,1\nmultibrot:7\n\ntcp://localhost:1"]
    return {f"words-{i}": line.encode() for i, line in enumerate(lines)}


def file_seeds() -> dict[str, bytes]:
    """Palettes .map, .ggr, .ugr and .json, places .kfr, .toml, .par and .xpf."""
    texts = ["0 0 0 black\r\n255 128 0\n255 255 255\n",
             "GIMP Gradient\nName: x\n2\n0 0.25 0.5 0 0 0 1 1 0 0 1 0 0\n"
             "0.5 0.6 1 0 0 1 1 1 1 1 1 2 1\n",
             "a {\ngradient:\n title=\"t\" smooth=yes rotation=-5\n index=0 color=255\n"
             " index=200 color=65280\nopacity:\n index=0 opacity=255\n}\nb {\ngradient:\n"
             " index=10 color=1 index=30 color=2\n}\n",
             '{"cyclic":true,"stops":["#000","orange 30%","#ffffff",[0.9,"#123456"]]}',
             "Re: -0.75\r\nIm: 0.1\r\nZoom: 1.5E30\r\nIterations: 500\r\nRotate: 3\r\nPower: 3\r\n",
             "location.real = \"-1.75\"\nlocation.imag = '0'\nlocation.zoom = 1e9\n"
             "bailout.iterations = 9\n[[formula]]\nabs_x = true\nabs_y = true\n",
             "a { ; c }\n type=mandel center-mag=-0.5/0/0.66\\\n  7/1/30 maxiter=9\n}\n"
             "b { type=julia params=-0.8/0.1 corners=-2/2/-1/1 colors=0 }\n",
             ";p\n(initstate)\n(formula 'mandel)\n(julia #t)\n(juliaseed 0 1)\n(angle 5)\n"
             "(view -0.7 0.1 2e-9 1e-9)\n(maxiter 9)\n"]
    seeds = {f"kind-{i}": bytes([i]) + text.encode() for i, text in enumerate(texts)}
    seeds |= {f"entry-{i}": bytes([i + 128]) + texts[i].encode() for i in (2, 6)}
    return seeds


def colour_seeds() -> dict[str, bytes]:
    colours = [
        {}, {"mode": "banded", "period": 7, "dither": True}, {"mode": "angle", "inside": "period"},
        {"mode": "distance", "inside": "distance", "palette": "hot", "density": 10000},
        {"mode": "histogram", "offset": -1, "rotation": 0.5}, {"mode": "relief", "blend": "soft"},
        {"mode": "relief", "azimuth": -360, "elevation": 90, "height": 10000, "power": 0.01},
        {"period": 1e-300, "palette": {"cyclic": False, "stops": [[0, "#123456"],
                                                                 [1e-300, "#ffffff"],
                                                                 [1, "#000000"]]}},
    ]
    numbers = b"".join(struct.pack("<If", n, f) for n, f in [
        (17, 0.5), (2**32 - 1, 0), (0, float("nan")), (1000000, 0.25), (3, float("inf")),
        (2**32 - 2, -1.0), (1, 1e30)]) + bytes(range(250, 256))
    return {f"mode-{i}": bytes([i]) + json.dumps(colour).encode() + b"\n" + numbers
            for i, colour in enumerate(colours)}


def numbers_seeds() -> dict[str, bytes]:
    """Files of numbers, .npy and .exr."""
    raw = numpy.zeros((3, 5), [("whole", "<u4"), ("fraction", "<f4"), ("distance", "<f4", (2,)),
                               ("phase", "<f4"), ("period", "<u4"), ("interior", "<f4")])
    raw["whole"] = numpy.arange(15).reshape(3, 5) * 1000
    raw["whole"][1, 1] = 2**32 - 1
    raw["fraction"] = 0.25
    seeds = {}
    inside = raw["whole"] == 2**32 - 1
    for i, array in enumerate([raw["whole"], numpy.where(inside, numpy.inf, raw["whole"] + 0.5), raw,
                               numpy.full((2, 2), numpy.inf)]):
        file = io.BytesIO()
        numpy.save(file, numpy.ascontiguousarray(array))
        seeds[f"npy-{i}"] = b"\0" + file.getvalue()
    planes = {"N": numpy.where(inside, raw["whole"], raw["whole"] + 1).astype("<u4"), "NF": raw["fraction"],
              "DEX": raw["distance"][..., 0], "DEY": raw["distance"][..., 1], "T": raw["phase"],
              "PERIOD": raw["period"], "INTERIOR": raw["interior"]}
    request = {"brot-request": json.dumps({**REQUEST, "size": [5, 3], "format": "raw"})}
    seeds["exr-plain"] = b"\1" + make_exr(planes, 1)
    seeds["exr-zip"] = b"\1" + make_exr(planes, 1, True, request)
    seeds["exr-density"] = b"\1" + make_exr({f"DENSITY{i}": planes["N"] for i in (0, 1)}, None)
    seeds["exr-nebula"] = b"\1" + make_exr({name: planes["N"] for name in
                                            ("RED", "GREEN", "BLUE")}, None, True)
    seeds["exr-counts"] = b"\1" + make_exr({name: planes[name] for name in ("N", "NF")}, None, True)
    return seeds


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_seeds() -> dict[str, bytes]:
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 2, 8, 2, 0, 0, 0))
    end = chunk(b"IDAT", zlib.compress(bytes(14))) + chunk(b"IEND", b"")
    text = json.dumps(REQUEST).encode()
    packed = zlib.compress(text)
    kinds = {
        "text": chunk(b"tEXt", b"Title\0Set") + chunk(b"tEXt", b"brot-request\0" + text),
        "packed": chunk(b"zTXt", b"brot-request\0\0" + packed),
        "international": chunk(b"iTXt", b"brot-request\0\1\0\0\0" + packed),
        "plain": chunk(b"iTXt", b"brot-request\0\0\0en\0key\0" + text),
        "other": chunk(b"sRGB", b"\0") + chunk(b"gAMA", struct.pack(">I", 45455))
        + chunk(b"pHYs", struct.pack(">IIB", 1, 1, 0)) + chunk(b"PLTE", bytes(6)),
        "profile": chunk(b"iCCP", b"name\0\0" + zlib.compress(bytes(200))),
        "bomb": chunk(b"zTXt", b"brot-request\0\0" + zlib.compress(b" " * 4_000_000, 9)),
        "twice": 2 * chunk(b"tEXt", b"brot-request\0" + text),
    }
    return {name: start + chunks + end for name, chunks in kinds.items()}


# ---- keys and settings ----

# The first are those that fuzz_zap.c knows; the examples of ZeroMQ's RFC 32 among them.
CLIENT_KEY = "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6"
WORKER_KEY = "E$6YJfrYuXMW{/@WV1.HK:va&9=}Ph3TvBxkvCVx"
ADMIN_KEY = "8UPdF:&3CyYb:Qb=/BcUw-p#@WNLU9VmR(QFqqX#"
SECRET_KEY = "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs"
Z85 = ("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
       ".-:+=^!/*?&<>()[]{}@%$#")


def cert_seeds() -> dict[str, bytes]:
    public = f'    public-key = "{CLIENT_KEY}"\n'
    secret = f'    secret-key = "{SECRET_KEY}"\n'
    head = "#   ****  Generated by CZMQ  ****\n\nmetadata\n    role = \"worker\"\n"
    texts = {
        "public": f"me\n{head}curve\n{public}", "secret": f"me\ncurve\n{public}{secret}",
        "bare": f"a@b\ncurve # keys\r\n\tpublic-key = {CLIENT_KEY}  # mine\r\n",
        "single": f"{'n' * 63}\ncurve\n    public-key='{CLIENT_KEY}'",
        "marks": f"n\ncurve\n    public-key = {ADMIN_KEY} #\n", "none": f"n\n{head}curve\n{secret}",
        "twice": f"n\ncurve\n{2 * public}", "open": f'n\ncurve\n    public-key = "{CLIENT_KEY}\n',
        "zeros": f"n\ncurve\n    public-key = {40 * '0'}\n",
        "elsewhere": f"n\nkeys\n{public}curve\n",
        "behind": f'n\ncurve\n    public-key = "{CLIENT_KEY}" x\n', "empty": "n\n",
        "longer": f'n\ncurve\n    public-key = "{CLIENT_KEY}00000"\n',
    }
    return {name: text.encode() for name, text in texts.items()}


def z85_bytes(text: str) -> bytes:
    data = b""
    for i in range(0, len(text), 5):
        value = 0
        for digit in text[i:i + 5]:
            value = value * 85 + Z85.index(digit)
        data += struct.pack(">I", value)
    return data


def knock(address: str, user_id: str, op: int, question: Frames, says: int = 0x41) -> bytes:
    """A peer, and a question in records of at most four frames."""
    peer = [text.encode() for text in (address, user_id)]
    return record(peer, op, says, 1) + record(question[:4]) + record(question[4:])


def zap_seeds() -> dict[str, bytes]:
    workers_side, has_keys = 1, 2
    question = [b"1.0", b"1", b"workers", b"::ffff:192.168.0.7", b"", b"CURVE",
                z85_bytes(WORKER_KEY)]
    return {
        "worker": knock("127.0.0.1", WORKER_KEY, workers_side | has_keys, question, 0x01),
        "client": knock("::ffff:10.0.0.1", CLIENT_KEY, has_keys,
                        [*question[:2], b"clients", *question[3:6], z85_bytes(CLIENT_KEY)]),
        "admin": knock("fe80::1%eth0", ADMIN_KEY, has_keys, [*question[:6], z85_bytes(ADMIN_KEY)]),
        "unknown": knock("2001:db8::1:0:0:1", SECRET_KEY, has_keys, [*question[:6], bytes(32)]),
        "root": knock("localhost:0:0:1", CLIENT_KEY, has_keys, question[:6], 0x4d),
        "ours": knock("localhost:1000:1000:4294967295", "", workers_side, question[:2], 0x0f),
        "other-user": knock("localhost:77:77:1", "", 0, question[2:]),
        "over": knock("localhost:4294967296:0:1", "", 0, [*question, b"more"]),
        "long-number": knock("localhost:00000000000:0:1", "", 0, question, 0x40),
        "five": knock("localhost:0:0:0:0", "uid:0", has_keys, [b"2.0", *question[1:]]),
        "nobody": knock("", CLIENT_KEY, has_keys, [b"1.0", bytes(65), *question[2:]]),
        "any": knock("10.0.0.1", "", 0, [*question[:2], b"w\0", *question[3:]]),
        "plain": knock("::1:0:0", "", workers_side, [*question[:5], b"PLAIN", b"me", b"word"]),
        "silent": knock("localhost", "", 0, [], 0x40),
    }


def settings_seeds() -> dict[str, bytes]:
    worker, has_line, has_env = 1, 2, 4
    broker_file = {
        "clients": ["ipc:///run/brot/clients", "tcp://*:5570"], "clients_group": "brot",
        "workers": ["ipc:///run/brot/workers"], "memory": "512M", "state_dir": "/var/lib/brot",
        "sync": "full", "retention": 604800, "checkpoint_dir": "/var/cache/brot",
        "checkpoint_every": 1.5, "history_days": 90, "key": "/k/broker.cert_secret",
        "keys": "/k", "metrics": "127.0.0.1:9100", "log_level": "info", "tile_rows": 16}
    worker_file = {"broker": "ipc:///run/brot/workers", "threads": 2, "kernel": "avx2",
                   "name": "w", "no_shm": True, "key": "/k/w.cert_secret",
                   "server_key": "/k/broker.cert", "insecure": False, "log_level": "debug"}
    least = {"clients": ["ipc://a"], "workers": ["ipc://b"]}
    files = {
        "broker": (0, broker_file), "broker-env": (has_env, broker_file),
        "broker-line": (has_line | has_env, broker_file), "worker": (worker, worker_file),
        "worker-line": (worker | has_line, worker_file), "worker-env": (worker | has_env,
                                                                        {"processes": 4}),
        "least": (0, least), "nothing": (has_line, {}),
        "bytes": (0, {**least, "memory": 1 << 30, "insecure": True}),
        "locks": (0, {**least, "key": "k", "insecure": True}),
        "twice": (0, {"clients": ["ipc://a"], "workers": ["ipc://b", "ipc://a"]}),
        "counts": (worker, {"broker": "ipc://w", "threads": 2, "processes": 2}),
        "nested": (0, {"clients": [["ipc://a"], {"a": {}}]}), "list": (0, [1, 2]),
        "many": (0, {"clients": [f"ipc://{i}" for i in range(9)]}),
        "unknown": (0, {**least, "retenton": 5}), "embedded": (0, {"embedded": True}),
    }
    seeds = {name: bytes([flags]) + json.dumps(value, indent="\t").encode()
             for name, (flags, value) in files.items()}
    texts = {"doubled": '{"retention": 5,\n"retention": 6}', "cut": '{"clients": ["ipc://a"',
             "comma": '{"sync": "full",}', "bare": '{sync: "full"}',
             "latin": '{"key": "\\u00e4\\u0000"}', "huge": '{"retention": 1e999}',
             "long": '{"tile_rows": ' + 200 * "1" + "}",
             "precise": '{"checkpoint_every": 1.2345}', "wide": '{"\u00e4\U0001f600": 1}'}
    return {**seeds, **{name: b"\0" + text.encode() for name, text in texts.items()},
            "invalid": b'\0{"key": "\xff\xc3"}', "empty": b"\0"}


# ---- conversations ----

CLIENT, OTHER, WORKER_1, WORKER_2 = 0, 1, 4, 5
DIGEST, NEW, FULL, TICK, METRICS = 8, 16, 32, 64, 128


def greet(connection: int, credit: int = 3, session: int = 1, name: str = "python") -> bytes:
    body = {**hello(), "worker": f"{connection:032x}", "name": name}
    return (record(say("HELLO", body=body), connection)
            + record(say("CREDIT", session, credit), connection))


def submit(connection: int = CLIENT, key: str = KEY, wait: int = 0, size: tuple = (16, 12),
           changes: dict | None = None, **more: object) -> bytes:
    document = request(size=list(size), **(changes or {}))
    return record(say("SUBMIT", body={"key": key, "request": document, **more}), connection,
                  wait=wait)


def ask(name: str, connection: int = CLIENT, wait: int = 0, **body: object) -> bytes:
    return record(say(name, body=body), connection, wait=wait)


def mapped(work: int, session: int = 1, connection: int = WORKER_1, nonce: bytes | None = None
           ) -> bytes:
    return record(say("MAPPED", session, work, 0 if nonce else 1, nonce or bytes(16), body="no"),
                  connection)


def done(work: int, tile: int, pixels: int, session: int = 1, connection: int = WORKER_1,
         attempt: int = 1, wait: int = 5) -> bytes:
    data = bytes(pixels) if pixels else None
    return record(say("DONE", session, work, 0, tile, attempt, 0, 7, 900, 0, data=data),
                  connection | DIGEST, wait=wait)


def broker_seeds() -> dict[str, bytes]:
    one = greet(WORKER_1) + submit() + mapped(1)
    # As the broker cuts 12 rows that are mirrored.
    finished = one + b"".join(done(1, tile, 48 * rows) for tile, rows in enumerate([3, 1, 1, 1]))
    bands = [1 | band << 40 for band in range(3)]
    banded = (greet(WORKER_1, credit=9) + submit(size=(256, 400), keep=True)
              + mapped(bands[0], nonce=bytes([1] * 16)) + mapped(bands[1], nonce=bytes([2] * 16))
              + ask("WATCH", jobs=[1]) + b"".join(done(bands[0], tile, 0) for tile in range(40)))
    return {
        "render": finished + ask("WATCH", jobs=[1], wait=9)
        + ask("FETCH", job=1, plane=0, x=0, y=0, w=16, h=12, seen=0) + ask("RELEASE", job=1),
        "local": greet(WORKER_1) + submit() + mapped(1, nonce=bytes([1] * 16))
        + b"".join(done(1, tile, 0) for tile in range(4)) + ask("RELEASE", job=1),
        "sizes": one + done(1, 0, 143) + done(1, 0, 145, attempt=2) + done(1, 1, 1)
        + done(1, 2, 4096),
        "fetches": finished + b"".join(
            ask("FETCH", job=1, plane=plane, x=x, y=y, w=w, h=h, seen=seen)
            for seen, (plane, x, y, w, h) in enumerate([
                (0, 0, 0, 16, 12), (0, 15, 11, 1, 1), (0, 1, 0, 16, 12), (0, 0, 1, 16, 12),
                (1, 0, 0, 16, 12), (0, 0, 0, 0, 12), (0, 4, 4, 4, 4), (0, 2**32 - 1, 0, 2, 1)])),
        "banded": banded + ask("FETCH", job=1, plane=0, x=0, y=0, w=256, h=10, seen=0)
        + ask("RELEASE", job=1, band=0) + ask("ATTACH", OTHER, job=1),
        "bands": banded + ask("RELEASE", job=1, band=0) + b"".join(
            done(bands[1], tile, 0) for tile in range(40)) + ask("RELEASE", job=1, band=1)
        + mapped(bands[2], nonce=bytes([3] * 16)) + b"".join(
            done(bands[2], tile, 0) for tile in range(80)) + ask("RELEASE", job=1, band=2),
        "kept": submit(keep=True, client="me", priority=2) + greet(WORKER_1)
        + record(say("BYE", 1), WORKER_1) + ask("PAUSE", job=1) + ask("RESUME", OTHER, job=1)
        + ask("PRIORITY", job=1, priority=100) + ask("JOBS", OTHER) + ask("CANCEL_JOB", job=1)
        + ask("RETRY", job=1),
        "fails": one + b"".join(
            record(say("FAIL", 1, 1, 0, tile, attempt, 9, body="so"), WORKER_1)
            for tile in range(3) for attempt in range(1, 4)) + ask("RETRY", job=1),
        "dies": one + greet(WORKER_2, session=2) + mapped(1, 2, WORKER_2)
        + record([], WORKER_1 | NEW, wait=160) + done(1, 0, 48, 2, WORKER_2, 2),
        "gone": one + record(say("GONE", 1), OTHER | WORKER_2) + greet(WORKER_1, session=2),
        "drain": one + greet(WORKER_2, session=2, name="other")
        + ask("DRAIN_WORKER", worker="python") + record(say("BEAT", 1, 1, 5), WORKER_1, wait=132),
        "lists": one + ask("STATUS") + ask("JOBS") + ask("WORKERS") + ask("HISTORY", limit=5)
        + record([], CLIENT | METRICS | TICK) + ask("STATUS", CLIENT | FULL),
        "whole": greet(WORKER_1) + submit(changes={"shortcuts": False}) + mapped(1)
        + b"".join(done(1, tile, 48 * rows) for tile, rows in enumerate([6, 3, 1, 1, 1])),
        "data": greet(WORKER_1) + submit(changes={"format": "smooth"}) + mapped(1)
        + b"".join(done(1, tile, 128 * rows) for tile, rows in enumerate([3, 1, 1, 1])),
        "crowd": b"".join(submit(c, f"{c}{k}" * 16, client=f"c{c}") for c in range(4)
                          for k in range(4)) + ask("WATCH", jobs=[1, 2, 3, 4, 5]),
        "again": submit() + submit(OTHER) + submit(wait=150) + ask("ATTACH", OTHER, job=1),
        "wrong-side": record(say("STATUS", body={}), WORKER_1) + record(say("BEAT", 1, 1, 1), 0),
    }


SILENT, SIGNAL, FULL_QUEUE, SEGMENT, STALL = 1, 2, 4, 8, 16


def hear(name: str, *fields: object, wait: int = 1, body: object = None, data: bytes | None = None,
         ) -> bytes:
    """What a worker or a client hears."""
    return record(say(name, *fields, body=body, data=data), wait=wait)


def segment(job: int, image: dict, width: int = 16, height: int = 12, planes: tuple = ((1, 3),)
            ) -> bytes:
    """The header of an image with one segment a row."""
    bits = (height + 7) // 8
    offset = 8192
    table = b""
    for kind, pixel in planes:
        table += struct.pack("<IIQQ", kind, pixel, offset, width * height * pixel)
        offset += 4096
    head = b"BROTIMG1" + struct.pack("<IIQQ", 1, 192, image["bytes"], job)
    head += bytes.fromhex(image["nonce"]) + struct.pack("<IIIIIIQQII", 1, 2, width, height, width,
                                                         1, 4096, bits, len(planes), 0)
    return record([(head + table).ljust(192, b"\0")], op=SEGMENT)


def worker_seeds() -> dict[str, bytes]:
    welcome = hear("WELCOME", 1, body={"brot": 1, "version": "0", "beat_ms": 2000,
                                       "lost_ms": 10000})
    job = hear("JOB", 1, 1, body=JOB)
    tiles = b"".join(hear("TILE", 1, 1, 0, tile, 1, 0, 3 * tile, 16, 3) for tile in range(4))
    ended = b"".join(record([], op=SILENT, how=how, wait=9) for how in (0, 64, 128, 1))
    served = welcome + segment(1, IMAGE) + job + tiles
    deep = {**JOB, "request": request(size=[16, 4000]), "rows": [2000, 12]}
    return {
        "mapped": b"\0" + served + ended,
        "sent": b"\1" + served + ended + hear("DRAIN", 1),
        "band": b"\0" + welcome + hear("JOB", 1, 1, body=deep)
        + hear("TILE", 1, 1, 0, 0, 1, 0, 2000, 16, 12) + ended,
        "mirror": b"\1" + welcome + hear("JOB", 1, 1, body={**JOB, "phases": ["mirror"]})
        + hear("TILE", 1, 1, 0, 0, 1, 0, 0, 16, 6) + ended,
        "revoke": b"\0" + served + hear("REVOKE", 1, 1, 0, 1, 1) + hear("CANCEL", 1, 1) + ended,
        "lost": b"\0" + served + record([], op=STALL, wait=200) + welcome + job,
        "again": b"\0" + served + hear("REREGISTER", 1) + welcome + hear("WELCOME", 2, body={}),
        "busy": b"\0" + hear("REFUSED", body={"error": "busy", "text": "later",
                                              "message": "HELLO"}, wait=140) + served,
        "refused": b"\0" + hear("REFUSED", body={"error": "protocol", "text": "no"}),
        "ends": b"\0" + served + record([], op=SIGNAL) + ended + record([], op=SIGNAL),
        "full": b"\0" + served + record([], op=FULL_QUEUE | SILENT) + ended,
    }


ATTACH, KEPT, MAP, UNREAD, URGENT, DATA, ASK, RELEASE = (1 << bit for bit in range(8))


def client_seeds() -> dict[str, bytes]:
    rows = hear("ROWS", 1, 0, 0, 0, 16, 12, 0, data=bytes(576))
    begin = hear("ACCEPTED", body=ACCEPTED) + hear("PROGRESS", body=PROGRESS)
    finished = begin + hear("FINISHED", body=FINISHED)
    attached = {key: value for key, value in ACCEPTED.items() if key != "key"}
    bands = [{"job": 1, "band": band, "first": 4 * band, "rows": 4, "image": IMAGE}
             for band in range(3)]
    banded = hear("ACCEPTED", body=BANDED) + b"".join(
        hear("BAND", body=band) + hear("ROWS", 1, 0, 0, band["first"], 16, 4, 0, data=bytes(192))
        for band in bands) + hear("FINISHED", body=FINISHED)
    planes = b"".join(hear("ROWS", 1, plane, 0, 0, 16, 12, 0, data=bytes(768))
                      for plane in range(2))
    refused = hear("REFUSED", body=REFUSED)
    return {
        "render": bytes([RELEASE]) + finished + rows,
        "mapped": bytes([MAP | RELEASE]) + segment(1, IMAGE) + finished,
        "data": bytes([DATA]) + finished + planes,
        "kept": bytes([KEPT]) + finished + rows,
        "unread": bytes([UNREAD]) + finished,
        "urgent": bytes([ATTACH | URGENT]) + hear("ACCEPTED", body=attached)
        + hear("PROGRESS", body=PROGRESS),
        "attached": bytes([ATTACH | RELEASE]) + hear("ACCEPTED", body=attached)
        + hear("FINISHED", body=FINISHED) + rows + hear("FAILED", body={
            "job": 1, "error": "not_found", "text": "job: is gone"}),
        "banded": bytes([RELEASE]) + banded,
        "banded-mapped": bytes([MAP]) + banded,
        "failed": bytes([0]) + begin + hear("FAILED", body={"job": 1, "error": "failed",
                                                           "text": "so"}),
        "refused": bytes([0]) + refused, "busy": bytes([ATTACH]) + 3 * refused,
        "cancelled": bytes([0]) + begin + record([], op=SIGNAL | SILENT, how=1)
        + hear("REPORT", body={"job": 1, "state": "cancelled"}),
        "fetch-refused": bytes([RELEASE]) + finished + b"".join(hear("REFUSED", body={
            "error": error, "text": "no", "message": "FETCH", "job": 1})
            for error in ("busy", "not_found", "request")) + finished + rows,
        "restarted": bytes([0]) + begin + hear("FAILED", wait=100, body={
            "job": 1, "error": "not_found", "text": "gone"}) + finished,
        "stalled": bytes([0]) + begin + record([], op=STALL | SILENT, wait=130) + finished + rows,
        "ask": bytes([ASK]) + b"".join(
            hear("REPORT", body=body) for body in (STATUS, JOBS, WORKERS, STATUS, JOBS, WORKERS)),
        "other-version": bytes([ASK]) + record(frames_of("REPORT", body={}, version=9)),
    }


SEEDS = {"message": message_seeds, "body": body_seeds, "image": image_seeds, "view": view_seeds,
         "colour": colour_seeds, "file": file_seeds, "numbers": numbers_seeds,
         "png": png_seeds, "cert": cert_seeds, "zap": zap_seeds,
         "settings": settings_seeds, "broker": broker_seeds, "worker": worker_seeds,
         "client": client_seeds}


def main() -> int:
    corpus = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent / "corpus")
    for name, make in SEEDS.items():
        folder = corpus / name
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("seed-*"):
            old.unlink()
        for seed, data in make().items():
            (folder / f"seed-{seed}").write_bytes(data)
    return 0


if __name__ == "__main__":
    sys.exit(main())
