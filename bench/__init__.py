"""Measurements; each prints a table and says by its exit status whether the targets held."""
