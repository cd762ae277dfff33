"""The first program of the guest: readies the network, runs pytest, leaves its results on the share.

Runs as ``python -m tests.lab.guest FOLDER`` from a shell that is process 1. FOLDER, shared with the host,
holds ``job.json`` (`Job`); here arise ``output.log`` (pytest's own lines), ``junit.xml`` and ``status``.
"""

import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Job:
    """What the guest is to run. `arguments` go to pytest behind the marks."""

    marks: tuple[str, ...]
    arguments: tuple[str, ...]
    project: str

    def dump(self) -> str:
        """As text for ``job.json``."""
        return json.dumps(asdict(self))

    @classmethod
    def load(cls, text: str) -> "Job":
        """The inverse of `dump`."""
        fields = json.loads(text)
        return cls(tuple(fields["marks"]), tuple(fields["arguments"]), fields["project"])


def pytest_command(job: Job, junit: Path) -> list[str]:
    """The command line of pytest for a job."""
    return [
        *(sys.executable, "-m", "pytest", "-p", "tests.lab.plugin", "-p", "no:cacheprovider"),
        # imports all of hypothesis, more than half of the time to the first test, only to report on it
        *("-p", "no:hypothesispytest"),
        *("-m", " or ".join(job.marks), f"--junitxml={junit}", f"--rootdir={job.project}"),
        *job.arguments,
    ]


def environment() -> dict[str, str]:
    """The tests' environment: that of a fresh root login, plus the sign that this is the guest."""
    return {
        "PATH": PATH,
        "HOME": "/root",
        "USER": "root",
        "LANG": "C.UTF-8",
        "TERM": os.environ.get("TERM", "dumb"),
        "PYTHONUNBUFFERED": "1",
        "GATEWAYD_IN_LAB_VM": "1",
        # In the guest every requirement is met; one that is not is a fault of the lab itself.
        "GATEWAYD_LAB": "require",
    }


def main(folder: Path) -> None:
    """Run the job and write its status, also when it could not be started."""
    job = Job.load((folder / "job.json").read_text())
    os.environ.clear()
    os.environ.update(environment())
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    Path("/proc/sys/net/ipv4/ping_group_range").write_text("0 2147483647")
    with (folder / "output.log").open("ab", buffering=0) as output:
        status = subprocess.run(
            pytest_command(job, folder / "junit.xml"),
            cwd=job.project,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            check=False,
        ).returncode
    (folder / "status").write_text(f"{status}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
