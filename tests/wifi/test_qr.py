"""QR codes, read back by a reader: what a phone would join is what the network is."""

from __future__ import annotations

import base64
import re
import struct
import zlib
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt
import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewayd.callers import ROLES, Caller
from gatewayd.errors import GatewayError
from gatewayd.wifi.keys import suggest_passphrase
from gatewayd.wifi.model import NetworkSettings, Security
from gatewayd.wifi.qr import CONTENT_TYPES, Format, draw, wifi_uri
from tests.wifi.box import open_box
from tests.wifi.settings import home

SSIDS = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=32).filter(
    lambda text: len(text.encode()) <= 32
)
PASSPHRASES = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=8, max_size=63)


def parsed(uri: str) -> dict[str, str]:
    """As a phone reads it: fields end at a `;`, a backslash makes the next character plain."""
    assert uri.startswith("WIFI:")
    assert uri.endswith(";;")
    found: dict[str, str] = {}
    text, rest = "", iter(uri[5:-1])
    for letter in rest:
        if letter == "\\":
            text += next(rest)
        elif letter == ":" and len(text) == 1 and text not in found:
            name, text = text, ""
            found[name] = ""
        elif letter == ";":
            found[name] = text
            text = ""
        else:
            text += letter
    return found


def grey(rows: list[list[bool]], scale: int = 4) -> npt.NDArray[np.uint8]:
    dark = np.array(rows, dtype=bool).repeat(scale, axis=0).repeat(scale, axis=1)
    return np.where(dark, 0, 255).astype(np.uint8)


def terminal(text: str) -> npt.NDArray[np.uint8]:
    """What is seen on a dark terminal."""
    halves = {"█": (False, False), "▀": (False, True), "▄": (True, False), " ": (True, True)}
    rows: list[list[bool]] = []
    for line in text.splitlines():
        rows += [[halves[letter][half] for letter in line] for half in (0, 1)]
    return grey(rows)


def read(image: npt.NDArray[np.uint8]) -> str:
    (found,) = zxingcpp.read_barcodes(image)
    return str(found.text)


@given(SSIDS, PASSPHRASES, st.booleans())
@settings(max_examples=60, deadline=None)
def test_a_reader_finds_the_network(ssid: str, passphrase: str, hidden: bool) -> None:
    network = home(ssid=ssid, passphrase=passphrase, hidden=hidden)
    seen = read(terminal(draw(wifi_uri(network), "text")))
    assert seen == wifi_uri(network)
    expected = {"T": "WPA", "S": ssid, "P": passphrase} | ({"H": "true"} if hidden else {})
    assert parsed(seen) == expected


@pytest.mark.parametrize(
    ("network", "uri"),
    [
        (home(ssid="Café", passphrase="battery staple"), "WIFI:T:WPA;S:Café;P:battery staple;;"),
        (
            home(ssid='a\\b;c,d:e"f', passphrase=';;;;\\\\::,"'),
            'WIFI:T:WPA;S:a\\\\b\\;c\\,d\\:e\\"f;P:\\;\\;\\;\\;\\\\\\\\\\:\\:\\,\\";;',
        ),
        (home(hidden=True), "WIFI:T:WPA;S:Maple Street;P:correct horse;H:true;;"),
        (home(security=Security.WPA3), "WIFI:T:WPA;S:Maple Street;P:correct horse;;"),
        (home(security=Security.OPEN, passphrase=None), "WIFI:T:nopass;S:Maple Street;;"),
        (home(security=Security.OWE, passphrase=None, ssid=" x "), "WIFI:T:nopass;S: x ;;"),
    ],
)
def test_what_the_code_says(network: NetworkSettings, uri: str) -> None:
    assert wifi_uri(network) == uri


def test_a_suggested_password_needs_no_escape_and_is_not_taken_for_hexadecimal() -> None:
    seen = {suggest_passphrase().reveal() for _ in range(200)}
    assert len(seen) == 200
    for words in seen:
        network = home(passphrase=words)
        assert f"P:{words};;" in wifi_uri(network)
        assert len(words) == 19
        assert [len(group) for group in words.split("-")] == [4, 4, 4, 4]
        assert not set(words) & set('0Oo1lI\\;,:"% ')


TORTURE = (
    ('"quoted" SSID', 'it\'s "quoted" twice'),
    ("back\\slash\\\\", "\\n is no newline \\"),
    (";;S:evil;;", ";T:nopass;P:;;;H:true;;"),
    ("a:b,c;d\\e", ":,;:,;:,;:,;"),
    ("Ahornstraße 🍁", "correct horse"),
    ("👩‍👩‍👧 zu Hause", "~!@#$%^&*()_+`-={}|[]<>?/"),
    (" spaces  at the ends ", "  eight  spaces  "),
    ('P"00ff00ff"', 'P"00ff00ff"'),
    ("deadbeef", "0123456789abcdef" * 4),
    ("x" * 32, "".join(map(chr, range(0x20, 0x20 + 63)))),
    ("100%3B", "".join(map(chr, range(0x7E - 62, 0x7F)))),
    ("ネットワーク", "%3B%3A%22%00"),
)


