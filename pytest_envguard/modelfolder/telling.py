"""A report as it is printed, and as a program reads it."""

from __future__ import annotations

import json
import textwrap
from collections import Counter
from typing import TYPE_CHECKING

from pytest_envguard.model.dimensions import show_size
from pytest_envguard.model.modelfolder import ERROR, NOTE, WARNING, FolderFinding
from pytest_envguard.modelfolder import semantic
from pytest_envguard.modelfolder.wording import listed, shown, size_of
from pytest_envguard.report.groups import count

if TYPE_CHECKING:
    from pytest_envguard.modelfolder.loading import Loading
    from pytest_envguard.modelfolder.measured import Measured
    from pytest_envguard.modelfolder.result import Report

_WIDTH = 110
_MOST_REFUSALS = 10
_COLOURS = {ERROR: "\x1b[31m", WARNING: "\x1b[33m", NOTE: "\x1b[36m"}
_PLAIN = "\x1b[0m"
_KINDS = {
    semantic.EXACT: "as they were",
    semantic.NORMALISED: "in the tokenizer's normal form",
    semantic.UNKNOWN: "with unknown tokens",
    semantic.CLOSE: "within what is tolerated",
    semantic.LOST: "changed otherwise",
}


def text(report: Report, *, colour: bool = False) -> str:
    """Return the report for people; nothing of what files are called can control the terminal."""
    lines = [f"{shown(report.folder)} in {report.environment}"]
    lines += _block("files", [_files(report)])
    lines += _block("load", _loaded(report.loading))
    lines += _block("texts", _texts(report))
    lines += [line for note in report.notes for line in _wrapped("note", note)]
    for finding in report.findings:
        lines += ["", *_finding(finding, colour=colour)]
    lines += ["", _verdict(report)]
    return "\n".join(lines)


def _block(title: str, sentences: list[str]) -> list[str]:
    lines = [line for sentence in sentences if sentence for line in _wrapped("", sentence)]
    return [f"  {title:<7}{lines[0].strip()}", *lines[1:]] if lines else []


def _wrapped(title: str, sentence: str) -> list[str]:
    return textwrap.wrap(
        sentence,
        _WIDTH,
        initial_indent=f"  {title:<7}",
        subsequent_indent=" " * 9,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _files(report: Report) -> str:
    contents = report.contents
    parts = [f"{count(contents.files, 'file')}, {size_of(contents.size)}"]
    if contents.architectures:
        parts.append(listed(contents.architectures))
    parts.append("tokenizer: " + (listed(contents.tokenizers) if contents.tokenizers else "none"))
    parts.append("weights: " + (listed(contents.weights) if contents.weights else "none"))
    if contents.code:
        parts.append(f"code of its own: {listed(contents.code)}")
    hashed = f", {size_of(contents.hashed)} hashed" if contents.hashed else ""
    return "; ".join(parts) + f" ({contents.seconds:.2f} s{hashed})"


def _loaded(loading: Loading) -> list[str]:
    if loading.skipped:
        return [f"nothing was loaded: {loading.skipped}"]
    measured = loading.measured
    lines = []
    if found := measured.tokenizer:
        stage = measured.stage("tokenizer")
        took = f": {stage.seconds:.2f} s, {found.import_seconds:.2f} s of it to import the library" if stage else ""
        own = ", code of the folder's own" if found.own else ""
        lines.append(f"{shown(found.name)} ({found.library}{own}), {found.size} tokens{took}")
    if model := measured.model:
        stage = measured.stage("model")
        took = f": {stage.seconds:.2f} s" if stage else ""
        lines.append(
            f"{shown(model.name)} ({model.library}), {model.parameters:,} parameters of {shown(model.dtype)}{took}"
        )
    lines += [f"output {shown(one.name)} of shape {'×'.join(map(str, one.shape))}" for one in measured.outputs[:3]]
    if measured.skipped:
        lines.append(f"no forward pass: {shown(measured.skipped)}")
    lines.append(f"all together {loading.seconds:.2f} s, peak memory {show_size(loading.peak_memory)}")
    lines += [f"refused: {shown(str(one))}" for one in loading.refusals[:_MOST_REFUSALS]]
    if len(loading.refusals) > _MOST_REFUSALS:
        lines.append(f"… and {len(loading.refusals) - _MOST_REFUSALS} more refusals")
    return lines


def _texts(report: Report) -> list[str]:
    measured = report.loading.measured
    if not measured.trips:
        return []
    counts = Counter(change.kind for change in report.semantics)
    parts = [f"{counts[kind]} {words}" for kind, words in _KINDS.items() if counts[kind]]
    came = f": came back {', '.join(parts)}" if parts else ""
    lines = [f"{len(measured.trips)} were encoded and decoded{came}"]
    if measured.around:
        lines.append(f"around each text: {' '.join(map(shown, measured.around))}")
    lines += _agreements(measured)
    return lines


def _agreements(measured: Measured) -> list[str]:
    return [
        f"{shown(one.other)} cuts all {one.texts} texts the same way"
        for one in measured.agreements
        if not one.differing
    ]


def _finding(finding: FolderFinding, *, colour: bool) -> list[str]:
    before, after = (_COLOURS[finding.severity], _PLAIN) if colour else ("", "")
    where = f"{shown(finding.where)}: " if finding.where else ""
    first, *more = _wrapped("", f"{where}{_safe(finding.what)} [{finding.kind}]")
    lines = [f"{before}{finding.severity:<9}{after}{first.strip()}", *more]
    lines += _wrapped("why", _safe(finding.why)) if finding.why else []
    return lines + (_wrapped("do", _safe(finding.remedy)) if finding.remedy else [])


def _safe(sentence: str) -> str:
    return shown(sentence, 2000)


def _verdict(report: Report) -> str:
    counts = Counter(finding.severity for finding in report.findings)
    parts = [f"{counts[kind]} {kind}{'s' * (counts[kind] != 1)}" for kind in (ERROR, WARNING, NOTE) if counts[kind]]
    return ", ".join(parts) if parts else "nothing was found"


def document(report: Report) -> str:
    """Return the report as JSON."""
    loading = report.loading
    measured = loading.measured
    changes = {change.name: change for change in report.semantics}
    contents = {name: value for name, value in report.contents._asdict().items() if name != "findings"}
    whole = {
        "folder": report.folder,
        "environment": report.environment,
        "good": report.good,
        "notes": report.notes,
        "findings": [finding._asdict() for finding in report.findings],
        "files": contents,
        "loading": {
            "skipped": loading.skipped,
            "ending": loading.ending,
            "seconds": loading.seconds,
            "peak_memory": loading.peak_memory,
            "refusals": [refusal._asdict() for refusal in loading.refusals],
            "stages": [stage._asdict() for stage in measured.stages],
            "failures": [failure._asdict() for failure in measured.failures],
            "tokenizer": measured.tokenizer._asdict() if measured.tokenizer else None,
            "model": measured.model._asdict() if measured.model else None,
            "outputs": [output._asdict() for output in measured.outputs],
        },
        "texts": [
            {
                "name": trip.name,
                "tokens": trip.tokens,
                "unknown": trip.unknown,
                "failed": trip.failed,
                **(
                    {key: value for key, value in changes[trip.name]._asdict().items() if key != "name"}
                    if trip.name in changes
                    else {}
                ),
            }
            for trip in measured.trips
        ],
        "agreements": [agreement._asdict() for agreement in measured.agreements],
    }
    return json.dumps(whole, indent=2)
