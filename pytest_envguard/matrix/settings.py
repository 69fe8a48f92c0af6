"""What a project says about its matrices and its packages: ``[tool.envguard]`` of a ``pyproject.toml``, but for its profiles."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pytest_envguard.errors import EnvguardError, nearest
from pytest_envguard.matrix.axes import DEFAULT, KEYS, VersionSet, read_date, read_set
from pytest_envguard.packages.advisories import Ignore
from pytest_envguard.profiles.tables import read_toml

# All that `[tool.envguard]` may have; `profiles` is read by `pytest_envguard.profiles`.
KNOWN = (
    "audit",
    "audit-fail",
    "audit-ignore",
    "audit-service",
    "audit-url",
    "install",
    "knowledge",
    "preflight",
    "profiles",
    "versions",
)
_IGNORED = ("id", "reason", "until")


class Settings(NamedTuple):
    """``[tool.envguard]``, every value checked.

    Attributes:
        where: File and table, for messages; "" where there is no file.
        install: What goes into a cell, each as pip's command line has it; None where the project doesn't say.
        preflight: What happens where a cell's packages don't fit: "warn", "fail" or "off".
        audit: Whether pip-audit looks at every cell.
        audit_fail: What fails the run: "never", "fixable" (a fixed release exists) or "any" advisory.
        audit_service: "pypi" or "osv".
        audit_url: Of an OSV service; "" for the public one.
        audit_ignore: Advisories that don't count.
        sets: Name to set; `DEFAULT` is ``[tool.envguard.versions]`` itself.
        knowledge: Files with what the project knows about libraries; each is there.
    """

    where: str = ""
    install: tuple[str, ...] | None = None
    preflight: str = "warn"
    audit: bool = False
    audit_fail: str = "never"
    audit_service: str = "pypi"
    audit_url: str = ""
    audit_ignore: tuple[Ignore, ...] = ()
    sets: Mapping[str, VersionSet] = {}
    knowledge: tuple[Path, ...] = ()


def read_settings(path: Path | None) -> Settings:
    """Return the settings of a project; the defaults where there is no file.

    Args:
        path: The ``pyproject.toml``, or None.

    Raises:
        EnvguardError: It can't be read, isn't TOML, has an unknown key or a value that can't be, or names a file that
            isn't there.
    """
    if path is None or not path.exists():
        return Settings()
    section: Any = read_toml(path)
    for name, where in (("tool", "[tool]"), ("envguard", "[tool.envguard]")):
        section = section.get(name, {})
        if not isinstance(section, Mapping):
            raise EnvguardError(f"{path}: {where}: expected a table, got {section!r}")
    where = f"{path}: [tool.envguard]"
    _known(section, KNOWN, where)
    settings = Settings(
        where=where,
        install=_install(section, where),
        preflight=_one_of(section, "preflight", ("warn", "fail", "off"), where),
        audit=_flag(section, "audit", where),
        audit_fail=_one_of(section, "audit-fail", ("never", "fixable", "any"), where),
        audit_service=_one_of(section, "audit-service", ("pypi", "osv"), where),
        audit_url=_url(section, where),
        audit_ignore=_ignored(section, where),
        sets=_sets(section.get("versions", {}), path),
        knowledge=_knowledge(section, where, path.parent),
    )
    if settings.audit_url and settings.audit_service != "osv":
        raise EnvguardError(
            f"{where}: `audit-url` is the address of an OSV service, but `audit-service` is `{settings.audit_service}`",
            'write `audit-service = "osv"`, or leave `audit-url` out',
        )
    return settings


def _known(raw: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    for key in raw:
        if key not in known:
            raise EnvguardError(f"{where}: no key is named `{key}`", nearest(key, known))


def _install(raw: Mapping[str, Any], where: str) -> tuple[str, ...] | None:
    if "install" not in raw:
        return None
    install = raw["install"]
    if not isinstance(install, list) or not all(isinstance(entry, str) and entry.strip() for entry in install):
        expected = 'expected a list such as `[".[test]", "-r requirements.txt", "--group test"]`'
        raise EnvguardError(f"{where}: `install`: {expected}, got {install!r}")
    return tuple(entry.strip() for entry in install)


def _knowledge(raw: Mapping[str, Any], where: str, folder: Path) -> tuple[Path, ...]:
    if "knowledge" not in raw:
        return ()
    from pytest_envguard.diagnosis.tables import paths_of

    return paths_of(raw, where, folder)


def _one_of(raw: Mapping[str, Any], key: str, known: tuple[str, ...], where: str) -> str:
    """Return the value of ``key``, one of ``known``; the first of them where it isn't given."""
    value = raw.get(key, known[0])
    if value not in known:
        raise EnvguardError(f"{where}: `{key}`: expected one of {', '.join(known)}, got {value!r}")
    return str(value)


