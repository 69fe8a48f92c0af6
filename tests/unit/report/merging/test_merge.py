"""Several runs as one: what is true of all of them, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from pytest_envguard.errors import EnvguardError
from pytest_envguard.model.cell import NotReady
from pytest_envguard.model.diagnosis import Cause, Diagnosis, Holding, Remedy, Trial
from pytest_envguard.model.finding import Audited, Finding, NotAudited, Vulnerability
from pytest_envguard.model.plan import Plan, Strength
from pytest_envguard.model.verdict import Broken, Outcome, Run, Verdict
from pytest_envguard.report.document.reading import read
from pytest_envguard.report.document.writing import dumps
from pytest_envguard.report.grid import grid
from pytest_envguard.report.groups import Places, groups
from pytest_envguard.report.merging.merge import merge
from pytest_envguard.report.summary import Invocation, Summary, summarise
from tests.unit.report.pages import (
    CONTAINER,
    EROFS,
    HOST,
    LAMBDA,
    PASSED,
    ROOT,
    UNREACHABLE,
    Happened,
    matrix_run,
    run,
)

SIX = {"six": ("1.15.0", "1.16.0")}


def one(plan: Plan, host: Mapping[str, Outcome] | None = None, called: Any = None, **outcomes: Outcome) -> Summary:
    """Return a run in one environment; ``called`` are fields of its invocation."""
    made = summarise([plan], [run(plan.name, **outcomes)], run("host", **host) if host is not None else None)
    return made._replace(invocations=(Invocation(version="0.1.0", **(called or {})),))


def job(version: str, profile: Plan, **changes: Any) -> Summary:
    """Return a run in one cell of a matrix, in which only lambda fails, and 1.15.0 everywhere."""

    def happened(name: str, _versions: dict[str, str]) -> Happened:
        return {"a": EROFS if name == "lambda" else PASSED, "b": UNREACHABLE if version == "1.15.0" else PASSED}

    return matrix_run({"six": (version,)}, happened, (profile,)).summary(**changes)


def merged(*several: Summary) -> Summary:
    """Return runs as one, as read from files named a, b, …; what comes of it can be written and read."""
    found = merge([(name, read(dumps(summary), name)) for name, summary in zip("abcdef", several, strict=False)])
    assert dumps(read(dumps(found), "merged")) == dumps(found)
    return found


def titles(summary: Summary) -> dict[str, list[str]]:
    """Return the headings of its tests that fail."""
    return {group.title: [row.nodeid for row in group.rows] for group in groups(summary, Places(summary.matrix))}


def refused(*several: Summary) -> EnvguardError:
    """Return the error that merging them is."""
    with pytest.raises(EnvguardError) as caught:
        merge(list(zip("abcdef", several, strict=False)))
    assert caught.value.hint
    return caught.value


def test_environments_stand_side_by_side_with_the_verdicts_that_their_own_runs_found() -> None:
    """As if one run had had both."""
    found = merged(
        one(LAMBDA, {"a": PASSED}, a=EROFS, b=PASSED), one(CONTAINER, {"a": PASSED, "b": EROFS}, a=EROFS, b=EROFS)
    )
    assert [plan.name for plan in found.plans] == ["lambda", "container"]
    assert titles(found) == {
        "fails only in lambda and container": ["tests/a.py::a"],
        "fails everywhere, on the host too": ["tests/b.py::b"],
    }
    assert found.rows[1].verdicts == {"lambda": Verdict.PASSES, "container": Verdict.EVERYWHERE}
    assert found.compared and found.matrix is None and found.notes == ()


def test_one_report_stays_as_it_is() -> None:
    """A pattern of a shell may match a single file."""
    alone = one(LAMBDA, {"a": PASSED}, a=EROFS)
    assert merge([("a", alone)]) == alone


def test_what_was_not_compared_in_its_own_run_stays_unknown() -> None:
    """Another machine's host says nothing about it."""
    found = merged(one(LAMBDA, a=EROFS), one(CONTAINER, {"a": PASSED}, a=EROFS))
    assert found.rows[0].verdicts == {"lambda": Verdict.UNKNOWN, "container": Verdict.ONLY_HERE}
    assert not found.compared


def test_a_run_without_failures_needed_no_comparison() -> None:
    """It doesn't make the others uncertain."""
    assert merged(one(LAMBDA, a=PASSED), one(CONTAINER, {"a": PASSED}, a=EROFS)).compared


