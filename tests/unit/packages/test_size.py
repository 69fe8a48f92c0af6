"""What would be deployed, and whether it fits."""

from __future__ import annotations

from pytest_envguard.model.finding import TOO_BIG
from pytest_envguard.packages.installed import EDITABLE, Distribution, installed
from pytest_envguard.packages.size import Deployment, Share, deployment, too_big

MB = 1 << 20
LAMBDA = 250 * MB
RUNNER = (
    Distribution("pytest", "9", ("pluggy", "pygments", "iniconfig"), size=3 * MB),
    Distribution("pytest-xdist", "3", ("pytest", "execnet"), size=MB),
    Distribution("pluggy", "1", size=MB),
    Distribution("iniconfig", "2", size=MB),
    Distribution("execnet", "2", size=MB),
    Distribution("pygments", "2", size=5 * MB),
    Distribution("pytest-envguard", "1", ("pytest", "pytest-xdist", "packaging"), origin=EDITABLE),
    Distribution("packaging", "26", size=MB),
    Distribution("pip", "26", size=9 * MB),
)


def names(found: Deployment) -> set[str]:
    """Return what is deployed."""
    return {share.name for share in found.counted}


def of(*distributions: Distribution, asked: tuple[str, ...] = ()) -> Deployment:
    """Return what is deployed of these and what runs the tests."""
    return deployment([*RUNNER, *distributions], "3.11.7", asked)


def test_what_runs_the_tests_is_not_deployed() -> None:
    """Nor what only that needs, and it's said."""
    found = of(Distribution("app", "1", size=MB))
    assert names(found) == {"app"}
    assert {share.name for share in found.left_out} == {one.name for one in RUNNER if one.size}


def test_what_something_else_needs_too_is_deployed() -> None:
    assert names(of(Distribution("rich", "1", ("pygments",), size=MB))) == {"rich", "pygments"}


def test_a_plugin_of_pytest_is_not_deployed() -> None:
    """Nor what only the plugin needs."""
    plugin = Distribution("pytest-cov", "6", ("pytest", "coverage"), size=MB)
    assert names(of(plugin, Distribution("coverage", "7", size=MB))) == set()


def test_pytest_is_deployed_if_a_library_needs_it() -> None:
    """Whoever requires a library that requires pytest deploys both."""
    library = Distribution("careless", "1", ("pytest",), size=MB)
    found = of(library, Distribution("app", "1", ("careless",), size=MB))
    assert names(found) == {"app", "careless", "pytest", "pluggy", "iniconfig", "pygments"}


def test_what_the_user_asked_for_is_deployed() -> None:
    """Though only a tool of the tests seems to need it; pytest itself isn't."""
    assert names(of(asked=("packaging==26", "pytest==9"))) == {"packaging"}


def test_packages_that_need_each_other_are_deployed() -> None:
    assert names(of(Distribution("a", "1", ("b",), size=1), Distribution("b", "1", ("a",), size=1))) == {"a", "b"}


def test_packages_that_fit() -> None:
    """The limit itself fits; the megabyte is the one of which AWS has 262,144,000 bytes in 250."""
    assert LAMBDA == 262_144_000
    assert too_big(Deployment((Share("a", LAMBDA),)), LAMBDA, "lambda") is None
    assert too_big(Deployment((Share("a", LAMBDA + 1),)), LAMBDA, "lambda") is not None


def test_packages_that_do_not_fit_are_shown_with_the_ten_largest() -> None:
    """And with what wasn't counted."""
    many = [Distribution(f"p{number:02}", "1", size=number * 10 * MB) for number in range(1, 12)]
    found = too_big(of(*many, Distribution("mine", "1", origin=EDITABLE)), LAMBDA, "lambda")
    assert found and (found.kind, found.environment) == (TOO_BIG, "lambda")
    assert str(found) == "the packages take 660 MB unpacked, lambda takes 250 MB"
    left_out = "execnet, iniconfig, packaging, pip, pluggy, pygments, pytest, pytest-xdist"
    assert found.details == (
        "the largest (MB): p11 110, p10 100, p09 90, p08 80, p07 70, p06 60, p05 50, p04 40, p03 30, p02 20",
        f"not counted, because only the tests need them: {left_out}",
        "not counted, because their size isn't known: mine",
    )


def test_a_real_environment(site_packages: str) -> None:
    """Everything of it would be deployed; the project's own size isn't known."""
    found = deployment(installed([site_packages]), "3.11.7")
    assert names(found) == {"requests", "six", "urllib3"} and found.unmeasured == ("mine",)
    assert found.counted[0].name == "urllib3" and 0 < found.size < 2 * MB
