"""What is known about libraries, as text: what a reader needs to know, and nothing that isn't known."""

from __future__ import annotations

import json
import re
from textwrap import dedent

import pytest

from pytest_envguard.diagnosis.places import Machine
from pytest_envguard.diagnosis.rules import Conditions, Library, Offer, Rule, Use
from pytest_envguard.model.diagnosis import Remedy, Seed, Setting
from pytest_envguard.report.terminal.explain import Surroundings, json_text, library_text, list_text
from tests.unit.surroundings import profile

MACHINE = Machine("/home/me", "/venv/site-packages", "/home/me/project")
EDGE = Setting(
    "edge", "edge", profile(root="read-only", tmp="private", home="unset", user="", env={"XDG_CACHE_HOME": "/c"}).values
)
CUT_OFF = Setting("cut-off", "cut-off", profile(network="drop").values)

CACHE = Use(
    kind="writes",
    what="its cache",
    when="import",
    where="{tmp}/ours",
    variables=("OURS_CACHE", "XDG_CACHE_HOME"),
    versions=">=2",
    loud=False,
    source="ours/cache.py (2.1)",
    verified="run",
    check="tests/knowledge/test_ours.py::test_cache",
)
HUB = Use(
    "contacts", "the hub", "first use", "hub.example.com", ("OURS_HUB",), "", True, "https://example.com/1", "issue", ""
)
FILLED = Seed("OURS_CACHE", command="cp --recursive SITE/ours/a/long/path/to/what/it/brings/with/it SITE/ours/more DIR")
RULE = Rule(
    name="cache-in-home",
    dimension="root",
    says="{library} {version} wrote {target}, as OURS_CACHE is {OURS_CACHE} in {environment}; {because}",
    match=(Conditions(error=("EROFS",), target=re.compile("ours"), set={"OURS_CACHE": re.compile("^/")}),),
    versions=">=2",
    offers=(
        Offer(
            Remedy("it's kept there", {"OURS_CACHE": "{tmp}/ours"}), Conditions(network=("open",)), "", "run", "run: x"
        ),
        Offer(
            Remedy(seed=FILLED),
            Conditions(
                network=("none", "drop", "refuse", "nxdomain"),
                set={"A": re.compile(""), "B": re.compile("^x")},
                unset=("C", "D"),
                facts=("noexec",),
                without_facts=("seccomp",),
                requires={"dill": ">=1", "six": ""},
            ),
            "<3",
            "source",
            "ours/seed.py (2.1)",
        ),
        Offer(Remedy("give a folder"), Conditions(), "", "run", "run: x"),
    ),
    source="run: x",
    check="tests/knowledge/test_ours.py::test_rule",
    unlike="tests/knowledge/test_ours.py::test_other",
)
SILENT = Rule(
    "lost",
    "network",
    "{because}, so nothing is kept",
    (Conditions(error=("EROFS",)),),
    silent=True,
    verified="",
    check="",
)
OURS = Library("ours", ("ours",), "our client", (CACHE, HUB), (RULE, SILENT), "ours.toml", ("It is slow.",))


def around(setting: Setting | None = None, version: str = "2.1") -> Surroundings:
    """Return what is asked for on a machine made by hand."""
    return Surroundings(setting, version, MACHINE)


def test_everything_about_a_library() -> None:
    """What it uses, then the rules, each with remedies and how it's verified; placeholders are explained."""
    assert library_text(OURS, around()) + "\n" == dedent(
        """\
        ours 2.1: our client

        writes its cache
            when: import; versions >=2
            where: /tmp/ours
            moved by: OURS_CACHE, XDG_CACHE_HOME, the first that is set
            if it can't be had: silent, nothing is raised
            verified by a run: tests/knowledge/test_ours.py::test_cache
            source: ours/cache.py (2.1)

        contacts the hub
            when: first use
            where: hub.example.com
            changed by: OURS_HUB
            if it can't be had: an error is raised
            from an issue: https://example.com/1

        rule cache-in-home (root; versions >=2)
            ours 2.1 wrote <target>, as OURS_CACHE is $OURS_CACHE in the environment;
            the environment changes `root`
            remedy: OURS_CACHE={tmp}/ours (with a network)
                it's kept there
            remedy: a filled OURS_CACHE (without a network; if A is set; if B has `^x`;
                if C and D are not set; if measured: noexec; if not measured: seccomp;
                if dill >=1 is installed; if six is installed; versions <3)
                cp --recursive SITE/ours/a/long/path/to/what/it/brings/with/it SITE/ours/more DIR
                from source: ours/seed.py (2.1)
            advice: give a folder
            verified by a run: tests/knowledge/test_ours.py::test_rule
            source: run: x

        rule lost (network; silent: nothing fails of it)
            the environment changes `network`, so nothing is kept
            not verified

        notes:
          - It is slow.

        {tmp}: a writable folder of the environment
        """
    )


