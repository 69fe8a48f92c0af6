"""Causes in every report: why, where, what was tried and came of it, and what can be pasted."""

from __future__ import annotations

from typing import Any

from pytest_envguard.model.diagnosis import Cause, Cost, Diagnosis, Remedy, Seed, Trial
from pytest_envguard.report import causes
from pytest_envguard.report.document.writing import document
from pytest_envguard.report.groups import Places
from pytest_envguard.report.markdown.annotations import annotation_lines
from pytest_envguard.report.markdown.github import job_summary
from pytest_envguard.report.summary import Summary, summarise
from tests.unit.report.pages import CONTAINER, EROFS, LAMBDA, PASSED, run
from tests.unit.report.terminal.test_closing import page

A, B = "tests/test_a.py::test_a", "tests/test_b.py::test_b"
HOME = Remedy("everything asks for it", {"HOME": "/tmp"})
GUESS = Remedy(set={"XDG_CACHE_HOME": "/tmp/cache"}, guess=True)
SEED = Remedy("it's only read", seed=Seed("HF_HOME", command="hf download"))
ADVICE = Remedy("write below tempfile.gettempdir()")
DIAGNOSIS = Diagnosis(
    "thing 1.0 keeps its cache in the home folder; the root is read-only in lambda",
    library="thing",
    version="1.0",
    rule="thing/cache",
    dimension="root",
    place="thing/cache.py:3",
    target="/home/me/.cache",
    error="EROFS",
    remedies=(HOME, GUESS, ADVICE),
)


def summary_of(*found: Cause) -> Summary:
    """Return a run in which two tests fail in two environments, with these causes."""
    runs = [run("lambda", test_a=EROFS, test_b=EROFS), run("container", test_a=EROFS, test_b=PASSED)]
    made = summarise([LAMBDA, CONTAINER], runs, run("host", test_a=PASSED, test_b=PASSED))
    return made._replace(causes=found)


def printed(cause: Cause, verbosity: int = 0) -> str:
    """Return what the terminal shows of a cause."""
    return "\n".join(causes.lines(summary_of(cause), Places(None), verbosity)) + "\n"


def cause(*trials: Trial, **changes: Any) -> Cause:
    """Return a cause for two tests in lambda and one in container."""
    where = {"lambda": (A, B), "container": (A,)}
    return Cause(changes.pop("diagnosis", DIAGNOSIS)._replace(**changes), where, trials=trials)


def test_what_was_not_tried_is_offered_with_the_first_remedy_ready_to_paste() -> None:
    """Nothing is claimed of it; advice stands by itself, and guesses are for where nothing is known."""
    assert printed(cause()) == "\n" + page(
        """
        why:
          * thing 1.0 keeps its cache in the home folder; the root is read-only in
            lambda
              tests/test_a.py::test_a, tests/test_b.py::test_b [lambda]
              tests/test_a.py::test_a [container]
              at thing/cache.py:3
              may help: HOME=/tmp (everything asks for it)
              advice: write below tempfile.gettempdir()
                Resources:
                  MyFunction:
                    Properties:
                      Environment:
                        Variables:
                          HOME: /tmp
        """
    )


def test_a_guess_is_called_so() -> None:
    """It is nothing until it was tried, so it isn't for pasting either."""
    text = printed(cause(remedies=(GUESS,)))
    assert "a guess: XDG_CACHE_HOME=/tmp/cache" in text
    assert "Variables" not in text


def test_what_is_only_likely_is_called_so() -> None:
    """A cause that nothing ties to the failure is no certainty."""
    assert "  * likely: thing 1.0 keeps" in printed(cause(certain=False))


def test_of_what_was_tried_the_remedy_that_works_is_told_once_for_environments_with_the_same_result() -> None:
    """What didn't work is of no interest where something did."""
    failed = Trial("lambda", (GUESS,), failed={A: "OSError: x", B: "OSError: x"})
    works = Trial("lambda", (HOME,), passed=(A, B))
    there = Trial("container", (HOME,), passed=(A,))
    text = printed(cause(failed, works, there))
    assert "tried in lambda: 2 of 2 pass with HOME=/tmp" in text
    assert "tried in container: 1 of 1 passes with HOME=/tmp" in text
    assert "XDG_CACHE_HOME" not in text
    assert "may help" not in text
    assert "HOME: /tmp" in text  # ready to paste


def test_what_was_tried_in_vain_says_what_happens_now() -> None:
    """And nothing is offered for pasting."""
    text = printed(cause(Trial("lambda", (HOME,), failed={A: "OSError: [Errno 28] No space", B: "x"})))
    assert "still fails with HOME=/tmp, now with OSError: [Errno 28] No space" in " ".join(text.split())
    assert "Variables" not in text


