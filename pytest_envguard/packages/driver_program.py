"""Asks NVIDIA's driver about itself, in a process of its own: it may take seconds, hang, or end whoever loads it.

Run as a program, with nothing of this package around it; prints one line of JSON.
"""

from __future__ import annotations

import ctypes
import json
from typing import Any

LIBRARY = "libcuda.so.1"
_MAJOR, _MINOR = 75, 76  # CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR (cuda.h)
_MOST_CARDS = 256


def ask(library: str = LIBRARY) -> dict[str, Any]:
    """Return what the driver's library says: ``missing``, or ``cuda``, ``error``, ``error_name`` and ``cards``."""
    try:
        cuda = ctypes.CDLL(library)
    except OSError as error:
        return {"missing": str(error)}
    said: dict[str, Any] = {"cuda": _number(cuda, "cuDriverGetVersion"), "error": 0, "error_name": "", "cards": []}
    said["error"] = int(cuda.cuInit(0))
    if said["error"]:
        said["error_name"] = _error_name(cuda, said["error"])
        return said
    count = _number(cuda, "cuDeviceGetCount")
    said["cards"] = [_card(cuda, index) for index in range(min(count, _MOST_CARDS))]
    return said


def _number(cuda: ctypes.CDLL, function: str, *arguments: int) -> int:
    """Return the number that a function stores; 0 where it fails."""
    number = ctypes.c_int(0)
    failed = getattr(cuda, function)(ctypes.byref(number), *arguments)
    return 0 if failed else number.value


def _card(cuda: ctypes.CDLL, index: int) -> dict[str, Any]:
    device = _number(cuda, "cuDeviceGet", index)
    name = ctypes.create_string_buffer(256)
    cuda.cuDeviceGetName(name, len(name), device)
    capability = [_number(cuda, "cuDeviceGetAttribute", attribute, device) for attribute in (_MAJOR, _MINOR)]
    return {"name": name.value.decode(errors="replace"), "capability": capability}


def _error_name(cuda: ctypes.CDLL, error: int) -> str:
    name = ctypes.c_char_p()
    if cuda.cuGetErrorName(error, ctypes.byref(name)) or name.value is None:
        return ""
    return name.value.decode(errors="replace")


if __name__ == "__main__":
    print(json.dumps(ask()))
