"""Split points a second: ``python tests/benchmarks/streams.py``; nothing is asserted.

The decoder is a plain one, an incremental UTF-8 decoder and `json.loads` for each line, and reads the whole stream for each
split point: a larger one takes it longer. `bare` is what goes through the splits and decodes nothing. Asked for: 10,000.
Both in seconds of the processor, medians of five rounds. Then how many parts a second a client on loopback gets, each read alone.
"""

from __future__ import annotations

import codecs
import http.client
import json
import statistics
import time
from collections.abc import Callable, Iterable

from pytest_envguard.streams import every_split
from pytest_envguard.streams.making import Streams

TEXT = "长江的源头在唐古拉山，流经十一个省，最后注入东海。" * 4  # with JSON around it a line of 313 bytes
SIZES = (512, 2048, 8192, 16384, 65536)
ROUNDS = 5


def decode(parts: Iterable[bytes]) -> str:
    """Read JSON lines."""
    decoder, rest, found = codecs.getincrementaldecoder("utf-8")(), "", []
    for part in parts:
        *lines, rest = (rest + decoder.decode(part)).split("\n")
        found += [json.loads(line)["text"] for line in lines]
    return "".join(found)


def stream(size: int) -> bytes:
    """Return JSON lines of about so many bytes."""
    line = json.dumps({"text": TEXT}, ensure_ascii=False).encode() + b"\n"
    return line * (size // len(line))


def seconds(action: Callable[[], object], clock: Callable[[], float] = time.process_time) -> float:
    """Return the median of some rounds."""
    taken = []
    for _ in range(ROUNDS):
        start = clock()
        action()
        taken.append(clock() - start)
    return statistics.median(taken)


def bare(data: bytes) -> None:
    """Go through the splits."""
    for _ in every_split(data):
        pass


def splits() -> None:
    """Print the figures of streams of several sizes."""
    for size in SIZES:
        data = stream(size)
        tried = len(every_split(data))
        plain = tried / seconds(lambda data=data: every_split(data).check(decode))
        empty = tried / seconds(lambda data=data: bare(data))
        print(f"{len(data):>6,} bytes: {plain:>9,.0f} split points a second; bare {empty:>11,.0f}; {every_split(data)}")


def parts() -> None:
    """Print how fast parts are served."""
    streams = Streams()
    served = streams.json_lines([TEXT] * 30, cut=7)
    connection = http.client.HTTPConnection(served.base_url.removeprefix("http://"))

    def fetch() -> None:
        connection.request("GET", "/")
        assert connection.getresponse().read() == served.body

    taken = seconds(fetch, time.perf_counter)
    print(f"{len(served.parts):,} parts by HTTP, each read alone: {len(served.parts) / taken:,.0f} a second")
    connection.close()
    streams.close()


if __name__ == "__main__":
    splits()
    parts()
