"""SSE parsing and encoding: perdure.sse beside httpx2's parser, httpx-sse's and sse-starlette's encoder.

    python -m pip install httpx httpx-sse sse-starlette     # a peer that is missing is left out, and named
    python tests/benchmarks/framing.py

Every parser reads the same bytes in the same chunks and must find the same events. The peers take text, so
their share includes an incremental UTF-8 decoder, as in the clients they come from. Rounds alternate between
the parsers, and the best round of each counts. Exit code 1 says that a peer was faster somewhere.
"""

import argparse
import codecs
import importlib
import sys
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from httpx2 import _sse as httpx2_sse
from perdure.sse import Event, Parser, encode

Parse = Callable[[list[bytes]], int]


def peer(module: str) -> Any:
    """The module, or None where its package is not installed."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        print(f"{module} is left out: {error}; see the head of this file")
        return None


httpx_sse = peer("httpx_sse._decoders")
sse_starlette = peer("sse_starlette.event")


def perdure(chunks: list[bytes]) -> int:
    parser, events = Parser(), 0
    for chunk in chunks:
        for item in parser.feed(chunk):
            if type(item) is Event:
                events += 1
    return events


def texts(chunks: Iterable[bytes]) -> Iterable[str]:
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    return filter(None, map(decoder.decode, chunks))


def httpx2(chunks: list[bytes]) -> int:
    parser, events = httpx2_sse._SSEParser(1 << 20), 0
    for text in texts(chunks):
        for _ in parser.decode(text):
            events += 1
    return events


def httpx_sse_(chunks: list[bytes]) -> int:
    lines, decoder, events = httpx_sse.SSELineDecoder(), httpx_sse.SSEDecoder(), 0
    for text in texts(chunks):
        for line in lines.decode(text):
            if decoder.decode(line) is not None:
                events += 1
    return events


def stream(events: int, data: str) -> bytes:
    return b"".join(encode(data, event="state", id=f"c-{number}") for number in range(events))


def cut(whole: bytes, chunk_bytes: int) -> list[bytes]:
    return [whole[at : at + chunk_bytes] for at in range(0, len(whole), chunk_bytes)]


ROUNDS = 11
TOKEN = '{"text":" the"}'
LOADS = {
    "tokens, one event a chunk": (30_000, [encode(TOKEN, event="state", id=f"c-{n}") for n in range(30_000)]),
    "tokens, 64 KiB chunks": (30_000, cut(stream(30_000, TOKEN), 65_536)),
    "tokens, 100 byte chunks": (30_000, cut(stream(30_000, TOKEN), 100)),
    "tokens with CRLF, 64 KiB": (30_000, cut(stream(30_000, TOKEN).replace(b"\n", b"\r\n"), 65_536)),
    "20 lines of data, 64 KiB": (3_000, cut(stream(3_000, "\n".join(["a line of data"] * 20)), 65_536)),
    "100 KiB events, 4 KiB chunks": (500, cut(stream(500, "x" * 102_400), 4_096)),
}


def best_of(rounds: int, works: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Seconds of the best round of each, the rounds taken in turns."""
    best = dict.fromkeys(works, float("inf"))
    for _ in range(rounds):
        for name, work in works.items():
            started = time.perf_counter()
            work()
            best[name] = min(best[name], time.perf_counter() - started)
    return best


def compare_parsers(floor: float) -> list[str]:
    """Print a line for each load; return the loads in which a peer took less than `floor` times our time."""
    parsers: dict[str, Parse] = {"perdure": perdure, "httpx2": httpx2}
    if httpx_sse:
        parsers["httpx-sse"] = httpx_sse_
    print(f"{'parsing, µs an event':32}{''.join(f'{name:>12}' for name in parsers)}   peers / ours")
    lost = []
    for load, (events, chunks) in LOADS.items():
        for name, parse in parsers.items():
            assert parse(chunks) == events, f"{name} found other events in {load}"
        best = best_of(ROUNDS, {name: partial(parse, chunks) for name, parse in parsers.items()})
        figures = "".join(f"{seconds / events * 1e6:12.2f}" for seconds in best.values())
        ours = best.pop("perdure")
        print(f"{load:32}{figures}   {', '.join(f'{peer / ours:.2f}' for peer in best.values())}")
        lost += [load] if min(best.values()) <= ours * floor else []
    return lost


def encode_all(encode_one: Callable[[int], bytes]) -> bytes:
    return b"".join(map(encode_one, range(30_000)))


def compare_encoders(floor: float) -> list[str]:
    """The same for the encoders."""
    if not sse_starlette:
        return []
    their_event = sse_starlette.ServerSentEvent
    encoders: dict[str, Callable[[int], bytes]] = {
        "perdure": lambda n: encode(TOKEN, event="state", id=f"c-{n}"),
        "sse-starlette": lambda n: bytes(their_event(TOKEN, event="state", id=f"c-{n}", sep="\n").encode()),
    }
    assert len({encode_all(encoder) for encoder in encoders.values()}) == 1
    best = best_of(ROUNDS, {name: partial(encode_all, encoder) for name, encoder in encoders.items()})
    ours, theirs = best.values()
    micros = ", ".join(f"{name} {seconds / 0.03:.2f}" for name, seconds in best.items())
    print(f"encoding, µs an event: {micros}, {theirs / ours:.2f} x")
    return ["encoding"] if theirs <= ours * floor else []


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--floor", type=float, default=1.0, help="fail only below so many times our speed")
    floor = parser.parse_args().floor
    lost = compare_parsers(floor) + compare_encoders(floor)
    if lost:
        print("a peer was faster at:", ", ".join(lost))
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
