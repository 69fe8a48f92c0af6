"""The company's registry, which may have newer weights than the package."""

import os
from http.client import HTTPConnection, HTTPException

ADDRESS = "192.0.2.15:8080"  # in the company's network; LETTER_ROUTER_REGISTRY names another


def newest(seconds: float | None = None) -> bytes | None:
    """Return the newest weights, or None where the registry has none or is not to be had.

    Args:
        seconds: How long to wait for the registry; None waits for as long as it takes.
    """
    connection = HTTPConnection(os.environ.get("LETTER_ROUTER_REGISTRY", ADDRESS), timeout=seconds)
    try:
        connection.request("GET", "/letters/model.safetensors")
        answer = connection.getresponse()
        return answer.read() if answer.status == 200 else None
    except (OSError, HTTPException):
        return None
    finally:
        connection.close()
