"""The guest's first file system: busybox, the kernel modules of the lab, and a script that mounts the rest.

Standard library only, and nothing here needs root: `prepare` and `vm` both call `ensure`.
"""

import hashlib
import lzma
import shutil
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

EARLY_MODULES = ("virtio_pci", "9pnet_virtio", "9p", "overlay")
"""What the root file system needs: the machine's own, read-only over 9p, under a tmpfs overlay."""

MODULES = (
    # without ccm, hostapd reports "key addition failed"; cmac and gcm are for PMF and WPA3
    *("ccm", "cmac", "gcm", "ctr", "sha256_generic", "aes_generic"),
    # libcrc32c, which nf_tables needs, looks for this one by name when it is loaded
    "crc32c_generic",
    *("veth", "bridge", "8021q", "dummy", "tun", "wireguard", "ifb"),
    *(
        "sch_netem",
        "sch_tbf",
        "sch_htb",
        "sch_ingress",
        "sch_fq_codel",
        "cls_u32",
        "cls_matchall",
        "act_mirred",
    ),
    *("nf_tables", "nf_conntrack", "nf_conntrack_netlink", "nft_ct", "nft_chain_nat", "nft_nat", "nft_masq"),
    *("nft_redir", "nft_reject_inet", "nft_limit", "nft_quota", "nft_log", "nft_objref", "nft_fib_inet"),
    *(
        "nft_hash",
        "nft_numgen",
        "nft_meta_bridge",
        "nf_conntrack_bridge",
        "nft_reject_bridge",
        "nfnetlink_queue",
    ),
)
"""Loaded in every guest. Anything else of the kernel package is found by the guest's own modprobe."""

RADIO_MODULE = "mac80211_hwsim"

REGULATORY = ("regulatory.db", "regulatory.db.p7s")
"""What cfg80211 reads when it is loaded; without it no access point may use 5 GHz."""
FIRMWARE = Path("/lib/firmware")

_APPLETS = ("sh", "cat", "mkdir", "mount", "insmod", "switch_root", "poweroff", "echo")

_INIT = """#!/bin/sh
# Mounts the machine's own root read-only under a tmpfs, then hands over to the script of this run.
stop() { echo "lab: $1" >/dev/console; poweroff -f; }
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
radios=0
for word in $(cat /proc/cmdline); do
    case "$word" in
        lab.radios=*) radios="${word#lab.radios=}" ;;
        lab.probe) poweroff -f ;;
    esac
done
while read -r module; do insmod "/modules/$module" || stop "cannot load $module"; done </modules/list
[ "$radios" = 0 ] || insmod /modules/RADIO radios="$radios" || stop "cannot make radios"
mount -t 9p -o ro,trans=virtio,version=9p2000.L,msize=512000,cache=loose root /lower || stop "no root share"
mount -t tmpfs -o mode=755 tmpfs /upper
mkdir /upper/files /upper/work
layers=lowerdir=/lower,upperdir=/upper/files,workdir=/upper/work
mount -t overlay -o "$layers" overlay /root || stop "no overlay"
mount -t tmpfs -o mode=755 tmpfs /root/run
mkdir -p /root/run/lab
mount -t 9p -o rw,trans=virtio,version=9p2000.L,msize=512000,cache=none lab /root/run/lab || stop "no results"
for folder in proc sys dev; do mount -o move /$folder /root/$folder; done
exec switch_root /root /bin/sh /run/lab/start
"""


@dataclass(frozen=True)
class Entry:
    """One file, folder (`content` None) or symbolic link of a cpio archive."""

    path: str
    mode: int
    content: bytes | None = None


def cpio(entries: Iterable[Entry]) -> bytes:
    """A cpio archive in the kernel's "newc" form (Documentation/driver-api/early-userspace/buffer-format)."""
    archive = bytearray()
    for number, entry in enumerate((*entries, Entry("TRAILER!!!", 0)), start=1):
        name = entry.path.encode() + b"\0"
        content = entry.content or b""
        links = 2 if stat.S_ISDIR(entry.mode) else 1
        fields = (number, entry.mode, 0, 0, links, 0, len(content), 0, 0, 0, 0, len(name), 0)
        archive += b"070701" + b"".join(b"%08X" % field for field in fields) + name
        archive += bytes(-len(archive) % 4)
        archive += content
        archive += bytes(-len(archive) % 4)
    return bytes(archive + bytes(-len(archive) % 512))


