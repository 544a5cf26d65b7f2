"""What a connection's thread tells a job.

The thread holds a job only weakly, so that one which nobody can ask any more ends; where it has
callbacks, until they were called.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

from ._formats import Array
from ._notice import Progress, Summary
from ._shm import MappedImage
from .errors import Error
from .request import Request

if TYPE_CHECKING:
    from ._loop import Loop
    from ._task import JobTask
    from .job import Job


class JobSink:
    """All of it in the loop's thread, but keep()."""

    def __init__(self, job: Job) -> None:
        self._job = weakref.ref(job)
        self._kept: Job | None = None
        self.task: JobTask | None = None  # until the job has ended

    def keep(self) -> None:
        """There are callbacks that wait for the job."""
        self._kept = self._job()

    def on_accepted(self, job: int, request: Request, image: MappedImage | None) -> None:
        owner = self._job()
        if owner is not None:
            owner._on_accepted(job, request, image)

    def on_progress(self, progress: Progress) -> None:
        owner = self._job()
        if owner is not None:
            owner._on_progress(progress)

    def on_rows(self, arrays: list[Array], first: int, rows: int) -> None:
        owner = self._job()
        if owner is not None:
            owner._on_rows(arrays, first, rows)

    def on_done(self, arrays: list[Array], summary: Summary, is_mapped: bool) -> None:
        owner, self._kept, self.task = self._job(), None, None
        if owner is not None:
            owner._on_done(arrays, summary, is_mapped)

    def on_failed(self, error: Error) -> None:
        owner, self._kept, self.task = self._job(), None, None
        if owner is not None:
            owner._on_failed(error)


def let_go(loop: Loop, sink: JobSink) -> None:
    """The last reference to a job is gone. In whatever thread that happened."""
    def drop() -> None:
        if sink.task is not None:
            sink.task.drop(loop.now())
    loop.hint(drop)
