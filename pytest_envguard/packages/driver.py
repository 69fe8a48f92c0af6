"""NVIDIA's driver on this machine, as its library and the kernel's module say; nothing of NVIDIA's has to be installed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from pytest_envguard.packages.cuda import Card, Driver

_PROGRAM = Path(__file__).with_name("driver_program.py")
_MODULE = Path("/proc/driver/nvidia/version")
_LONGEST = 30.0  # seconds: with many cards that have to wake up it takes some


def read_driver(module: Path = _MODULE) -> Driver:
    """Ask the driver's library in a process of its own, with the loader's paths (LD_LIBRARY_PATH) of this one."""
    return _driver(_asked(), _version_of(module))


def _asked() -> dict[str, Any]:
    try:
        ended = subprocess.run(
            [sys.executable, "-I", "-S", str(_PROGRAM)],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=_LONGEST,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {"missing": f"its library did not answer within {_LONGEST:g} s"}
    except OSError as error:
        return {"missing": f"nobody could ask for it: {error.strerror}"}
    if ended.returncode < 0:
        return {"missing": f"its library ended the process that asked it (signal {-ended.returncode})"}
    try:
        said = json.loads(ended.stdout)
    except ValueError:
        lines = ended.stderr.decode(errors="replace").strip().splitlines()
        return {"missing": f"its library can't be asked: {lines[-1] if lines else 'it said nothing'}"}
    return said if isinstance(said, dict) else {"missing": "its library can't be asked"}


def _driver(said: dict[str, Any], module: str) -> Driver:
    if "missing" in said:
        return Driver(str(said["missing"]), module)
    version = int(said["cuda"])  # 12040 for 12.4
    if not version:
        return Driver("its library doesn't say which CUDA version it knows", module)
    cards = tuple(Card(card["name"], tuple(card["capability"])) for card in said["cards"])
    return Driver("", module, (version // 1000, version % 1000 // 10), said["error"], said["error_name"], cards)


def _version_of(file: Path) -> str:
    """Return the version of the kernel's module: it stands in the first line, whichever of the two modules it is."""
    try:
        first = file.read_text(encoding="utf-8", errors="replace")[:1000].partition("\n")[0]
    except OSError:
        return ""
    match = re.search(r"\b(\d{3,}\.\d+(?:\.\d+)?)\b", first)
    return match[1] if match else ""