def test_cells_of_a_matrix_that_ran_in_jobs_of_their_own_are_the_matrix() -> None:
    """Groups, table and explanations as of one run."""
    jobs = [job(version, profile) for profile in (LAMBDA, CONTAINER) for version in SIX["six"]]
    found = merged(*jobs)

    def happened(name: str, versions: dict[str, str]) -> Happened:
        return {"a": EROFS if name == "lambda" else PASSED, "b": UNREACHABLE if versions["six"] == "1.15.0" else PASSED}

    whole = matrix_run(SIX, happened, (LAMBDA, CONTAINER)).summary()
    assert titles(found) == titles(whole)
    assert grid(found) == grid(whole)
    assert found.matrix is not None and whole.matrix is not None
    assert (found.matrix.axes, found.matrix.coordinates) == (whole.matrix.axes, whole.matrix.coordinates)
    assert found.notes == ()


def test_axes_that_only_some_have_are_of_any_version_for_the_others() -> None:
    """An environment without versions lies on the axis of profiles alone."""
    found = merged(job("1.15.0", LAMBDA), one(CONTAINER, {"a": PASSED}, a=PASSED, b=EROFS))
    assert found.matrix is not None
    assert found.matrix.axes == ("environment", "six")
    assert found.matrix.coordinates == {"lambda-six1.15.0": ("lambda", "1.15.0"), "container": ("container", "")}


def test_shards_of_an_environment_are_put_together() -> None:
    """Tests of both; the longer time and the larger memory, for they ran side by side."""
    first, second = one(LAMBDA, {"a": PASSED}, a=EROFS), one(LAMBDA, b=PASSED)
    first.runs[0].resources = first.runs[0].resources._replace(seconds=2.0, peak_memory=1)
    second.runs[0].resources = second.runs[0].resources._replace(seconds=1.0, peak_memory=2)
    second.runs[0].broken, second.runs[0].deaths = Broken(("it could connect",)), ["killed"]
    found = merged(first, second)
    (here,) = found.runs
    assert list(here.outcomes) == ["tests/a.py::a", "tests/b.py::b"]
    assert here.resources[:2] == (2.0, 2)
    assert (here.broken, here.deaths) == (Broken(("it could connect",)), ["killed"])
    assert titles(found) == {"fails only in lambda": ["tests/a.py::a"]}
    assert found.notes == ()


def test_the_same_environment_twice_with_the_same_end_is_one_and_says_so() -> None:
    """What was refused in both counts once."""
    first, second = (one(HOST, a=PASSED, b=EROFS) for _ in range(2))
    for each, times in ((first, 2), (second, 3)):
        each.runs[0].refused("tests/a.py::a", [["open", "/x", "EROFS", "lib", "lib.py:3", times, "call", ""]])
    found = merged(first, second)
    assert [run.environment for run in found.runs] == ["host"]
    assert found.runs[0].refusals["tests/a.py::a"][0].times == 3
    assert found.notes == ("host ran more than once, with the same outcomes: a and b",)


def test_the_same_environment_with_another_end_is_refused() -> None:
    """Which of them would be the truth?"""
    error = refused(one(LAMBDA, a=PASSED, b=PASSED), one(LAMBDA, a=PASSED, b=EROFS))
    assert error.message == "`lambda` is in a and in b, and they differ: tests/b.py::b: passed and failed"


def test_the_same_environment_enforced_otherwise_is_refused() -> None:
    """Passing where nothing is enforced isn't passing there."""
    weaker = LAMBDA._replace(enforcements=(ROOT._replace(strength=Strength.PYTHON), *LAMBDA.enforcements[1:]))
    error = refused(one(LAMBDA, a=PASSED), one(weaker, b=PASSED))
    assert error.message == "`lambda` is not enforced alike in a and b: root: kernel and python"


def test_interpreters_become_an_axis_where_nothing_else_tells_environments_apart() -> None:
    """Jobs of a workflow that differ in setup-python alone."""
    found = merged(
        one(LAMBDA, {"a": PASSED}, {"python": "3.10.4"}, a=EROFS, b=PASSED),
        one(LAMBDA, {}, {"python": "3.12.1"}, a=PASSED, b=PASSED),
    )
    assert [(plan.name, plan.made_from) for plan in found.plans] == [
        ("lambda-py310", "lambda"),
        ("lambda-py312", "lambda"),
    ]
    assert found.matrix is not None
    assert found.matrix.axes == ("environment", "python")
    assert titles(found) == {"fails with Python 3.10 in lambda": ["tests/a.py::a"]}
    assert [one.environments for one in found.invocations] == [("lambda-py310",), ("lambda-py312",)]


