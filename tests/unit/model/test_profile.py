"""Two environments at once: of every dimension the stricter value."""

from __future__ import annotations

import pytest

from pytest_envguard.model.dimensions import DIMENSIONS
from pytest_envguard.model.profile import Profile, combine
from tests.unit.surroundings import profile

# Dimension to values from the loosest to the strictest; of each two the later one must win, whichever comes first.
ORDERED: dict[str, list[object]] = {
    "root": ["host", "read-only"],
    "proc": ["host", "container", "read-only"],
    "devices": ["host", "container", "read-only"],
    "tmp": ["host", "private"],
    "tmp_size": ["2G", "512M", "64M"],
    "tmp_exec": [True, False],
    "tmp_in_memory": [False, True],
    "shm": ["host", "private", "absent"],
    "shm_size": ["1G", "64M"],
    "shm_exec": [True, False],
    "symlinks": [True, False],
    "executable_mappings": ["host", ["mdwe"], ["mdwe", "exec-paths"]],
    "mmap_limit": ["1G", "64M"],
    "capabilities": ["host", "none"],
    "home": ["host", "/var/empty", "unset"],
    "network": ["open", "refuse", "nxdomain", "none", "drop"],
    "open_files": ["unlimited", 4096, 1024],
    "open_files_hard": ["unlimited", 524288],
    "processes": ["unlimited", 1024, 742],
    "stack": ["8M", "1M"],
    "memory": ["1G", "128M"],
    "cpus": [4, 1],
}
# Neither is stricter: the first profile's stays.
FIRST_WINS: dict[str, tuple[object, object]] = {
    "tmp_mode": ("0777", "1777"),
    "locale": ("C", "en_US.UTF-8"),
    "timezone": ("UTC", ":UTC"),
    "hostname": ("one", "two"),
    "folder": ("project", "/srv"),
    "cwd": ("/var/task", "/srv"),
    "runtime": ("3.12", "3.13"),
}
BY_OTHER_TESTS = {"writable", "hidden", "env", "env_unset", "origins", "uid", "gid", "user", "user_home"}
PAIRS = [
    (name, loose, strict)
    for name, values in ORDERED.items()
    for number, loose in enumerate(values)
    for strict in values[number:]
]


def test_every_dimension_is_combined_by_a_test() -> None:
    """The tables of this file leave out no dimension."""
    assert {*ORDERED, *FIRST_WINS, *BY_OTHER_TESTS} == set(DIMENSIONS)


@pytest.mark.parametrize(("name", "loose", "strict"), PAIRS)
def test_the_stricter_value_wins_in_both_orders(name: str, loose: object, strict: object) -> None:
    """Of an ordered dimension the stricter value holds, whichever profile is named first."""
    first, second = profile("a", **{name: loose}), profile("b", **{name: strict})
    expected = {name: second.values[name]}
    assert (combine(first, second).values, combine(second, first).values) == (expected, expected)


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in ORDERED.items() for value in values])
def test_a_profile_that_says_nothing_changes_nothing(name: str, value: object) -> None:
    """A dimension that only one of the profiles has keeps its value."""
    one, empty = profile("a", **{name: value}), profile("b")
    assert combine(one, empty).values == combine(empty, one).values == one.values


@pytest.mark.parametrize("name", FIRST_WINS)
def test_where_neither_is_stricter_the_first_wins(name: str) -> None:
    """Values without an order are the first profile's."""
    one, other = FIRST_WINS[name]
    first, second = profile("a", **{name: one}), profile("b", **{name: other})
    assert combine(first, second).values == first.values
    assert combine(second, first).values == second.values


def test_served_hosts_add_up() -> None:
    """Both profiles' hosts are served; for one that both serve, the first profile says how."""
    first = profile("a", origins={"a.org": "one", "b.org": "one"})
    second = profile("b", origins={"b.org": "two", "c.org": "two"})
    assert combine(first, second).values["origins"] == {"a.org": "one", "b.org": "one", "c.org": "two"}


def test_paths_and_variables_add_up() -> None:
    """Hidden paths, removed variables and set variables of both hold; a variable of both has the first's text."""
    first = profile("a", hidden=["/root"], env_unset=["USER"], env={"A": "1", "B": "1"})
    second = profile("b", hidden=["/srv", "/root"], env_unset=["USER", "TERM"], env={"B": "2", "C": "2"})
    assert combine(first, second).values == {
        "hidden": ("/root", "/srv"),
        "env_unset": ("USER", "TERM"),
        "env": {"A": "1", "B": "1", "C": "2"},
    }


