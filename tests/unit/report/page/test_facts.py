"""All that a page shows."""

from __future__ import annotations

from pytest_envguard.model.refusal import Refusal
from pytest_envguard.model.verdict import Broken, Run
from pytest_envguard.report.page.facts import page
from pytest_envguard.report.page.shown import anchor
from pytest_envguard.report.summary import Invocation, summarise
from tests.unit.report.page.samples import ENCODE, many, small, versions, worst
from tests.unit.report.pages import LAMBDA, PASSED


def test_the_verdict_is_the_sentence_of_every_report_with_where_tests_fail() -> None:
    """And the figures below it."""
    found = page(small())
    assert found.verdict.sentence == "3 of 35 tests fail in at least one of 3 environments"
    assert not found.verdict.good
    assert found.verdict.groups == (
        ("fails only in lambda and offline", 1),
        ("fails only in lambda and container", 1),
        ("fails everywhere, on the host too", 1),
    )
    assert found.numbers == (
        (35, "tests"),
        (3, "environments"),
        (2, "fail, but not on the host"),
        (1, "fail on the host too"),
        (1, "pass, but were refused something"),
    )


def test_a_run_is_good_only_if_all_of_it_ran_and_nothing_fails() -> None:
    """One that was stopped, interrupted or empty shows nothing."""
    run = Run("lambda", {"t": PASSED})
    fine = summarise([LAMBDA], [run], None)
    assert page(fine).verdict.good
    assert not page(fine._replace(invocations=(Invocation(interrupted="Ctrl-C"),))).verdict.good
    assert not page(summarise([LAMBDA], [Run("lambda", {"t": PASSED}, broken=Broken(("x",)))], None)).verdict.good
    assert not page(summarise([LAMBDA], [Run("lambda")], None)).verdict.good
    assert not page(versions()).verdict.good


def test_only_what_can_be_found_can_be_asked_for() -> None:
    """A choice that finds nothing is none."""
    found = page(small())
    assert list(found.verdicts.values()) == [
        "fails only here",
        "fails everywhere",
        "passes, but was refused something",
        "passes",
        "skips, xfails or xpasses",
    ]
    assert found.libraries == ("thing", "tiktoken", "")


def test_causes_have_their_places_tests_and_every_form_of_a_remedy() -> None:
    """Those that fail something stand apart from silent ones."""
    found = page(small())
    network, cache = found.loud
    assert (network.library, network.place, network.dimension) == ("tiktoken 0.7.0", "tiktoken/load.py:17", "network")
    assert network.helps
    assert not cache.helps
    assert network.where == (("lambda, offline", (ENCODE,), 0),)
    assert [one.kind for one in network.pasted[0]][:2] == ["sam", "dockerfile"]
    (silent,) = found.silent
    assert silent.costs[0].startswith("measured in lambda: `import src.load` takes 0.91 s")


def test_what_was_refused_before_the_first_file_has_no_test() -> None:
    """And a file that was imported is no test either."""
    run = Run("lambda", {"a.py::t": PASSED})
    run.refusals = {
        ".": (Refusal("open", "/a/x", "EROFS", "lib", "lib.py:1", 1, "import"),),
        "a.py": (Refusal("open", "/b/x", "EROFS", "lib", "lib.py:2", 1, "import"),),
    }
    first, second = page(summarise([LAMBDA], [run], None)).losses
    assert (first.importing, first.tests) == (True, ())
    assert (second.importing, second.tests) == (True, ("a.py",))


def test_packages_are_told_where_there_are_versions() -> None:
    """A plain run has nothing to say of them."""
    assert page(small()).packages is None
    found = page(versions()).packages
    assert found
    assert found.grid
    assert len(found.grid.rows) == 8
    assert found.lost[0].kind == "not resolvable"
    assert found.advisories
    assert "PYSEC-2024-60" in found.advisories.found[0].text
    assert found.findings[0].text == "tiktoken needs regex, not installed"


def test_how_pytest_was_called_is_told_for_each_call() -> None:
    """Reports that were merged come from several."""
    found = page(small())
    assert found.project == "token-counter"
    assert found.called == (
        ("command", "pytest --envguard=lambda,container,offline --envguard-report=report.html"),
        ("began", "2026-11-21 04:21:00 UTC, took 41.5 s"),
        ("on", "Linux 6.8.0 x86_64, Python 3.11.7, pytest 9.2.0, 2 processors"),
    )
    assert page(summarise([LAMBDA], [Run("lambda")], None)).called == ()


def test_panels_are_left_out_where_there_is_no_room_the_first_tests_have_theirs() -> None:
    """And it is known how many."""
    summary = many(500, worst)
    found = page(summary, largest=0)
    assert 0 < len(found.panels) < 500
    assert found.cut == 500 - len(found.panels)
    assert anchor("t", summary.rows[0].nodeid) in found.panels
    assert page(small()).cut == 0
