"""Prepare the lab on this machine: ``make lab`` (as root, on Debian, with the system's own Python).

Installs the programs that lab tests use, downloads (never installs) Debian's stock kernel and unpacks it into
the lab's folder for the guest. Standard library only. Quick when nothing is missing.
"""

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.lab import initramfs
from tests.lab.policy import kernel_folder, lab_folder, npm_folder

PROGRAMS: Mapping[str, str] = {
    "qemu-system-x86_64": "qemu-system-x86",
    "busybox": "busybox-static",
    "depmod": "kmod",
    "hostapd": "hostapd",
    "wpa_supplicant": "wpasupplicant",
    "iw": "iw",
    "ip": "iproute2",
    "nft": "nftables",
    "conntrack": "conntrack",
    # dnsmasq-base is the program alone: the package dnsmasq would start a name server
    "dnsmasq": "dnsmasq-base",
    "ping": "iputils-ping",
    "arping": "iputils-arping",
    "ffmpeg": "ffmpeg",
    "strace": "strace",
    "dbus-daemon": "dbus-daemon",
    "mkfs.ext4": "e2fsprogs",
    "tcpdump": "tcpdump",
    "mosquitto": "mosquitto",
    "kamailio": "kamailio",
    "node": "nodejs",
    "npm": "npm",
    "chromium": "chromium",
    "/lib/firmware/regulatory.db": "wireless-regdb",
}
"""Each program (or file, by its path) that lab tests use, and the package that brings it."""

CONTROLLER = "usp-js@0.5.1"
"""An independent USP controller, from npm: the portal's tests drive the box with it."""
KERNEL_META = "linux-image-amd64"
SEARCH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_FORBID_SERVICES = "#!/bin/sh\n# The lab needs the programs, not their services.\nexit 101\n"


class CannotPrepare(Exception):
    """Why the lab cannot be prepared here, and what to do; shown as it is."""


def missing_packages(programs: Mapping[str, str] = PROGRAMS, search: str = SEARCH) -> list[str]:
    """Packages of the programs that are not on this machine, in the table's order."""
    return [
        package
        for program, package in programs.items()
        if not (Path(program).exists() if "/" in program else shutil.which(program, path=search))
    ]


def check_machine(system: str, machine: str, user: int) -> None:
    """Raise `CannotPrepare` unless this is Debian on amd64 and we are root. `system`: os-release's text."""
    names = {line.partition("=")[2].strip('"') for line in system.splitlines() if line.startswith("ID")}
    if not any("debian" in name.split() for name in names):
        raise CannotPrepare(
            "the lab is prepared by apt and this is not Debian: install by hand "
            f"{', '.join(PROGRAMS)}, or use a Debian 12 or 13 machine or container"
        )
    if machine != "x86_64":
        raise CannotPrepare(
            f"the lab's guest is an amd64 machine and this one is {machine}: use an amd64 machine"
        )
    if user != 0:
        raise CannotPrepare("the lab installs packages: run `sudo make lab`")


def install(packages: list[str]) -> None:
    """Install packages without starting any service. Raises CalledProcessError."""
    print(f"lab: installing with apt-get: {' '.join(packages)} (no service is started)", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-qq"], check=True, env=environment)
    policy = Path("/usr/sbin/policy-rc.d")
    ours = not policy.exists()
    if ours:
        policy.write_text(_FORBID_SERVICES)
        policy.chmod(0o755)
    try:
        command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages]
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    finally:
        if ours:
            policy.unlink()


def kernel_package() -> str:
    """The package behind the kernel meta package, such as ``linux-image-6.1.0-50-amd64``."""
    text = _output("apt-cache", "depends", "--no-recommends", "--no-suggests", KERNEL_META)
    for line in text.splitlines():
        kind, _, name = line.strip().partition(": ")
        if kind == "Depends" and name.startswith("linux-image-"):
            return name
    raise CannotPrepare(f"apt knows no {KERNEL_META}: run `apt-get update` and try again")


def unpack_kernel(folder: Path) -> None:
    """Download Debian's stock kernel and unpack it to `folder` (``vmlinuz``, ``modules/<version>``)."""
    package = kernel_package()
    print(f"lab: downloading {package} (unpacked to {folder}, not installed)", flush=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="kernel-") as scratch:
        # the sandbox user of apt could not write there
        download = ["apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", package]
        subprocess.run(download, check=True, cwd=scratch)
        [archive] = Path(scratch).glob("*.deb")
        tree = Path(scratch, "tree")
        subprocess.run(["dpkg", "-x", str(archive), str(tree)], check=True)
        version = package.removeprefix("linux-image-")
        modules = next(found for found in (tree / "lib/modules", tree / "usr/lib/modules") if found.is_dir())
        base = modules.parents[1]
        subprocess.run(["depmod", "-b", str(base), version], check=True, env={"PATH": SEARCH})
        fresh = Path(scratch, "fresh")
        fresh.mkdir()
        modules.rename(fresh / "modules")
        compressed = (tree / "boot" / f"vmlinuz-{version}").read_bytes()
        (fresh / "vmlinuz").write_bytes(initramfs.plain_kernel(compressed) or compressed)
        fresh.chmod(0o755)
        shutil.rmtree(folder, ignore_errors=True)
        fresh.rename(folder)


def install_controller() -> None:
    """Install the independent controller into the lab's folder. Raises CalledProcessError."""
    folder = npm_folder()
    folder.mkdir(parents=True, exist_ok=True)
    print(f"lab: installing {CONTROLLER} with npm (in {folder}, half a minute)", flush=True)
    options = ["--no-audit", "--no-fund", "--ignore-scripts", "--omit=dev", "--loglevel=error"]
    command = ["npm", "install", "--prefix", str(folder), *options, CONTROLLER]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def prepare() -> None:
    """Bring whatever is missing. Raises `CannotPrepare`."""
    packages = missing_packages()
    folder = kernel_folder()
    ready = (folder / "vmlinuz").exists()
    if packages or not ready:
        check_machine(Path("/etc/os-release").read_text(), platform.machine(), os.geteuid())
    if packages:
        install(packages)
    if not (lab_folder() / ".gitignore").exists():
        lab_folder().mkdir(parents=True, exist_ok=True)
        (lab_folder() / ".gitignore").write_text("*\n")
    if not ready:
        _refresh_if_unknown()
        unpack_kernel(folder)
        initramfs.ensure(folder)
    if not (npm_folder() / "node_modules" / "usp-js" / "package.json").exists():
        install_controller()
    kernel = next((folder / "modules").iterdir()).name
    print(f"lab: ready (guest kernel {kernel}, in {lab_folder()})")


def _refresh_if_unknown() -> None:
    """`apt-get update` when apt has no list that names the kernel (a fresh container has none)."""
    if "Depends:" not in _output("apt-cache", "depends", KERNEL_META):
        subprocess.run(["apt-get", "update", "-qq"], check=True)


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def main() -> int:
    """The command: 0 when the lab is ready, else one clear sentence and 1."""
    try:
        prepare()
    except CannotPrepare as reason:
        print(f"lab: {reason}", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        print(
            f"lab: `{' '.join(map(str, error.cmd))}` failed with status {error.returncode}", file=sys.stderr
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
