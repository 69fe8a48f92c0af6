"""All that a page shows."""

from __future__ import annotations

from pytest_envguard.model.refusal import Refusal
from pytest_envguard.model.verdict import Run
from pytest_envguard.report.page.facts import page
from pytest_envguard.report.page.shown import anchor
from pytest_envguard.report.summary import summarise
from tests.unit.report.page.samples import ENCODE, many, small, versions, worst
from tests.unit.report.pages import LAMBDA, PASSED


def test_where_tests_fail_can_be_asked_for_and_what_is_on_the_page_is_explained() -> None:
    """Nothing is explained that isn't there."""
    found = page(small())
    assert found.places == (
        "fails only in lambda and offline",
        "fails only in lambda and container",
        "fails everywhere, on the host too",
    )
    assert [kind.sign for kind in found.legend] == ["×", "!", "±", "·", "–", " "]
    assert [kind.sign for kind in page(summarise([LAMBDA], [Run("lambda", {"t": PASSED})], None)).legend] == ["·"]


def test_it_says_when_a_run_began_and_of_merged_ones_nothing() -> None:
    """They have no beginning in common."""
    summary = small()
    assert page(summary).begun == "2026-11-21 04:21:00 UTC"
    assert page(summary).project == "token-counter"
    merged = page(summary._replace(invocations=summary.invocations * 30))
    assert merged.begun == ""
    assert (len(merged.called), merged.more_calls) == (20, 10)


def test_only_a_page_with_very_many_rows_is_large() -> None:
    """Elsewhere a browser draws all of it at once, so that a picture of the page is whole."""
    assert not page(small()).large
    assert not page(many(1000, worst)).large
    assert page(many(1001, worst)).large


def test_of_very_many_environments_the_first_have_their_plans() -> None:
    """Those that aren't shown are counted."""
    runs = [Run(f"e{at}", {"t": PASSED}) for at in range(130)]
    found = page(summarise([LAMBDA._replace(name=run.environment) for run in runs], runs, None))
    assert (len(found.environments), found.more_environments) == (100, 30)


def test_only_what_can_be_found_can_be_asked_for() -> None:
    """A choice that finds nothing is none."""
    found = page(small())
    assert list(found.verdicts.values()) == [
        "fails, but not on the host",
        "fails on the host too",
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


def test_panels_are_left_out_where_there_is_no_room_the_first_tests_have_theirs() -> None:
    """And it is known how many."""
    summary = many(500, worst)
    found = page(summary, largest=0)
    assert 0 < len(found.panels) < 500
    assert found.cut == 500 - len(found.panels)
    assert anchor("t", summary.rows[0].nodeid) in found.panels
    assert page(small()).cut == 0
