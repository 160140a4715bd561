"""One process from start to end: CPU, wall time, the most memory it held."""

import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Measured:
    code: int
    out: str
    cpu: float  # seconds, user and system, of the process and its children
    wall: float  # seconds
    peak: float  # MB (10^6 bytes) of the largest single process; never below what this driver holds, some 20 MB

    def figures(self):
        return {"cpu_s": round(self.cpu, 3), "wall_s": round(self.wall, 3), "peak_mb": round(self.peak, 1)}


def measure(*command, cwd=None, env=None, log: Path, codes=(0,)):
    """Runs a command to its end; standard error goes to `log`. Any exit code but those of `codes` is an error."""
    with log.open("w", encoding="utf-8") as errors:
        start = time.perf_counter()
        child = subprocess.Popen([str(part) for part in command], cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=errors)
        out = child.stdout.read().decode("utf-8", "replace")
        # Not `wait()`: only this tells what this one child used.
        _, status, used = os.wait4(child.pid, 0)
        wall = time.perf_counter() - start
    child.returncode = code = os.waitstatus_to_exitcode(status)
    if code not in codes:
        raise SystemExit(f"{' '.join(map(str, command))}\nended with {code}; {log}:\n{log.read_text(encoding='utf-8')[-2000:]}\n{out[-500:]}")
    return Measured(code, out, used.ru_utime + used.ru_stime, wall, used.ru_maxrss * 1024 / 1e6)
