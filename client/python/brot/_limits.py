"""The maxima of PROTOCOL.md, section 8, that a client must know, and its own."""

from __future__ import annotations

REQUEST_BYTES = 65536
DECIMAL_CHARS = 4096
JSON_DEPTH = 16
SIZE_PX = 1048576
FRAMES = 3
CLIENT_FRAME_BYTES = 98304
PRIORITY = 100
FETCH_BYTES = 1048576
HISTORY = 100
NAME_CHARS = 63
URL_CHARS = 255
IPC_PATH_BYTES = 107
ID_MAX = 2**63 - 1
BANDS = 1 << 20

# No message of a broker is larger, by section 10: the list of 2048 workers with the longest names.
BROKER_FRAME_BYTES = 16 << 20

# A picture of more is surely not what was meant, or cannot be had in this process.
ARRAY_BYTES = 1 << 46