def load_order(names: Iterable[str], dependencies: str, builtin: str) -> list[str]:
    """Paths of the modules to load, dependencies first, each once; what is built in is left out.

    `dependencies` and `builtin` are the texts of depmod's ``modules.dep`` and ``modules.builtin``.
    Raises KeyError for a module that this kernel does not have.
    """
    needs: dict[str, tuple[str, list[str]]] = {}
    for line in dependencies.splitlines():
        path, _, rest = line.partition(":")
        needs[_module_name(path)] = (path, rest.split())
    inside = {_module_name(line) for line in builtin.splitlines()}
    ordered: dict[str, None] = {}
    for name in names:
        if name.replace("-", "_") in inside:
            continue
        path, others = needs[name.replace("-", "_")]
        # depmod names the deepest dependency last
        ordered.update(dict.fromkeys([*reversed(others), path]))
    return list(ordered)


def _module_name(path: str) -> str:
    return Path(path).name.split(".ko")[0].replace("-", "_")


def build(modules_folder: Path, busybox: Path) -> bytes:
    """The archive for one kernel: `modules_folder` is its ``lib/modules/<version>`` after depmod."""
    dependencies = (modules_folder / "modules.dep").read_text()
    builtin = (modules_folder / "modules.builtin").read_text()
    paths = load_order([*EARLY_MODULES, *MODULES, RADIO_MODULE], dependencies, builtin)
    radio = paths.pop()
    folders = ("bin", "proc", "sys", "dev", "lower", "upper", "root", "modules", "lib", "lib/firmware")
    entries = [Entry(folder, stat.S_IFDIR | 0o755) for folder in folders]
    entries.append(Entry("bin/busybox", stat.S_IFREG | 0o755, busybox.read_bytes()))
    entries += [Entry(f"bin/{applet}", stat.S_IFLNK | 0o777, b"busybox") for applet in _APPLETS]
    names = [f"{_module_name(path)}.ko" for path in paths]
    for name, path in zip([*names, "RADIO"], [*paths, radio], strict=True):
        entries.append(Entry(f"modules/{name}", stat.S_IFREG | 0o644, _plain(modules_folder / path)))
    entries.append(
        Entry("modules/list", stat.S_IFREG | 0o644, "".join(f"{name}\n" for name in names).encode())
    )
    entries += [
        Entry(f"lib/firmware/{name}", stat.S_IFREG | 0o644, (FIRMWARE / name).read_bytes())
        for name in REGULATORY
        if (FIRMWARE / name).exists()
    ]
    entries.append(Entry("init", stat.S_IFREG | 0o755, _INIT.encode()))
    return cpio(entries)


def _plain(module: Path) -> bytes:
    """A module's bytes as insmod takes them: Debian 13 ships them compressed with xz."""
    content = module.read_bytes()
    return lzma.decompress(content) if module.suffix == ".xz" else content


def plain_kernel(image: bytes) -> bytes | None:
    """The ELF kernel inside a bzImage, which QEMU boots at once; None if it is not compressed with xz.

    Uncompressing it in an emulated processor takes 3 s. Fields: Documentation/arch/x86/boot.rst
    (setup_sects 0x1f1, payload_offset 0x248, payload_length 0x24c).
    """
    start = (image[0x1F1] + 1) * 512 + int.from_bytes(image[0x248:0x24C], "little")
    payload = image[start : start + int.from_bytes(image[0x24C:0x250], "little")]
    if not payload.startswith(b"\xfd7zXZ\0"):
        return None
    return lzma.LZMADecompressor().decompress(payload)


def ensure(kernel_folder: Path) -> Path:
    """The archive beside the unpacked kernel, built again when this file or the modules changed.

    Raises FileNotFoundError when busybox or the kernel's modules are missing.
    """
    modules_folder = next((kernel_folder / "modules").iterdir())
    busybox = shutil.which("busybox", path="/usr/bin:/bin:/usr/local/bin")
    if busybox is None:
        raise FileNotFoundError("busybox")
    inputs = f"{modules_folder.name} {(FIRMWARE / REGULATORY[0]).exists()}".encode()
    recipe = hashlib.sha256(Path(__file__).read_bytes() + inputs).hexdigest()[:16]
    image = kernel_folder / f"initramfs-{recipe}.cpio"
    if not image.exists():
        for old in kernel_folder.glob("initramfs-*"):
            old.unlink(missing_ok=True)
        fresh = image.with_suffix(".new")
        fresh.write_bytes(build(modules_folder, Path(busybox)))
        fresh.replace(image)
    return image
