"""Asking hostapd whether it would take a configuration, without touching a radio.

hostapd 2.10 with `driver=none` on the loopback interface ends with status 1 and names the faulty line, or
says `AP-ENABLED` and runs on; it needs no privilege. It does not check channels.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
from pathlib import Path

from gatewayd.wifi.driver import DriverError, Refused

SECONDS = 10.0
_LINE = re.compile(rb"Line (\d+):")


async def dry_run(binary: str, file: Path) -> None:
    """Raises Refused with the name of the faulty setting, DriverError when hostapd cannot be run."""
    try:
        process = await asyncio.create_subprocess_exec(
            binary,
            str(file),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
    except OSError as error:
        raise DriverError(f"hostapd cannot be started: {error.strerror}.") from error
    output = b""
    try:
        async with asyncio.timeout(SECONDS):
            assert process.stdout is not None
            while b"AP-ENABLED" not in output:
                piece = await process.stdout.read(4096)
                if not piece:
                    break
                output += piece
    except TimeoutError as error:
        raise DriverError(f"hostapd did not judge the settings within {SECONDS:.0f} s.") from error
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()
    if b"AP-ENABLED" not in output:
        setting = await asyncio.to_thread(_setting, file, output)
        raise Refused(f"hostapd refuses these settings{setting}.")


def end_orphans(folder: Path) -> None:
    """Ends dry runs on files in `folder` that a killed daemon left (a valid file runs on). Blocks."""
    for line in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            last = line.read_bytes().rstrip(b"\0").rpartition(b"\0")[2]
            if os.path.dirname(os.fsdecode(last)) == str(folder):
                os.kill(int(line.parent.name), signal.SIGKILL)


def _setting(file: Path, output: bytes) -> str:
    # Only the setting's name leaves: its value may be a password.
    match = _LINE.search(output)
    lines = file.read_text().splitlines()
    if match is None or not 1 <= int(match[1]) <= len(lines):
        return ""
    return f" (at {lines[int(match[1]) - 1].partition('=')[0]})"
