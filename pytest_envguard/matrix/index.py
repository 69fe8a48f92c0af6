"""pip's settings as uv takes them, where uv has none of its own. Pure, but for `read_pip` and `uv_settings`.

uv reads no variable and no file of pip's (docs.astral.sh/uv/pip/compatibility). Somebody whose index is named in a `pip.conf`
would get other packages in his cells than everywhere else, or none.
"""

from __future__ import annotations

import configparser
import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pytest_envguard.errors import EnvguardError
from pytest_envguard.profiles.tables import read_toml

# What says where packages come from; who has any of these for uv means uv.
_UV_INDEXES = frozenset(
    {"UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS", "UV_NO_INDEX"}
)
_UV_INDEX_KEYS = frozenset({"index", "index-url", "extra-index-url", "find-links", "no-index"})
_PIP_INDEXES = frozenset({"index-url", "extra-index-url", "find-links", "no-index"})
_TRUE = frozenset({"y", "yes", "t", "true", "on", "1"})


class Translation(NamedTuple):
    """pip's settings in uv's words.

    Attributes:
        environ: Variables.
        flags: Options of a resolution, for what uv has no variable for.
    """

    environ: Mapping[str, str]
    flags: tuple[str, ...]


def read_pip(environ: Mapping[str, str], prefix: str = sys.prefix) -> dict[str, str]:
    """Return pip's settings for an installation, by the long names of its options.

    In pip's order (pip.pypa.io/en/stable/topics/configuration): files of the machine, of the user, of the environment, the one
    that PIP_CONFIG_FILE names; of all of them ``[global]`` first and then ``[install]``; then variables.

    Raises:
        EnvguardError: A file that pip couldn't read either.
    """
    merged: dict[str, dict[str, str]] = {"global": {}, "install": {}}
    for path in _pip_files(environ, prefix):
        parser = configparser.RawConfigParser()
        try:
            parser.read(path, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError) as error:
            raise EnvguardError(f"{path}: pip's settings can't be read: {str(error).splitlines()[0]}") from None
        for section, values in merged.items():
            if parser.has_section(section):
                values.update({_option(key): value for key, value in parser.items(section)})
    variables = {_option(key[4:]): value for key, value in environ.items() if key.startswith("PIP_")}
    settings = merged["global"]
    for values in (merged["install"], variables):
        settings = {**settings, **{key: value for key, value in values.items() if value.strip()}}
    return {key: value.strip() for key, value in settings.items() if value.strip()}


def _option(name: str) -> str:
    return name.lower().replace("_", "-").removeprefix("--")


def _pip_files(environ: Mapping[str, str], prefix: str) -> list[Path]:
    named = environ.get("PIP_CONFIG_FILE", "")
    if named == os.devnull:
        return []
    home = Path(environ.get("HOME") or Path.home())
    machine = [Path(folder) / "pip" / "pip.conf" for folder in _folders(environ.get("XDG_CONFIG_DIRS") or "/etc/xdg")]
    configured = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    paths = [*machine, Path("/etc/pip.conf"), home / ".pip" / "pip.conf", configured / "pip" / "pip.conf"]
    if sys.platform == "darwin":
        paths.append(home / "Library" / "Application Support" / "pip" / "pip.conf")
    return [*paths, Path(prefix) / "pip.conf", *([Path(named)] if named else [])]


def _folders(text: str) -> list[str]:
    return [part for part in text.split(os.pathsep) if part]


class UvSettings(NamedTuple):
    """What the user or the project says to uv itself, in files.

    Attributes:
        keys: Top-level keys, those of ``[pip]`` among them.
        files: Where they are: their content can change what is resolved.
    """

    keys: frozenset[str] = frozenset()
    files: tuple[str, ...] = ()


def uv_settings(environ: Mapping[str, str], project: Path) -> UvSettings:
    """Return which settings uv finds in files when it's run in ``project`` (docs.astral.sh/uv/concepts/configuration-files)."""
    if environ.get("UV_NO_CONFIG", "").lower() in _TRUE:
        return UvSettings()
    if environ.get("UV_CONFIG_FILE"):
        paths = [Path(environ["UV_CONFIG_FILE"])]
    else:
        configured = Path(environ.get("XDG_CONFIG_HOME") or Path(environ.get("HOME") or Path.home()) / ".config")
        machine = [Path(folder) / "uv" / "uv.toml" for folder in _folders(environ.get("XDG_CONFIG_DIRS") or "/etc/xdg")]
        own = _of_project(project)
        paths = [configured / "uv" / "uv.toml", *machine, Path("/etc/uv/uv.toml"), *([own] if own else [])]
    paths = [path for path in paths if path.is_file()]
    keys: set[str] = set()
    for path in paths:
        table: Any = read_toml(path)
        if path.name == "pyproject.toml":
            table = table["tool"]["uv"]
        keys |= {*table, *(table["pip"] if isinstance(table.get("pip"), Mapping) else ())}
    return UvSettings(frozenset(keys), tuple(map(str, paths)))


