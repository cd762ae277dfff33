"""Wi-Fi in the state database: networks, their revisions, changes."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime

import msgspec

from gatewayd.store.database import Database, Unit
from gatewayd.system.secret import Secret
from gatewayd.wifi.model import (
    Band,
    ChangeState,
    DeviceKey,
    NetworkSettings,
    Proof,
    RadioTuning,
    Security,
    WifiChange,
    WifiImpact,
    Window,
)

_KEPT_CHANGES = 200


class StoredNetwork(msgspec.Struct, frozen=True, kw_only=True):
    """A network's last good revision, the wanted one, and the highest number given so far."""

    id: str
    applied: NetworkSettings
    desired: NetworkSettings
    newest: int


class StoredChange(msgspec.Struct, frozen=True, kw_only=True):
    """A change and what callers are not shown: who asked, how long it may wait, where a radio's leads."""

    change: WifiChange
    caller: str
    deadline_seconds: int
    tuning: RadioTuning | None = None


class Repository:
    """Reads committed state; writes into the unit of whoever changes it."""

    def __init__(self, database: Database, *, simulated: bool) -> None:
        """`simulated` marks what is read as a simulated radio's."""
        self._database = database
        self._simulated = simulated

    async def networks(self) -> tuple[StoredNetwork, ...]:
        """All networks in the order of their ids."""
        revisions = {
            (row["network"], row["revision"]): row
            for row in await self._database.fetch_all("SELECT * FROM wifi_revisions")
        }
        rows = await self._database.fetch_all("SELECT * FROM wifi_networks ORDER BY id")
        return tuple(
            StoredNetwork(
                id=row["id"],
                applied=_settings(revisions[row["id"], row["applied"]], row["role"]),
                desired=_settings(revisions[row["id"], row["desired"]], row["role"]),
                newest=row["newest"],
            )
            for row in rows
        )

    async def revision(self, network: str, revision: int) -> NetworkSettings | None:
        """One revision, if it is still kept."""
        row = await self._database.fetch_one(
            "SELECT r.*, n.role FROM wifi_revisions r JOIN wifi_networks n ON n.id = r.network"
            " WHERE r.network = ? AND r.revision = ?",
            (network, revision),
        )
        return None if row is None else _settings(row, row["role"])

    async def change(self, change: str) -> StoredChange | None:
        """One change."""
        row = await self._database.fetch_one("SELECT * FROM wifi_changes WHERE id = ?", (change,))
        return None if row is None else self._change(row)

    async def changes(self, *, before: str | None, limit: int) -> tuple[WifiChange, ...]:
        """Changes, newest first, older than `before`."""
        rows = await self._database.fetch_all(
            "SELECT * FROM wifi_changes WHERE ? IS NULL OR id < ? ORDER BY id DESC LIMIT ?",
            (before, before, limit),
        )
        return tuple(self._change(row).change for row in rows)

    async def open_changes(self) -> tuple[StoredChange, ...]:
        """Changes that have not ended, oldest first, but for revocations."""
        return await self._open("from_revision <> to_revision")

    async def open_revocations(self) -> tuple[StoredChange, ...]:
        """Revocations that the radio has not carried out yet, oldest first."""
        return await self._open("from_revision = to_revision")

    async def _open(self, condition: str) -> tuple[StoredChange, ...]:
        rows = await self._database.fetch_all(
            f"SELECT * FROM wifi_changes WHERE ended IS NULL AND {condition} ORDER BY id"  # noqa: S608
        )
        return tuple(self._change(row) for row in rows)

    async def latest_applied(self, network: str) -> StoredChange | None:
        """The change that led to the network's last good revision; None when it still has its first."""
        row = await self._database.fetch_one(
            "SELECT c.* FROM wifi_changes c JOIN wifi_networks n ON n.id = c.network"
            " WHERE c.network = ? AND c.state = 'applied' AND c.to_revision = n.applied"
            " AND c.from_revision <> c.to_revision ORDER BY c.id DESC LIMIT 1",
            (network,),
        )
        return None if row is None else self._change(row)

    def add_network(self, unit: Unit, settings: NetworkSettings) -> None:
        """A new network whose first revision counts as good."""
        self._add_revision(unit, settings)
        revision = settings.revision
        unit.execute(
            "INSERT INTO wifi_networks (id, role, desired, applied, newest) VALUES (?, ?, ?, ?, ?)",
            (settings.network, settings.role, revision, revision, revision),
        )

    def add_absent(self, unit: Unit, settings: NetworkSettings) -> StoredNetwork:
        """A network that is not there yet: what a change that makes it begins with."""
        absent = msgspec.structs.replace(
            settings, revision=1, absent=True, enabled=False, passphrase=None, security=Security.OPEN
        )
        self.add_network(unit, absent)
        return StoredNetwork(id=absent.network, applied=absent, desired=absent, newest=1)

    async def tunings(self) -> dict[str, RadioTuning]:
        """What the household set on radios and has proven, by radio."""
        rows = await self._database.fetch_all("SELECT * FROM wifi_radios")
        return {row["id"]: msgspec.json.decode(row["tuning"], type=RadioTuning) for row in rows}

    def add_change(self, unit: Unit, stored: StoredChange, settings: NetworkSettings | None = None) -> None:
        """A pending change, and the revision that it leads to as the wanted one; without for a radio's."""
        change = stored.change
        if settings is not None and settings.revision != change.from_revision:
            self._add_revision(unit, settings)
            unit.execute(
                "UPDATE wifi_networks SET desired = ?, newest = ? WHERE id = ?",
                (settings.revision, settings.revision, change.network),
            )
        unit.execute(
            "INSERT INTO wifi_changes (id, network, from_revision, to_revision, state, proof, confirm,"
            " deadline_seconds, impact, outage_ms, reason, caller, created, ended, radio, tuning)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                change.id,
                change.network,
                change.from_revision,
                change.to_revision,
                change.state,
                change.proof,
                change.confirm,
                stored.deadline_seconds,
                msgspec.json.encode(change.impact).decode(),
                change.outage_ms,
                change.reason,
                stored.caller,
                change.created.timestamp(),
                None if change.ended is None else change.ended.timestamp(),
                change.radio,
                None if stored.tuning is None else msgspec.json.encode(stored.tuning).decode(),
            ),
        )
        unit.execute(
            "DELETE FROM wifi_changes WHERE id IN"
            " (SELECT id FROM wifi_changes ORDER BY id DESC LIMIT -1 OFFSET ?)",
            (_KEPT_CHANGES,),
        )

    def move(self, unit: Unit, change: str, state: ChangeState, *, deadline: datetime | None = None) -> None:
        """To `applying` or `proving`, unless it has been told to go back."""
        unit.execute(
            "UPDATE wifi_changes SET state = ?, deadline = ? WHERE id = ? AND ended IS NULL"
            " AND reason IS NULL",
            (state, None if deadline is None else deadline.timestamp(), change),
        )

    def prove(self, unit: Unit, change: str, proof: Proof) -> None:
        """A better proof."""
        unit.execute("UPDATE wifi_changes SET proof = ? WHERE id = ?", (proof, change))

    def measure(self, unit: Unit, change: str, outage_ms: int) -> None:
        """How long the network was away."""
        unit.execute("UPDATE wifi_changes SET outage_ms = ? WHERE id = ?", (outage_ms, change))

    def turn_back(self, unit: Unit, change: str, reason: str) -> None:
        """Tells an open change to go back; the first reason stays, and a confirmation before it wins."""
        unit.execute(
            "UPDATE wifi_changes SET reason = ? WHERE id = ? AND ended IS NULL AND reason IS NULL",
            (reason, change),
        )

    def keep(
        self, unit: Unit, change: WifiChange, proof: Proof, now: datetime, note: str | None = None
    ) -> None:
        """`applied`: its revision is the last good one from now on; unless it is on its way back."""
        unit.execute(
            "UPDATE wifi_changes SET state = 'applied', proof = ?, ended = ?, deadline = NULL"
            " WHERE id = ? AND state = 'proving' AND reason IS NULL",
            (proof, now.timestamp(), change.id),
        )
        unit.execute(
            "UPDATE wifi_networks SET applied = ? WHERE id = ? AND applied = ?"
            " AND EXISTS (SELECT 1 FROM wifi_changes WHERE id = ? AND state = 'applied')",
            (change.to_revision, change.network, change.from_revision, change.id),
        )
        unit.execute(
            "UPDATE wifi_changes SET reason = ? WHERE id = ? AND state = 'applied' AND reason IS NULL",
            (note, change.id),
        )
        unit.execute(
            "INSERT INTO wifi_radios (id, revision, tuning)"
            " SELECT radio, to_revision, tuning FROM wifi_changes"
            " WHERE id = ? AND state = 'applied' AND radio IS NOT NULL"
            " ON CONFLICT (id) DO UPDATE SET revision = excluded.revision, tuning = excluded.tuning",
            (change.id,),
        )
        self._forget_old(unit, change.network)
        self._forget_absent(unit, change.network)

    def revoked(self, unit: Unit, change: WifiChange, now: datetime, outage_ms: int) -> None:
        """`applied`: the radio knows the key no more. A revocation that waits knows no other end."""
        unit.execute(
            "UPDATE wifi_changes SET state = 'applied', proof = 'on_air', ended = ?, outage_ms = ?"
            " WHERE id = ? AND ended IS NULL",
            (now.timestamp(), outage_ms, change.id),
        )

    def take_key(self, unit: Unit, network: str, key: str, *, up_to: int | None = None) -> None:
        """Takes a key with its password out of every revision (up to one): nothing leads back to it."""
        unit.execute(
            "UPDATE wifi_revisions SET keys = (SELECT json_group_array(json(one.value))"
            " FROM json_each(wifi_revisions.keys) AS one WHERE json_extract(one.value, '$.id') <> ?2)"
            " WHERE network = ?1 AND (?3 IS NULL OR revision <= ?3)",
            (network, key, up_to),
        )

    def forget_before(self, unit: Unit, network: str) -> None:
        """Forgets what was before the last applied change, with its password: no way back to that."""
        unit.execute(
            "DELETE FROM wifi_revisions WHERE network = ?1 AND revision NOT IN ("
            " SELECT desired FROM wifi_networks WHERE id = ?1"
            " UNION SELECT applied FROM wifi_networks WHERE id = ?1"
            " UNION SELECT to_revision FROM wifi_changes WHERE network = ?1 AND ended IS NULL)",
            (network,),
        )

    def give_up(
        self, unit: Unit, change: WifiChange, reason: str, now: datetime, outage_ms: int | None
    ) -> None:
        """`rolled_back`: the wanted revision is the last good one again, unless a later change waits."""
        unit.execute(
            "UPDATE wifi_changes SET state = 'rolled_back', ended = ?, deadline = NULL,"
            " reason = COALESCE(reason, ?), outage_ms = ? WHERE id = ? AND ended IS NULL",
            (now.timestamp(), reason, outage_ms, change.id),
        )
        unit.execute(
            "UPDATE wifi_networks SET desired = applied WHERE id = ? AND NOT EXISTS"
            " (SELECT 1 FROM wifi_changes WHERE network = ? AND ended IS NULL)",
            (change.network, change.network),
        )
        self._forget_old(unit, change.network)
        self._forget_absent(unit, change.network)

    def _forget_absent(self, unit: Unit, network: str) -> None:
        """A network that shall not be there, and of which no change speaks any more, leaves nothing."""
        unit.execute(
            "DELETE FROM wifi_networks WHERE id = ?1 AND desired = applied AND EXISTS"
            " (SELECT 1 FROM wifi_revisions r WHERE r.network = ?1 AND r.absent"
            "  AND r.revision = wifi_networks.applied)"
            " AND NOT EXISTS (SELECT 1 FROM wifi_changes WHERE network = ?1 AND ended IS NULL)",
            (network,),
        )
        unit.execute(
            "DELETE FROM wifi_revisions WHERE network = ?1"
            " AND NOT EXISTS (SELECT 1 FROM wifi_networks WHERE id = ?1)",
            (network,),
        )

    def _add_revision(self, unit: Unit, settings: NetworkSettings) -> None:
        unit.execute(
            "INSERT INTO wifi_revisions (network, revision, ssid, security, passphrase, bands, hidden,"
            " isolated, enabled, keys, schedule, absent) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                settings.network,
                settings.revision,
                settings.ssid,
                settings.security,
                None if settings.passphrase is None else settings.passphrase.reveal(),
                ",".join(settings.bands),
                settings.hidden,
                settings.isolated,
                settings.enabled,
                _keys_text(settings.keys),
                msgspec.json.encode(settings.schedule).decode(),
                settings.absent,
            ),
        )

    def _forget_old(self, unit: Unit, network: str) -> None:
        # Kept: wanted, good, where open changes lead, and where the last good one came from (revert).
        unit.execute(
            "DELETE FROM wifi_revisions WHERE network = ?1 AND revision NOT IN ("
            " SELECT desired FROM wifi_networks WHERE id = ?1"
            " UNION SELECT applied FROM wifi_networks WHERE id = ?1"
            " UNION SELECT to_revision FROM wifi_changes WHERE network = ?1 AND ended IS NULL"
            " UNION SELECT from_revision FROM wifi_changes c JOIN wifi_networks n ON n.id = c.network"
            "  WHERE c.network = ?1 AND c.state = 'applied' AND c.to_revision = n.applied)",
            (network,),
        )

    def _change(self, row: sqlite3.Row) -> StoredChange:
        change = WifiChange(
            id=row["id"],
            network=row["network"],
            state=ChangeState(row["state"]),
            proof=row["proof"],
            confirm=row["confirm"],
            impact=msgspec.json.decode(row["impact"], type=WifiImpact),
            from_revision=row["from_revision"],
            to_revision=row["to_revision"],
            outage_ms=row["outage_ms"],
            reason=row["reason"],
            created=_moment(row["created"]),
            deadline=None if row["deadline"] is None else _moment(row["deadline"]),
            ended=None if row["ended"] is None else _moment(row["ended"]),
            radio=row["radio"],
            simulated=self._simulated,
        )
        tuning = row["tuning"]
        return StoredChange(
            change=change,
            caller=row["caller"],
            deadline_seconds=row["deadline_seconds"],
            tuning=None if tuning is None else msgspec.json.decode(tuning, type=RadioTuning),
        )


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _settings(row: sqlite3.Row, role: str) -> NetworkSettings:
    return NetworkSettings(
        network=row["network"],
        role=role,
        revision=row["revision"],
        ssid=row["ssid"],
        security=Security(row["security"]),
        passphrase=None if row["passphrase"] is None else Secret(row["passphrase"]),
        bands=tuple(Band(band) for band in row["bands"].split(",")),
        hidden=bool(row["hidden"]),
        isolated=bool(row["isolated"]),
        enabled=bool(row["enabled"]),
        keys=_keys(row["keys"]),
        schedule=msgspec.json.decode(row["schedule"], type=tuple[Window, ...]),
        absent=bool(row["absent"]),
    )


class _StoredKey(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    label: str
    passphrase: str
    revoked: bool = False


def _keys_text(keys: tuple[DeviceKey, ...]) -> str:
    stored = [
        _StoredKey(id=key.id, label=key.label, passphrase=key.passphrase.reveal(), revoked=key.revoked)
        for key in keys
    ]
    return msgspec.json.encode(stored).decode()


def _keys(text: str) -> tuple[DeviceKey, ...]:
    return tuple(
        DeviceKey(id=key.id, label=key.label, passphrase=Secret(key.passphrase), revoked=key.revoked)
        for key in msgspec.json.decode(text, type=list[_StoredKey])
    )