def test_interpreters_become_the_first_axis_of_versions() -> None:
    """A cell is called as it would be if the interpreter had been asked for."""
    cause = Cause(
        Diagnosis("why"),
        {"lambda-six1.15.0": ("tests/a.py::a",)},
        trials=(Trial("lambda-six1.15.0", (Remedy("x", {"A": "b"}),), ("tests/a.py::a",), cell="six1.16.0"),),
    )
    findings = {"six1.15.0": (Finding("missing", "x", "x is missing"),)}

    def on(python: str) -> Summary:
        made = job("1.15.0", LAMBDA, findings=findings)
        assert made.matrix is not None
        cells = {name: cell._replace(version=python) for name, cell in made.matrix.cells.items()}
        return made._replace(matrix=made.matrix._replace(cells=cells), causes=(cause,))

    found = merged(on("3.10.4"), on("3.12.1"))
    assert found.matrix is not None
    assert found.matrix.axes == ("environment", "python", "six")
    assert found.matrix.coordinates["lambda-py312-six1.15.0"] == ("lambda", "3.12", "1.15.0")
    assert found.matrix.cells["lambda-py312-six1.15.0"].cell.name == "py312-six1.15.0"
    assert set(found.matrix.findings) == {"py310-six1.15.0", "py312-six1.15.0"}
    (both,) = found.causes
    assert list(both.where) == ["lambda-py310-six1.15.0", "lambda-py312-six1.15.0"]
    assert [trial.cell for trial in both.trials] == ["py310-six1.16.0", "py312-six1.16.0"]


def test_shards_on_different_interpreters_are_refused() -> None:
    """No test ran on both, so nothing could be told apart."""
    error = refused(
        one(LAMBDA, None, {"python": "3.10.4"}, a=PASSED), one(LAMBDA, None, {"python": "3.12.1"}, b=PASSED)
    )
    assert error.message == "`lambda` ran with Python 3.10 in a, with 3.12 in b"


def test_different_projects_are_refused() -> None:
    """Their tests may have the same names."""
    error = refused(
        one(LAMBDA, None, {"project": "shop"}, a=PASSED), one(CONTAINER, None, {"project": "bank"}, a=PASSED)
    )
    assert error.message == "a is of the project `shop`, b of `bank`"


def test_runs_with_no_test_in_common_are_refused() -> None:
    """Side by side they would only look as if they were compared."""
    error = refused(one(LAMBDA, a=PASSED), one(HOST, a=PASSED), one(CONTAINER, b=PASSED))
    assert error.message == "c has no test in common with the others, such as tests/b.py::b"


def test_a_run_in_which_nothing_ran_has_nothing_to_compare() -> None:
    """An environment that was stopped before its first test is part of the whole."""
    stopped = one(CONTAINER)
    stopped.runs[0].broken = Broken(("it could connect",))
    assert [run.environment for run in merged(one(LAMBDA, a=PASSED), stopped).runs] == ["lambda", "container"]


def test_tests_that_not_all_runs_have_are_counted() -> None:
    """They fail "only" where they ran."""
    found = merged(one(LAMBDA, a=PASSED, b=PASSED, c=PASSED), one(CONTAINER, a=PASSED, d=PASSED, e=PASSED))
    assert found.notes == (
        "not in all of the merged runs: 4 tests: tests/b.py::b, tests/c.py::c, tests/d.py::d and 1 more",
    )


def test_tests_that_only_did_not_get_their_turn_are_in_all_runs() -> None:
    """An interrupted run has the same tests."""
    interrupted = one(CONTAINER, None, {"interrupted": "by Ctrl-C"}, a=PASSED)
    interrupted.runs[0].collected = ("tests/a.py::a", "tests/b.py::b")
    found = merged(one(LAMBDA, a=PASSED, b=PASSED), interrupted)
    assert found.notes == ()
    assert found.interrupted == "by Ctrl-C"


def test_reports_of_different_versions_are_merged_with_a_note() -> None:
    """The older ones may tell less."""
    found = merged(one(LAMBDA, a=PASSED), one(CONTAINER, a=PASSED)._replace(invocations=(Invocation("0.2.0"),)))
    assert found.notes == ("written by several versions of pytest-envguard: 0.1.0 (a) and 0.2.0 (b)",)


def test_a_cell_that_was_resolved_otherwise_is_said() -> None:
    """A release between two jobs of a workflow."""
    newer = job("1.15.0", CONTAINER)
    assert newer.matrix is not None
    cells: Any = {
        name: cell._replace(packages={**cell.packages, "certifi": "2"}) for name, cell in newer.matrix.cells.items()
    }
    found = merged(job("1.15.0", LAMBDA), newer._replace(matrix=newer.matrix._replace(cells=cells)))
    assert found.notes == ("the cell six1.15.0 isn't the same in a and in b: certifi - and 2",)
    assert found.matrix is not None
    assert [len(cell.packages) for cell in found.matrix.cells.values()] == [1, 2]  # type: ignore[union-attr]