def test_a_remedy_that_helps_some_tests_only_says_how_many() -> None:
    """It's no success."""
    text = printed(cause(Trial("lambda", (HOME,), passed=(A,), failed={B: "KeyError: 'x'"})))
    assert "only 1 of 2 pass with HOME=/tmp; now: KeyError: 'x'" in " ".join(text.split())


def test_a_remedy_that_breaks_other_tests_is_shown_as_such() -> None:
    """With the tests, and with what they say."""
    text = printed(cause(Trial("lambda", (HOME,), passed=(A, B), broken={"tests/test_c.py::test_c": "AssertionError"})))
    assert "BUT IT BREAKS 1 other test: tests/test_c.py::test_c: AssertionError" in " ".join(text.split())


def test_a_remedy_that_could_not_be_tried_says_why() -> None:
    """Instead of a result."""
    text = printed(cause(Trial("lambda", (SEED,), problem="there is nothing to fill it with")))
    assert "tried in lambda: a filled HF_HOME: there is nothing to fill it with" in " ".join(text.split())


def test_another_version_that_works_names_its_cell_and_is_not_for_pasting() -> None:
    """Variables can be pasted; which release to require is the project's business."""
    upgrade = Remedy(upgrade="thing>=2")
    text = printed(cause(Trial("lambda", (upgrade,), passed=(A, B), cell="thing2.0")))
    assert "2 of 2 pass with thing>=2, in the cell thing2.0" in " ".join(text.split())


def test_a_silent_loss_stands_apart_with_what_it_costs() -> None:
    """Nothing fails of it, so its price is what matters."""
    cost = Cost("lambda", "import thing", 1.25, 0.5, HOME)
    text = printed(cause()._replace(silent=True, costs=(cost,)))
    assert "\nlost silently:\n" in text
    assert (
        "measured in lambda: `import thing` takes 1.25 s, and 0.50 s with HOME=/tmp (medians, a new process each time)"
        in " ".join(text.split())
    )


def test_verbose_output_has_all_tests_and_all_forms() -> None:
    """Also those for another kind of deployment."""
    many = tuple(f"tests/test_a.py::test_{number}" for number in range(5))
    one = Cause(DIAGNOSIS, {"lambda": many})
    assert "test_2 and 2 more [lambda]" in " ".join(printed(one).split())
    text = printed(one, verbosity=1)
    assert all(nodeid in text for nodeid in many)
    assert "      shell:\n        export HOME=/tmp\n" in text
    assert "      dockerfile:\n        ENV HOME=/tmp\n" in text


def test_the_document_has_everything_of_a_cause() -> None:
    """Programs get what people get: remedies, trials, costs and texts for pasting."""
    found = cause(Trial("lambda", (HOME,), passed=(A, B), seconds=1.23456))._replace(
        costs=(Cost("lambda", "import thing", 1.0, 0.5, HOME),)
    )
    (told,) = document(summary_of(found))["causes"]
    assert (told["rule"], told["library"], told["dimension"], told["certain"]) == ("thing/cache", "thing", "root", True)
    assert told["tests"] == {"lambda": [A, B], "container": [A]}
    assert [remedy["guess"] for remedy in told["remedies"]] == [False, True, False]
    (trial,) = told["tried"]
    assert (trial["works"], trial["passed"], trial["seconds"]) == (True, [A, B], 1.23456)
    assert told["costs"][0]["seconds_with_remedy"] == 0.5
    assert told["ready"][0]["worked"]
    assert told["ready"][0]["forms"]["shell"] == "export HOME=/tmp\n"


def test_the_job_summary_says_why_and_shows_hostile_texts_as_they_are() -> None:
    """Markdown in a message marks nothing up, and a form that has backquotes stays in its block."""
    hostile = Remedy(set={"XY": "```\n<b>"})
    found = cause(Trial("lambda", (hostile,), passed=(A, B)), text="*thing* is <odd>")
    text = job_summary(summary_of(found))
    assert "### Why" in text
    assert r"- \*thing\* is &lt;odd&gt;" in text
    assert "````" in text


def test_an_annotation_says_why_and_what_works() -> None:
    """At the line of the test, with its message."""
    lines = annotation_lines(summary_of(cause(Trial("lambda", (HOME,), passed=(A, B)))))
    why = "why: thing 1.0 keeps its cache in the home folder; the root is read-only in lambda%0A"
    assert any(f"{why}tried in lambda: 2 of 2 pass with HOME=/tmp" in line for line in lines)
