"""Are the reasons right? Runs the cases under the profiles, with remedies tried, and compares with what people know.

    python tests/truth/diagnosis.py [CASE…] [--condition NAME…] [--as-user] [--venv PYTHON] [--labels FILE] [--no-try] [--save FILE]

For every test that fails only in an environment, a label says whose doing it is and in which conditions a remedy exists
that a deployment can have (a variable, a filled folder, another version). Counted are the share of failures whose library
is named, the share of those with a remedy for which a working one was found, and causes that are wrong: another library
or another property of the environment said as certain, or a test that fails on the host too and is blamed all the same.

The labels of `cases/` stand in `causes.toml`. Those of `failing/` stand in the header of each file, beside the lines that
all cases have (`# packages:`, `# env:`, `# prepare:`, `# timeout:`); it needs no `# truth:`, for the host is asked:

    # conditions: roroot lambda docker                      (those it is run under; default: all)
    # cause.test_x: library=matplotlib|- dimension=root|home remedy=nohome,openshift
    # cause.test_x: in=offline library=requests|urllib3 dimension=network
    # loss: library=matplotlib in=lambda,roroot

A line with `in` is meant for those conditions alone and goes before one without. `-` is the project itself, and the
standard library that it calls. Without `dimension` anything may be blamed; a test named `*` stands for all of the file.
`remedy=all` means every condition. A `loss` is refused without a failure, and must be told as such.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from agreement import (
    HERE,
    STARTUP,
    WORK,
    Bench,
    build_fixtures,
    lay_out,
    look_at,
    needs_model,
    read_cases,
    run_to_the_end,
    work_folder,
)
from truth_headers import CONDITIONS, FIRST, Case

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FAILING = HERE / "failing"
PROJECT = "-"
# Whoever fails in the standard library because the project called it: either name is right.
_OWN = frozenset(("", "python", *(name.replace("_", "-") for name in sys.stdlib_module_names)))
_DISTINCT = tuple(condition for condition in CONDITIONS if condition not in ("host", "nonet"))  # nonet is offline
# Where the project can be written, what one environment leaves there belongs to its user and is in another's way.
_KEEPING = ("noexec", "offline", "noshm", "nohome", "openshift")
_LINE = re.compile(r"# (?P<key>[a-z]+)(?:\.(?P<test>[\w*\[\]-]+))?: (?P<text>.+)")


@dataclass(frozen=True)
class Label:
    """What is known about the failures of a test, or about a loss.

    Attributes:
        libraries: Any of them may be named; "" is the project itself.
        dimensions: Any of them may be named; empty for any.
        remedy: Conditions in which something helps that a deployment can change.
        within: Conditions that it is about; empty for all.
    """

    libraries: tuple[str, ...]
    dimensions: tuple[str, ...] = ()
    remedy: tuple[str, ...] = ()
    within: tuple[str, ...] = ()

    def covers(self, condition: str) -> bool:
        """Whether it is about ``condition``."""
        return not self.within or condition in self.within


@dataclass(frozen=True)
class Question:
    """A case with its labels.

    Attributes:
        case: The case.
        conditions: Under which it is run.
        labels: Test to labels; those with conditions of their own first.
        losses: What must be told though nothing fails of it.
    """

    case: Case
    conditions: tuple[str, ...]
    labels: Mapping[str, tuple[Label, ...]]
    losses: tuple[Label, ...] = ()

    def label(self, test: str, condition: str) -> Label | None:
        """Return what is known about ``test``, None if nothing is."""
        for name in (test, test.partition("[")[0], "*", FIRST):
            for label in self.labels.get(name, ()):
                if label.covers(condition):
                    return label
        return None


@dataclass(frozen=True)
class Answer:
    """What a run said about one failure.

    Attributes:
        label: What is right.
        cause: The cause of the report, None where it names none.
        environment: Its name in the report.
        message: What the failure says.
        expected: Whether it fails only in the environment; else it must not be blamed at all.
    """

    case: str
    test: str
    condition: str
    environment: str
    label: Label | None
    cause: Mapping[str, Any] | None
    message: str = ""
    expected: bool = True

    @property
    def kind(self) -> str:
        """First word of the case's name: "net", "id"."""
        return self.case.partition("_")[0]

    @property
    def right_library(self) -> bool:
        """Whether the library is right."""
        if self.cause is None or self.label is None:
            return False
        return self.library in self.label.libraries or ("" in self.label.libraries and self.library in _OWN)

    @property
    def library(self) -> str:
        """Who is blamed, in the form that distributions have."""
        return re.sub(r"[-_.]+", "-", self.cause["library"]).lower() if self.cause else ""

    @property
    def named(self) -> bool:
        """Whether the library is right. The project isn't named by a cause that knows nothing of the environment."""
        return self.right_library and self.cause is not None and bool(self.cause["library"] or self.cause["dimension"])

    @property
    def right_dimension(self) -> bool:
        """Whether what is blamed of the environment is right."""
        if self.cause is None or self.label is None:
            return False
        return not self.label.dimensions or self.cause["dimension"] in self.label.dimensions

    @property
    def wrong(self) -> bool:
        """Whether something else is blamed, as certain."""
        if not self.expected:
            return self.cause is not None and bool(self.cause["certain"] or self.cause["rule"])
        return self.misled and self.cause is not None and bool(self.cause["certain"])

    @property
    def misled(self) -> bool:
        """Whether something else is blamed, as certain or as likely."""
        if self.cause is None or self.label is None:
            return False
        blames = bool(self.cause["dimension"]) and not self.right_dimension
        return blames or (bool(self.library) and not self.right_library)

    @property
    def curable(self) -> bool:
        """Whether something helps."""
        return self.label is not None and ("all" in self.label.remedy or self.condition in self.label.remedy)

    @property
    def cured(self) -> bool:
        """Whether something that works was found."""
        trials = (
            [trial for trial in self.cause["tried"] if trial["environment"] == self.environment] if self.cause else []
        )
        return any(self.test == nodeid.partition("::")[2] for trial in trials for nodeid in trial["passed"])

    @property
    def bad(self) -> bool:
        """Whether anything isn't as it should be."""
        if not self.expected:
            return self.wrong
        return self.wrong or not self.named or not self.right_dimension or (self.curable and not self.cured)

    @property
    def where(self) -> str:
        """The test and the condition."""
        return f"{self.case}::{self.test} [{self.condition}]"

    @property
    def marks(self) -> str:
        """What isn't as it should be."""
        label = self.label
        marks = [
            "NOT ONLY HERE" if not self.expected else "" if label else "NO LABEL",
            f"LIBRARY (expected {_either(label.libraries)})" if label and not self.named else "",
            f"DIMENSION (expected {_either(label.dimensions)})" if label and not self.right_dimension else "",
            "WRONG" if self.wrong else "likely wrong" if self.misled else "",
            "NOT CURED" if self.curable and not self.cured else "cured" if self.cured else "",
        ]
        return " ".join(filter(None, marks))

    @property
    def said(self) -> str:
        """The failure, what was said about it, and what was tried."""
        if not self.cause:
            return f"    {self.message}\n    nothing was said"
        sure = "certain" if self.cause["certain"] else "likely"
        who = self.cause["library"] or "the project"
        dimension = self.cause["dimension"] or "no dimension"
        lines = [
            self.message,
            f"{sure}, {self.cause['rule'] or 'no rule'}, {who}, {dimension}: {self.cause['explanation']}",
            *(
                f"tried {trial['remedies']}: {len(trial['passed'])} pass, {trial.get('problem') or trial['failed'] or 'none fails'}"
                for trial in self.cause["tried"]
                if trial["environment"] == self.environment
            ),
        ]
        return "\n".join(f"    {line}" for line in lines)


