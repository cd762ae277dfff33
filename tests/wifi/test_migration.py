"""What the release before wrote is read by this one."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from gatewayd.store import migrate
from gatewayd.system.secret import Secret
from gatewayd.wifi.model import Band, NetworkSettings, Security
from gatewayd.wifi.repository import Repository
from tests.support.store import open_database

BEFORE = 6
ROWS = """
INSERT INTO wifi_revisions VALUES ('home', 3, 'Old', 'wpa2', 'battery staple', '2.4,5', 1, 0, 1);
INSERT INTO wifi_revisions VALUES ('home', 4, 'New', 'open', NULL, '2.4', 0, 1, 0);
INSERT INTO wifi_networks VALUES ('home', 'home', 4, 3, 4);
INSERT INTO wifi_changes VALUES ('c1', 'home', 2, 3, 'applied', 'station', 'none', 300, NULL,
    '{"step":"keys","stations_dropped":1,"need_new_credentials":true,"silent_seconds":0.0,"summary":"x"}',
    12, NULL, 'session:1', 1000.0, 1001.0);
INSERT INTO wifi_changes VALUES ('c2', 'home', 3, 4, 'proving', 'on_air', 'client', 300, 1300.0,
    '{"step":"restart","stations_dropped":0,"need_new_credentials":true,"silent_seconds":3.0,"summary":"y"}',
    NULL, NULL, 'session:1', 1002.0, NULL);
"""


@pytest.fixture
def old_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a state that the first release wrote."""
    path = tmp_path / "state.db"
    with monkeypatch.context() as patched:
        steps = migrate.migrations("state")[:BEFORE]
        patched.setattr(migrate, "migrations", lambda kind: steps)
        assert migrate.prepare(path, "state") == BEFORE
    connection = sqlite3.connect(path)
    connection.executescript(ROWS)
    connection.close()
    return tmp_path


async def test_networks_and_changes_of_the_first_release(old_state: Path) -> None:
    async with open_database(old_state) as database:
        repository = Repository(database, simulated=False)
        (stored,) = await repository.networks()
        assert stored.applied == NetworkSettings(
            network="home",
            role="home",
            revision=3,
            ssid="Old",
            security=Security.WPA2,
            passphrase=Secret("battery staple"),
            bands=(Band.GHZ_2_4, Band.GHZ_5),
            hidden=True,
        )
        assert (stored.desired.ssid, stored.desired.enabled, stored.desired.absent) == ("New", False, False)
        assert [one.id for one in await repository.changes(before=None, limit=9)] == ["c2", "c1"]
        (waiting,) = await repository.open_changes()
        assert (waiting.change.id, waiting.change.confirm) == ("c2", "client")
        async with database.unit() as unit:  # it is still written, and the keys between the tables hold
            repository.give_up(unit, waiting.change, "Interrupted.", waiting.change.created, 0)
        (stored,) = await repository.networks()
        assert stored.desired.revision == 3
