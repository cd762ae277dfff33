"""Keeping the box in order: restarts today."""
