"""The demo is harmless, also as root: proven on what it asks the kernel for.

The demo runs under strace(1) with all that it starts; a recording, a diagnosis, a Wi-Fi change and a
restart of the box are asked of it. Then every system call that could reach outside is looked at.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lab.netns import Namespace, veth
from tests.support.daemon import DEMO, running, until

pytestmark = [pytest.mark.acceptance, pytest.mark.netns, pytest.mark.timeout(240)]
WATCHED = (
    "connect,bind,sendto,sendmsg,socket,mount,umount2,reboot,kexec_load,init_module,finit_module,settimeofday,"
    "clock_settime,sethostname,openat,open,creat,mkdir,mkdirat,rename,renameat,renameat2,unlink,unlinkat,link,linkat,"
    "symlink,symlinkat,chmod,fchmodat,chown,fchownat,truncate,kill,ptrace,setns,unshare,mknodat,execve"
)
FORBIDDEN = re.compile(
    r"\b(mount|umount2|reboot|kexec_load|init_module|finit_module|settimeofday|clock_settime|sethostname|setns|"
    r"unshare|mknodat|ptrace)\("
)
WRITES = re.compile(
    r"\b(openat|open|creat|mkdir|mkdirat|rename|renameat|renameat2|unlink|unlinkat|link|linkat|symlink|symlinkat|"
    r"chmod|fchmodat|chown|fchownat|truncate)\("
)
QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
# A process may write to its own terminal, its own /proc entries, and memory.
OWN = ("/dev/null", "/dev/tty", "/dev/pts/", "/dev/shm/", "/proc/self/", "memfd:")


def changes_a_file(line: str) -> bool:
    """Whether a traced call names a file in order to change it."""
    match = WRITES.search(line)
    if match is None or "= -1 " in line:
        return False
    if match[1] in ("openat", "open"):
        return any(flag in line for flag in ("O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_TMPFILE"))
    return True


def outside(line: str, allowed: tuple[str, ...]) -> bool:
    """Whether one of the absolute paths in a traced call lies elsewhere."""
    paths = [path for path in QUOTED.findall(line) if path.startswith("/")]
    # Python compiles a package's first module beside it before that module's first line can forbid it.
    paths = [path for path in paths if not re.search(r"/gatewayd/__pycache__(/__(init|main)__[^/]*)?$", path)]
    return any(not path.startswith((*allowed, *OWN)) for path in paths)


async def work(home: Namespace, folder: Path, trace: Path) -> None:
    strace = [
        "ip",
        "netns",
        "exec",
        home.name,
        "strace",
        "-f",
        "-qq",
        "-s",
        "400",
        "-e",
        f"trace={WATCHED}",
        "-o",
        str(trace),
    ]
    async with running(folder, DEMO.replace("advertise = false", "advertise = true"), prefix=strace) as demo:
        await demo.call("PATCH", "/wifi/networks/home", {"ssid": "Harmless", "passphrase": "quite harmless"})
        await demo.post("/diagnostics/runs")
        item = (await demo.post("/dvr/recordings", {"channel": "testcard", "duration": 20}))["id"]
        await demo.post("/upkeep/restart", {"target": "box", "when": "idle", "reason": "as a test"})

        async def recorded() -> bool | None:
            return (await demo.get(f"/dvr/recordings/{item}"))["state"] in ("done", "partial") or None

        await until(recorded, 90)

        async def restarted() -> bool | None:
            jobs = await demo.get("/jobs")
            return all(job["state"] == "done" for job in jobs["items"]) or None

        await until(restarted, 30)
        await asyncio.sleep(1)


async def test_the_demo_touches_nothing_outside_its_folder(
    namespaces: Callable[[str], Namespace],
) -> None:
    home, phone = await asyncio.to_thread(namespaces, "demo"), await asyncio.to_thread(namespaces, "phone")
    await asyncio.to_thread(veth, home, phone)
    await asyncio.to_thread(home.address, "eth0", "192.168.77.1/24")
    with tempfile.TemporaryDirectory(prefix="gwt-") as name, tempfile.NamedTemporaryFile() as file:
        folder, trace = Path(name), Path(file.name)
        await work(home, folder, trace)
        lines = trace.read_text(errors="replace").splitlines()
    assert any(changes_a_file(line) and str(folder) in line for line in lines), "nothing was traced"
    assert any("gatewayd.dvr.media" in line for line in lines if "execve(" in line), "no child was traced"

    assert [line for line in lines if FORBIDDEN.search(line)] == []
    allowed = (str(folder), "/tmp/gwt-")
    assert [line for line in lines if changes_a_file(line) and outside(line, allowed)] == []

    unix = [line for line in lines if "connect(" in line and "sun_path=" in line]
    strange = [
        line for line in unix if str(folder) not in line and "/nscd/socket" not in line
    ]  # libc asks nscd
    assert strange == [], "a foreign socket"
    # Netlink may be read (who are my addresses?), never written: a dump is NLM_F_REQUEST|NLM_F_DUMP.
    assert any("224.0.0.251" in line for line in lines), "the box was not announced"
    netlink = [line for line in lines if re.search(r"\b(sendto|sendmsg)\(", line) and "nlmsg_type" in line]
    assert [line for line in netlink if "NLM_F_DUMP" not in line or "RTM_GET" not in line] == []
    assert [line for line in lines if "SOCK_RAW" in line and "AF_NETLINK" not in line] == [], "a raw socket"
    kills = [line for line in lines if re.search(r"\bkill\(", line)]
    started = {line.split()[0] for line in lines}
    assert [
        line for line in kills if (found := re.search(r"kill\((-?\d+)", line)) and found[1] not in started
    ] == []