def test_what_matters_in_an_environment() -> None:
    """Places are the environment's, remedies those that can hold there, and what doesn't matter is named in a line."""
    assert library_text(OURS, around(EDGE)) + "\n" == dedent(
        """\
        ours 2.1 in edge: our client

        writes its cache
            when: import; versions >=2
            where: /tmp/ours: writable
            moved by: OURS_CACHE, XDG_CACHE_HOME, the first that is set
            edge sets XDG_CACHE_HOME=/c
            if it can't be had: silent, nothing is raised
            verified by a run: tests/knowledge/test_ours.py::test_cache
            source: ours/cache.py (2.1)

        contacts the hub
            when: first use
            where: hub.example.com
            changed by: OURS_HUB
            if it can't be had: an error is raised
            from an issue: https://example.com/1

        rule cache-in-home (root; versions >=2)
            ours 2.1 wrote <target>, as OURS_CACHE is $OURS_CACHE in edge; the root is
            read-only in edge
            remedy: OURS_CACHE=/tmp/ours
                it's kept there
            advice: give a folder
            verified by a run: tests/knowledge/test_ours.py::test_rule
            source: run: x

        not shown, about what edge doesn't change: lost (network)

        notes:
          - It is slow.
        """
    )


def test_versions_that_are_not_the_installed_one() -> None:
    """They are marked; where it's asked what matters they are left out."""
    everything = library_text(OURS, around(version="1.0"))
    assert "when: import; versions >=2, 1.0 isn't one\n" in everything
    assert "rule cache-in-home (root; versions >=2, 1.0 isn't one)\n" in everything
    there = library_text(OURS, around(EDGE, "1.0"))
    assert "writes its cache" not in there and "\nrule " not in there
    assert "\n\nNo rule of it matters in edge.\n\n" in there
    assert "\nnot shown, about versions other than 1.0: cache-in-home (>=2)\n" in there


def test_a_library_that_is_not_installed() -> None:
    """It's said, and its version is left out of sentences; all versions are shown."""
    text = library_text(OURS, around(EDGE, ""))
    assert text.startswith("ours (not installed here) in edge: our client\n")
    assert "    ours wrote <target>, as" in text


@pytest.mark.parametrize(
    ("where", "shown"),
    [
        ("{home}/.cache/ours", "where: ~/.cache/ours: no home folder is known in edge\n"),
        ("{site}/ours", "where: site-packages/ours → /venv/site-packages/ours: not writable (EROFS)\n"),
        ("{cwd}/ours", "where: ./ours → /home/me/project/ours: not writable (EROFS)\n"),
        ("/var/ours", "where: /var/ours: not writable (EROFS)\n"),
        ("beside {home} or so", "where: beside ~ or so: no home folder is known in edge\n"),
    ],
)
def test_default_places_there(where: str, shown: str) -> None:
    """The short form, what it is in the environment, and whether it's writable."""
    assert shown in library_text(OURS._replace(uses=(CACHE._replace(where=where),)), around(EDGE))


def test_default_places_that_are_the_machine_s_own() -> None:
    """An environment that only takes the network leaves them as they are."""
    text = library_text(OURS._replace(uses=(CACHE._replace(where="{home}/.cache"), HUB)), around(CUT_OFF))
    assert "where: ~/.cache → /home/me/.cache, as on this machine\n" in text
    assert "where: hub.example.com: not reachable (it hangs)\n" in text


def test_secrets_are_not_shown() -> None:
    """That a variable is set is said, and no more."""
    own = Setting("edge", "edge", {"env": {"HF_TOKEN": "hf_abc", "OURS_HUB": "https://me:hf_abc@hub"}})
    text = library_text(OURS._replace(uses=(HUB._replace(variables=("HF_TOKEN", "OURS_HUB")),)), around(own))
    assert "    edge sets HF_TOKEN\n    edge sets OURS_HUB\n" in text and "hf_abc" not in text


