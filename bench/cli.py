"""What a verb of the command line costs, start of the interpreter included. Run: python -m bench.cli

Wall time and CPU time of the fastest of five runs: the rest is what else the machine does.
"""

import resource
import subprocess
import sys
import time
from pathlib import Path

SITES = Path(__file__).resolve().parents[1] / "config" / "sites"
RUNS = 5
VERBS = (
    ("check large", ("check", str(SITES / "large.toml")), 1.0),
    ("check example", ("check", str(SITES / "example.toml")), 1.0),
    ("status, none runs", ("status", "--socket", "/nowhere"), 0.3),
    ("log, none runs", ("log", "--socket", "/nowhere"), 0.3),
    ("rollback --list, none runs", ("rollback", "--list", "--socket", "/nowhere"), 0.3),
    ("--help", ("--help",), 0.3),
)


def measure(words: tuple[str, ...]) -> tuple[float, float]:
    """The fastest run: seconds by the clock and of CPU."""
    best = (float("inf"), float("inf"))
    for _ in range(RUNS):
        before, started_s = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        subprocess.run([sys.executable, "-m", "firmware_py", *words], capture_output=True, check=False)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        best = min(best, (time.monotonic() - started_s, cpu_s))
    return best


if __name__ == "__main__":
    print(f"{'verb':<28} {'clock':>8} {'CPU':>8}  wanted")
    for name, words, wanted_s in VERBS:
        clock_s, cpu_s = measure(words)
        print(f"{name:<28} {clock_s:>6.2f} s {cpu_s:>6.2f} s  {wanted_s:.1f} s")