def _either(words: Iterable[str]) -> str:
    return " or ".join(word or "the project" for word in words) or "any"


@dataclass(frozen=True)
class Loss:
    """What a run said about a loss that nothing failed of."""

    case: str
    condition: str
    libraries: tuple[str, ...]
    told: bool


@dataclass(frozen=True)
class Outcome:
    """All that came of one case.

    Attributes:
        silent: Every silent cause: environments, rule and text.
        useless: Labelled tests that fail on the host too: nothing can be learned from them.
        seconds: How long the run took.
        problem: Why there's no report; "" if there is one.
    """

    case: str
    answers: tuple[Answer, ...] = ()
    losses: tuple[Loss, ...] = ()
    silent: tuple[str, ...] = ()
    useless: tuple[str, ...] = ()
    seconds: float = 0.0
    problem: str = ""


# -- labels ------------------------------------------------------------------------------------------------------------


def questions(names: Sequence[str], labels: Path) -> list[Question]:
    """Return the cases with these names (or in these files), all of both folders without one, with what is known."""
    tables = tomllib.loads(labels.read_text(encoding="utf-8"))
    failing = {path.stem: path for path in sorted(FAILING.glob("*.py"))}
    own = [name for name in names if name in failing or Path(name).resolve().parent == FAILING]
    others = [name for name in names if name not in own]
    measured = read_cases(others) if others or not names else []
    found = [_measured(case, tables.get(case.name, {})) for case in measured]
    return found + [_labelled(failing.get(name) or Path(name)) for name in own or ([] if names else failing)]


