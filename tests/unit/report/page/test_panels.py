"""What is told of one test that fails."""

from __future__ import annotations

from pytest_envguard.model.verdict import Outcome, Run
from pytest_envguard.report.groups import Places
from pytest_envguard.report.page.columns import columns
from pytest_envguard.report.page.panels import Panel, Panels
from pytest_envguard.report.summary import Summary, summarise
from tests.unit.report.page.samples import ENCODE, WRITE, many, small, versions, worst
from tests.unit.report.pages import LAMBDA, PASSED


def panel(summary: Summary, nodeid: str) -> Panel:
    """Return a test's panel."""
    row = next(row for row in summary.rows if row.nodeid == nodeid)
    return Panels(summary, Places(summary.matrix), columns(summary)).of(row)


def test_it_has_failure_refusals_reason_and_a_remedy_that_was_tried() -> None:
    """Each said once for the environments that have it in common."""
    told = panel(small(), ENCODE)
    assert told.place == "tests/test_count.py:12"
    assert [one.where for one in told.reasons] == ["lambda, offline"]
    assert [one.text for one in told.refused] == [
        "socket.getaddrinfo openaipublic.blob.core.windows.net: EAI_AGAIN (tiktoken, tiktoken/load.py:17), 3 times"
    ]
    (why,) = told.whys
    assert why.text.startswith("tiktoken 0.7.0 downloads its encoding")
    assert why.results == (
        "tried in lambda and offline: 1 of 1 passes with TIKTOKEN_CACHE_DIR=/var/task/tiktoken a filled TIKTOKEN_CACHE_DIR",
    )
    (pasted,) = why.pasted
    assert pasted.worked
    assert pasted.kind == "sam"
    assert "TIKTOKEN_CACHE_DIR: /var/task" in pasted.text


def test_a_remedy_that_was_not_tried_is_not_called_one_that_works() -> None:
    """It's offered all the same."""
    (why,) = panel(small(), WRITE).whys
    assert not why.pasted[0].worked
    assert why.offered == ("may help: HOME=/tmp (everything asks for it)",)


def test_it_says_how_the_test_went_everywhere_and_what_it_took() -> None:
    """The host has no time of its own."""
    used = panel(small(), ENCODE).used
    assert [(one.environment, one.letter, one.seconds) for one in used] == [
        ("lambda", "o", "464 ms"),
        ("container", "p", "650 ms"),
        ("offline", "o", "372 ms"),
        ("host", "p", ""),
    ]


def test_with_versions_the_host_is_told_for_each_of_them() -> None:
    """It's another measure for each."""
    used = {one.environment: one for one in panel(versions(), "tests/count.py::count").used}
    assert used["lambda-py311-litellm1.40.0-tiktoken0.7.0"].on_host == "p"
    assert used["lambda-py311-litellm1.53.9-tiktoken0.8.0"].on_host == ""


def test_of_hundreds_of_environments_those_where_it_fails_are_told() -> None:
    """What isn't shown is counted."""
    runs = [Run(f"e{at}", {"t": Outcome("failed", f"m{at}") if at > 90 else PASSED}) for at in range(100)]
    plans = [LAMBDA._replace(name=run.environment) for run in runs]
    told = panel(summarise(plans, runs, None), "t")
    assert [one.environment for one in told.used][:9] == [f"e{at}" for at in range(91, 100)]
    assert (len(told.used), told.more_used) == (32, 68)
    assert (len(told.reasons), told.more_reasons) == (9, 0)


def test_long_messages_are_cut_and_many_are_counted() -> None:
    """A page has no room for novels."""
    runs = [Run(f"e{at}", {"t": Outcome("failed", f"{at} " + "x" * 5000)}) for at in range(20)]
    told = panel(summarise([LAMBDA._replace(name=run.environment) for run in runs], runs, None), "t")
    assert {len(one.text) for one in told.reasons} == {2000}
    assert (len(told.reasons), told.more_reasons) == (12, 8)


def test_its_size_counts_what_escaping_adds() -> None:
    """A hostile message takes more room than it has letters."""
    run = Run("lambda", {"t": Outcome("failed", "<" * 1000)})
    assert panel(summarise([LAMBDA], [run], None), "t").size > 4000
    summary = many(2, worst)
    assert panel(summary, summary.rows[0].nodeid).size > 12 * 200
