"""What `doctor` looks at: the board, the system under the controller, its medium, its certificates, its broker.

Each look is a function from the ground to one finding. Files are read below `root`, so that a test can lay out a
machine; nothing is opened for writing and no program is started.
"""

import grp
import os
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from enum import Enum
from pathlib import Path
from typing import Any

from config.secrets import locate
from config.valued import dataclass
from firmware_py.cli.facts import Facts
from firmware_py.cli.phone_looks import look_at_phones

_LEAST_MB, _LEAST_SHARE = 200, 0.05
_CERT_DAYS = 30
_EXPORT_DAYS = 14


class State(Enum):
    """How it stands. POOR works today."""

    GOOD = "good"
    POOR = "poor"
    BAD = "bad"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One finding; `fix` is what to do."""

    what: str
    state: State
    found: str
    fix: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """All that can be looked at. `picture`: the running controller's, empty where none runs."""

    root: Path
    site: Facts | None
    site_fault: str
    environ: Mapping[str, str]
    picture: Mapping[str, Any]

    def read(self, path: str) -> str | None:
        """A small file, None where it is not."""
        try:
            return (self.root / path.lstrip("/")).read_text(errors="replace").rstrip("\0\n")
        except OSError:
            return None

    @property
    def is_pi(self) -> bool:
        """Whether this is a Raspberry Pi."""
        return "Raspberry Pi" in (self.read("/proc/device-tree/model") or "")

    @property
    def has_pins(self) -> bool:
        """Whether the site uses the board's pins."""
        return self.site is not None and self.site.pins

    @property
    def state(self) -> Path:
        """The state directory."""
        if self.site is None:
            return self.root / "var/lib/floorguard"
        return Path(
            self.site.directory or self.environ.get("STATE_DIRECTORY", "").split(":")[0] or "/var/lib/floorguard"
        )


def examine(ground: Ground) -> list[Look]:
    """Every look, in the order in which one would mend things."""
    return [*(look(ground) for look in LOOKS), *_phones(ground)]


def _site(ground: Ground) -> Look:
    if ground.site is None:
        return Look(what="site file", state=State.BAD, found=ground.site_fault, fix="floorguard check says all of it")
    return Look(what="site file", state=State.GOOD, found="sound")


def _daemon(ground: Ground) -> Look:
    if not ground.picture:
        fix = "systemctl start floorguard; journalctl -u floorguard says why it ends"
        return Look(what="controller", state=State.BAD, found="does not answer", fix=fix)
    config = ground.picture.get("config", {})
    found = f"{ground.picture.get('mode')}, configuration {config.get('generation', '?')}"
    if config.get("on_probation"):
        fix = "floorguard confirm, or floorguard rollback"
        return Look(what="controller", state=State.POOR, found=found + " ON PROBATION", fix=fix)
    return Look(what="controller", state=State.GOOD, found=found)


def _pins(ground: Ground) -> Look:
    if not ground.has_pins:
        return Look(what="pin factory", state=State.SKIPPED, found="this site uses no pins")
    try:
        import importlib

        stub = not hasattr(importlib.import_module("lgpio"), "gpiochip_open")
    except ImportError:
        return Look(what="pin factory", state=State.BAD, found="lgpio is not installed",
                    fix="apt-get install python3-lgpio, then make install again")  # fmt: skip
    if stub:
        return Look(what="pin factory", state=State.BAD, found="lgpio is the empty package 0.0.0.2",
                    fix="pip uninstall lgpio; apt-get install python3-lgpio, then make install")  # fmt: skip
    named = ground.environ.get("GPIOZERO_PIN_FACTORY", "lgpio")
    if named != "lgpio":
        return Look(what="pin factory", state=State.POOR, found=f"GPIOZERO_PIN_FACTORY={named} in this shell",
                    fix="unset GPIOZERO_PIN_FACTORY; the unit names lgpio itself")  # fmt: skip
    return Look(what="pin factory", state=State.GOOD, found="lgpio")


def _chip(ground: Ground) -> Look:
    if not ground.has_pins:
        return Look(what="GPIO chip", state=State.SKIPPED, found="this site uses no pins")
    labels: dict[str, str] = {}
    with suppress(OSError):
        for path in sorted((ground.root / "sys/bus/gpio/devices").iterdir()):
            labels[path.name] = ground.read(f"/sys/bus/gpio/devices/{path.name}/label") or ""
            for known in ("pinctrl-rp1", "pinctrl-bcm2711", "pinctrl-bcm2835"):
                node = path / "of_node" / "compatible"
                if node.exists() and known.removeprefix("pinctrl-") in node.read_text(errors="replace"):
                    labels[path.name] = known
    header = [name for name, label in labels.items() if label.startswith(("pinctrl-rp1", "pinctrl-bcm"))]
    if header:
        return Look(what="GPIO chip", state=State.GOOD, found=f"{header[0]} ({labels[header[0]]})")
    found = ", ".join(f"{name} ({label or 'no label'})" for name, label in labels.items()) or "no GPIO chip at all"
    fix = "none is labelled pinctrl-rp1, -bcm2711 or -bcm2835: is this a Raspberry Pi with its own kernel?"
    return Look(what="GPIO chip", state=State.BAD, found=found, fix=fix)


