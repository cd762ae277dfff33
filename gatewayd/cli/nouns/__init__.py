"""The nouns: one file for each area; each names its commands in COMMANDS."""
