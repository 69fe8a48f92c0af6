"""Files with the certificates that clients trust: the system's, and those that packages bring along.

Many clients never ask the system: requests and older httpx read certifi's file, botocore, pip and grpc their own.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

# Where distributions keep theirs: Debian and Alpine, Fedora and Amazon Linux (two names), SUSE, the BSDs and OpenSSL.
_SYSTEM = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/usr/lib/ssl/cert.pem",
)
# Below a folder that Python imports from.
_PACKAGES = (
    "certifi/cacert.pem",
    "pip/_vendor/certifi/cacert.pem",
    "botocore/cacert.pem",
    "grpc/_cython/_credentials/roots.pem",
    "httplib2/cacerts.txt",
    "stripe/data/ca-certificates.crt",
)
# Empty: a file to mount on where a machine has none of the others.
OWN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "roots.pem")


def find(folders: Iterable[str]) -> tuple[str, ...]:
    """Return all bundles that are there, the system's first and `OWN` last.

    Args:
        folders: What Python imports from, and folders of environments (with ``lib/python3.12/site-packages`` in them).
    """
    found: dict[str, str] = {}
    places = (f"{place}/{name}" for folder in folders for place in _importable(folder) for name in _PACKAGES)
    for path in (*_SYSTEM, *places, OWN):
        if os.path.isfile(path):
            found.setdefault(os.path.realpath(path), path)
    return tuple(found.values())


def on_path(variable: str) -> list[str]:
    """Return the environments whose programs PATH, the content of ``variable``, leads to."""
    folders = (os.path.normpath(folder) for folder in variable.split(os.pathsep) if os.path.isabs(folder))
    return [os.path.dirname(folder) for folder in folders if os.path.basename(folder) == "bin"]


def beside(command: Iterable[str]) -> list[str]:
    """Return the bundles of packages in the environments that programs in ``command``, such as a venv's Python, lie in."""
    programs = (os.path.abspath(word) for word in command if "/bin/" in word and os.path.exists(word))
    folders = dict.fromkeys(os.path.dirname(os.path.dirname(program)) for program in programs)
    return [path for path in find(folders) if path not in _SYSTEM and path != OWN]


def _importable(folder: str) -> list[str]:
    """Return ``folder``, and the folders below it that its Python imports from."""
    folder = folder.rstrip("/")
    found = [folder, f"{folder}/lib/python3/dist-packages"]
    try:
        versions = [name for name in os.listdir(f"{folder}/lib") if name.startswith("python3.")]
    except OSError:
        return found[:1]
    return [*found, *(f"{folder}/lib/{name}/{kind}-packages" for name in versions for kind in ("site", "dist"))]
