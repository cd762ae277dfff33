"""Schemas: numbered SQL, all of them in one transaction; a newer schema is refused, not mangled."""

from __future__ import annotations

import sqlite3
from importlib import resources
from pathlib import Path
from typing import NamedTuple

from gatewayd.errors import GatewayError


class Migration(NamedTuple):
    """One numbered step, `NNNN_name.sql`."""

    number: int
    name: str
    sql: str


def migrations(kind: str) -> list[Migration]:
    """The steps of one kind of database (`state`), by number."""
    folder = resources.files("gatewayd.store") / "migrations" / kind
    found = [
        Migration(int(entry.name[:4]), entry.name[5:-4], entry.read_text("utf-8"))
        for entry in folder.iterdir()
        if entry.name.endswith(".sql")
    ]
    return sorted(found)


def prepare(path: Path, kind: str) -> int:
    """Brings `path` to the newest schema and returns its number; creates the file (mode 0600).

    `PRAGMA user_version` holds the number. All missing steps run in one transaction: a crash or a
    faulty step leaves the old schema. Raises GatewayError `store.newer_schema` and `store.corrupt`.
    """
    path.touch(mode=0o600)
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        return _upgrade(connection, path, migrations(kind))
    except sqlite3.DatabaseError as error:
        raise GatewayError("store.corrupt", f"{path.name}: {error}") from error
    finally:
        connection.close()


def _upgrade(connection: sqlite3.Connection, path: Path, steps: list[Migration]) -> int:
    newest = steps[-1].number
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > newest:
        raise GatewayError(
            "store.newer_schema",
            f"{path.name} has schema {version}, this release knows {newest}: install the newer release "
            "again or restore a backup",
        )
    missing = [step for step in steps if step.number > version]
    if missing:
        script = "\n".join(step.sql for step in missing)
        try:
            connection.executescript(f"BEGIN IMMEDIATE;\n{script}\nPRAGMA user_version={newest};\nCOMMIT;")
        except sqlite3.Error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
    return newest


def is_sound(path: Path) -> bool:
    """Whether SQLite finds the file whole (PRAGMA quick_check)."""
    try:
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        try:
            return bool(connection.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok")
        finally:
            connection.close()
    except sqlite3.Error:
        return False
