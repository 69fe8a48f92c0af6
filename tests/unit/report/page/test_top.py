"""What a page begins with."""

from __future__ import annotations

from pytest_envguard.model.verdict import Broken, Run
from pytest_envguard.report.groups import Places, groups
from pytest_envguard.report.page.shown import anchor
from pytest_envguard.report.page.top import Number, Place, Verdict, numbers, verdict
from pytest_envguard.report.summary import Invocation, Summary, summarise
from tests.unit.report.page.samples import BOTH, ENCODE, WRITE, small, versions
from tests.unit.report.pages import LAMBDA, PASSED


def found(summary: Summary) -> Verdict:
    """Return a run's verdict."""
    return verdict(summary, groups(summary, Places(summary.matrix)))


def test_the_verdict_is_the_sentence_of_every_report_and_leads_to_where_tests_fail() -> None:
    """To the first of them at least."""
    top = found(small())
    assert top.sentence == (
        "3 of 35 tests fail in at least one of 3 environments: 2 where the host passes, 1 on the host too"
    )
    assert not top.good
    assert top.places == (
        Place("fails only in lambda and offline", 1, anchor("t", ENCODE)),
        Place("fails only in lambda and container", 1, anchor("t", WRITE)),
        Place("fails everywhere, on the host too", 1, anchor("t", BOTH)),
    )


def test_a_run_is_good_only_if_all_of_it_ran_and_nothing_fails() -> None:
    """One that was stopped, interrupted or empty shows nothing; packages can make it fail as well."""
    run = Run("lambda", {"t": PASSED})
    fine = summarise([LAMBDA], [run], None)
    assert found(fine).good
    assert not found(fine._replace(invocations=(Invocation(interrupted="Ctrl-C"),))).good
    failing = found(fine._replace(invocations=(Invocation(failing=("an advisory",)),)))
    assert not failing.good
    assert failing.failing == ("an advisory",)
    assert not found(summarise([LAMBDA], [Run("lambda", {"t": PASSED}, broken=Broken(("x",)))], None)).good
    assert not found(summarise([LAMBDA], [Run("lambda")], None)).good
    assert not found(versions()).good


def test_figures_lead_to_more_about_them_and_there_is_none_of_nothing() -> None:
    """What the verdict has said isn't said twice."""
    assert list(numbers(small(), causes=2, helped=1, advisories=0)) == [
        Number(35, "tests"),
        Number(3, "environments"),
        Number(1, "pass, but were refused something", letters="r"),
        Number(2, "reasons found", section="why"),
        Number(1, "with a remedy that was tried and works", section="why"),
    ]
    alone = summarise([LAMBDA], [Run("lambda", {"t": PASSED})], None)
    assert list(numbers(alone, 0, 0, advisories=1)) == [
        Number(1, "test"),
        Number(1, "environment"),
        Number(1, "vulnerability", section="packages"),
    ]