def _measured(case: Case, table: Mapping[str, Mapping[str, Sequence[str]]]) -> Question:
    labels = {
        test: (Label(tuple(raw["library"]), tuple(raw.get("dimension", ())), tuple(raw.get("remedy", ()))),)
        for test, raw in table.items()
    }
    return Question(case, tuple(name for name in case.conditions() if name in _DISTINCT), labels)


def _labelled(path: Path) -> Question:
    """Return the case in ``path`` whose header has its labels."""
    matches = map(_LINE.fullmatch, path.read_text(encoding="utf-8").splitlines())
    lines = [(found["key"], found["test"] or "*", found["text"]) for found in matches if found]
    values: dict[str, list[str]] = {}
    labels: dict[str, list[Label]] = {}
    for key, test, text in lines:
        values.setdefault(key, []).append(text)
        if key == "cause":
            labels.setdefault(test, []).append(_label(text, path))
    packages = [word.strip() for text in values.get("packages", []) for word in text.split(",")]
    case = Case(
        path=path,
        packages=tuple(re.split(r"[=<>~!\[ ]", word)[0] for word in packages if word != "stdlib"),
        prepare=tuple(values.get("prepare", [])),
        env=dict(pair.split("=", 1) for text in values.get("env", []) for pair in text.split()),
        timeout=int((*values.get("timeout", []), "60")[0]),
        truth={},
    )
    conditions = tuple(word for text in values.get("conditions", []) for word in text.split()) or _DISTINCT
    ordered = {test: tuple(sorted(several, key=lambda label: not label.within)) for test, several in labels.items()}
    return Question(case, conditions, ordered, tuple(_label(text, path) for text in values.get("loss", [])))


def _label(text: str, path: Path) -> Label:
    fields = dict(pair.split("=", 1) for pair in text.split())
    unknown = set(fields) - {"library", "dimension", "remedy", "in"}
    conditions = {word for key in ("remedy", "in") for word in _words(fields, key)} - {*CONDITIONS, "all"}
    if unknown or conditions or "library" not in fields:
        raise ValueError(f"{path.name}: not a label: {text}")
    named = ("" if word == PROJECT else word.lower().replace("_", "-") for word in fields["library"].split("|"))
    libraries = tuple(named)
    return Label(libraries, _words(fields, "dimension"), _words(fields, "remedy"), _words(fields, "in"))


def _words(fields: Mapping[str, str], key: str) -> tuple[str, ...]:
    return tuple(word for word in re.split(r"[|,]", fields.get(key, "")) if word)


# -- running -----------------------------------------------------------------------------------------------------------


def apart(conditions: Sequence[str]) -> list[tuple[str, ...]]:
    """Return which of the conditions can share a project: those that can't write to it."""
    sharing = tuple(condition for condition in conditions if condition not in _KEEPING)
    keeping: list[tuple[str, ...]] = [(condition,) for condition in conditions if condition in _KEEPING]
    return [sharing, *keeping] if sharing else keeping


def ask(question: Question, conditions: Sequence[str], bench: Bench, *, trying: bool) -> Outcome:
    """Run a case in ``conditions`` at once and return what was said about its failures."""
    case = question.case
    layout = lay_out(case, "-".join(conditions), bench)
    environments = {condition: bench.selection(condition) for condition in conditions}
    report = layout.project.parent / "report.json"
    words = [bench.python, "-m", "pytest", "-q", f"test_{case.name}.py", "-p", "no:cacheprovider"]
    words += [f"--envguard={','.join(dict.fromkeys(environments.values()))}", f"--envguard-report={report}"]
    words += [f"--envguard-fix={'try' if trying else 'suggest'}"]
    began = time.monotonic()
    status, printed = run_to_the_end(words, case, bench, layout, (case.timeout + STARTUP) * 12)
    seconds = time.monotonic() - began
    if not report.exists():
        return Outcome(case.name, seconds=seconds, problem=printed[-3000:])
    document = json.loads(report.read_text(encoding="utf-8"))
    return Outcome(
        case.name,
        tuple(_answers(question, environments, document)),
        tuple(_losses(question, environments, document)),
        tuple(_silent(document)),
        tuple(_unblamed(question, document)),
        seconds,
        _trouble(status, printed),
    )