def _of_project(project: Path) -> Path | None:
    """Return the nearest file with settings of uv, in the project's folder or above it."""
    for folder in (project, *project.parents):
        if (folder / "uv.toml").is_file():
            return folder / "uv.toml"
        if (folder / "pyproject.toml").is_file():
            tool = read_toml(folder / "pyproject.toml").get("tool", {})
            if isinstance(tool, Mapping) and isinstance(tool.get("uv"), Mapping):
                return folder / "pyproject.toml"
    return None


def translate(pip: Mapping[str, str], environ: Mapping[str, str], uv_keys: Iterable[str], folder: str) -> Translation:
    """Return pip's settings in uv's words, without those that uv has itself.

    Args:
        pip: From `read_pip`.
        environ: Variables that are set already.
        uv_keys: Settings that uv finds in files.
        folder: What relative paths start from.
    """
    keys = frozenset(uv_keys)
    found: dict[str, str] = {}
    flags: tuple[str, ...] = ()
    if not (keys & _UV_INDEX_KEYS or any(environ.get(name) for name in _UV_INDEXES)):
        found, flags = _indexes({key: value for key, value in pip.items() if key in _PIP_INDEXES}, folder)
    for option, (name, key, words) in _OTHERS.items():
        if option in pip and not environ.get(name) and key not in keys:
            value = words(pip[option], folder)
            if value:
                found[name] = value
    for option, every, single in (
        ("only-binary", "UV_NO_BUILD", "UV_NO_BUILD_PACKAGE"),
        ("no-binary", "UV_NO_BINARY", "UV_NO_BINARY_PACKAGE"),
    ):
        key = every.removeprefix("UV_").lower().replace("_", "-")
        if option in pip and not (environ.get(every) or environ.get(single) or keys & {key, f"{key}-package", option}):
            found.update(_formats(pip[option], every, single))
    return Translation({name: value for name, value in found.items() if not environ.get(name)}, flags)


def _indexes(pip: Mapping[str, str], folder: str) -> tuple[dict[str, str], tuple[str, ...]]:
    found = {}
    if "index-url" in pip:
        found["UV_DEFAULT_INDEX"] = _local(pip["index-url"], folder)
    if "extra-index-url" in pip:
        found["UV_INDEX"] = " ".join(_local(url, folder) for url in pip["extra-index-url"].split())
        # pip takes the best version of all indexes; uv the first index that has the name, unless told otherwise
        found["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    if "find-links" in pip:
        found["UV_FIND_LINKS"] = ",".join(_local(place, folder) for place in pip["find-links"].split())
    return found, ("--no-index",) if pip.get("no-index", "").lower() in _TRUE else ()


def _local(place: str, folder: str) -> str:
    """Return a place with an absolute path where it's on this machine: uv runs in another folder than the user."""
    return place if "://" in place else os.path.join(folder, Path(place).expanduser())  # noqa: PTH118


def _paths(value: str, folder: str) -> str:
    return " ".join(_local(place, folder) for place in value.split())


def _words(value: str, _: str) -> str:
    return " ".join(value.split())


def _same(value: str, _: str) -> str:
    return value


def _prereleases(value: str, _: str) -> str:
    return "allow" if value.lower() in _TRUE else ""


def _seconds(value: str, _: str) -> str:
    return str(int(float(value))) if re.fullmatch(r"\d+(\.\d+)?", value) else ""


def _keyring(value: str, _: str) -> str:
    return value if value == "subprocess" else ""


# pip's option to uv's variable, uv's setting of the same meaning in files, and how the value is written
_OTHERS: dict[str, tuple[str, str, Callable[[str, str], str]]] = {
    "constraint": ("UV_CONSTRAINT", "", _paths),
    "build-constraint": ("UV_BUILD_CONSTRAINT", "", _paths),
    "cert": ("SSL_CERT_FILE", "", _same),
    "client-cert": ("SSL_CLIENT_CERT", "", _same),
    "pre": ("UV_PRERELEASE", "prerelease", _prereleases),
    "trusted-host": ("UV_INSECURE_HOST", "allow-insecure-host", _words),
    "proxy": ("ALL_PROXY", "", _same),
    "timeout": ("UV_HTTP_TIMEOUT", "", _seconds),
    "default-timeout": ("UV_HTTP_TIMEOUT", "", _seconds),
    "retries": ("UV_HTTP_RETRIES", "", _seconds),
    "keyring-provider": ("UV_KEYRING_PROVIDER", "keyring-provider", _keyring),
    "uploaded-prior-to": ("UV_EXCLUDE_NEWER", "exclude-newer", _same),
}


def _formats(value: str, every: str, single: str) -> dict[str, str]:
    """Return what ``:all:``, ``:none:`` and names mean, which pip reads from left to right."""
    all_of_them, names = False, list[str]()
    for part in re.split(r"[\s,]+", value):
        if part == ":all:":
            all_of_them, names = True, []
        elif part == ":none:":
            all_of_them, names = False, []
        elif part:
            names.append(part)
    return {every: "1"} if all_of_them else {single: " ".join(names)} if names else {}
