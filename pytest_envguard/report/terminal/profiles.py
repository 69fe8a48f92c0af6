"""Profiles as text: the list, and one with the source of every fact."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

from pytest_envguard.model.dimensions import DIMENSIONS, Value, show_size
from pytest_envguard.model.profile import PACKAGE_SIZE, Profile, budget_source, layout_source
from pytest_envguard.profiles import Catalogue

_WIDTH = 100
_LIMITS = ("open_files", "open_files_hard", "processes")
_SIZES = ("mmap_limit", "tmp_size", "shm_size", "memory", "stack")


def list_text(catalogue: Catalogue) -> str:
    """Return one line for every profile."""
    names = catalogue.names()
    width = max(map(len, names))
    lines = [f"{name:<{width}}  {in_a_line(catalogue.one(name))}" for name in names]
    return "\n".join([*lines, "", "`envguard profiles NAME` shows one with its sources; `a+b` is both at once."])


def in_a_line(profile: Profile) -> str:
    """Return what ``profile`` stands for."""
    each = f"and the same without {', '.join(profile.unset_each)}" if profile.unset_each else ""
    return "; ".join(filter(None, (profile.summary, each + (" in turn" if len(profile.unset_each) > 1 else ""))))


def profile_text(profile: Profile) -> str:
    """Return everything that ``profile`` says."""
    lines = [f"{profile.name}: {profile.summary}" if profile.summary else profile.name]
    for name, value in profile.values.items():
        lines += ["", f"{name} = {_shown(name, value)}", *_block(DIMENSIONS[name].meaning)]
        if isinstance(value, Mapping):
            lines += [f"    {key}={text}" for key, text in value.items()]
        lines += _origin(profile, name)
    if profile.unset_each:
        lines += ["", f"unset-each = {', '.join(profile.unset_each)}"]
        lines += _block(
            f"selected with it, one environment for each: {', '.join(one.name for one in profile.each()[1:])}"
        )
        lines += _origin(profile, "unset-each")
    for name, budget in profile.budgets.items():
        lines += ["", f"budget {name}: {budget.seconds:g} s", *_block(f'compared by `cold_start(…, within="{name}")`')]
        lines += _origin(profile, budget_source(name))
    if profile.package_size:
        lines += ["", f"package_size = {show_size(profile.package_size)}"]
        lines += _block("size of the deployed packages, unpacked; compared before the suite runs")
        lines += _origin(profile, PACKAGE_SIZE)
    for path, what in profile.layout.items():
        lines += ["", f"folder {path}: {what}", *_block("shown by the fixture `fake_environment`")]
        lines += _origin(profile, layout_source(path))
    shown = {PACKAGE_SIZE, *profile.values, *map(budget_source, profile.budgets), *map(layout_source, profile.layout)}
    others = [f"{key}: {reason}" for key, reason in profile.unverified.items() if key not in shown]
    for title, sentences in (("less certain", others), ("not simulated", profile.not_simulated)):
        if sentences:
            lines += ["", f"{title}:"]
            for sentence in sentences:
                lines += textwrap.wrap(sentence, _WIDTH, initial_indent="  - ", subsequent_indent="    ")
    return "\n".join(lines)


def _origin(profile: Profile, key: str) -> list[str]:
    """Return where a fact comes from, and why it's less certain if it is."""
    lines = _block(f"source: {profile.sources.get(key, 'the project itself')}")
    return lines + (_block(f"unverified: {profile.unverified[key]}") if key in profile.unverified else [])


def _shown(name: str, value: Value) -> str:
    if isinstance(value, Mapping):
        return f"{len(value)} {'hosts' if name == 'origins' else 'variables'}"
    if isinstance(value, tuple):
        return ", ".join(value) or "none"
    if name == "tmp_mode" and isinstance(value, int):
        return f"{value:o}"
    if isinstance(value, bool):
        return "true" if value else "false"
    if name in _SIZES and isinstance(value, int):
        return show_size(value)
    if name in _LIMITS and value == -1:
        return "unlimited"
    return str(value) or '""'


def _block(text: str) -> list[str]:
    return textwrap.wrap(
        text, _WIDTH, initial_indent="    ", subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
    )
