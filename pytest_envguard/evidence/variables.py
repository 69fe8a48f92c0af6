"""The variables of the process that may say why something failed."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pytest_envguard.evidence.texts import hidden, is_secret, plain, secrets_of, short_value

_MOST_VARIABLES = 40

_SWITCHES = frozenset(("", "0", "1", "true", "false", "yes", "no", "on", "off"))
_PATHS = ("/", "~", "./", "../", "file:")
_NAMED = re.compile(r"CACHE|HOME|DIR\b|DIR_|TMP|TEMP|OFFLINE|PROXY|ENDPOINT|URI\b|^USER$|^LOGNAME$", re.IGNORECASE)
_SKIPPED = re.compile(r"PATH$|LD_|PYTHON(?!PYCACHEPREFIX)|PYTEST_|PWD$|OLDPWD$|SHELL$|SHLVL$|_$|BASH_")


def variables_of(environ: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return the variables that may say where something is kept, or that something is switched on; see `Evidence`."""
    secrets = secrets_of(environ)
    told = {name: text for name, text in environ.items() if not is_secret(name, text) and hidden(text, secrets) == text}
    ranked = [(_rank(name, text), name) for name, text in told.items()]
    kept = sorted((rank, name) for rank, name in ranked if rank is not None)[:_MOST_VARIABLES]
    return tuple(sorted((plain(name), short_value(environ[name])) for _, name in kept))


def _rank(name: str, text: str) -> int | None:
    """Return how much a variable may matter, the least number the most; None for not at all."""
    is_path = text.startswith(_PATHS)
    if _SKIPPED.match(name) or (name.startswith("AWS_") and not is_path):
        return None
    if _NAMED.search(name):
        return 0
    return 1 if is_path else 2 if text.lower() in _SWITCHES else None
