"""The lab: a real kernel, real radios and real faults on any machine (see README.md)."""