def test_a_cell_that_one_of_the_jobs_could_not_have_is_said() -> None:
    """An index that was not there for a moment."""
    lost = job("1.15.0", CONTAINER)
    assert lost.matrix is not None
    cells = {name: NotReady(cell.cell, "offline", "no index") for name, cell in lost.matrix.cells.items()}
    without = summarise([], [], None, lost.matrix._replace(cells=cells))
    found = merged(job("1.15.0", LAMBDA), without)
    assert found.notes == ("the cell six1.15.0 isn't the same in a and in b: ready and offline",)
    assert found.matrix is not None
    assert list(found.matrix.not_ready()) == ["container-six1.15.0"]


def test_what_audits_say_of_a_cell_is_put_together() -> None:
    """One that nobody could ask says less than one that was answered."""
    bad = Vulnerability("six", "1.15.0", "PYSEC-1")
    said = Audited("PyPI", (bad,), {"six": "1.15.0"}, {"mine": "unknown"})
    more = Audited("OSV", (bad,), {"mine": "1"})
    found = merged(
        job("1.15.0", LAMBDA, audits={"six1.15.0": NotAudited("no network")}),
        job("1.15.0", CONTAINER, audits={"six1.15.0": said}),
        job("1.15.0", HOST, audits={"six1.15.0": more}),
    )
    assert found.matrix is not None
    audit = found.matrix.audits["six1.15.0"]
    assert isinstance(audit, Audited)
    assert (audit.vulnerabilities, audit.unknown, set(audit.checked)) == ((bad,), {}, {"six", "mine"})
    assert audit.service == "PyPI and OSV"


def test_a_matrix_with_unnamed_environments_and_one_with_the_host_named_are_refused_at_the_same_place() -> None:
    """The table would show one of them."""
    unnamed = matrix_run({"six": ("1.15.0",)}, lambda _profile, _versions: {"a": PASSED}).summary()
    error = refused(unnamed, job("1.15.0", HOST, findings={})._replace(rows=[]))
    assert error.message == "`six1.15.0` in a and `host-six1.15.0` in b are the same environment with the same versions"


def test_causes_that_say_the_same_are_one() -> None:
    """With the tests, trials and remedies of both."""
    tried = Trial("lambda", (Remedy("x", {"A": "b"}),), ("tests/a.py::a",))
    diagnosis = Diagnosis("why", "lib", remedies=(Remedy("x", {"A": "b"}),))
    other = diagnosis._replace(remedies=(Remedy("y", {"C": "d"}),))
    first = one(LAMBDA, {"a": PASSED}, a=EROFS)._replace(
        causes=(Cause(diagnosis, {"lambda": ("tests/a.py::a",)}, trials=(tried,)),)
    )
    second = one(CONTAINER, {"a": PASSED}, a=EROFS)._replace(
        causes=(Cause(other, {"container": ("tests/a.py::a",)}), Cause(Diagnosis("else"), {"container": ("x",)}))
    )
    both, alone = merged(first, second).causes
    assert both.where == {"lambda": ("tests/a.py::a",), "container": ("tests/a.py::a",)}
    assert both.offered("container") == other.remedies
    assert both.offered("lambda") == diagnosis.remedies
    assert both.trials == (tried,)
    assert alone.diagnosis.text == "else"


def test_losses_of_the_same_kind_are_one() -> None:
    """With all environments."""
    several = [one(LAMBDA, a=PASSED), one(CONTAINER, a=PASSED)]
    for summary in several:
        summary.runs[0].refused("tests/a.py::a", [["open", "/x/y", "EROFS", "lib", "lib.py:3", 1, "call", ""]])
    found = merged(*several)
    assert [(loss.environments, loss.nodeids) for loss in found.losses] == [
        (("lambda", "container"), ("tests/a.py::a",))
    ]


def test_hostile_names_in_errors_are_escaped() -> None:
    """A file may come from anywhere."""
    evil = Run("e\x1b[31mvil", {"t\x1b]0;": PASSED})
    other = Run("e\x1b[31mvil", {"t\x1b]0;": EROFS})
    plan = Plan("e\x1b[31mvil", "")
    error = refused(summarise([plan], [evil], None), summarise([plan], [other], None))
    assert error.message.isprintable()


