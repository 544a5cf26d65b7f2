"""brot: the Mandelbrot family, rendered by a service or in this process, as NumPy arrays.

    import brot
    with brot.cluster() as service:                      # or brot.connect("tcp://render-box:5570")
        counts = service.render("seahorse", (1920, 1080), format="smooth")

What is where: :func:`connect`, :class:`Service` and :class:`Job` talk to a broker;
:func:`cluster` starts one for a ``with`` block; :mod:`brot.local` renders in this process;
:mod:`brot.aio` is for asyncio; :class:`Image` is for notebooks, files and colours.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from . import errors
from ._cluster import Cluster, cluster
from ._notice import Progress, Summary
from ._version import VERSION
from .errors import (BusyError, Cancelled, ConnectionError, DeniedError, Error, FailedError,
                     FileError, NoSpaceError, NotFoundError, ProtocolError, RequestError,
                     TimeoutError)
from .image import Image
from .job import Job
from .request import Request
from .service import Service, connect
from .views import VIEWS

if TYPE_CHECKING:
    from . import aio, explorer, local

__version__ = VERSION

__all__ = [
    "BusyError", "Cancelled", "Cluster", "ConnectionError", "DeniedError", "Error", "FailedError",
    "FileError", "Image", "Job", "NoSpaceError", "NotFoundError", "Progress", "ProtocolError",
    "Request", "RequestError", "Service", "Summary", "TimeoutError", "VIEWS", "aio", "cluster",
    "connect", "errors", "explorer", "local",
]

if not TYPE_CHECKING:  # or any name would be one of this module's
    def __getattr__(name: str) -> Any:
        """Modules that are imported when they are first used."""
        if name in ("aio", "explorer", "local"):
            return importlib.import_module(f"{__name__}.{name}")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
