"""The parts of the lab that need no guest and no root."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.lab import policy, prepare, vm
from tests.lab.dhcp import Lease, parse_leases
from tests.lab.guest import Job, pytest_command
from tests.lab.initramfs import Entry, cpio, load_order
from tests.lab.radio import Heard, parse_iw, parse_scan, unescape

DEPENDENCIES = """\
kernel/net/mac80211/mac80211.ko: kernel/net/wireless/cfg80211.ko kernel/net/rfkill/rfkill.ko
kernel/net/wireless/cfg80211.ko: kernel/net/rfkill/rfkill.ko
kernel/net/rfkill/rfkill.ko:
kernel/drivers/net/hwsim.ko.xz: kernel/net/mac80211/mac80211.ko kernel/net/wireless/cfg80211.ko \
kernel/net/rfkill/rfkill.ko
kernel/fs/9p-net.ko:
"""


@pytest.mark.skipif(
    shutil.which("busybox") is None, reason="busybox is not installed: run `make lab` as root"
)
def test_busybox_unpacks_what_the_cpio_writer_packed(tmp_path: Path) -> None:
    entries = [
        Entry("bin", 0o040755),
        Entry("bin/tool", 0o100755, b"12345"),
        Entry("bin/same", 0o120777, b"tool"),
        Entry("empty", 0o100644, b""),
    ]
    done = subprocess.run(["busybox", "cpio", "-idm"], input=cpio(entries), cwd=tmp_path, check=False)
    assert done.returncode == 0
    assert (tmp_path / "bin/tool").read_bytes() == b"12345"
    assert os.access(tmp_path / "bin/tool", os.X_OK)
    assert os.readlink(tmp_path / "bin/same") == "tool"
    assert (tmp_path / "empty").read_bytes() == b""


def test_modules_load_after_what_they_need() -> None:
    order = load_order(["hwsim", "9p_net"], DEPENDENCIES, "kernel/crypto/aes.ko\n")
    names = [Path(path).name for path in order]
    assert names == ["rfkill.ko", "cfg80211.ko", "mac80211.ko", "hwsim.ko.xz", "9p-net.ko"]


def test_built_in_modules_are_left_out_and_unknown_ones_refused() -> None:
    assert load_order(["aes"], DEPENDENCIES, "kernel/crypto/aes.ko\n") == []
    with pytest.raises(KeyError, match="no_such"):
        load_order(["no_such"], DEPENDENCIES, "")


def test_only_the_results_folder_is_writable_for_the_guest() -> None:
    command = vm.qemu_command(
        vm.Machine(radios=3, memory=512),
        accelerator="tcg",
        kernel=Path("/k"),
        image=Path("/i"),
        shares={"root": (Path("/"), False), "lab": (Path("/results"), True)},
        console=Path("/c"),
    )
    shares = [command[index + 1] for index, word in enumerate(command) if word == "-virtfs"]
    assert ["readonly=on" in share for share in shares] == [True, False]
    assert "lab.radios=3" in command[command.index("-append") + 1].split()
    assert "-nodefaults" in command  # no network card: nothing of the guest reaches any network
    assert not {"-nic", "-netdev"} & set(command)


def test_the_start_script_quotes_its_paths() -> None:
    script = vm.start_script(Path("/m o"), Path("/it's"), Path("/py thon"))
    assert subprocess.run(["sh", "-n"], input=script, text=True, check=False).returncode == 0
    assert "'/m o'" in script
    assert "'/py thon'" in script


def test_a_job_survives_its_file_and_names_its_marks() -> None:
    job = Job(("radio", "netem"), ("-k", "a or b"), "/p")
    assert Job.load(job.dump()) == job
    command = pytest_command(job, Path("/out.xml"))
    assert command[command.index("radio or netem") - 1] == "-m"
    assert command[-2:] == ["-k", "a or b"]


@pytest.mark.parametrize(
    ("expression", "marks", "left_out"),
    [
        ("", ["radio"], True),
        ("", ["netns"], False),
        ("", [], False),
        ("radio", ["radio"], False),
        ("radio or netem", ["netem", "netns"], False),
        ("netns", ["netem", "netns"], True),
        ("not acceptance", ["boot"], True),
    ],
)
def test_marks_wait_to_be_asked_for(expression: str, marks: list[str], left_out: bool) -> None:
    assert policy.left_out(expression, marks) is left_out


def test_a_missing_guest_names_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAYD_LAB_DIR", str(tmp_path))
    assert "make lab" in (policy.missing_for_guest() or "")


def test_only_missing_packages_are_asked_for(tmp_path: Path) -> None:
    tool = tmp_path / "iw"
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    found = prepare.missing_packages({"iw": "iw", "ip": "iproute2"}, search=str(tmp_path))
    assert found == ["iproute2"]


@pytest.mark.parametrize(
    ("system", "machine", "user", "sentence"),
    [
        ("ID=fedora\n", "x86_64", 0, "not Debian"),
        ("ID=debian\n", "aarch64", 0, "amd64"),
        ("ID=debian\n", "x86_64", 1000, "sudo make lab"),
    ],
)
def test_other_machines_get_a_sentence(system: str, machine: str, user: int, sentence: str) -> None:
    with pytest.raises(prepare.CannotPrepare, match=sentence):
        prepare.check_machine(system, machine, user)


def test_debian_and_its_children_pass() -> None:
    prepare.check_machine('ID=debian\nVERSION_ID="12"\n', "x86_64", 0)
    prepare.check_machine('ID=ubuntu\nID_LIKE="debian"\n', "x86_64", 0)


@given(st.binary(max_size=32))
def test_printed_ssids_give_their_bytes_back(ssid: bytes) -> None:
    # how both daemons print one: wpa_supplicant's printf_encode
    plain = {0x22: '\\"', 0x5C: "\\\\", 0x1B: "\\e", 0x0A: "\\n", 0x0D: "\\r", 0x09: "\\t"}
    printed = "".join(plain.get(b) or (chr(b) if 32 <= b <= 126 else f"\\x{b:02x}") for b in ssid)
    assert unescape(printed) == ssid


def test_scan_results_are_read() -> None:
    text = (
        "bssid / frequency / signal level / flags / ssid\n"
        "02:00:00:00:00:00\t2412\t-30\t[WPA2-PSK-CCMP][ESS]\tCaf\\xc3\\xa9\n"
        "02:00:00:00:01:00\t5180\t-40\t[ESS]\t\n"
    )
    assert parse_scan(text) == [
        Heard("02:00:00:00:00:00", 2412, -30, "[WPA2-PSK-CCMP][ESS]", "Café".encode()),
        Heard("02:00:00:00:01:00", 5180, -40, "[ESS]", b""),
    ]


def test_iw_scans_are_read() -> None:
    text = (
        "BSS 02:00:00:00:00:00(on wlan1)\n\tfreq: 2412\n\tsignal: -30.00 dBm\n"
        "\tSSID: Lab home\n\tRSN:\t * x\n"
        "BSS 02:00:00:00:01:00(on wlan1)\n\tfreq: 5180.0\n\tsignal: -41.00 dBm\n\tSSID: \n"
    )
    assert parse_iw(text) == [
        Heard("02:00:00:00:00:00", 2412, -30, "RSN", b"Lab home"),
        Heard("02:00:00:00:01:00", 5180, -41, "", b""),
    ]


def test_leases_are_read_and_the_ipv6_part_is_left_out() -> None:
    text = (
        "1700000000 02:00:00:00:00:01 192.168.7.100 phone 01:02:00:00:00:00:01\n"
        "1700000001 02:00:00:00:00:02 192.168.7.101 * *\n"
        "duid 00:01:00:01\n"
        "1700000002 1234 fd00::2 phone 00:01:00:01\n"
    )
    assert parse_leases(text) == [
        Lease(1700000000, "02:00:00:00:00:01", "192.168.7.100", "phone"),
        Lease(1700000001, "02:00:00:00:00:02", "192.168.7.101", None),
    ]