def test_a_rule_whose_remedies_do_not_hold_there() -> None:
    """It's said, as nothing would be shown otherwise."""
    only = RULE._replace(dimension="network", offers=RULE.offers[:1])
    assert "    no remedy of it holds in cut-off\n" in library_text(OURS._replace(rules=(only,)), around(CUT_OFF))


def test_knowledge_of_a_project_names_its_file() -> None:
    """Whoever reads a rule that isn't shipped can find it."""
    assert library_text(OURS._replace(where="/p/ours.toml"), around()).endswith("\nread from /p/ours.toml")


def test_nothing_but_links_and_commands_is_wider_than_a_terminal() -> None:
    """80 columns."""
    long = OURS._replace(summary="our client " * 20, notes=("It is slow. " * 20,))
    wide = [line for line in library_text(long, around(EDGE)).splitlines() if len(line) > 80]
    assert wide == []


def test_the_list() -> None:
    """A line or two for each."""
    assert list_text([OURS, OURS._replace(name="our-other", summary="and another one, " * 5)], None) + "\n" == dedent(
        """\
        ours       our client
        our-other  and another one, and another one, and another one, and another one,
                   and another one,

        `envguard explain LIBRARY` shows one with its rules, remedies and sources.
        """
    )


def test_the_list_of_an_environment() -> None:
    """Libraries without a rule that matters there aren't in it."""
    other = OURS._replace(name="other", rules=(SILENT,))
    assert list_text([OURS, other], EDGE).splitlines()[:2] == ["ours  our client", ""]
    assert list_text([OURS, other], CUT_OFF).splitlines()[:2] == ["ours   our client", "other  our client"]
    assert list_text([other], EDGE) == "No rule is about anything that edge changes."
    assert list_text([], None) == "Nothing is known."


def test_for_programs() -> None:
    """All of it in texts, lists and tables, with what it is in the environment."""
    (found,) = json.loads(json_text([(OURS, around(EDGE))], whole=True))["libraries"]
    assert {key: found[key] for key in ("name", "installed", "modules", "summary", "profile", "notes", "where")} == {
        "name": "ours",
        "installed": "2.1",
        "modules": ["ours"],
        "summary": "our client",
        "profile": "edge",
        "notes": ["It is slow."],
        "where": "ours.toml",
    }
    assert [use["there"] for use in found["uses"]] == [
        {"place": "/tmp/ours", "verdict": "writable"},
        {"place": "hub.example.com", "verdict": None},
    ]
    rule, silent = found["rules"]
    assert rule["match"] == [{"error": ["EROFS"], "target": "ours", "set": {"OURS_CACHE": "^/"}}]
    assert rule["explained"].endswith("; the root is read-only in edge")
    assert (rule["matters"], silent["matters"], silent["silent"]) == (True, False, True)
    assert [remedy["title"] for remedy in rule["remedies"]] == [
        "OURS_CACHE={tmp}/ours",
        "a filled OURS_CACHE",
        "give a folder",
    ]
    first, second, third = (remedy["there"] for remedy in rule["remedies"])
    assert (first["set"], second, third["says"]) == ({"OURS_CACHE": "/tmp/ours"}, None, "give a folder")


def test_for_programs_without_an_environment() -> None:
    """Nothing is said of any; a list has names only."""
    (found,) = json.loads(json_text([(OURS, around(version=""))], whole=True))["libraries"]
    assert (found["profile"], found["installed"]) == (None, None)
    assert "there" not in found["uses"][0] and "matters" not in found["rules"][0]
    assert json.loads(json_text([(OURS, around())], whole=False)) == {
        "libraries": [{"name": "ours", "installed": "2.1", "modules": ["ours"], "summary": "our client"}]
    }


def test_a_rule_says_nothing_untrue_of_an_environment_that_it_is_not_about() -> None:
    """Programs get all rules, also those that don't matter: those aren't explained by what isn't so."""
    (found,) = json.loads(json_text([(OURS, around(EDGE))], whole=True))["libraries"]
    assert found["rules"][1]["explained"] == "the environment changes `network`, so nothing is kept"
