"""Records what a failure leaves behind in an environment, so that rules can be asked about it again; see README.md here.

It's a program, and the pytest plugin that this program loads into the run that it records.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pytest_envguard.model.evidence import Evidence, Fact, Frame, Overwritten, Raised
from pytest_envguard.model.refusal import Refusal

FOLDER = Path(__file__).parent / "evidence"
REPOSITORY = Path(__file__).parents[2]
BY_HAND = "by hand"

_TO = "ENVGUARD_RECORD_TO"
_OURS = (_TO, "PATH", "PYTHONPATH", "VIRTUAL_ENV", "COLUMNS", "LINES")
# What paths of the machine that recorded become, and what they are again when rules are asked.
_PLACES = {
    "{site}": "/home/me/venv/lib/python3.11/site-packages",
    "{stdlib}": "/usr/lib/python3.11",
    "{project}": "/home/me/project",
    "{home}": "/home/me",
}


class Recorded(NamedTuple):
    """One failing test in one environment.

    Attributes:
        shows: What it is, a sentence.
        source: "run", or `BY_HAND` and where it's from.
        environment: The profile, or a selection of one ("container:tmp_size=64M").
        expect: "LIBRARY/RULE" that explains it; "" if no rule does.
        certain: Whether the rule is certain.
        versions: Distribution to its version, of those that matter.
        refusals: What was refused, the earliest first.
        evidence: What the failure left behind.
    """

    shows: str
    source: str
    environment: str
    expect: str
    certain: bool
    versions: Mapping[str, str]
    refusals: tuple[Refusal, ...]
    evidence: Evidence


# -- the files ---------------------------------------------------------------------------------------------------------


def files() -> list[Path]:
    """Return all that was recorded."""
    return sorted(FOLDER.glob("*/*.json"))


def read(path: Path) -> Recorded:
    """Return what a file says, with paths of an imaginary machine."""
    raw = json.loads(_filled(path.read_text(encoding="utf-8"), _PLACES))
    refusals = tuple(Refusal(**given) for given in raw.pop("refusals"))
    return Recorded(**raw | {"refusals": refusals, "evidence": _evidence(raw["evidence"])})


def write(recorded: Recorded, path: Path, places: Mapping[str, str]) -> None:
    """Write a file; ``places`` are the paths of this machine that stand for others, the longest first counts."""
    raw = recorded._asdict() | {
        "refusals": [_short(refusal) for refusal in recorded.refusals],
        "evidence": _short_evidence(recorded.evidence),
    }
    text = json.dumps(raw, indent=1, ensure_ascii=False)
    for place, found in sorted(places.items(), key=lambda pair: -len(pair[1])):
        text = text.replace(found, place)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n", encoding="utf-8")


def _filled(text: str, places: Mapping[str, str]) -> str:
    for place, path in places.items():
        text = text.replace(place, path)
    return text


def _short(value: Any) -> dict[str, Any]:
    """Return a named tuple without what is as by default."""
    return {name: field for name, field in value._asdict().items() if field != value._field_defaults.get(name, _short)}


def _short_evidence(evidence: Evidence) -> dict[str, Any]:
    given = _short(evidence)
    for name in ("raised", "overwritten", "facts"):
        if name in given:
            given[name] = [_short(one) for one in given[name]]
    for raised in given.get("raised", ()):
        raised["frames"] = [" ".join(frame) for frame in raised.get("frames", ())]
    return given


def _evidence(raw: Mapping[str, Any]) -> Evidence:
    return Evidence(
        raised=tuple(_raised(given) for given in raw.get("raised", ())),
        overwritten=tuple(Overwritten(**given) for given in raw.get("overwritten", ())),
        facts=tuple(Fact(**given) for given in raw.get("facts", ())),
        variables=tuple((name, value) for name, value in raw.get("variables", ())),
        mentions=tuple(raw.get("mentions", ())),
        output=raw.get("output", ""),
    )


def _raised(raw: Mapping[str, Any]) -> Raised:
    # A place may have blanks in it, module and function have none.
    split = (re.fullmatch(r"(\S*) (.*) (\S*)", frame) for frame in raw["frames"])
    frames = tuple(Frame(*found.groups()) for found in split if found)
    return Raised(**raw | {"bases": tuple(raw["bases"]), "frames": frames})


# -- inside of the run that is recorded --------------------------------------------------------------------------------


def pytest_configure(config: Any) -> None:
    """Keep what the diagnosis is asked: exactly that is what rules will be asked again."""
    if _TO not in os.environ or hasattr(config, "workerinput"):
        return
    from pytest_envguard.engine import diagnosing

    asked = diagnosing.find_causes

    def keep(failures: Iterable[Any], losses: Any, knowledge: Any, settings: Any, *more: Any) -> Any:
        failures = list(failures)
        told = [_told(failure, knowledge, settings[failure.environment]) for failure in failures]
        Path(os.environ[_TO]).write_text(json.dumps(told), encoding="utf-8")
        return asked(failures, losses, knowledge, settings, *more)

    diagnosing.find_causes = keep


def _told(failure: Any, knowledge: Any, setting: Any) -> dict[str, Any]:
    from pytest_envguard.diagnosis.matching import names_of

    evidence = failure.evidence or Evidence()
    modules = names_of(evidence, failure.refusals)
    names = {one.name for one in knowledge.candidates(modules)} | modules
    return {
        "nodeid": failure.nodeid,
        "environment": failure.environment,
        "versions": {name: version for name in sorted(names) if (version := setting.version(name))},
        "refusals": [list(refusal) for refusal in failure.refusals],
        "evidence": evidence.sendable(),
    }


# -- the program -------------------------------------------------------------------------------------------------------


def _run(given: argparse.Namespace) -> list[dict[str, Any]]:
    """Return what was kept of a run in a project of its own."""
    with tempfile.TemporaryDirectory(dir=given.scratch) as folder:
        project, home, kept = Path(folder, "project"), Path(folder, "home"), Path(folder, "kept.json")
        project.mkdir()
        home.mkdir()
        Path(folder).chmod(0o755)
        source = given.code or given.case.read_text(encoding="utf-8")
        (project / "test_it.py").write_text(source, encoding="utf-8")
        words = [given.python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "tests.knowledge.record"]
        words += [f"--rootdir={project}", f"--envguard={given.profile}", "--envguard-baseline=never", *given.options]
        # Nothing else of this machine's variables: they are kept with the evidence.
        environment = {"HOME": str(home), _TO: str(kept), "PYTHONPATH": str(REPOSITORY), "PATH": os.defpath}
        subprocess.run(words, cwd=project, env=environment, timeout=given.seconds, stdout=sys.stderr)
        if not kept.exists():
            raise SystemExit("nothing failed there, or the diagnosis wasn't asked")
        given.places |= {"{project}": str(project), "{home}": str(home)}
        return json.loads(kept.read_text(encoding="utf-8"))


def _places(python: str) -> dict[str, str]:
    """Return where an interpreter has its libraries, for `write`."""
    code = "import os, sysconfig; print(sysconfig.get_path('purelib')); print(os.path.dirname(os.__file__))"
    site, stdlib = subprocess.check_output([python, "-c", code], text=True).split()
    return {"{site}": site, "{stdlib}": stdlib}


def _recorded(told: Mapping[str, Any], given: argparse.Namespace) -> Recorded:
    evidence = Evidence.read(told["evidence"])
    return Recorded(
        shows=given.shows,
        source="run",
        environment=given.profile,
        expect=given.expect,
        certain=not given.likely,
        versions=told["versions"],
        refusals=tuple(Refusal(*fields) for fields in told["refusals"]),
        evidence=evidence._replace(variables=tuple(pair for pair in evidence.variables if pair[0] not in _OURS)),
    )


def _chosen(told: Iterable[dict[str, Any]], test: str) -> Iterator[dict[str, Any]]:
    return (one for one in told if test in one["nodeid"])


def main(arguments: Sequence[str] | None = None) -> None:
    """Record one failing test."""
    parser = argparse.ArgumentParser(prog="python -m tests.knowledge.record", description=__doc__)
    parser.add_argument("library", help="folder in tests/knowledge/evidence")
    parser.add_argument("name", help="of the file, without its ending")
    parser.add_argument("--python", default=sys.executable, help="of a virtual environment with the plugin")
    parser.add_argument("--profile", default="lambda")
    parser.add_argument("--case", type=Path, help="a test file")
    parser.add_argument("--code", help="source of one, instead")
    parser.add_argument("--test", default="", help="part of the name of the test that counts, if several fail")
    parser.add_argument("--shows", required=True, help="what it is, a sentence")
    parser.add_argument("--expect", default="", help="LIBRARY/RULE; nothing if no rule may explain it")
    parser.add_argument("--likely", action="store_true", help="the rule isn't certain")
    parser.add_argument("--scratch", help="folder for the project: neither in /tmp nor in /root")
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("options", nargs="*", help="more options of pytest, after --")
    given = parser.parse_args(arguments)
    given.places = _places(given.python)
    told = next(_chosen(_run(given), given.test), None)
    if told is None:
        raise SystemExit(f"no test named {given.test!r} failed")
    path = FOLDER / given.library / f"{given.name}.json"
    write(_recorded(told, given), path, given.places)
    print(path)


if __name__ == "__main__":
    main()