def _trouble(status: int, printed: str) -> str:
    """Return what pytest printed where it did not come to its end (0 and 1 are ends, with and without failures)."""
    broken = status not in (0, 1) or "INTERNALERROR" in printed
    return printed[-3000:] if broken else ""


def _answers(question: Question, environments: Mapping[str, str], report: Mapping[str, Any]) -> Iterable[Answer]:
    for test in report["tests"]:
        for environment, failure in test.get("failures", {}).items():
            expected = failure["verdict"] == "fails only here"
            causes = _causes(report, test["nodeid"], environment)
            if not expected and not causes:
                continue
            name = test["nodeid"].partition("::")[2]
            condition = next((key for key, selected in environments.items() if selected == environment), environment)
            label = question.label(name, condition) if expected else None
            message = str(failure.get("message", ""))[:300]
            yield Answer(
                question.case.name,
                name,
                condition,
                environment,
                label,
                causes[0] if causes else None,
                message,
                expected,
            )


def _causes(report: Mapping[str, Any], nodeid: str, environment: str) -> list[Mapping[str, Any]]:
    return [
        cause
        for cause in report.get("causes", ())
        if not cause["silent"] and nodeid in cause["tests"].get(environment, ())
    ]


def _losses(question: Question, environments: Mapping[str, str], report: Mapping[str, Any]) -> Iterable[Loss]:
    for label in question.losses:
        for condition, environment in environments.items():
            if label.covers(condition):
                told = any(
                    cause["library"] in label.libraries and environment in cause["tests"]
                    for cause in report.get("causes", ())
                )
                yield Loss(question.case.name, condition, label.libraries, told)


def _unblamed(question: Question, report: Mapping[str, Any]) -> Iterable[str]:
    for test in report["tests"]:
        name = test["nodeid"].partition("::")[2]
        verdicts = {failure["verdict"] for failure in test.get("failures", {}).values()}
        if verdicts - {"fails only here"} and question.labels.keys() & {name, name.partition("[")[0]}:
            yield f"{name}: {', '.join(sorted(verdicts))}"


def _silent(report: Mapping[str, Any]) -> Iterable[str]:
    for cause in report.get("causes", ()):
        if cause["silent"]:
            yield f"{','.join(cause['tests'])}: {cause['rule'] or 'no rule'}: {cause['explanation']}"


# -- what came of it ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Score:
    """The three shares, and what they are made of.

    Attributes:
        named: How often the library is right, and for the project's own failures something of the environment too.
        library: How often the library alone is right.
        misled: How often something else is blamed, what is only likely counted too.
    """

    failures: int
    named: int
    library: int
    dimension: int
    curable: int
    cured: int
    wrong: int
    misled: int

    @classmethod
    def of(cls, answers: Sequence[Answer]) -> Score:
        """Count ``answers``."""
        known = [answer for answer in answers if answer.label]
        curable = [answer for answer in known if answer.curable]
        return cls(
            len(known),
            sum(answer.named for answer in known),
            sum(answer.right_library for answer in known),
            sum(answer.right_dimension for answer in known),
            len(curable),
            sum(answer.cured for answer in curable),
            sum(answer.wrong for answer in answers),
            sum(answer.misled for answer in known),
        )

    @property
    def good(self) -> bool:
        """Whether they are as good as they are wanted."""
        return (
            self.named >= 0.95 * self.failures
            and self.cured >= 0.8 * self.curable
            and self.wrong <= 0.02 * self.failures
        )

    def __str__(self) -> str:
        return (
            f"named {_share(self.named, self.failures)}, library alone {_share(self.library, self.failures)}, dimension {_share(self.dimension, self.failures)}, "
            f"remedy found {_share(self.cured, self.curable)}, wrong {_share(self.wrong, self.failures)}, "
            f"wrong or likely {_share(self.misled, self.failures)}"
        )


def _share(number: int, total: int) -> str:
    return f"{number} of {total}" + (f" ({100 * number / total:.1f} %)" if total else "")


