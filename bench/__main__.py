"""`python -m bench [all|NAME]`: one by one; exit status 1 when a target was missed."""

from __future__ import annotations

import subprocess
import sys

BENCHES = {
    "idle": "bench.idle",
    "ping": "bench.ping",
    "portal": "bench.portal",
    "recording": "bench.recording",
    "speed": "bench.speed",
    "wifi": "bench.wifi",
}


def main() -> int:
    """Runs those that are named."""
    wanted = sys.argv[1] if len(sys.argv) > 1 else "all"
    if wanted != "all" and wanted not in BENCHES:
        print(f"There is no bench {wanted}; there are: all, {', '.join(BENCHES)}")
        return 2
    worst = 0
    for name in BENCHES if wanted == "all" else (wanted,):
        print(f"== {name}", flush=True)
        worst = max(worst, subprocess.run([sys.executable, "-m", BENCHES[name]], check=False).returncode)
    return worst


if __name__ == "__main__":
    sys.exit(main())
