"""What is known about libraries, as text and for programs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from pytest_envguard.diagnosis.because import because, changes, together
from pytest_envguard.diagnosis.places import AS_HERE, Machine, resolved, variables, verdict
from pytest_envguard.diagnosis.remedies import filled, network, version_fits
from pytest_envguard.diagnosis.rules import CONTACTS, ISSUE, RUN, SOURCE, Conditions, Library, Offer, Rule, Use
from pytest_envguard.model.diagnosis import Remedy, Setting
from pytest_envguard.model.evidence import looks_secret
from pytest_envguard.report.folding import folded

_SHORT = {"{home}": "~", "{site}": "site-packages", "{cwd}": ".", "{tmp}": "/tmp"}
_PLACEHOLDERS = {
    "{tmp}": "a writable folder",
    "{exec}": "a writable folder that programs may be run from",
    "{home}": "the home folder",
}
_ORIGINS = {RUN: "verified by a run", SOURCE: "from source", ISSUE: "from an issue"}
_WITHOUT_NETWORK = frozenset(("none", "drop", "refuse", "nxdomain"))


class Surroundings(NamedTuple):
    """What is asked for, and where.

    Attributes:
        setting: The environment, None if it isn't asked what matters in one.
        version: Of the library that is explained, "" where it isn't installed.
        machine: This one.
    """

    setting: Setting | None
    version: str
    machine: Machine


def list_text(libraries: Iterable[Library], setting: Setting | None) -> str:
    """Return a line or two for every library; with an environment for those with rules that matter there."""
    shown = [
        library for library in libraries if setting is None or any(_matters(rule, setting) for rule in library.rules)
    ]
    if not shown:
        return f"No rule is about anything that {setting.name} changes." if setting else "Nothing is known."
    width = max(len(library.name) for library in shown)
    lines = [line for one in shown for line in folded(f"{one.name:<{width}}  {one.summary}", " " * (width + 2))]
    end = f" --profile {setting.name}" if setting else ""
    more = folded(f"`envguard explain LIBRARY{end}` shows one with its rules, remedies and sources.", "")
    return "\n".join([*lines, "", *more])


def library_text(library: Library, around: Surroundings) -> str:
    """Return everything that is known about ``library``; with an environment, what matters there."""
    shown, passed = _sorted_out(library, around)
    name = f"{library.name} {around.version}" if around.version else f"{library.name} (not installed here)"
    there = f" in {around.setting.name}" if around.setting else ""
    lines = folded(f"{name}{there}: {library.summary}", "    ")
    for use in library.uses:
        if around.setting is None or version_fits(around.version, use.versions):
            lines += ["", *_use_lines(use, around)]
    for rule in shown:
        lines += ["", *_rule_lines(library, rule, around)]
    lines += passed
    if library.notes:
        lines += ["", "notes:"]
        lines += [line for note in library.notes for line in folded(f"  - {note}", "    ")]
    lines += _legend("\n".join(lines))
    if library.where != f"{library.name}.toml":
        lines += ["", *folded(f"read from {library.where}", "    ")]
    return "\n".join(lines)


def _matters(rule: Rule, setting: Setting | None) -> bool:
    return setting is None or changes(setting.values, rule.dimension)


def _sorted_out(library: Library, around: Surroundings) -> tuple[list[Rule], list[str]]:
    """Return the rules to be shown, and lines that name those that don't matter in the environment."""
    if around.setting is None:
        return list(library.rules), []
    shown: list[Rule] = []
    unchanged: list[str] = []
    others: list[str] = []
    for rule in library.rules:
        if not _matters(rule, around.setting):
            unchanged.append(f"{rule.name} ({rule.dimension})")
        elif not version_fits(around.version, rule.versions):
            others.append(f"{rule.name} ({rule.versions})")
        else:
            shown.append(rule)
    lines = [] if shown else ["", *folded(f"No rule of it matters in {around.setting.name}.", "    ")]
    for names, why in (
        (unchanged, f"what {around.setting.name} doesn't change"),
        (others, f"versions other than {around.version}"),
    ):
        if names:
            lines += ["", *folded(f"not shown, about {why}: {', '.join(names)}", "    ")]
    return shown, lines


