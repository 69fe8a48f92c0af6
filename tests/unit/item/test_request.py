"""What markers ask for."""

from __future__ import annotations

import pytest

from pytest_envguard.errors import EnvguardError
from pytest_envguard.item.request import Request, labels, requests_of, with_each


def asked(*args: object, **kwargs: object) -> list[Request]:
    """Return what one marker with these arguments asks for."""
    return requests_of([pytest.mark.envguard(*args, **kwargs).mark])


def test_each_name_is_a_request_with_all_keywords() -> None:
    found = asked("lambda", "container,offline", "lambda+offline", tmp_size="64M", fresh=True, timeout=2.5)
    assert [request.selection for request in found] == ["lambda", "container", "offline", "lambda+offline"]
    assert {(dict(request.changes) == {"tmp_size": "64M"}, request.fresh, request.timeout) for request in found} == {
        (True, True, 2.5)
    }


def test_dimensions_alone_change_the_host() -> None:
    assert asked(network="drop") == [Request("host", {"network": "drop"})]


def test_markers_at_one_place_add_up() -> None:
    marks = [pytest.mark.envguard("lambda").mark, pytest.mark.envguard("lambda", tmp_size="1M").mark]
    assert labels(requests_of(marks)) == ["lambda", "lambda:tmp_size=1M"]


def test_labels_are_names_alone_where_these_differ() -> None:
    assert labels(asked("lambda", "offline", tmp_size="1M", env={"A": "b"})) == ["lambda", "offline"]
    assert str(asked("lambda", env={"A": "b"})[0]) == "lambda:env=…"


def test_a_variable_that_is_needed_is_a_request_without_it() -> None:
    found = asked("lambda", "offline", unset_each=["A", "B"], env={"A": "1"})
    assert labels(found) == [
        f"{name}{rest}" for name in ("lambda", "offline") for rest in ("", "-without-A", "-without-B")
    ]
    assert {tuple(request.changes) for request in found} == {("env",)}


def test_a_profile_that_needs_variables_is_several_requests() -> None:
    found = with_each(asked("mine", "offline"), lambda name: ("", "A", "B") if name == "mine" else ("",))
    assert labels(found) == ["mine", "mine-without-A", "mine-without-B", "offline"]
    both = with_each(asked("mine", unset_each=["A", "C"]), lambda _: ("", "A"))
    assert sorted(labels(both)) == ["mine", "mine-without-A", "mine-without-C"]


@pytest.mark.parametrize(
    ("args", "kwargs", "message"),
    [
        ((), {}, "@pytest.mark.envguard names no profile"),
        ((None,), {}, "@pytest.mark.envguard: expected names of profiles, got None"),
        (("",), {}, "@pytest.mark.envguard: expected names of profiles, got ''"),
        (("lambda",), {"memroy": "1G"}, "@pytest.mark.envguard: no dimension or setting is named `memroy`"),
        (("lambda",), {"fresh": "yes"}, "@pytest.mark.envguard: `fresh`: expected True or False, got 'yes'"),
        (
            ("lambda",),
            {"unset_each": [1]},
            "@pytest.mark.envguard: `unset-each`: expected a list of variables, got [1]",
        ),
        (("lambda",), {"timeout": 0}, "@pytest.mark.envguard: `timeout`: expected seconds above zero, got 0"),
        (("lambda",), {"timeout": True}, "@pytest.mark.envguard: `timeout`: expected seconds above zero, got True"),
    ],
)
def test_a_mistake_is_named(args: tuple[object, ...], kwargs: dict[str, object], message: str) -> None:
    with pytest.raises(EnvguardError) as caught:
        asked(*args, **kwargs)
    assert caught.value.message == message
