"""The test card: a child that encodes 1280x720p25 bars with a running clock and a 1 kHz tone, live.

It listens on a Unix socket, answers any HTTP request with an endless MPEG-TS, and ends with its
standard input (its parent's death). A reader that does not keep up is cut off.
"""

from __future__ import annotations

import contextlib
import os
import resource
import socket
import sys
import threading
import time

import av
import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT, RATE = 1280, 720, 25
SAMPLE_RATE, TONE_HZ, TONE_LEVEL = 48000, 1000, 0.1
SCALE = 16
"""Pixels per dot of the clock's digits."""
# Where things move: top, left, height, width.
CLOCK = ((HEIGHT - 7 * SCALE) // 2, (WIDTH - 33 * SCALE) // 2, 7 * SCALE, 33 * SCALE)
SWEEP = (HEIGHT - 64, 0, 32, WIDTH)
_FRAME_SAMPLES = 1024  # of AAC
_MOST_WAITING = 4 * 1024 * 1024

# 75 % colour bars of ITU-R BT.801 in 8-bit Y, Cb, Cr (BT.709 matrix, video range).
_BARS = (
    (180, 128, 128), (168, 44, 136), (145, 147, 44), (134, 63, 52),
    (63, 193, 204), (51, 109, 212), (28, 212, 120), (16, 128, 128),
)  # fmt: skip
# Digits of 3x5 dots, one row in three bits; then the colon.
_DIGITS = (
    (7, 5, 5, 5, 7), (2, 6, 2, 2, 7), (7, 1, 7, 4, 7), (7, 1, 3, 1, 7), (5, 5, 7, 1, 1),
    (7, 4, 7, 1, 7), (7, 4, 7, 5, 7), (7, 1, 1, 1, 1), (7, 5, 7, 5, 7), (7, 5, 7, 1, 7),
    (0, 2, 0, 2, 0),
)  # fmt: skip


def bars() -> NDArray[np.uint8]:
    """The still picture, yuv420p as PyAV takes it: (HEIGHT * 3 / 2, WIDTH)."""
    stripe = np.repeat(np.array(_BARS, np.uint8), WIDTH // len(_BARS), axis=0)
    picture = np.empty((HEIGHT * 3 // 2, WIDTH), np.uint8)
    picture[:HEIGHT] = stripe[:, 0]
    for plane, begin in ((1, HEIGHT), (2, HEIGHT * 5 // 4)):
        half = picture[begin : begin + HEIGHT // 4].reshape(HEIGHT // 2, WIDTH // 2)
        half[:] = stripe[::2, plane]
        for top, left, height, width in (CLOCK, SWEEP):
            half[top // 2 : (top + height) // 2, left // 2 : (left + width) // 2] = 128
    return picture


def clock_face(text: str) -> NDArray[np.uint8]:
    """Luma of digits and colons, white on black, SCALE pixels per dot with a margin of one dot."""
    dots = np.zeros((7, 4 * len(text) + 1), np.uint8)
    for place, sign in enumerate(text):
        rows = _DIGITS[10 if sign == ":" else int(sign)]
        for number, row in enumerate(rows):
            for column in range(3):
                dots[number + 1, place * 4 + column + 1] = row >> (2 - column) & 1
    return np.kron(dots * np.uint8(219) + np.uint8(16), np.ones((SCALE, SCALE), np.uint8))


def draw(picture: NDArray[np.uint8], number: int, moment: float) -> None:
    """Puts the time of day (UTC) and a sweep that moves with each frame into the still picture."""
    if number % RATE == 0:
        top, left, height, width = CLOCK
        face = clock_face(time.strftime("%H:%M:%S", time.gmtime(moment)))
        picture[top : top + height, left : left + width] = face
    sweep = picture[SWEEP[0] : SWEEP[0] + SWEEP[2]]
    sweep[:] = 16
    at = number % RATE * WIDTH // RATE
    sweep[:, at : at + WIDTH // RATE] = 235


class Readers:
    """Who reads, each with what it has not been sent yet. Fed by the encoder, served by one thread each."""

    def __init__(self) -> None:
        self._lock = threading.Condition()
        self._waiting: dict[int, bytearray] = {}
        self._next = 0

    def feed(self, data: bytes) -> None:
        """Gives bytes to everyone; who is too far behind is forgotten."""
        with self._lock:
            for reader, waiting in tuple(self._waiting.items()):
                waiting += data
                if len(waiting) > _MOST_WAITING:
                    del self._waiting[reader]
            self._lock.notify_all()

    def serve(self, connection: socket.socket) -> None:
        """Answers one reader until it goes."""
        with connection, contextlib.suppress(OSError):
            connection.settimeout(10)
            request = b""
            while b"\r\n\r\n" not in request and len(request) < 16384:
                piece = connection.recv(4096)
                if not piece:
                    return
                request += piece
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: video/mp2t\r\nConnection: close\r\n\r\n")
            with self._lock:
                reader, self._next = self._next, self._next + 1
                self._waiting[reader] = bytearray()
            try:
                while (data := self._take(reader)) is not None:
                    connection.sendall(data)
            finally:
                with self._lock:
                    self._waiting.pop(reader, None)

    def _take(self, reader: int) -> bytes | None:
        with self._lock:
            self._lock.wait_for(lambda: self._waiting.get(reader, b"-"))
            waiting = self._waiting.get(reader)
            if waiting is None:
                return None
            data = bytes(waiting)
            waiting.clear()
            return data


class Sink:
    """What the muxer writes to."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers

    def write(self, data: bytes) -> int:
        """PyAV's file protocol."""
        self._readers.feed(bytes(data))
        return len(data)


class Card:
    """The encoder."""

    def __init__(self, sink: Sink) -> None:
        self._picture = bars()
        self._samples = 0
        # Whole TS packets at each flush, so that whoever joins meets a packet boundary soon.
        self._container = av.open(
            sink,
            "w",
            format="mpegts",
            options={"flush_packets": "1", "pat_period": "0.2"},
            buffer_size=188 * 64,
        )
        options = {"preset": "ultrafast", "tune": "zerolatency", "g": str(RATE), "crf": "26", "threads": "1"}
        self._video = self._container.add_stream("libx264", rate=RATE, options=options)
        self._video.width, self._video.height, self._video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        self._audio = self._container.add_stream("aac", rate=SAMPLE_RATE, options={"b": "96000"})
        phase = np.arange(SAMPLE_RATE // TONE_HZ * _FRAME_SAMPLES) * (2 * np.pi * TONE_HZ / SAMPLE_RATE)
        self._tone = (np.sin(phase) * TONE_LEVEL).astype(np.float32)

    def step(self, number: int) -> None:
        """Encodes frame `number` and the sound that belongs to it."""
        draw(self._picture, number, time.time())
        frame = av.VideoFrame.from_ndarray(self._picture, format="yuv420p")
        frame.pts = number
        self._container.mux(self._video.encode(frame))
        while self._samples < (number + 1) * SAMPLE_RATE // RATE:
            at = self._samples % (SAMPLE_RATE // TONE_HZ)
            tone = self._tone[at : at + _FRAME_SAMPLES]
            sound = av.AudioFrame.from_ndarray(np.stack([tone, tone]), "fltp", "stereo")
            sound.sample_rate, sound.pts = SAMPLE_RATE, self._samples
            self._container.mux(self._audio.encode(sound))
            self._samples += _FRAME_SAMPLES


def accept(listener: socket.socket, readers: Readers) -> None:
    """Serves whoever connects, each in a thread."""
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=readers.serve, args=(connection,), daemon=True).start()


def end_with_parent() -> None:
    """Ends the process when its standard input does."""
    while os.read(0, 4096):
        pass
    os._exit(0)


def main() -> None:
    """The process; the socket's path is its only argument."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    os.nice(5)
    readers = Readers()
    card = Card(Sink(readers))
    threading.Thread(target=end_with_parent, daemon=True).start()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    listener.bind(sys.argv[1])
    os.umask(before)
    listener.listen()
    threading.Thread(target=accept, args=(listener, readers), daemon=True).start()
    began, number = time.monotonic(), 0
    while True:
        card.step(number)
        number += 1
        time.sleep(max(0.0, began + number / RATE - time.monotonic()))


if __name__ == "__main__":
    main()
