"""Budgets of profiles: read, inherited, combined, shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_envguard.errors import EnvguardError
from pytest_envguard.model.profile import Budget, Profile, combine
from pytest_envguard.profiles import load_catalogue
from pytest_envguard.profiles.catalogue import SHIPPED
from pytest_envguard.profiles.tables import read_table, read_toml
from pytest_envguard.report.terminal.profiles import profile_text

INIT = "budgets.init.seconds"


def project(folder: Path, text: str) -> Path:
    """Write ``text`` as the project's file."""
    path = folder / "pyproject.toml"
    path.write_text(text)
    return path


def test_lambda_starts_within_ten_seconds() -> None:
    """Both kinds of Lambda function have the budget of AWS's init phase, with its source."""
    catalogue = load_catalogue(None, (3, 12))
    for name in ("lambda", "lambda-image"):
        profile = catalogue.one(name)
        assert profile.budgets == {"init": Budget(10.0)}
        assert "AWS Lambda Developer Guide" in profile.sources[INIT]


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.toml")), ids=lambda path: path.stem)
def test_every_shipped_budget_has_a_source(path: Path) -> None:
    """A number without a source is nobody's fact."""
    table = read_table(read_toml(path), path.name)
    assert {f"budgets.{name}.seconds" for name in table.budgets} <= set(table.sources)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ("budgets = 3", "`budgets`: expected a table, got 3"),
        ("budgets.init = 3", "`budgets.init`: expected a table such as `{ seconds = 10 }`, got 3"),
        (
            "budgets.init.second = 3",
            "`budgets.init`: no key is named `second`\nhint: did you mean `seconds`? known: seconds",
        ),
        ("budgets.init = {}", "`budgets.init`: `seconds` is missing"),
        ('budgets.init.seconds = "3"', "`budgets.init`: `seconds`: expected a number above zero, got '3'"),
        ("budgets.init.seconds = true", "`budgets.init`: `seconds`: expected a number above zero, got True"),
        ("budgets.init.seconds = 0", "`budgets.init`: `seconds`: expected a number above zero, got 0"),
        ("budgets.init.seconds = nan", "`budgets.init`: `seconds`: expected a number above zero, got nan"),
        ("budgets.init.seconds = inf", "`budgets.init`: `seconds`: expected a number above zero, got inf"),
        ("budget.init.seconds = 3", "no dimension is named `budget`"),
    ],
)
def test_mistakes_in_a_budget(tmp_path: Path, raw: str, message: str) -> None:
    """A wrong table, key or number is refused with its place."""
    path = project(tmp_path, f"[tool.envguard.profiles.edge]\n{raw}\n")
    with pytest.raises(EnvguardError) as caught:
        load_catalogue(path, (3, 12))
    assert str(caught.value).startswith(f"{path}: [tool.envguard.profiles.edge]: {message}")


def test_a_project_adds_and_changes_budgets(tmp_path: Path) -> None:
    """A profile inherits budgets; the ones that it sets replace them and lose the inherited source."""
    text = (
        '[tool.envguard.profiles.edge]\ninherits = "lambda"\nbudgets.boot.seconds = 0.5\n'
        "[tool.envguard.profiles.lambda.budgets.init]\nseconds = 4\n"
    )
    catalogue = load_catalogue(project(tmp_path, text), (3, 12))
    assert catalogue.one("edge").budgets == {"init": Budget(4.0), "boot": Budget(0.5)}
    assert INIT not in catalogue.one("edge").sources


def test_dimensions_can_be_changed_without_losing_budgets() -> None:
    """An override of a dimension leaves the budgets as they are."""
    assert load_catalogue(None, (3, 12)).one("lambda:memory=1G").budgets == {"init": Budget(10.0)}


@pytest.mark.parametrize(("mine", "other"), [(1.0, 2.0), (2.0, 1.0)])
def test_of_two_environments_the_smaller_budget_holds(mine: float, other: float) -> None:
    """`a+b` has the budgets of both, and of one that both have the smaller with its own source."""
    first = Profile("a", budgets={"init": Budget(mine)}, sources={INIT: f"says {mine:g}"})
    second = Profile("b", budgets={"init": Budget(other), "boot": Budget(9.0)}, sources={INIT: f"says {other:g}"})
    both = combine(first, second)
    assert both.budgets == {"init": Budget(1.0), "boot": Budget(9.0)}
    assert both.sources == {INIT: "says 1", "budgets.boot.seconds": "profile b"}


def test_a_budget_is_shown_with_its_source() -> None:
    """`envguard profiles lambda` has the seconds, what compares them, their source and their doubt, once."""
    shown = Profile("edge", budgets={"init": Budget(2.5)}, sources={INIT: "measured"}, unverified={INIT: "a guess"})
    assert profile_text(shown).splitlines() == [
        "edge",
        "",
        "budget init: 2.5 s",
        '    compared by `cold_start(…, within="init")`',
        "    source: measured",
        "    unverified: a guess",
    ]