def _use_lines(use: Use, around: Surroundings) -> list[str]:
    versions = [_versions(use.versions, around.version)] if use.versions else []
    lines = folded(f"{use.kind} {use.what}", "    ")
    lines += _block("; ".join((f"when: {use.when}", *versions)))
    lines += _block(f"where: {_place(use, around)}")
    if use.variables:
        order = ", the first that is set" if len(use.variables) > 1 else ""
        lines += _block(f"{'changed' if use.kind == CONTACTS else 'moved'} by: {', '.join(use.variables)}{order}")
        lines += [line for text in _set_there(use, around.setting) for line in _block(text)]
    lines += _block(f"if it can't be had: {'an error is raised' if use.loud else 'silent, nothing is raised'}")
    return lines + _origin_lines(use.verified, use.source, use.check)


def _place(use: Use, around: Surroundings) -> str:
    short = re.sub(r"\{\w+\}", lambda match: _SHORT[match[0]], use.where)
    if around.setting is None:
        return short
    place = resolved(use.where, around.setting, around.machine)
    words = verdict(use, place, around.setting)
    words = f"{words[:1].lower()}{words[1:]}"
    arrow = f" → {place}" if place and place != short else ""
    if not place:
        return f"{short}: {words}"
    return f"{short}{arrow}" + (f"{',' if words == AS_HERE else ':'} {words}" if words else "")


def _set_there(use: Use, setting: Setting | None) -> Iterator[str]:
    """Yield what the environment itself says of the variables."""
    values = setting.values.get("env", {}) if setting else {}
    assert isinstance(values, Mapping)
    for name in use.variables:
        if setting and name in values:
            shown = "" if looks_secret(name, values[name]) else f"={values[name]}"
            yield f"{setting.name} sets {name}{shown}"


def _rule_lines(library: Library, rule: Rule, around: Surroundings) -> list[str]:
    facts = [rule.dimension]
    facts += [_versions(rule.versions, around.version)] if rule.versions else []
    facts += ["silent: nothing fails of it"] if rule.silent else []
    lines = folded(f"rule {rule.name} ({'; '.join(facts)})", "    ")
    lines += folded(f"    {said(library, rule, around)}", "    ")
    offers = [(offer, remedy) for offer in rule.offers for remedy in [_remedy(offer, around)] if remedy]
    for offer, remedy in offers:
        lines += _remedy_lines(offer, remedy, rule, around)
    if rule.offers and not offers and around.setting:
        lines += _block(f"no remedy of it holds in {around.setting.name}")
    return lines + _origin_lines(rule.verified, rule.source, rule.check)


def said(library: Library, rule: Rule, around: Surroundings) -> str:
    """Return what a rule says, with its placeholders filled as far as something is known without a failure."""
    setting = around.setting
    known = {
        "library": library.name,
        "version": around.version,
        "environment": setting.name if setting else "the environment",
        "because": because(setting, rule.dimension)
        if setting and _matters(rule, setting)
        else f"the environment changes `{rule.dimension}`",
    }

    def fill(match: re.Match[str]) -> str:
        blank, name = match.groups()
        if name in known:
            return blank + known[name] if known[name] else ""
        return f"{blank}${name}" if name.isupper() else f"{blank}<{name}>"

    return re.sub(r"( ?)\{(\w+)\}", fill, rule.says)


def _remedy(offer: Offer, around: Surroundings) -> Remedy | None:
    """Return a remedy as it is in the environment; None where it can't hold there, whatever the failure is."""
    setting = around.setting
    if setting is None:
        return offer.remedy
    reachable = not offer.when.network or network(setting) in offer.when.network
    if not reachable or not version_fits(around.version, offer.versions):
        return None
    return filled(offer.remedy, setting, variables(setting, around.machine))


def _remedy_lines(offer: Offer, remedy: Remedy, rule: Rule, around: Surroundings) -> list[str]:
    when = "; ".join(_conditions(offer.when, around.setting))
    versions = _versions(offer.versions, around.version) if offer.versions else ""
    title = f"remedy: {remedy.title}" if remedy.can_be_tried else f"advice: {remedy.says}"
    conditions = "; ".join(filter(None, (when, versions)))
    lines = _block(title + (f" ({conditions})" if conditions else ""))
    if remedy.can_be_tried and remedy.says:
        lines += folded(f"        {remedy.says}", "        ")
    if remedy.seed:  # in one piece, for whoever copies it
        lines += [f"        {line}" for line in remedy.seed.command.splitlines()]
    if (offer.verified, offer.source) != (rule.verified, rule.source):
        lines += _block(_origin(offer.verified, offer.source), "        ")
    return lines


