"""What isn't found because it lay in the home folder of the machine that it was put into."""

from __future__ import annotations

import pytest

from pytest_envguard.diagnosis.homes import AtHome, at_home
from pytest_envguard.diagnosis.matching import Case
from pytest_envguard.diagnosis.rules import CONTACTS, RUN, WRITES, Library, Use
from pytest_envguard.model.diagnosis import Setting
from pytest_envguard.model.evidence import Evidence, Raised
from tests.unit.diagnosis.failures import evidence, os_error, raised, setting


def use(where: str, *variables: str, kind: str = WRITES, what: str = "downloads") -> Use:
    """Return something that a library uses."""
    return Use(kind, what, "first use", where, variables, "", loud=True, source="", verified=RUN, check="")


HUB = Library(
    "hub",
    ("hub",),
    "it downloads",
    uses=(
        use("hub.example.com", kind=CONTACTS),
        use("{home}/.cache/hub", "HUB_CACHE", "XDG_CACHE_HOME", "HOME"),
    ),
)
TOKENS = Library("tokens", ("tokens",), "it tokenizes", uses=(use("{tmp}/tokens", "VOCABULARY_DIR"),))
OPENSHIFT = setting("openshift", "openshift", hub="1.0", tokens="2.0")
MISSING = raised("LookupError", "couldn't find it in the cached files", "hub/files.py:7")
OFFLINE = raised(
    "requests.ConnectionError", "Failed to resolve: Name or service not known", "requests/a.py:1", "tokens/load.py:9"
)


def found(failure: Evidence, where: Setting = OPENSHIFT, *, asserted: bool = False) -> AtHome | None:
    """Return what is missing."""
    known = {"hub": HUB, "tokens": TOKENS}
    return at_home(Case.of(failure, (), where), known.get, asserted=asserted)


def test_a_library_misses_what_it_keeps_in_the_home() -> None:
    """It's likely, and its folder is filled from the one of this machine."""
    hit = found(evidence(MISSING))
    assert hit is not None
    diagnosis = hit.diagnosis
    assert (diagnosis.library, diagnosis.version, diagnosis.dimension, diagnosis.certain) == (
        "hub",
        "1.0",
        "home",
        False,
    )
    assert diagnosis.place == "hub/files.py:7"
    assert "keeps downloads in ~/.cache/hub" in diagnosis.text
    (remedy,) = hit.remedies
    assert remedy.seed is not None
    assert (remedy.seed.variable, remedy.seed.sources) == ("HUB_CACHE", ("$HUB_CACHE", "~/.cache/hub"))
    assert remedy.guess


@pytest.mark.parametrize(
    "failure",
    [
        evidence(raised("LookupError", "wrong", "hub/files.py:7")),
        evidence(raised("LookupError", "not found", "other/files.py:7")),
        evidence(raised("KeyError", "'not found'", "hub/files.py:7")),
        evidence(raised("ImportError", "cannot find it", "hub/files.py:7")),
        evidence(os_error("EACCES", "/.cache/hub", "hub/files.py:7")),
        evidence(MISSING, variables={"HUB_CACHE": "/srv/hub"}),
        evidence(MISSING, variables={"XDG_CACHE_HOME": "/.cache"}),
        evidence(),
    ],
    ids=lambda failure: failure.raised[0].kind if failure.raised else "nothing",
)
def test_what_says_something_else_misses_nothing(failure: Evidence) -> None:
    """Other words, another library, another error, or a folder that is elsewhere."""
    assert found(failure) is None


def test_where_the_home_is_the_same_nothing_is_missing() -> None:
    """A read-only root takes nothing away."""
    assert found(evidence(MISSING), setting("readonly_root")) is None
    assert found(evidence(MISSING), setting("offline")) is None


def test_a_folder_that_the_project_names_may_be_in_the_home() -> None:
    """By a variable that it sets itself."""
    written = [("VOCABULARY_DIR", "/.cache/tokens", None, "", "test_a.py:1")]
    hit = found(evidence(OFFLINE, overwritten=written))
    assert hit is not None
    assert hit.remedies[0].seed is not None
    assert hit.remedies[0].seed.sources == ("$VOCABULARY_DIR", "~/.cache/tokens")
    assert hit.diagnosis.library == "tokens"
    assert found(evidence(OFFLINE)) is None  # its own place isn't in the home


def test_what_asks_a_network_that_is_gone_is_the_networks_matter() -> None:
    """Unless somebody has switched the network off by a variable: then the host did without as well."""
    asked = raised("requests.ConnectionError", "Name or service not known", "requests/a.py:1", "hub/files.py:7")
    cut = setting("container", "container", hub="1.0")
    assert found(evidence(asked), cut) is None
    assert found(evidence(asked, variables={"HF_HUB_OFFLINE": "1"}), cut) is not None
    assert found(evidence(asked)) is not None  # the network is that of the host


def test_an_assertion_counts_where_it_is_asked_for() -> None:
    """It tells nothing but whom it's about."""
    vague = evidence(Raised("AssertionError", ("AssertionError",), "assert None"), mentions=("hub",))
    assert found(vague) is None
    assert found(vague, asserted=True) is not None


def test_a_file_of_settings_or_secrets_is_no_folder_to_fill() -> None:
    """It's named, and nothing is tried."""
    own = Library("hub", ("hub",), "it", uses=(use("{home}/.hubconfig", "HUB_CONFIG", "HOME"),))
    hit = at_home(Case.of(evidence(MISSING), (), OPENSHIFT), {"hub": own}.get)
    assert hit is not None
    assert hit.remedies == ()
    secret = Library("hub", ("hub",), "it", uses=(use("{home}/.hub/keys", "HUB_CREDENTIALS"),))
    hit = at_home(Case.of(evidence(MISSING), (), OPENSHIFT), {"hub": secret}.get)
    assert hit is not None
    assert hit.remedies == ()
