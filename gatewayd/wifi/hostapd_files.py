"""The files of a radio that hostapd drives: its configuration, and what we noted of its process."""

from __future__ import annotations

from pathlib import Path

import msgspec

from gatewayd.system.files import ensure_folder, write_atomically
from gatewayd.wifi.abilities import Version
from gatewayd.wifi.render import Places, RadioSettings, Rendered, dry_run_configs


class Marker(msgspec.Struct, frozen=True, kw_only=True):
    """What the process with this pid and start time runs; `digest` is None while it is being changed.

    `slots`: which network is where on the radio. `rereadable`: a reload puts right what it may run.
    """

    pid: int
    started: str
    radio: RadioSettings
    digest: str | None
    version: Version | None = None
    slots: dict[str, int] = {}
    rereadable: bool = True


def read_marker(file: Path) -> Marker | None:
    """What was noted of a process that still runs."""
    try:
        marker = msgspec.json.decode(file.read_bytes(), type=Marker)
    except (FileNotFoundError, msgspec.DecodeError, UnicodeDecodeError):
        return None
    return marker if marker.started and marker.started == start_time(marker.pid) else None


def write_all(places: Places, radio: str, rendered: Rendered) -> None:
    """Writes everything that hostapd reads, keys first, and removes the keys of networks that are gone."""
    for network, keys in rendered.keys.items():
        write_atomically(places.key_file(radio, network), keys.encode())
    write_atomically(places.config_file(radio), rendered.config.encode())
    kept = {places.key_file(radio, network) for network in rendered.keys}
    for file in places.configuration.glob(f"{radio}-*.psk"):
        if file not in kept:
            file.unlink()


def start_time(pid: int) -> str:
    """When the process began, in ticks since boot (proc(5), field 22 of stat): tells reused pids apart."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except FileNotFoundError:
        return ""


def write_candidate(places: Places, radio: str, rendered: Rendered) -> list[Path]:
    """Writes the files of a dry run; returns those to run."""
    ensure_folder(places.configuration)
    for network, keys in rendered.keys.items():
        write_atomically(places.key_file(radio, network), keys.encode())
    files = []
    for number, config in enumerate(dry_run_configs(rendered.config)):
        file = places.configuration / f"{radio}-{number}.conf"
        write_atomically(file, config.encode())
        files.append(file)
    return files


def remove_files(folder: Path) -> None:
    """Empties a folder."""
    for file in folder.iterdir():
        file.unlink()


def complaint(logfile: Path) -> str:
    """What hostapd said of its end, if it is telling; never a line that quotes its configuration."""
    telling = ("Could not", "not allowed", "not found", "Failed to set", "Invalid")
    for line in logfile.read_text(errors="replace").splitlines():
        if any(word in line for word in telling) and not line.startswith("Line "):
            return f" ({line.strip()[:160].rstrip('.')})"
    return ""
