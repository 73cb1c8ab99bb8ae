"""What a verb of the command line costs, start of the interpreter included. Run: python -m bench.cli

Beside a controller that guards the large example site on stand-ins of its devices. From byte code, as installed; wall
time and CPU time are medians of some runs. What a controller judges costs it time too: the clock has it, the CPU not.
"""

import contextlib
import os
import re
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

SITES = Path(__file__).resolve().parents[1] / "config" / "sites"
RUNS = 5
READING_S, CHECK_S = 0.3, 1.0


def measure(words: list[str], environment: dict[str, str]) -> tuple[float, float, int]:
    """Medians of seconds by the clock and of CPU, and what the command ended with."""
    clock, cpu, code = [], [], 0
    for run in range(RUNS + 1):
        before, started_s = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        code = subprocess.run(
            [sys.executable, "-m", "firmware_py", *words], env=environment, capture_output=True, check=False
        ).returncode
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if run:  # the first one fills the cache of byte code
            clock.append(time.monotonic() - started_s)
            cpu.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return statistics.median(clock), statistics.median(cpu), code


def verbs(site: Path, socket: Path) -> list[tuple[str, list[str], float | None]]:
    """Each with what is wanted of it; None for those that reckon for as long as there is to reckon."""
    at, away = ["--socket", str(socket)], ["--socket", "/nowhere"]
    changed = site.with_name("changed.toml")
    changed.write_text(re.sub(r'(?m)^name = ".*"', 'name = "Changed"', site.read_text(), count=1))
    reading = [
        ["status"], ["status", "--json"], ["log"], ["report", "month"], ["report", "shift"], ["legend"], ["plan"],
        ["outage", "list"], ["handover"], ["tick"], ["rollback", "--list"], ["rollback", "--show"],
        ["probe", "ups1"], ["doctor", str(site)], ["diff", str(site)],
    ]  # fmt: skip
    told = [(" ".join(word for word in words if "/" not in word), [*words, *at], READING_S) for words in reading]
    return [
        ("check, the large site", ["check", str(SITES / "large.toml"), *away], CHECK_S),
        ("check, the example", ["check", str(SITES / "example.toml"), *away], CHECK_S),
        ("check beside a controller", ["check", str(changed), *at], READING_S),
        ("diff, with changes", ["diff", str(changed), *at], READING_S),
        ("doctor, with changes", ["doctor", str(changed), *at], READING_S),
        *told,
        ("schema status", ["schema", "status"], READING_S),
        ("--help", ["--help"], READING_S),
        ("status, none runs", ["status", *away], READING_S),
        ("legend, none runs", ["legend", str(site), *away], READING_S),
        ("plan, none runs", ["plan", str(site), *away], READING_S),
        ("doctor, none runs", ["doctor", str(site), *away], READING_S),
        ("plan, never applied", ["plan", str(changed), *away], CHECK_S),
        ("simulate mains 10 min", ["simulate", "mains", "--for", "10 min", *at], None),
    ]


@contextlib.contextmanager
def guarded(folder: Path, environment: dict[str, str]) -> Iterator[tuple[Path, Path]]:
    """The large site's stand-ins and a controller on them: its site file and its socket."""
    program = [sys.executable, "-m", "firmware_py"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": environment}
    started = []
    try:
        devices = ["demo", "--devices", str(folder), "--site", str(SITES / "large.toml")]
        started.append(subprocess.Popen([*program, *devices], **quiet))  # type: ignore[call-overload]  # two typed dicts
        _wait(folder / "site.toml")
        started.append(
            subprocess.Popen([*program, "run", "--config", str(folder / "site.toml")], **quiet)  # type: ignore[call-overload]  # the same
        )
        _wait(folder / "control.sock")
        time.sleep(15)  # until all has been read once
        yield folder / "site.toml", folder / "control.sock"
    finally:
        for one in reversed(started):
            one.send_signal(signal.SIGINT)
            one.wait(30)


def _wait(path: Path) -> None:
    for _ in range(600):
        if path.exists():
            return
        time.sleep(0.1)
    raise SystemExit(f"{path} did not come")


def main() -> None:
    """The table."""
    with tempfile.TemporaryDirectory(prefix="fg-cli-") as name:
        clean = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
        environment = {**clean, "PYTHONPYCACHEPREFIX": f"{name}/bytecode"}
        folder = Path(name) / "floor"
        folder.mkdir()
        print(f"{'verb':<28} {'clock':>8} {'CPU':>8}  {'wanted':<6}  exit")
        with guarded(folder, environment) as (site, socket):
            for verb, words, wanted_s in verbs(site, socket):
                clock_s, cpu_s, code = measure(words, environment)
                wanted = "-" if wanted_s is None else f"{wanted_s:.1f} s"
                late = " late" if wanted_s is not None and cpu_s > wanted_s else ""
                print(f"{verb:<28} {clock_s:>6.2f} s {cpu_s:>6.2f} s  {wanted:<6}  {code}{late}", flush=True)


if __name__ == "__main__":
    main()
