"""A mail server that takes everything as fast as it can, in a process of its own.

`python -m benchmarks.sink [--delay SECONDS] [--silent] [--log FILE]` prints the port it listens on.
With a delay it answers each message so much later; silent, it accepts connections and never
answers; with a log, it writes the Message-ID of each message, a line each, before it accepts it.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

_MESSAGE_ID = re.compile(rb"(?mi)^Message-ID:\s*(\S+)")


class Sink(asyncio.Protocol):
    """One connection."""

    def __init__(self, delay: float, *, silent: bool, log: IO[bytes] | None) -> None:
        self._delay = delay
        self._silent = silent
        self._log = log
        self._buffer = b""
        self._in_data = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if not self._silent:
            transport.write(b"220 sink.example ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        if self._silent:
            return
        self._buffer += data
        while self._step():
            pass

    def _step(self) -> bool:
        if self._in_data:
            if self._buffer.startswith(b".\r\n"):
                content, self._buffer = b"", self._buffer[3:]
            else:
                content, end, rest = self._buffer.partition(b"\r\n.\r\n")
                if not end:
                    return False
                self._buffer = rest
            self._in_data = False
            self._take(content)
            return True
        line, end, rest = self._buffer.partition(b"\r\n")
        if not end:
            return False
        self._buffer = rest
        self._answer(line[:4].upper())
        return True

    def _answer(self, verb: bytes) -> None:
        if verb == b"EHLO":
            self._transport.write(b"250-sink.example\r\n250-PIPELINING\r\n250 8BITMIME\r\n")
        elif verb == b"DATA":
            self._in_data = True
            self._transport.write(b"354 Go ahead\r\n")
        elif verb == b"QUIT":
            self._transport.write(b"221 Bye\r\n")
            self._transport.close()
        else:
            self._transport.write(b"250 OK\r\n")

    def _take(self, content: bytes) -> None:
        if self._log is not None:
            found = _MESSAGE_ID.search(content)
            self._log.write((found[1] if found else b"?") + b"\n")
            self._log.flush()
        if self._delay:
            loop = asyncio.get_running_loop()
            loop.call_later(self._delay, self._transport.write, b"250 Taken\r\n")
        else:
            self._transport.write(b"250 Taken\r\n")


@contextmanager
def running_sink(
    *, delay: float = 0.0, silent: bool = False, log: Path | None = None
) -> Iterator[int]:
    """Run a sink in a process of its own; give its port."""
    command = [sys.executable, "-m", "benchmarks.sink", "--delay", str(delay)]
    command += ["--silent"] if silent else []
    command += ["--log", str(log)] if log else []
    root = Path(__file__).resolve().parent.parent
    process = subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.terminate()
        process.communicate()


async def _serve(delay: float, *, silent: bool, log: IO[bytes] | None) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Sink(delay, silent=silent, log=log), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--delay", type=float, default=0.0)
    parser.add_argument("--silent", action="store_true")
    parser.add_argument("--log", type=Path)
    options = parser.parse_args()
    log = options.log.open("ab") if options.log else None
    asyncio.run(_serve(options.delay, silent=options.silent, log=log))


if __name__ == "__main__":
    main()
