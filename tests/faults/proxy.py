#!/usr/bin/env python3
"""A cable that can be spoilt: takes tcp connections on one port and passes their bytes to another.

usage: proxy.py LISTEN_PORT TARGET_HOST TARGET_PORT

Says "ready PORT" once it listens, on 127.0.0.1. Then each line of its input is an order, and is
answered by itself once it is obeyed:

  delay MS   passes bytes on so much later
  slow BPS   passes at most so many bytes a second each way on, over each connection
  drop       closes all connections, at once
  half       says the end of its bytes to both sides of all connections, passes no more on, and
             holds them open until a drop
  refuse     closes every new connection
  accept     no longer
  count      answered "count N": connections made so far

Ends with its input.
"""

from __future__ import annotations

import asyncio
import sys

PIECE_BYTES = 16384
LATE_PIECES = 1024  # on their way, of one connection


class Proxy:
    def __init__(self, host: str, port: int) -> None:
        self.target = (host, port)
        self.delay_s = 0.0
        self.bytes_a_second = 0
        self.is_refusing = False
        self.made = 0
        self.open: set[asyncio.StreamWriter] = set()
        self.pipes: set[asyncio.Task] = set()
        self.may_close = asyncio.Event()
        self.may_close.set()

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.made += 1
        self.open.add(writer)
        try:
            if self.is_refusing:
                return
            far_reader, far_writer = await asyncio.open_connection(*self.target)
            self.open.add(far_writer)
            try:
                pipes = [asyncio.ensure_future(self.pipe(reader, far_writer)),
                         asyncio.ensure_future(self.pipe(far_reader, writer))]
                self.pipes |= set(pipes)
                await asyncio.gather(*pipes, return_exceptions=True)
                self.pipes -= set(pipes)
                await self.may_close.wait()
            finally:
                self.open.discard(far_writer)
                far_writer.close()
        except OSError:
            pass
        finally:
            self.open.discard(writer)
            writer.close()

    async def pipe(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        late: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(LATE_PIECES)
        sender = asyncio.ensure_future(self.send_late(late, writer))
        try:
            data = b"-"
            while data:
                data = await reader.read(PIECE_BYTES)
                await late.put((asyncio.get_running_loop().time() + self.delay_s, data))
            await sender
        finally:
            sender.cancel()

    async def send_late(self, late: asyncio.Queue, writer: asyncio.StreamWriter) -> None:
        while True:
            due_s, data = await late.get()
            await asyncio.sleep(due_s - asyncio.get_running_loop().time())
            if not data:
                writer.write_eof()
                return
            if self.bytes_a_second:
                await asyncio.sleep(len(data) / self.bytes_a_second)
            writer.write(data)
            await writer.drain()

    def obey(self, words: list[str]) -> str:
        order = words[0]
        if order == "delay":
            self.delay_s = int(words[1]) / 1000
        elif order == "slow":
            self.bytes_a_second = int(words[1])
        elif order == "drop":
            self.may_close.set()
            for writer in set(self.open):
                writer.transport.abort()
        elif order == "half":
            self.may_close.clear()
            for task in set(self.pipes):
                task.cancel()
            for writer in set(self.open):
                writer.write_eof()
        elif order in ("refuse", "accept"):
            self.is_refusing = order == "refuse"
        elif order == "count":
            return f"count {self.made}"
        else:
            sys.exit(f"no such order: {order}")
        return order


async def main() -> None:
    port, host, target = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    proxy = Proxy(host, target)
    server = await asyncio.start_server(proxy.take, "127.0.0.1", port)
    print("ready", server.sockets[0].getsockname()[1], flush=True)
    orders = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    while line := await orders.readline():
        print(proxy.obey(line.decode().split()), flush=True)


asyncio.run(main())
