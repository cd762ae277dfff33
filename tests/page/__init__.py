"""The page on the box, in Chromium, against the real daemon."""
