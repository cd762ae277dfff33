"""What may never be lost: SQLite, one writer, units of work, migrations, backup."""