def _flag(raw: Mapping[str, Any], key: str, where: str) -> bool:
    value = raw.get(key, False)
    if not isinstance(value, bool):
        raise EnvguardError(f"{where}: `{key}`: expected true or false, got {value!r}")
    return value


def _url(raw: Mapping[str, Any], where: str) -> str:
    url = raw.get("audit-url", "")
    if not isinstance(url, str) or ("audit-url" in raw and not url.startswith(("http://", "https://"))):
        raise EnvguardError(
            f"{where}: `audit-url`: expected an address such as `https://api.osv.dev/v1/query`, got {url!r}"
        )
    return url


def _ignored(raw: Mapping[str, Any], where: str) -> tuple[Ignore, ...]:
    entries = raw.get("audit-ignore", [])
    if not isinstance(entries, list) or not all(isinstance(entry, Mapping) for entry in entries):
        raise EnvguardError(
            f"{where}: `audit-ignore`: expected a list of tables, got {entries!r}",
            'for example `audit-ignore = [{id = "GHSA-…", until = 2027-01-01, reason = "…"}]`',
        )
    found: dict[str, Ignore] = {}
    for number, entry in enumerate(entries, 1):
        at = f"{where}: `audit-ignore`, entry {number}"
        _known(entry, _IGNORED, at)
        for key, expected in (
            ("id", "an advisory's id such as `GHSA-…`"),
            ("reason", "why it doesn't count, in words"),
        ):
            if key not in entry:
                raise EnvguardError(f"{at}: `{key}` is missing", f"give {expected}")
            if not isinstance(entry[key], str) or not entry[key].strip():
                raise EnvguardError(f"{at}: `{key}`: expected {expected}, got {entry[key]!r}")
        until = read_date(entry["until"]) if "until" in entry else None
        if "until" in entry and until is None:
            raise EnvguardError(f"{at}: `until`: expected a date such as 2027-01-01, got {entry['until']!s}")
        ignored = Ignore(entry["id"].strip(), until, entry["reason"].strip())
        if ignored.id in found:
            raise EnvguardError(f"{at}: `{ignored.id}` is there twice", "leave one of them out")
        found[ignored.id] = ignored
    return tuple(found.values())


def _sets(raw: object, path: Path) -> dict[str, VersionSet]:
    where = f"{path}: [tool.envguard.versions]"
    if not isinstance(raw, Mapping):
        raise EnvguardError(f"{where}: expected a table, got {raw!r}")
    own = {key: value for key, value in raw.items() if key in KEYS or not isinstance(value, Mapping)}
    sets = {DEFAULT: read_set(DEFAULT, own, where)} if own else {}
    for name, table in raw.items():
        if name in own:
            continue
        if name == DEFAULT:
            raise EnvguardError(
                f"{where}: a set can't be named `{name}`", "it is the name of [tool.envguard.versions] itself"
            )
        if any(character in "=<>!~" or character.isspace() for character in name) or not name:
            raise EnvguardError(f"{where}: a set's name has no operators and no spaces, got {name!r}")
        sets[name] = read_set(name, table, f"{path}: [tool.envguard.versions.{name}]")
    return sets
