"""What can go wrong, as exceptions.

All derive from :class:`Error`, whose ``code`` is the name of BROT/1 (``"not_found"``), and those
that Python has a word for derive from that as well: a request that is wrong is a ``ValueError``, a
broker that does not answer a ``ConnectionError``.

>>> import brot
>>> try:
...     raise brot.errors.from_code("request", "size: must be 1 to 1048576, got 0")
... except ValueError as error:
...     error.field, error.rule
('size', 'must be 1 to 1048576, got 0')
"""

from __future__ import annotations

import builtins
import re
from typing import NamedTuple


class Error(RuntimeError):
    """Any failure of brot. ``str()`` is one sentence; ``code`` its name in BROT/1."""

    code = "internal"

    def __init__(self, text: str, code: str | None = None) -> None:
        super().__init__(text)
        if code is not None:
            self.code = code


class RequestError(Error, ValueError):
    """The request can never be rendered.

    ``field`` is the word or key that is wrong (``"size"``, ``"view.re"``), ``rule`` what it must be
    and what it was; ``field`` is empty where the sentence names none.
    """

    code = "request"

    def __init__(self, text: str, code: str | None = None) -> None:
        super().__init__(text, code)
        match = re.fullmatch(r"([\w.\[\]-]+(?: [A-Z]+)?): (.*)", text, re.DOTALL)
        self.field, self.rule = (match[1], match[2]) if match else ("", text)


class NotFoundError(Error, LookupError):
    """There is no such job, worker, view or palette."""

    code = "not_found"


class ConnectionError(Error, builtins.ConnectionError):  # pylint: disable=redefined-builtin
    """No broker answers there, or it has been silent for too long."""

    code = "unavailable"


class TimeoutError(Error, builtins.TimeoutError):  # pylint: disable=redefined-builtin
    """The time that the caller gave is over."""

    code = "timeout"


class BusyError(Error):
    """A limit of the service is reached; later it may do."""

    code = "busy"


class NoSpaceError(Error, MemoryError):
    """Shared memory or a disk is full."""

    code = "no_space"


class FileError(Error, OSError):
    """A file cannot be read or made; ``code`` is ``no_input``, ``output`` or ``config``."""

    code = "output"


class ProtocolError(Error):
    """The other side does not speak BROT/1."""

    code = "protocol"


class DeniedError(Error, PermissionError):
    """This user, or this key, may not do that."""

    code = "denied"


class FailedError(Error):
    """The workers could not render the job."""

    code = "failed"


class Cancelled(Error):
    """Somebody asked for the end of the job."""

    code = "cancelled"


class _Kind(NamedTuple):
    raised: type[Error]
    status: int  # of a program that ends with it: sysexits(3)


_KINDS: dict[str, _Kind] = {  # in the order of libbrot's enum brot_err, which begins with 1 here
    "usage": _Kind(RequestError, 64),
    "request": _Kind(RequestError, 65),
    "no_input": _Kind(FileError, 66),
    "not_found": _Kind(NotFoundError, 66),
    "unavailable": _Kind(ConnectionError, 69),
    "busy": _Kind(BusyError, 75),
    "no_space": _Kind(NoSpaceError, 71),
    "output": _Kind(FileError, 73),
    "system": _Kind(Error, 71),
    "protocol": _Kind(ProtocolError, 76),
    "denied": _Kind(DeniedError, 77),
    "failed": _Kind(FailedError, 70),
    "cancelled": _Kind(Cancelled, 130),
    "internal": _Kind(Error, 70),
    "config": _Kind(FileError, 78),
    "timeout": _Kind(TimeoutError, 69),
}
_CODES = (*_KINDS,)


def from_code(code: str, text: str) -> Error:
    """The exception for an error of BROT/1, by its name there; one that is not known is an
    :class:`Error` of that code."""
    kind = _KINDS.get(code)
    raised: type[Error] = kind.raised if kind is not None else Error
    return raised(text or code, code)


def from_number(number: int, text: str) -> Error:
    """The same by the number of libbrot's ``enum brot_err``."""
    return from_code(_CODES[number - 1] if 0 < number <= len(_CODES) else "internal", text)


def exit_status(error: Error) -> int:
    """With which a program ends that fails so."""
    kind = _KINDS.get(error.code)
    return kind.status if kind is not None else 70