@pytest.mark.parametrize("kind", ["svg", "png", "text"])
@pytest.mark.parametrize(("ssid", "words"), TORTURE)
def test_a_reader_finds_what_is_hard_to_write(ssid: str, words: str, kind: Format) -> None:
    network = home(ssid=ssid, passphrase=words)
    assert parsed(read(_seen(draw(wifi_uri(network), kind), kind))) == {"T": "WPA", "S": ssid, "P": words}


@pytest.mark.parametrize("kind", ["svg", "png", "text"])
async def test_the_box_draws_it(tmp_path: Path, kind: Format) -> None:
    async with open_box(tmp_path) as box:
        change = await box.house.update(ssid="Ahornstraße 🍁", passphrase="battery; staple")
        await box.applied(change)
        answer = await box.house.call("wifi.networks.qr", network="home", format=kind)
        assert (answer["network"], answer["format"]) == ("home", kind)
        assert answer["content_type"] == CONTENT_TYPES[kind]
        assert answer["encoding"] == ("base64" if kind == "png" else "utf-8")
        assert "battery" not in answer["data"]
        seen = read(_seen(answer["data"], kind))
        assert seen == "WIFI:T:WPA;S:Ahornstraße 🍁;P:battery\\; staple;;"


def _seen(data: str, kind: Format) -> npt.NDArray[np.uint8]:
    """What a camera sees."""
    if kind == "text":
        return terminal(data)
    return _pixels(base64.b64decode(data)) if kind == "png" else _strokes(data)


def _strokes(svg: str) -> npt.NDArray[np.uint8]:
    """An SVG document of horizontal strokes, one module high, on white: `M x y.5`, `h` and `m` from there."""
    root = ElementTree.fromstring(svg.encode())
    (group,) = root
    white, dark = group
    assert white.get("fill") == "#fff"
    scale = int(group.get("transform", "").removeprefix("scale(").removesuffix(")"))
    width = int(root.get("width", "")) // scale
    rows = [[False] * width for _ in range(width)]
    x, y = 0.0, 0.0
    for command, numbers in re.findall(r"([Mmh])([^Mmh]+)", dark.get("d", "")):
        values = [float(number) for number in re.findall(r"-?[\d.]+", numbers)]
        if command == "M":
            x, y = values
        elif command == "m":
            x, y = x + values[0], y + values[1]
        else:
            for module in range(int(x), int(x + values[0])):
                rows[int(y)][module] = True
            x += values[0]
    return grey(rows)


def _pixels(data: bytes) -> npt.NDArray[np.uint8]:
    """A PNG of one bit a pixel: what a QR code is drawn as."""
    width, height, depth = struct.unpack_from(">IIB", data, 16)
    assert depth == 1
    packed, place = b"", 8
    while place < len(data):
        (length,) = struct.unpack_from(">I", data, place)
        if data[place + 4 : place + 8] == b"IDAT":
            packed += data[place + 8 : place + 8 + length]
        place += 12 + length
    rows = np.frombuffer(zlib.decompress(packed), dtype=np.uint8).reshape(height, -1)
    plain = np.zeros((height + 1, rows.shape[1] - 1), dtype=np.uint8)
    for number, row in enumerate(rows):  # first its filter: 0 none, 2 the one above
        assert row[0] in (0, 2)
        plain[number + 1] = row[1:] + (plain[number] if row[0] else 0)
    return np.ascontiguousarray(np.unpackbits(plain[1:], axis=1)[:, :width] * np.uint8(255))


async def test_who_asked_is_in_the_log_and_who_may_not_is_refused(tmp_path: Path) -> None:
    async with open_box(tmp_path) as box:
        await box.house.call("wifi.networks.qr", network="home")
        rows = await box.house.core.database.fetch_all("SELECT operation, target FROM audit")
        assert ("wifi.networks.qr", "home") in [tuple(row) for row in rows]
        technician = Caller(id="t", role="technician", scopes=ROLES["technician"], via="http")
        with pytest.raises(GatewayError, match=r"access\.forbidden"):
            await box.house.call("wifi.networks.qr", network="home", caller=technician)
        with pytest.raises(GatewayError, match=r"wifi\.network_not_found"):
            await box.house.call("wifi.networks.qr", network="cellar")
        with pytest.raises(GatewayError, match=r"request\.invalid_field"):
            await box.house.call("wifi.networks.qr", network="home", format="gif")
