"""Fetching what an HLS playlist names: playlists and keys whole, segments piece by piece, decrypted.

Every request goes through the guarded session, so each address and each redirect is checked where the
connection is made. A segment that breaks off is taken up where it broke.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from gatewayd.dvr.media.hls_playlist import MOST_BYTES, Key, Section, Segment, Span
from gatewayd.dvr.media.words import status_line
from gatewayd.errors import GatewayError
from gatewayd.system.fetch import MAX_REDIRECTS, is_refusal

OPEN_SECONDS = 10.0
"""For a playlist or a key as a whole, and for a segment's answer to begin."""
SILENT_SECONDS = 10.0
"""Without a byte of a segment."""
MOST_SECTION = 1 << 20
TRIES = 3
PAUSE = 0.5
_KEY_BYTES = 16


class Decryptor:
    """AES-128 in CBC mode with PKCS #7 padding (RFC 8216, 4.3.2.4), as the bytes come."""

    def __init__(self, key: bytes, iv: bytes) -> None:
        self._cipher = Cipher(algorithms.AES(key), modes.CBC(iv)).decryptor()
        self._padding = PKCS7(128).unpadder()

    def update(self, data: bytes) -> bytes:
        """What can be read so far."""
        return self._padding.update(self._cipher.update(data))

    def finish(self) -> bytes:
        """The rest. Raises GatewayError `dvr.stream_encrypted` when it was another key or is cut short."""
        try:
            return self._padding.update(self._cipher.finalize()) + self._padding.finalize()
        except ValueError:
            detail = "A segment cannot be decrypted with the playlist's key."
            raise GatewayError("dvr.stream_encrypted", detail) from None


class Fetcher:
    """Gets things through one session; remembers the newest key."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session
        self._key: tuple[str, bytes] | None = None

    async def playlist(self, url: str) -> tuple[bytes, str]:
        """A playlist and the address that it came from in the end.

        Raises GatewayError `dvr.source_unreachable`, `dvr.source_http_status`, `dvr.forbidden_address`,
        `dvr.playlist_too_large`.
        """
        return await self._whole(url, None, MOST_BYTES)

    async def section(self, section: Section) -> bytes:
        """An initialization section, decrypted."""
        content, _ = await self._whole(section.url, section.span, MOST_SECTION)
        if section.key is None:
            return content
        decryptor = await self._decryptor(section.key, 0)
        return decryptor.update(content) + decryptor.finish()

    async def segment(self, segment: Segment, buffer: int) -> AsyncIterator[tuple[bytes, int | None]]:
        """Its decrypted bytes in pieces, each with the whole's size where the server tells it.

        About `buffer` bytes are asked of the kernel ahead of who takes the pieces.

        Raises GatewayError as `playlist` does, after TRIES attempts, and `dvr.source_ended`,
        `dvr.stream_encrypted`.
        """
        decryptor = None if segment.key is None else await self._decryptor(segment.key, segment.sequence)
        got = failures = 0
        while True:
            try:
                wanted = _rest(segment.span, got)
                async with self._answer(segment.url, wanted, buffer) as answer:
                    size = _size(answer, segment.span, got)
                    skip = wanted.start if wanted is not None and answer.status == 200 else 0
                    async for piece in _pieces(answer):
                        fresh, skip = piece[skip:], max(0, skip - len(piece))
                        if segment.span is not None:
                            fresh = fresh[: segment.span.stop - segment.span.start - got]
                        got += len(fresh)
                        yield (fresh if decryptor is None else decryptor.update(fresh)), size
                break
            except GatewayError as error:
                failures += 1
                if failures >= TRIES or error.code == "dvr.forbidden_address":
                    raise
                await asyncio.sleep(PAUSE * failures)
        if decryptor is not None:
            yield decryptor.finish(), None

    async def _decryptor(self, key: Key, sequence: int) -> Decryptor:
        if key.method != "AES-128" or key.url is None:
            detail = f"The stream is encrypted by {key.method}, which cannot be recorded."
            raise GatewayError("dvr.stream_encrypted", detail)
        if self._key is None or self._key[0] != key.url:
            content, _ = await self._whole(key.url, None, 4096)
            if len(content) != _KEY_BYTES:
                detail = f"The stream's key has {len(content)} bytes instead of {_KEY_BYTES}."
                raise GatewayError("dvr.stream_encrypted", detail)
            self._key = (key.url, content)
        return Decryptor(self._key[1], key.iv or sequence.to_bytes(16, "big"))

    async def _whole(self, url: str, span: Span | None, most: int) -> tuple[bytes, str]:
        content = bytearray()
        try:
            async with asyncio.timeout(OPEN_SECONDS), self._answer(url, span) as answer:
                async for piece in _pieces(answer):
                    content += piece
                    if len(content) > most:
                        detail = f"A playlist, key or header is larger than {most} bytes."
                        raise GatewayError("dvr.playlist_too_large", detail)
                if span is not None and answer.status == 200:
                    content = content[span.start : span.stop]
                return bytes(content), str(answer.url)
        except TimeoutError:
            detail = f"No whole answer within {OPEN_SECONDS:g} s."
            raise GatewayError("dvr.source_unreachable", detail) from None

    @asynccontextmanager
    async def _answer(
        self, url: str, span: Span | None, buffer: int = 65536
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        headers = {} if span is None else {"Range": f"bytes={span.start}-{_last(span)}"}
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                answer = await self._session.get(
                    url, headers=headers, max_redirects=MAX_REDIRECTS, read_bufsize=buffer
                )
        except TimeoutError:
            detail = f"No answer within {OPEN_SECONDS:g} s."
            raise GatewayError("dvr.source_unreachable", detail) from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            if is_refusal(error):
                detail = "An address of the stream belongs to the box itself or to nobody."
                raise GatewayError("dvr.forbidden_address", detail) from error
            detail = f"The source cannot be reached ({type(error).__name__})."
            raise GatewayError("dvr.source_unreachable", detail) from error
        try:
            if answer.status not in (200, 206):
                detail = f"The source answered {status_line(answer.status, answer.reason)}."
                raise GatewayError("dvr.source_http_status", detail)
            yield answer
        finally:
            answer.close()


async def _pieces(answer: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    try:
        while True:
            async with asyncio.timeout(SILENT_SECONDS):
                piece = await answer.content.readany()
            if not piece:
                return
            yield piece
    except TimeoutError:
        raise GatewayError("dvr.source_stalled", f"Nothing came for {SILENT_SECONDS:g} s.") from None
    except (aiohttp.ClientError, OSError) as error:
        raise GatewayError("dvr.source_ended", f"A segment broke off ({type(error).__name__}).") from error


def _rest(span: Span | None, got: int) -> Span | None:
    """What is still to be asked for; a stop of -1 means to the end."""
    if span is not None:
        return Span(span.start + got, span.stop)
    return Span(got, -1) if got else None


def _last(span: Span) -> str:
    return "" if span.stop < 0 else str(span.stop - 1)


def _size(answer: aiohttp.ClientResponse, span: Span | None, got: int) -> int | None:
    if span is not None:
        return span.stop - span.start
    if answer.content_length is None:
        return None
    return answer.content_length + (got if answer.status == 206 else 0)
