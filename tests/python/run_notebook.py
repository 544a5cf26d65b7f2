#!/usr/bin/env python3
"""Runs a notebook without a browser, and writes it with its outputs.

usage: run_notebook.py IN OUT
"""

from __future__ import annotations

import sys
from pathlib import Path

import nbclient
import nbformat


def main() -> None:
    book = nbformat.read(sys.argv[1], as_version=4)
    client = nbclient.NotebookClient(book, timeout=300, kernel_name="python3",
                                     store_widget_state=False)
    # Debian's nbclient stumbles over the messages of Debian's ipywidgets, which are for a browser.
    client.comm_open_handlers = {}
    client.execute()
    Path(sys.argv[2]).write_text(nbformat.writes(book))


if __name__ == "__main__":
    main()