def _conditions(when: Conditions, setting: Setting | None) -> Iterator[str]:
    """Yield when a remedy holds; of the network nothing where it's known to be so."""
    if when.network and setting is None:
        if set(when.network) == _WITHOUT_NETWORK:
            yield "without a network"
        else:
            yield "with a network" if when.network == ("open",) else f"where network is {' or '.join(when.network)}"
    for name, pattern in when.set.items():
        yield f"if {name} has `{pattern.pattern}`" if pattern.pattern else f"if {name} is set"
    if when.unset:
        yield f"if {together(when.unset)} {'is' if len(when.unset) == 1 else 'are'} not set"
    for facts, words in ((when.facts, "if measured"), (when.without_facts, "if not measured")):
        if facts:
            yield f"{words}: {together(facts)}"
    for name, versions in when.requires.items():
        yield f"if {name}{' ' * bool(versions)}{versions} is installed"


def _versions(versions: str, installed: str) -> str:
    return f"versions {versions}" + ("" if version_fits(installed, versions) else f", {installed} isn't one")


def _origin(verified: str, source: str, check: str = "") -> str:
    if not verified:
        return f"source: {source}" if source else "not verified"
    text = check or source if verified == RUN else source
    return f"{_ORIGINS[verified]}: {text}" if text else _ORIGINS[verified]


def _origin_lines(verified: str, source: str, check: str) -> list[str]:
    lines = _block(_origin(verified, source, check))
    return lines + (_block(f"source: {source}") if verified == RUN and check and source else [])


def _legend(text: str) -> list[str]:
    used = [f"{name}: {meaning} of the environment" for name, meaning in _PLACEHOLDERS.items() if name in text]
    return ["", *(line for words in used for line in folded(words, "    "))] if used else []


def _block(text: str, indent: str = "    ") -> list[str]:
    return folded(indent + text, indent + "    ")


# -- for programs ------------------------------------------------------------------------------------------------------


def json_text(libraries: Iterable[tuple[Library, Surroundings]], *, whole: bool) -> str:
    """Return the same for programs: all about each library if it's ``whole``, else name, version and summary.

    With an environment ``matters`` says of a rule whether it's about what that changes and about the installed version, and
    ``there`` of a remedy what it is there, null where it can't hold.
    """
    found = [(_library(library, around) if whole else _short(library, around)) for library, around in libraries]
    return json.dumps({"libraries": found}, indent=2)


def _short(library: Library, around: Surroundings) -> dict[str, Any]:
    return {
        "name": library.name,
        "installed": around.version or None,
        "modules": list(library.modules),
        "summary": library.summary,
    }


def _library(library: Library, around: Surroundings) -> dict[str, Any]:
    return {
        **_short(library, around),
        "profile": around.setting.name if around.setting else None,
        "uses": [_use(use, around) for use in library.uses],
        "rules": [_rule(library, rule, around) for rule in library.rules],
        "notes": list(library.notes),
        "where": library.where,
    }


def _use(use: Use, around: Surroundings) -> dict[str, Any]:
    facts = {**use._asdict(), "variables": list(use.variables)}
    if around.setting:
        place = resolved(use.where, around.setting, around.machine)
        facts["there"] = {"place": place or None, "verdict": verdict(use, place, around.setting) or None}
    return facts


def _rule(library: Library, rule: Rule, around: Surroundings) -> dict[str, Any]:
    facts = rule._asdict()
    del facts["offers"]
    facts["match"] = [_given(one) for one in rule.match]
    facts["explained"] = said(library, rule, around)
    if around.setting:
        facts["matters"] = _matters(rule, around.setting) and version_fits(around.version, rule.versions)
    facts["remedies"] = [_offer(offer, around) for offer in rule.offers]
    return facts


def _offer(offer: Offer, around: Surroundings) -> dict[str, Any]:
    facts = {
        **_of_remedy(offer.remedy),
        "when": _given(offer.when),
        "versions": offer.versions,
        "verified": offer.verified,
        "source": offer.source,
    }
    if around.setting:
        there = _remedy(offer, around)
        facts["there"] = _of_remedy(there) if there else None
    return facts


def _of_remedy(remedy: Remedy) -> dict[str, Any]:
    seed = remedy.seed._asdict() if remedy.seed else None
    return {
        "title": remedy.title,
        "says": remedy.says,
        "set": dict(remedy.set),
        "unset": list(remedy.unset),
        "seed": seed,
        "upgrade": remedy.upgrade,
    }


def _given(conditions: Conditions) -> dict[str, Any]:
    """Return the conditions that are given, patterns as text."""
    given = {name: value for name, value in conditions._asdict().items() if value}
    return {name: _plain(value) for name, value in given.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, re.Pattern):
        return value.pattern
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    return list(value) if isinstance(value, tuple) else value