def _persistence(ground: Ground) -> Look:
    what = "pins after death"
    if not ground.has_pins:
        return Look(what=what, state=State.SKIPPED, found="this site uses no pins")
    kept = ground.read("/sys/module/pinctrl_bcm2835/parameters/persist_gpio_outputs")
    if kept is None:
        return Look(what=what, state=State.POOR, found="this kernel does not say whether it keeps levels",
                    fix="put pull resistors toward the safe side; Raspberry Pi's own kernel keeps levels")  # fmt: skip
    if kept.strip() not in ("Y", "1"):
        return Look(what=what, state=State.BAD, found="the kernel lets go of pins when the controller dies",
                    fix="remove pinctrl_bcm2835.persist_gpio_outputs=n and dtparam=strict_gpiod")  # fmt: skip
    return Look(what=what, state=State.GOOD, found="the kernel keeps the last level")


def _groups(ground: Ground) -> Look:
    wanted = {"floorguard"}
    if ground.has_pins:
        wanted.add("gpio")
    own: set[str] = set()
    for number in {*os.getgroups(), os.getegid()}:
        with suppress(KeyError):
            own.add(grp.getgrgid(number).gr_name)
    if os.geteuid() == 0:
        return Look(what="your groups", state=State.GOOD, found="root may do everything")
    missing = sorted(wanted - own)
    if missing:
        fix = f"as root: usermod -aG {','.join(missing)} YOU, then log in again"
        return Look(what="your groups", state=State.POOR, found=f"not in {', '.join(missing)}", fix=fix)
    return Look(what="your groups", state=State.GOOD, found=", ".join(sorted(wanted)))


def _watchdog(ground: Ground) -> Look:
    what = "hardware watchdog"
    state = ground.read("/sys/class/watchdog/watchdog0/state")
    if state is None:
        fix = "Raspberry Pi OS: dtparam=watchdog=on in config.txt" if ground.is_pi else "this machine has none"
        return Look(what=what, state=State.POOR if ground.is_pi else State.SKIPPED, found="there is none", fix=fix)
    if state.strip() != "active":
        fix = "RuntimeWatchdogSec=1m in /etc/systemd/system.conf.d/90-watchdog.conf, then systemctl daemon-reexec"
        return Look(what=what, state=State.POOR, found="there, and nobody pets it", fix=fix)
    return Look(what=what, state=State.GOOD, found=f"{ground.read('/sys/class/watchdog/watchdog0/timeout') or '?'} s")


def _supply(ground: Ground) -> Look:
    what = "supply voltage"
    with suppress(OSError):
        for path in sorted((ground.root / "sys/class/hwmon").iterdir()):
            if (path / "name").read_text().strip() == "rpi_volt":
                low = (path / "in0_lcrit_alarm").read_text().strip() == "1"
                if low:
                    fix = "use the maker's own supply and a short cable; a card is lost to this sooner than to age"
                    return Look(what=what, state=State.BAD, found="UNDERVOLTAGE", fix=fix)
                return Look(what=what, state=State.GOOD, found="no undervoltage since the start")
    return Look(what=what, state=State.SKIPPED, found="this machine does not tell")


def _clock(ground: Ground) -> Look:
    if (clk := ground.picture.get("clock", {}).get("clk")) is None:
        synced = (ground.root / "run/systemd/timesync/synchronized").exists()
        clk = "ntp" if synced else "none"
    if clk == "ntp":
        return Look(what="clock", state=State.GOOD, found="synchronised")
    fix = "timedatectl set-ntp true, with a time server that is reached; with chrony: drop-ins/chrony.conf"
    found = "from the hardware clock only" if clk == "rtc" else "not known; planned cuts and drill ages wait"
    return Look(what="clock", state=State.POOR, found=found, fix=fix)


def _journal(ground: Ground) -> Look:
    if (ground.root / "var/log/journal").is_dir():
        return Look(what="system journal", state=State.GOOD, found="kept over a reboot")
    fix = "fine for the card: incidents are kept by the controller itself. To keep the log too: mkdir /var/log/journal"
    return Look(what="system journal", state=State.POOR, found="in memory only", fix=fix)


def _card(ground: Ground) -> Look:
    counts: dict[str, int] = {}
    with suppress(OSError):
        for path in sorted((ground.root / "sys/fs/ext4").iterdir()):
            text = ground.read(f"/sys/fs/ext4/{path.name}/errors_count")
            if text and text.strip().isdecimal():
                counts[path.name] = int(text)
    if not counts:
        return Look(what="card errors", state=State.SKIPPED, found="no ext4 file system tells")
    broken = {name: count for name, count in counts.items() if count}
    if broken:
        fix = "floorguard export now, a new card, floorguard restore; fsck at the next boot"
        found = ", ".join(f"{name}: {count}" for name, count in broken.items())
        return Look(what="card errors", state=State.BAD, found=found, fix=fix)
    return Look(what="card errors", state=State.GOOD, found=f"none on {', '.join(counts)}")


