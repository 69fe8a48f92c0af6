"""An authority of this process's own, and certificates by it. It's trusted nowhere but in the environments."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from pytest_envguard.errors import EnvguardError
from pytest_envguard.model.origin import Certificate

if TYPE_CHECKING:
    import trustme


@lru_cache(maxsize=1)
def _authority() -> trustme.CA:
    try:
        import trustme
    except ImportError as error:
        raise EnvguardError(
            f"`origins` needs `trustme`, for a certificate of the hosts that are served: {error}",
            "pip install 'pytest-envguard[origins]'",
        ) from None
    return trustme.CA(organization_name="pytest-envguard", organization_unit_name="origins of an environment")


@lru_cache(maxsize=64)
def issue(hosts: tuple[str, ...]) -> Certificate:
    """Return a certificate for all of ``hosts``, the same one for the same hosts.

    Raises:
        EnvguardError: `trustme` isn't installed.
    """
    authority = _authority()
    leaf = authority.issue_cert(*hosts)
    return Certificate(
        authority=authority.cert_pem.bytes().decode(),
        chain="".join(part.bytes().decode() for part in leaf.cert_chain_pems),
        key=leaf.private_key_pem.bytes().decode(),
    )