def test_a_merged_run_can_be_merged_again() -> None:
    """With the same result as all at once, whatever their order."""
    jobs = [
        one(LAMBDA, {"a": PASSED}, {"python": python}, a=EROFS if python < "3.12" else PASSED, b=PASSED)
        for python in ("3.11.4", "3.12.1", "3.13.0")
    ]
    container = one(CONTAINER, {}, {"python": "3.13.0"}, a=PASSED, b=PASSED)
    whole = merged(*jobs, container)
    assert whole.matrix is not None
    for again in (merged(merged(*jobs[:2]), jobs[2], container), merged(merged(container, jobs[0]), *jobs[1:])):
        assert again.matrix is not None
        assert again.matrix.coordinates == whole.matrix.coordinates
        assert sorted(run.environment for run in again.runs) == sorted(run.environment for run in whole.runs)
        assert titles(again) == titles(whole)


def test_environments_of_a_merged_run_keep_their_own_interpreters() -> None:
    """Nothing that ran on 3.10 is put together with the same on 3.13."""
    first = merged(one(LAMBDA, {}, {"python": "3.10.4"}, a=PASSED), one(CONTAINER, {}, {"python": "3.11.7"}, a=PASSED))
    assert first.matrix is None
    found = merged(first, one(LAMBDA, {}, {"python": "3.13.0"}, a=PASSED))
    assert [plan.name for plan in found.plans] == ["lambda-py310", "container-py311", "lambda-py313"]


def test_the_same_cause_with_another_release_is_one_cause() -> None:
    """Of no release in particular."""
    jobs = [
        one(profile, {"a": PASSED}, None, a=EROFS)._replace(
            causes=(Cause(Diagnosis("why", "thing", version), {profile.name: ("tests/a.py::a",)}),)
        )
        for profile, version in ((LAMBDA, "1.0"), (CONTAINER, "1.1"))
    ]
    (cause,) = merged(*jobs).causes
    assert (list(cause.where), cause.diagnosis.version) == (["lambda", "container"], "")


def test_a_cause_that_names_its_environment_is_one_in_all_of_them() -> None:
    """As in one run: its text names all environments and releases, and what most tests fail of comes first."""

    def called(profile: Plan, version: str) -> Summary:
        held = Holding(profile.name, "the root is read-only in {here}", version)
        sentence = "thing {version} writes: {because}"
        diagnosis = Diagnosis(f"thing {version} writes: …", "thing", version, sentence=sentence, alike="1")
        own = Diagnosis(f"of {profile.name}", alike=profile.name)
        where = {profile.name: ("tests/a.py::a", "tests/b.py::b")}
        return one(profile, {"a": PASSED, "b": PASSED}, None, a=EROFS, b=EROFS)._replace(
            causes=(
                Cause(own, {profile.name: ("tests/a.py::a",)}, silent=True),
                Cause(own, {profile.name: ("tests/a.py::a",)}),
                Cause(diagnosis, where, holding={profile.name: held}),
            )
        )

    found = merged(called(LAMBDA, "1.0"), called(CONTAINER, "1.1")).causes
    assert [(cause.diagnosis.text, cause.silent) for cause in found] == [
        ("thing 1.0/1.1 writes: the root is read-only in lambda and container", False),
        ("of lambda", False),
        ("of container", False),
        ("of lambda", True),
        ("of container", True),
    ]
    assert list(found[0].where) == list(found[0].holding) == ["lambda", "container"]
    (again,) = [
        cause for cause in merged(merged(called(LAMBDA, "1.0")), called(CONTAINER, "1.1")).causes if cause.holding
    ]
    assert again == found[0]


def test_what_made_tests_fail_in_one_run_is_not_told_as_lost_silently_of_another() -> None:
    """As in one run of both; what else was lost is."""

    def called(profile: Plan, *, silent: bool) -> Summary:
        where = {profile.name: ("tests/a.py::a",)}
        kept = Cause(Diagnosis("x", rule="thing/log", alike="2"), where, silent=True)
        cause = Cause(Diagnosis("y", rule="thing/cache", alike=f"{silent}"), where, silent)
        return one(profile, {"a": PASSED}, None, a=PASSED if silent else EROFS)._replace(causes=(cause, kept))

    found = merged(called(LAMBDA, silent=True), called(CONTAINER, silent=False)).causes
    assert [(cause.diagnosis.rule, cause.silent, list(cause.where)) for cause in found] == [
        ("thing/cache", False, ["container"]),
        ("thing/log", True, ["lambda", "container"]),
    ]
