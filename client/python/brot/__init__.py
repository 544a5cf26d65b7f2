"""brot: the Mandelbrot family, rendered by a service or in this process, as NumPy arrays.

    import brot
    with brot.cluster() as service:                      # or brot.connect("tcp://render-box:5570")
        counts = service.render("seahorse", (1920, 1080), format="smooth")

What is where: :func:`connect`, :class:`Service` and :class:`Job` talk to a broker;
:func:`cluster` starts one for a ``with`` block; :mod:`brot.local` renders in this process;
:mod:`brot.aio` is for asyncio; :class:`Image` is for notebooks, files and colours.
"""

from __future__ import annotations

from . import errors
from ._notice import Progress, Summary
from ._cluster import Cluster, cluster
from ._version import VERSION
from .errors import (BusyError, Cancelled, ConnectionError, DeniedError, Error, FailedError,
                     FileError, NoSpaceError, NotFoundError, ProtocolError, RequestError,
                     TimeoutError)
from .image import Image
from .job import Job
from .request import Request
from .service import Service, connect
from .views import VIEWS

__version__ = VERSION

__all__ = [
    "BusyError", "Cancelled", "Cluster", "ConnectionError", "DeniedError", "Error", "FailedError",
    "FileError", "Image", "Job", "NoSpaceError", "NotFoundError", "Progress", "ProtocolError",
    "Request", "RequestError", "Service", "Summary", "TimeoutError", "VIEWS", "cluster",
    "connect", "errors",
]