def report_on(outcomes: Sequence[Outcome], *, verbose: bool) -> str:
    """Return everything that isn't as it should be, and the shares, by kind and of all."""
    answers = [answer for outcome in outcomes for answer in outcome.answers]
    shown = [answer for answer in answers if verbose or answer.bad or (answer.expected and answer.label is None)]
    alike: dict[tuple[str, str], list[str]] = {}
    for answer in shown:  # in several environments, or of several tests, the same is said: told once
        alike.setdefault((answer.marks, answer.said), []).append(answer.where)
    lines = ["\n".join(f"{where} {marks}" for where in wheres) + f"\n{said}" for (marks, said), wheres in alike.items()]
    for outcome in outcomes:
        lines += [f"{outcome.case}: NO END\n{outcome.problem}"] if outcome.problem else []
        lines += [f"{outcome.case} silently: {text}" for text in outcome.silent] if verbose else []
        lines += [
            f"{loss.case} [{loss.condition}] LOSS of {' or '.join(loss.libraries)} isn't told"
            for loss in outcome.losses
            if not loss.told
        ]
        lines += [f"{outcome.case}: label without use: {text}" for text in outcome.useless]
    lines.append("")
    for kind in sorted({answer.kind for answer in answers}):
        lines.append(f"{kind:8}{Score.of([answer for answer in answers if answer.kind == kind])}")
    losses = [loss for outcome in outcomes for loss in outcome.losses]
    lines += [f"losses told {_share(sum(loss.told for loss in losses), len(losses))}"] if losses else []
    unknown = sum(answer.expected and answer.label is None for answer in answers)
    lines += [f"failures without a label: {unknown}"] if unknown else []
    lines.append(f"all     {Score.of(answers)}; {sum(outcome.seconds for outcome in outcomes):.0f} s of runs")
    return "\n".join(lines)


def _saved(outcomes: Sequence[Outcome]) -> str:
    return json.dumps([asdict(outcome) for outcome in outcomes], indent=1)


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Compare the reasons that the plugin gives with what people know.")
    parser.add_argument("cases", nargs="*", metavar="CASE", help="name of a case, or a file (default: all)")
    parser.add_argument("--condition", action="append", choices=CONDITIONS, help="only this one; can be repeated")
    parser.add_argument("--as-user", action="store_true", help="as root: run pytest as an ordinary user")
    parser.add_argument("--venv", default=sys.executable, metavar="PYTHON", help="interpreter that runs the cases")
    parser.add_argument("--labels", type=Path, default=HERE / "causes.toml", metavar="FILE")
    parser.add_argument("--work", type=Path, default=WORK, metavar="FOLDER", help="outside of /tmp, open to everyone")
    parser.add_argument("--no-try", action="store_true", help="do not try remedies")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="cases at the same time")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write all that was said, as JSON")
    parser.add_argument("-v", "--verbose", action="store_true", help="say what was said about every failure")
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None) -> int:
    """Run what the command line asks for; returns 0 if the shares are as good as they are wanted."""
    chosen = _arguments(words)
    caller = look_at(chosen.venv, root=os.geteuid() == 0 and not chosen.as_user)
    asked = []
    for question in questions(chosen.cases, chosen.labels):
        if caller.lacks(question.case):
            print(f"left out: {question.case.name} (needs {', '.join(caller.lacks(question.case))})", file=sys.stderr)
        else:
            asked.append(question)
    outcomes: list[Outcome] = []
    wanted = chosen.condition or _DISTINCT
    with work_folder(chosen.work) as folder:
        bench = Bench(folder, chosen.venv, caller, chosen.as_user)
        build_fixtures(bench, any(needs_model(question.case) for question in asked))
        with ThreadPoolExecutor(chosen.jobs) as pool:
            runs = [
                pool.submit(ask, question, group, bench, trying=not chosen.no_try)
                for question in asked
                for group in apart([name for name in question.conditions if name in wanted])
            ]
            for run in as_completed(runs):
                outcomes.append(run.result())
                print(f"{outcomes[-1].case}: {outcomes[-1].seconds:.0f} s", file=sys.stderr, flush=True)
                if chosen.save:
                    chosen.save.write_text(_saved(outcomes), encoding="utf-8")
    outcomes.sort(key=lambda outcome: outcome.case)
    print(report_on(outcomes, verbose=chosen.verbose))
    score = Score.of([answer for outcome in outcomes for answer in outcome.answers])
    return 0 if score.good or (chosen.no_try and score.wrong == 0) else 1


if __name__ == "__main__":
    sys.exit(main())