READ_ONLY = {"root": "read-only"}


@pytest.mark.parametrize(
    ("first", "second", "writable"),
    [
        pytest.param(READ_ONLY | {"writable": ["/a", "/b"]}, READ_ONLY | {"writable": ["/b", "/c"]}, {"/b"}, id="both"),
        pytest.param(READ_ONLY | {"writable": ["/a"]}, READ_ONLY, set(), id="one-leaves-nothing-writable"),
        pytest.param(READ_ONLY | {"writable": ["/a"]}, {}, {"/a"}, id="other-restricts-nothing"),
        pytest.param(READ_ONLY | {"writable": ["/a"]}, {"writable": ["/b"]}, {"/a"}, id="other-leaves-all-writable"),
        pytest.param(READ_ONLY, {"writable": ["/b"]}, set(), id="read-only-and-a-private-folder"),
    ],
)
def test_writable_is_what_both_leave_writable(
    first: dict[str, object], second: dict[str, object], writable: set[str]
) -> None:
    """Writable stays only what neither profile makes read-only, whichever is named first."""
    one, other = profile("a", **first), profile("b", **second)
    for combined in (combine(one, other), combine(other, one)):
        assert set(combined.values.get("writable", ())) == writable  # type: ignore[arg-type]


WHOLE = {"uid": 993, "gid": 990, "user": "sbx", "user_home": "/home/sbx"}
OTHER = {"uid": 1000, "gid": 0, "user": ""}


@pytest.mark.parametrize(
    ("first", "second", "identity"),
    [
        pytest.param(WHOLE, OTHER, WHOLE, id="first"),
        pytest.param(OTHER, WHOLE, OTHER, id="first-without-a-home"),
        pytest.param({"uid": 5}, WHOLE, {"uid": 5}, id="first-has-only-a-uid"),
        pytest.param({}, WHOLE, WHOLE, id="only-second"),
        pytest.param(WHOLE, {}, WHOLE, id="only-first"),
        pytest.param({"gid": 5}, {}, {"gid": 5}, id="only-a-gid"),
        pytest.param({}, {"gid": 5}, {"gid": 5}, id="only-the-second's-gid"),
    ],
)
def test_identity_stays_whole(first: dict[str, object], second: dict[str, object], identity: dict[str, object]) -> None:
    """Uid, gid and passwd entry come from one profile, the first that has them, and never get lost."""
    assert combine(profile("a", **first), profile("b", **second)).values == identity


def test_everything_else_is_joined() -> None:
    """Names, summaries, sources, doubts and gaps of both are kept; a value's source is that of its profile."""
    first = Profile(
        "a",
        "one",
        values={"network": "none", "tmp": "private"},
        sources={"network": "a's", "tmp": "a's"},
        unverified={"network": "a doubts"},
        not_simulated=("No clock.", "No DNS."),
    )
    second = Profile(
        "b",
        "two",
        values={"network": "drop", "tmp": "private", "root": "read-only", "shm": "absent"},
        sources={"network": "b's", "tmp": "b's", "root": "b's"},
        unverified={"network": "b doubts", "root": "b doubts"},
        not_simulated=("No DNS.", "No disk."),
    )
    assert combine(first, second) == Profile(
        "a+b",
        "one + two",
        values={"network": "drop", "tmp": "private", "root": "read-only", "shm": "absent"},
        sources={"network": "b's", "tmp": "a's", "root": "b's", "shm": "profile b"},
        unverified={"network": "a doubts", "root": "b doubts"},
        not_simulated=("No clock.", "No DNS.", "No disk."),
    )


def test_with_values_forgets_the_sources_of_what_it_replaces() -> None:
    """An override has no source and no doubt of the profile's any more; the rest stays."""
    before = Profile(
        "a", "one", {"uid": 1, "gid": 1}, {"uid": "seen", "gid": "seen"}, {"uid": "guess", "gid": "guess"}, ("No DNS.",)
    )
    after = before.with_values("a:uid=2", {"uid": 2})
    assert after == Profile("a:uid=2", "one", {"uid": 2, "gid": 1}, {"gid": "seen"}, {"gid": "guess"}, ("No DNS.",))


@pytest.mark.parametrize(("values", "is_host"), [({}, True), ({"tmp": "private"}, False)])
def test_host_is_what_changes_nothing(values: dict[str, object], is_host: bool) -> None:
    """Only a profile without values is the host."""
    assert profile("a", **values).is_host is is_host
