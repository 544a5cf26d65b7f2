"""python -m brot: for those who have only Python. brot-client does all of this, and more."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from . import VIEWS, __version__, _formats, cluster, connect, local
from ._checks import shown
from .errors import Error, FileError, RequestError, exit_status, from_code
from .image import Image
from .request import Request
from .service import SYSTEM_SOCKET, Service

_FORMATS = {".npy": "iterations", ".exr": "raw"}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> Any:
        self.exit(64, f"{self.prog}: {message}\n")


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"([0-9]{1,9})x([0-9]{1,9})", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"must be WIDTHxHEIGHT in pixels, got {shown(text)}")
    return int(match[1]), int(match[2])


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m brot", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")

    def verb(name: str, text: str) -> argparse.ArgumentParser:
        return verbs.add_parser(name, help=text, description=text)

    def request(made: argparse.ArgumentParser) -> None:
        made.add_argument("--view", help="a name that views lists, RE,IM,WIDTH, "
                          "XMIN:XMAX,YMIN:YMAX or @FILE")
        made.add_argument("--size", type=_size, metavar="WxH", help="pixels")
        made.add_argument("--iterations", type=int, metavar="N")
        made.add_argument("--samples", type=int, metavar="N", help="N x N points a pixel")
        made.add_argument("--formula", help="mandelbrot, julia:RE,IM, multibrot:POWER, "
                          "burning-ship or tricorn")
        made.add_argument("--kind", choices=["escape", "buddhabrot"])
        made.add_argument("--points", type=float, metavar="N", help="of a Buddhabrot")
        made.add_argument("--format", help="rgb8, rgb16, iterations, smooth, ...; the suffix of "
                          "--out decides without it")
        made.add_argument("--palette")
        made.add_argument("--mode", help="smooth, banded, histogram, distance, relief or angle")

    def broker(made: argparse.ArgumentParser) -> None:
        made.add_argument("--broker", metavar="URL", help="or BROT_BROKER, or the system's")
        made.add_argument("--timeout", type=float, metavar="S",
                          help="seconds that the broker may be silent")
        made.add_argument("--key", metavar="FILE", help="one's own secret certificate")
        made.add_argument("--server-key", metavar="FILE", help="the broker's public one")
        made.add_argument("--insecure", action="store_true", help="allow tcp beyond this host")

    render = verb("render", "Renders a view into a file.")
    render.add_argument("--out", required=True, metavar="FILE", help=".png, .ppm, .npy, .exr, .dzi")
    request(render)
    broker(render)
    where = render.add_mutually_exclusive_group()
    where.add_argument("--local", action="store_true", help="render in this process")
    where.add_argument("--workers", type=int, metavar="N", help="an embedded service of so many")
    render.add_argument("--threads", type=int, default=0, metavar="N", help="with --local")
    render.add_argument("--quiet", action="store_true", help="say nothing but what fails")
    request(verb("view", "Prints the request of a view, as JSON."))
    for name, text in (("jobs", "Lists the jobs"), ("workers", "Lists the workers"),
                       ("status", "Shows the state of the broker"),
                       ("history", "Lists the jobs that have ended")):
        broker(verb(name, f"{text}, as JSON."))
    cancel = verb("cancel", "Ends a job.")
    cancel.add_argument("job", type=int)
    broker(cancel)
    verb("views", "Lists the places that have a name.")
    verb("version", "Prints the version.")
    return parser


def _connect(words: argparse.Namespace) -> Service:
    return connect(words.broker, key=words.key, server_key=words.server_key,
                   insecure=words.insecure, timeout=words.timeout)


def _request(words: argparse.Namespace, format_: str | None) -> Request:
    names = ("iterations", "samples", "formula", "kind", "points", "palette", "mode")
    given = {name: getattr(words, name) for name in names if getattr(words, name) is not None}
    return Request(words.view, words.size, format=words.format or format_, **given)


@contextlib.contextmanager
def _service(words: argparse.Namespace) -> Iterator[Service]:
    named = words.broker or os.environ.get("BROT_BROKER")
    if words.workers is not None and named:
        raise RequestError("--workers: cannot stand beside a broker that --broker or BROT_BROKER "
                           "names", "usage")
    if named or (words.workers is None and SYSTEM_SOCKET.is_socket()):
        with _connect(words) as service:
            yield service
    else:
        with cluster(words.workers) as own:
            yield own


def _render(words: argparse.Namespace) -> None:
    suffix = Path(words.out).suffix.lower()
    request = _request(words, _FORMATS.get(suffix))
    _check_words(words)
    _check_out(Path(words.out), request)
    if words.local:
        def show_local(done: float) -> None:
            _show(words, done)
        image: Image = local.image(request, threads=words.threads, progress=show_local)
    else:
        with _service(words) as service:
            image = service.image(request, progress=lambda progress: _show(words, progress.done))
            image.save(words.out)
            _show(words, 1.0)
            return
    image.save(words.out)
    _show(words, 1.0)


def _check_words(words: argparse.Namespace) -> None:
    """Options of which one would be passed over."""
    if not words.local and words.threads != 0:
        raise RequestError("--threads: must not be given without --local", "usage")
    for name in ("broker", "key", "server_key", "timeout", "insecure"):
        if words.local and getattr(words, name):
            raise RequestError(f"--{name.replace('_', '-')}: must not be given beside --local, "
                               "which asks no broker", "usage")


def _check_out(out: Path, request: Request) -> None:
    """Whether the picture can be saved there, before it is rendered: by one of a pixel."""
    try:
        mode = out.parent.stat().st_mode
    except OSError as error:
        raise FileError(f"--out: {out} cannot be made: {error.strerror}") from None
    is_folder = stat.S_ISDIR(mode) and not (out.is_dir() and out.suffix != ".dzi")
    if not is_folder or not os.access(out.parent, os.W_OK | os.X_OK):
        raise FileError(f"--out: {out} cannot be made: "
                        f"{'Permission denied' if is_folder else 'Is it a file in a folder?'}")
    tiny = Request.from_document({**request.document, "size": [1, 1]})
    format_ = _formats.by_name(tiny.format)
    arrays = [np.zeros_like(array) for array in format_.empty(1, 1)]
    image = Image(format_.assemble(arrays), tiny, planes=_formats.named(format_, arrays))
    with tempfile.TemporaryDirectory() as folder:
        trial = Path(folder) / f"trial{out.suffix}"
        try:
            image.save(trial)
        except Error as error:
            raise from_code(error.code, str(error).replace(str(trial), str(out))) from None


def _show(words: argparse.Namespace, done: float) -> None:
    if not words.quiet and sys.stderr.isatty():
        print(f"\r{100 * done:3.0f} %", end="\n" if done == 1.0 else "", file=sys.stderr,
              flush=True)


def _run(words: argparse.Namespace) -> None:
    if words.verb == "render":
        _render(words)
    elif words.verb == "view":
        _say(_request(words, None).json())
    elif words.verb == "views":
        _say("\n".join(f"{view.name:18} {view.title}" for view in VIEWS.values()))
    elif words.verb == "version":
        _say(f"brot {__version__}")
    else:
        with _connect(words) as service:
            if words.verb == "cancel":
                service.cancel(words.job)
            else:
                _say(json.dumps(getattr(service, words.verb)(), indent=1))


def _say(text: str) -> None:
    try:
        print(text, flush=True)
    except OSError as error:
        # Nor is it to be tried again when this ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise FileError(f"standard output cannot be written to: {error.strerror}") from None


def main(arguments: list[str] | None = None) -> int:
    """Runs one command line; returns the exit status, one of sysexits(3)."""
    words = _parser().parse_args(arguments)
    try:
        _run(words)
    except Error as error:
        print(f"brot: {error}", file=sys.stderr)
        return exit_status(error)
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
