"""Failing tests of a run with version axes, grouped by what explains them; the words are `test_phrases`'s."""

from __future__ import annotations

import pytest

from pytest_envguard.model.verdict import Outcome, Run
from pytest_envguard.report.groups import Places, groups, reasons
from pytest_envguard.report.summary import summarise
from tests.unit.report.pages import (
    CONTAINER,
    EROFS,
    HOST,
    LAMBDA,
    NO_MODULE,
    PASSED,
    UNREACHABLE,
    Happened,
    Sample,
    matrix_run,
)

LITELLM = {"litellm": ("1.53.9", "1.60.8")}
BOTH = {**LITELLM, "tiktoken": ("0.7.0", "0.9.0")}


def titles(sample: Sample) -> dict[str, list[str]]:
    """Return the headings with their tests."""
    summary = sample.summary()
    return {
        group.title: [row.nodeid.rpartition("::")[2] for row in group.rows]
        for group in groups(summary, Places(summary.matrix))
    }


def test_the_same_explanation_is_one_group() -> None:
    """In the order in which their first tests ran, those that fail everywhere last."""

    def happened(profile: str, versions: dict[str, str]) -> Happened:
        restricted = profile == "lambda"
        return {
            "everywhere": NO_MODULE,
            "cache": EROFS if restricted and versions["tiktoken"] == "0.7.0" else PASSED,
            "tokens": UNREACHABLE if versions["litellm"] == "1.53.9" else PASSED,
            "home": EROFS if restricted else PASSED,
            "other_cache": UNREACHABLE if restricted and versions["tiktoken"] == "0.7.0" else PASSED,
        }

    assert list(titles(matrix_run(BOTH, happened, (LAMBDA, CONTAINER))).items()) == [
        ("fails with tiktoken 0.7.0 in lambda, whatever litellm", ["cache", "other_cache"]),
        ("fails with litellm 1.53.9, on the host too, whatever tiktoken", ["tokens"]),
        ("fails only in lambda", ["home"]),
        ("fails everywhere, on the host too", ["everywhere"]),
    ]


@pytest.mark.parametrize(
    ("profiles", "compared", "fails_on", "title"),
    [
        ((LAMBDA,), True, {"lambda"}, "fails only in lambda"),
        ((LAMBDA, CONTAINER), True, {"lambda", "container"}, "fails only in lambda and container"),
        ((LAMBDA, CONTAINER), False, {"lambda"}, "fails in lambda, not compared with the host"),
        ((LAMBDA,), False, {"lambda"}, "fails in every cell, not compared with the host"),
        ((LAMBDA,), True, {"lambda", "host"}, "fails everywhere, on the host too"),
        ((LAMBDA, HOST), True, {"host"}, "fails on the host"),
        ((), False, {""}, "fails in every cell"),
    ],
)
def test_where_versions_do_not_matter(profiles: tuple, compared: bool, fails_on: set[str], title: str) -> None:
    """The words are those of a run without versions; "only" and "everywhere" need the host's word."""
    sample = matrix_run(LITELLM, lambda profile, _: {"t": EROFS if profile in fails_on else PASSED}, profiles, compared)
    assert list(titles(sample)) == [title]


def test_an_explicit_host_is_compared_with() -> None:
    """A profile `host` is the comparison, without another one."""
    sample = matrix_run(
        LITELLM, lambda profile, _: {"t": PASSED if profile == "host" else EROFS}, (LAMBDA, HOST), False
    )
    assert list(titles(sample)) == ["fails only in lambda"]


def test_tests_that_ran_in_some_cells_only() -> None:
    """A marker can ask for it: nothing is said about cells that the test never saw."""

    def happened(profile: str, versions: dict[str, str]) -> Happened:
        new = versions["litellm"] == "1.60.8"
        alone = new and versions["tiktoken"] == "0.9.0"
        return {"all": PASSED, **({"new": EROFS} if new else {}), **({"alone": EROFS} if alone else {})}

    assert titles(matrix_run(BOTH, happened)) == {
        "fails in every cell in which it ran": ["new"],
        "fails in litellm 1.60.8 with tiktoken 0.9.0, the only cell in which it ran": ["alone"],
    }


def test_a_single_cell_has_its_versions_named() -> None:
    """There's nothing to tell apart."""
    assert list(titles(matrix_run({"litellm": ("1.53.9",)}, lambda *_: {"t": EROFS}))) == ["fails in litellm 1.53.9"]


def test_an_environment_that_a_test_asks_for_itself() -> None:
    """It's named, because nothing else says where the test ran."""
    own = EROFS._replace(own_environment="no_network")

    def happened(_: str, versions: dict[str, str]) -> Happened:
        return {"always": own, "old": own if versions["litellm"] == "1.53.9" else PASSED}

    assert list(titles(matrix_run(LITELLM, happened))) == [
        "fails with litellm 1.53.9, in no_network, which it asks for itself",
        "fails in no_network, which it asks for itself",
    ]


def test_an_environment_beside_the_matrix() -> None:
    """It has no versions, and its name says it."""
    sample = matrix_run(LITELLM, lambda *_: {"t": PASSED}, (LAMBDA,))
    runs = [*sample.runs, Run("elsewhere", {"t": EROFS})]
    summary = summarise([*sample.plans, LAMBDA], runs, sample.baselines, sample.matrix)
    assert [group.title for group in groups(summary, Places(summary.matrix))] == ["fails in elsewhere"]


TIMELINE = {
    "4.33.3": PASSED,
    "4.34.0": Outcome("failed", "AttributeError: 'Tok' object has no attribute 'sp_model'"),
    "4.36.2": Outcome("failed", "AttributeError: 'Tok' object has no attribute 'sp_model'"),
    "4.38.2": Outcome("failed", "AttributeError: 'Tok' object has no attribute 'sp_model'"),
    "4.57.6": Outcome("failed", "AttributeError: 'Tok' object has no attribute 'vocab_size'"),
    "5.23.0": Outcome("failed", "TypeError: 'property' object cannot be interpreted as an integer"),
}


def test_reasons_have_the_versions_that_have_them() -> None:
    """One test, several reasons: a timeline; what tells the reasons apart is said, and not again where it fails at all."""
    sample = matrix_run(
        {"transformers": tuple(TIMELINE)}, lambda _, versions: {"t": TIMELINE[versions["transformers"]]}, (LAMBDA,)
    )
    summary = sample.summary()
    (row,) = summary.rows
    assert [told.line for told in reasons(row, Places(summary.matrix))] == [
        "transformers 4.34.0 to 4.38.2: AttributeError: 'Tok' object has no attribute 'sp_model'",
        "transformers 4.57.6: AttributeError: 'Tok' object has no attribute 'vocab_size'",
        "transformers 5.23.0: TypeError: 'property' object cannot be interpreted as an integer",
    ]
    assert list(titles(sample)) == ["fails with transformers 4.34.0 to 5.23.0, on the host too"]


def test_a_reason_that_differs_only_by_the_cells_folder_is_one() -> None:
    """It's shown as the first cell said it, so that its path can be copied."""

    def happened(_: str, versions: dict[str, str]) -> Happened:
        return {
            "t": Outcome("failed", f"OSError: /cache/cells/litellm{versions['litellm']}/x, <T at 0x7f{len(versions)}>")
        }

    summary = matrix_run(LITELLM, happened).summary()
    (told,) = reasons(summary.rows[0], Places(summary.matrix))
    assert (told.where, told.text) == ("", "OSError: /cache/cells/litellm1.53.9/x, <T at 0x7f1>")
    assert told.environments == ("litellm1.53.9", "litellm1.60.8")
