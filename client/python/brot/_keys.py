"""CURVE keys, as ``brot-client keygen`` makes them: PROTOCOL.md, section 12."""

from __future__ import annotations

import os
import re
import socket
import stat
from dataclasses import dataclass, field
from pathlib import Path

from . import _checks, _limits
from .errors import DeniedError, FileError, RequestError

FILE_BYTES = 65536
_TCP = re.compile(r"tcp://(?:\[([0-9A-Za-z._:%-]+)\]|([0-9A-Za-z._-]+)):([0-9]{1,5})")
_Z85 = re.compile(rb"[0-9a-zA-Z.\-:+=^!/*?&<>()\[\]{}@%$#]{40}")
_FIELD = re.compile(r'^\s*(public-key|secret-key)\s*=\s*(?:"([^"\n]*)"|(\S+))\s*$', re.MULTILINE)

PathLike = str | os.PathLike[str]


@dataclass(frozen=True, slots=True)
class Keys:
    """In Z85: one's own pair and the broker's public key."""

    public: bytes
    secret: bytes = field(repr=False)
    server: bytes


def _read(path: str) -> dict[str, bytes]:
    try:
        with open(path, "rb") as file:
            data = file.read(FILE_BYTES + 1)
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror}", "no_input") from None
    text = data.decode("utf-8", "replace") if len(data) <= FILE_BYTES else ""
    return {match[1]: (match[2] or match[3] or "").encode() for match in _FIELD.finditer(text)}


def _key(found: dict[str, bytes], name: str, path: str) -> bytes:
    key = found.get(name, b"")
    if not _Z85.fullmatch(key):
        raise FileError(f"{path}: must be a certificate with a {name} of 40 characters of Z85",
                        "config")
    return key


def load(key: PathLike, server_key: PathLike) -> Keys:
    """One's own secret certificate, and the broker's public one. FileError; DeniedError where
    others may read the secret."""
    key, server_key = _checks.path("key", key), _checks.path("server_key", server_key)
    mine = _read(key)
    if "secret-key" in mine and stat.S_IMODE(Path(key).stat().st_mode) & 0o077:
        raise DeniedError(f"{key}: others may read this secret key: chmod 600 it")
    return Keys(_key(mine, "public-key", key), _key(mine, "secret-key", key),
                _key(_read(server_key), "public-key", server_key))


def is_local(url: str) -> bool:
    """Whether a broker's URL stays on this host. RequestError where it is none.

    >>> is_local("tcp://127.0.0.1:5570"), is_local("tcp://localhost.example.com:5570")
    (True, False)
    """
    if len(_checks.text("url", url)) > _limits.URL_CHARS:
        raise RequestError(f"url: must have at most {_limits.URL_CHARS} characters, got {len(url)}")
    if url.startswith("ipc://"):
        path = url.removeprefix("ipc://")
        if path[:1] in ("", "*", "@") or len(path.encode()) > _limits.IPC_PATH_BYTES:
            raise RequestError(f"url: must name a path of at most {_limits.IPC_PATH_BYTES} bytes, "
                               f"got {url!r}")
        return True
    found = _TCP.fullmatch(url)
    if found is None or not 1 <= int(found[3]) <= 65535:
        raise RequestError(f"url: must be ipc://PATH or tcp://HOST:PORT, got {url!r}")
    return _is_loopback(found[1] or found[2])


def _is_loopback(host: str) -> bool:
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            address = socket.inet_pton(family, host)
        except OSError:
            continue
        one, mapped = bytes(15) + b"\1", bytes(10) + b"\xff\xff\x7f"
        return (address[0] == 127 if family == socket.AF_INET else
                address == one or address.startswith(mapped))
    return host == "localhost"


def for_url(url: str, key: PathLike | None, server_key: PathLike | None,
            is_insecure: bool) -> Keys | None:
    """The keys to show at a broker's URL, or None: over ipc the kernel says who speaks. They are
    those of BROT_KEY and BROT_SERVER_KEY where none are given. RequestError where one is missing,
    or tcp beyond this host would go without."""
    is_here = is_local(url)
    key = key or os.environ.get("BROT_KEY") or None
    server_key = server_key or os.environ.get("BROT_SERVER_KEY") or None
    if url.startswith("ipc://"):
        return None
    if key is not None and server_key is not None:
        return load(key, server_key)
    if key is not None or server_key is not None:
        missing = "key" if key is None else "server_key"
        raise RequestError(f"{missing}: must be given where the other key is")
    if not is_insecure and not is_here:
        raise RequestError(f"url: {url} is beyond this host: give key and server_key, or "
                           "insecure=True")
    return None