def _space(ground: Ground) -> Look:
    folder = ground.state
    while not folder.exists():
        folder = folder.parent
    usage = shutil.disk_usage(folder)
    free_mb = usage.free // 1_000_000
    found = f"{free_mb} MB free where {ground.state} is"
    if free_mb < _LEAST_MB or usage.free < usage.total * _LEAST_SHARE:
        fix = "apt-get clean; journalctl --vacuum-size=50M; find / -xdev -size +50M"
        return Look(what="free space", state=State.BAD if free_mb < 50 else State.POOR, found=found, fix=fix)
    return Look(what="free space", state=State.GOOD, found=found)


def _secrets(ground: Ground) -> Look:
    if ground.site is None:
        return Look(what="secrets", state=State.SKIPPED, found="the site file has faults")
    wrong: list[str] = []
    names = ground.site.secrets
    for ref in names:
        if ref.startswith("credential:"):
            path = ground.root / "etc/floorguard/credentials" / ref.removeprefix("credential:")
        else:
            path = locate(ref, ground.environ)
        try:
            if path.stat().st_mode & 0o007:
                wrong.append(f"{path} can be read by everybody")
        except PermissionError:
            continue
        except OSError:
            wrong.append(f"{path} is not there")
    if wrong:
        fix = "as root: put one line into the file, then chmod 600 FILE"
        return Look(what="secrets", state=State.BAD, found="; ".join(wrong), fix=fix)
    return Look(what="secrets", state=State.GOOD, found=f"{len(names)} files, readable by nobody else")


def _certificate(ground: Ground) -> Look:
    file = "" if ground.site is None else ground.site.cert_file
    if not file:
        return Look(what="certificate", state=State.SKIPPED, found="the line to the broker uses none of ours")
    from cryptography import x509

    from firmware_py.runtime.clock import SystemClock

    try:
        cert = x509.load_pem_x509_certificate((ground.root / file.lstrip("/")).read_bytes())
    except (OSError, ValueError) as error:
        fix = "as root: put the certificate there, readable for the group floorguard"
        return Look(what="certificate", state=State.BAD, found=f"cannot be read: {error}", fix=fix)
    days = (cert.not_valid_after_utc.timestamp() - SystemClock().utc_ms() / 1000) / 86_400
    found = f"ends in {days:.0f} days"
    state = State.BAD if days < 0 else State.POOR if days < _CERT_DAYS else State.GOOD
    return Look(what="certificate", state=state, found=found, fix="docs/mqtt.md: a new one is read at the next connect")


def _broker(ground: Ground) -> Look:
    points = ground.picture.get("points", {})
    if "mqtt.connected" not in points:
        return Look(what="broker", state=State.SKIPPED, found="this site publishes nothing, or no controller runs")
    if points.get("mqtt.refused", {}).get("value") is True:
        fix = "docs/central/acl has the lines that the broker's access list needs"
        return Look(what="broker", state=State.BAD, found=f"refuses {points['mqtt.refused']['detail']}", fix=fix)
    if points["mqtt.connected"].get("value") is not True:
        fix = "docs/mqtt.md: name, port, certificate, password, in this order"
        return Look(what="broker", state=State.BAD, found=points["mqtt.connected"].get("detail") or "lost", fix=fix)
    return Look(what="broker", state=State.GOOD, found="connected, and takes what we publish")


def _phones(ground: Ground) -> list[Look]:
    """What the running controller has found out about each exchange."""
    names = () if ground.site is None else ground.site.exchanges
    found = look_at_phones(names, ground.picture.get("points", {}))
    bad = {True: State.BAD, False: State.POOR}
    return [
        Look(what=one.what, state=bad[one.grave] if one.fix else State.GOOD, found=one.found, fix=one.fix)
        for one in found
    ]


def _export(ground: Ground) -> Look:
    one = ground.picture.get("points", {}).get("controller.export_age_s", {})
    fix = "floorguard export site.tar.gz, and keep it elsewhere"
    if not isinstance(one.get("value"), int):
        return Look(what="last export", state=State.POOR, found="never, or not known", fix=fix)
    days = one["value"] / 86_400
    state = State.GOOD if days <= _EXPORT_DAYS else State.POOR
    return Look(what="last export", state=state, found=f"{days:.0f} days ago", fix=fix)


LOOKS: tuple[Callable[[Ground], Look], ...] = (
    _site, _daemon, _secrets, _groups, _pins, _chip, _persistence, _watchdog, _supply, _clock, _journal, _card, _space,
    _certificate, _broker, _export,
)  # fmt: skip
