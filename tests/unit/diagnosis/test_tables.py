"""Reading knowledge: every mistake is a sentence with file, table, key and reason, and files are read when they're needed."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pytest_envguard.blame import LOOK_UP, plain_name
from pytest_envguard.diagnosis import tables
from pytest_envguard.diagnosis.rules import Conditions, Library, Offer, Rule, Use
from pytest_envguard.diagnosis.tables import (
    GROUP,
    OPERATIONS,
    SHIPPED,
    Knowledge,
    hooked,
    load_knowledge,
    read_file,
    read_library,
    scan,
)
from pytest_envguard.errors import EnvguardError
from pytest_envguard.model.diagnosis import Remedy, Seed
from pytest_envguard.seccomp import numbers

USE = {"kind": "writes", "what": "a cache", "when": "import", "where": "{home}/.cache/ours", "loud": True}
RULE = {"name": "cache", "dimension": "root", "says": "It wrote {target}; {because}", "match": {"error": "EROFS"}}
PROVEN = {"verified": "run", "check": "tests/test_x.py::test_y"}


def library(**own: object) -> dict[str, Any]:
    """Return a small library with some keys of one's own."""
    return {"summary": "ours", **own}


def rule(**own: object) -> dict[str, Any]:
    """Return a library with one rule that has some keys of one's own."""
    return library(rules=[{**RULE, **own}])


def remedy(**own: object) -> dict[str, Any]:
    """Return a library with one rule with one remedy."""
    return rule(remedies=[own])


def refused(raw: Mapping[str, Any], *, shipped: bool = False) -> str:
    """Return the error that reading ends with, without the file's name."""
    with pytest.raises(EnvguardError) as caught:
        read_library(raw, "ours", "ours.toml", shipped=shipped)
    assert caught.value.message.startswith("ours.toml: ")
    return str(caught.value).removeprefix("ours.toml: ")


def test_all_that_a_file_can_say() -> None:
    """Every key has its place; a single text is a list of one, and a remedy is as well founded as its rule."""
    raw = {
        "summary": "our client",
        "modules": ["ours", "ours_native.core"],
        "notes": "It is slow.",
        "uses": [
            {**USE, "variables": ["OURS_CACHE", "XDG_CACHE_HOME"], "versions": ">=2", "source": "ours/c.py (2.1)"}
        ],
        "rules": [
            {
                **RULE,
                "versions": "<3",
                "silent": True,
                "measure": "import ours",
                "match": [
                    {
                        "operation": ["open", "look up"],
                        "error": ["EROFS", "EAI_AGAIN"],
                        "target": r"/ours/.*\.db$",
                        "by": "ours",
                        "overwrites": "OURS_CACHE",
                        "set": ["OURS_CACHE"],
                        "requires": {"Our_Other": ">=1"},
                    },
                    {"exception": "OSError", "message": "a", "path": "b", "through": "ours.cache", "output": "c"},
                    {"mentions": "ours", "set": {"OURS_CACHE": "^/tmp"}, "unset": "HOME", "network": "none"},
                    {"facts": "noexec", "without_facts": ["seccomp", "address space"]},
                ],
                "remedies": [
                    {"set": {"OURS_CACHE": "{tmp}/ours", "OURS_JSON": '{"a": 1}'}, "says": "in {tmp} then"},
                    {
                        "unset": "OURS_CACHE",
                        "when": {"network": ["open"]},
                        "verified": "source",
                        "source": "ours/c.py (2.1)",
                    },
                    {
                        "seed": {
                            "variable": "OURS_CACHE",
                            "sources": "{site}/ours",
                            "fill": "import ours",
                            "command": "cp",
                        },
                        "upgrade": "ours>=3",
                        "versions": "<3",
                    },
                    {"says": "give a folder"},
                ],
                "source": "https://example.com/1",
                "verified": "issue",
                "unlike": "tests/test_x.py::test_z",
            }
        ],
    }
    cache, tmp = re.compile(""), re.compile("^/tmp")
    issue = {"verified": "issue", "source": "https://example.com/1"}
    seed = Seed("OURS_CACHE", ("{site}/ours",), "import ours", "cp")
    assert read_library(raw, "Our_Library", "ours.toml") == Library(
        name="our-library",
        modules=("ours", "ours_native.core"),
        summary="our client",
        uses=(
            Use(
                kind="writes",
                what="a cache",
                when="import",
                where="{home}/.cache/ours",
                variables=("OURS_CACHE", "XDG_CACHE_HOME"),
                versions=">=2",
                loud=True,
                source="ours/c.py (2.1)",
                verified="",
                check="",
            ),
        ),
        rules=(
            Rule(
                name="cache",
                dimension="root",
                says="It wrote {target}; {because}",
                match=(
                    Conditions(
                        operation=("open", "look up"),
                        error=("EROFS", "EAI_AGAIN"),
                        target=re.compile(r"/ours/.*\.db$"),
                        by=("ours",),
                        overwrites="OURS_CACHE",
                        set={"OURS_CACHE": cache},
                        requires={"our-other": ">=1"},
                    ),
                    Conditions(
                        exception=("OSError",),
                        message=re.compile("a"),
                        path=re.compile("b"),
                        through=("ours.cache",),
                        output=re.compile("c"),
                    ),
                    Conditions(mentions=("ours",), set={"OURS_CACHE": tmp}, unset=("HOME",), network=("none",)),
                    Conditions(facts=("noexec",), without_facts=("seccomp", "address space")),
                ),
                versions="<3",
                silent=True,
                measure="import ours",
                offers=(
                    Offer(Remedy("in {tmp} then", {"OURS_CACHE": "{tmp}/ours", "OURS_JSON": '{"a": 1}'}), **issue),
                    Offer(
                        Remedy(unset=("OURS_CACHE",)),
                        Conditions(network=("open",)),
                        verified="source",
                        source="ours/c.py (2.1)",
                    ),
                    Offer(Remedy(seed=seed, upgrade="ours>=3"), versions="<3", **issue),
                    Offer(Remedy("give a folder"), **issue),
                ),
                source="https://example.com/1",
                verified="issue",
                check="",
                unlike="tests/test_x.py::test_z",
            ),
        ),
        where="ours.toml",
        notes=("It is slow.",),
    )


def test_a_user_need_not_prove_anything() -> None:
    """What says nothing of its origin claims none; the module is named as the library is."""
    read = read_library(library(uses=[USE], rules=[RULE]), "our-lib", "ours.toml")
    assert read.modules == ("our_lib",)
    assert (read.uses[0].verified, read.rules[0].verified) == ("", "")


def test_a_file_can_say_which_library_it_is_about() -> None:
    """A project's file may have any name."""
    assert read_library(library(library="PyYAML"), "ours", "ours.toml").name == "pyyaml"


KNOWN_CONDITIONS = ", ".join(sorted(Conditions._fields))


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (
            library(rule=[]),
            "no key is named `rule`\nhint: did you mean `rules`? known: library, modules, notes, rules, summary, uses",
        ),
        ({}, "`summary` is missing\nhint: give what the library is and does to the machine, in a sentence"),
        ({"summary": " "}, "`summary`: expected what the library is and does to the machine, in a sentence, got ' '"),
        ({"summary": 1}, "`summary`: expected what the library is and does to the machine, in a sentence, got 1"),
        (library(modules=[1]), "`modules`: expected a text or a list of texts, got [1]"),
        (library(modules=["our-lib"]), "`modules`: expected the name of a module, got 'our-lib'"),
        (library(notes=[""]), "`notes`: expected a text or a list of texts, got ['']"),
        (
            library(library="our lib"),
            "expected the name of a distribution, got 'our lib'\nhint: name the file after it, or give it in the file: ",
        ),
        (library(uses={}), "`uses`: expected an array of tables: `[[uses]]`, got {}"),
        (library(uses=["x"]), "use 1: expected a table, got 'x'"),
        (
            library(uses=[USE, {**USE, "kind": "write"}]),
            "use 2: `kind`: expected one of writes, reads, contacts, loads, got 'write'",
        ),
        (
            library(uses=[{**USE, "loud": "yes"}]),
            "use 1: `loud`: expected true or false, got 'yes'",
        ),
        (
            library(uses=[{key: USE[key] for key in USE if key != "loud"}]),
            "use 1: `loud` is missing\nhint: give true if something is raised where it can't be had, else false",
        ),
        (
            library(uses=[{key: USE[key] for key in USE if key != "kind"}]),
            "use 1: `kind` is missing\nhint: give one of writes, reads, contacts, loads",
        ),
        (
            library(uses=[{**USE, "where": "{hom}/x"}]),
            "use 1: `where`: no placeholder is named `{hom}`\nhint: did you mean `home`? known: cwd, home, site, tmp",
        ),
        (library(uses=[{**USE, "variables": "A-B"}]), "use 1: `variables`: expected the name of a variable, got 'A-B'"),
        (
            library(uses=[{**USE, "versions": "=>1"}]),
            "use 1: `versions`: expected a version specifier such as `>=1.40.9,<2`, got '=>1'",
        ),
        (
            library(uses=[{**USE, "verified": "runs"}]),
            "use 1: `verified`: expected one of run, source, issue, got 'runs'",
        ),
        (library(rules=[{}]), "rule 1: `name` is missing\nhint: give a name such as `cache-in-home`"),
        (rule(name="A b"), "rule 1: `name`: expected small letters, digits and `-`, got 'A b'"),
        (
            library(rules=[RULE, RULE]),
            "rule 2: `name`: `cache` is there twice\nhint: a rule's name is unique in its library",
        ),
        (rule(silent=1), "rule `cache`: `silent`: expected true or false, got 1"),
        (rule(measure="import"), "rule `cache`: `measure`: not Python code: "),
        (
            rule(says="{targt}"),
            "rule `cache`: `says`: no placeholder is named `{targt}`\nhint: did you mean `target`? known: ",
        ),
        (rule(says="{HF_HOME} and {"), "rule `cache`: `says`: a brace that belongs to no placeholder"),
        (
            rule(match={}),
            "rule `cache`: `match` is missing\nhint: give what a failure must have: a table, or an array of",
        ),
        (rule(match="x"), "rule `cache`: `match`: expected an array of tables: `[[match]]`, got 'x'"),
        (
            rule(match=[RULE["match"], {"eror": "x"}]),
            f"rule `cache`: `match`, alternative 2: no key is named `eror`\nhint: did you mean `error`? known: {KNOWN_CONDITIONS}",
        ),
        (
            rule(match={"set": {}}),
            "rule `cache`: `match`: without a condition it would match every failure\nhint: known: operation, error, target,",
        ),
        (
            rule(match={"target": "a(b"}),
            "rule `cache`: `match`: `target`: not a regular expression: missing ), unterminated subpattern at position 1: 'a(b'",
        ),
        (
            rule(match={"set": {"A": "*"}}),
            "rule `cache`: `match`: `set`: not a regular expression: nothing to repeat at position 0: '*'\nhint: `set.A`",
        ),
        (rule(match={"set": {"A": 1}}), "rule `cache`: `match`: `set`: `A`: expected a regular expression, got 1"),
        (rule(match={"set": {"A B": ""}}), "rule `cache`: `match`: `set`: expected the name of a variable, got 'A B'"),
        (rule(match={"unset": "A B"}), "rule `cache`: `match`: `unset`: expected the name of a variable, got 'A B'"),
        (
            rule(match={"operation": "opn"}),
            "rule `cache`: `match`: `operation`: no operation is named `opn`\nhint: did you mean `open`? known: access,",
        ),
        (
            rule(match={"error": "EROFFS"}),
            "rule `cache`: `match`: `error`: no errno is named `EROFFS`\nhint: for example EROFS, EACCES, ",
        ),
        (
            rule(match={"error": 30}),
            "rule `cache`: `match`: `error`: expected a text or a list of texts, got 30",
        ),
        (
            rule(match={"error": "30"}),
            "rule `cache`: `match`: `error`: expected the name of an errno such as `EROFS`, got '30'",
        ),
        (
            rule(match={"exception": "requests.ConnectionError"}),
            "rule `cache`: `match`: `exception`: expected the name of a class without its module, got 'requests.Conn",
        ),
        (
            rule(match={"by": "a.b"}),
            "rule `cache`: `match`: `by`: expected a top-level package, or \"project\", got 'a.b'",
        ),
        (
            rule(match={"network": "offline"}),
            "rule `cache`: `match`: `network`: no network is named `offline`\nhint: did you mean",
        ),
        (
            rule(match={"facts": "no exec"}),
            "rule `cache`: `match`: `facts`: no fact is named `no exec`\nhint: did you mean `noexec`? known: address space,",
        ),
        (
            rule(match={"requires": ["dill"]}),
            "rule `cache`: `match`: `requires`: expected a table such as `{ dill = \">=0.3\" }`, got ['dill']",
        ),
        (
            rule(match={"requires": {"dill": "1"}}),
            "rule `cache`: `match`: `requires`: expected a version specifier such as `>=1.40.9,<2`, got '1'",
        ),
        (
            remedy(),
            "rule `cache`: remedy 1: there's nothing in it\nhint: give `set`, `unset`, `seed`, `upgrade`, or advice",
        ),
        (
            remedy(sets={}),
            "rule `cache`: remedy 1: no key is named `sets`\nhint: did you mean `set`? known: says, seed, set,",
        ),
        (
            remedy(set={"A": "{temp}"}),
            "rule `cache`: remedy 1: `set`: no placeholder is named `{temp}`\nhint: did you mean `tmp`? known: exec, home, tmp",
        ),
        (remedy(set={"A B": ""}), "rule `cache`: remedy 1: `set`: expected the name of a variable, got 'A B'"),
        (
            remedy(set={"A": 1}),
            "rule `cache`: remedy 1: `set`: expected a table of variables, each with text as its value, got {'A': 1}",
        ),
        (
            remedy(upgrade="ours 3"),
            "rule `cache`: remedy 1: `upgrade`: expected a requirement such as `litellm>=1.40.9`, got 'ours 3'",
        ),
        (
            remedy(seed={"sources": "x"}),
            "rule `cache`: remedy 1: `seed`: `variable` is missing\nhint: give the variable that points the library",
        ),
        (
            remedy(says="x", when={"error": "EROFS"}),
            "rule `cache`: remedy 1: `when`: no key is named `error`\nhint: did you mean",
        ),
        (remedy(says="x", when=["a"]), "rule `cache`: remedy 1: `when`: expected a table, got ['a']"),
        (
            remedy(says="{target}"),
            "rule `cache`: remedy 1: `says`: no placeholder is named `{target}`\nhint: known: exec,",
        ),
    ],
)
def test_mistakes(raw: Mapping[str, Any], message: str) -> None:
    """Each names the table, the key, what is wrong, and the nearest that is known."""
    found = refused(raw)
    assert found == message or (found.startswith(message) and not message.endswith(("'", "}", "]")))


@pytest.mark.parametrize("key", ["root_", "rot", ""])
def test_an_unknown_dimension(key: str) -> None:
    """The nearest dimension is named."""
    assert refused(rule(dimension=key)).startswith(
        f"rule `cache`: `dimension`: no dimension is named `{key}`\nhint: did you mean `root`? known: "
        if key
        else "rule `cache`: `dimension`: expected what of the environment it comes from, such as \"root\", got ''"
    )


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (rule(), "rule `cache`: `verified` is missing\nhint: give one of run, source, issue"),
        (
            rule(verified="run"),
            'rule `cache`: `check` is missing\nhint: give the test that shows it: `verified` is "run"',
        ),
        (
            rule(verified="issue"),
            'rule `cache`: `source` is missing\nhint: give a link, or a file and its version: `verified` is "issue"',
        ),
        (
            rule(**PROVEN),
            "rule `cache`: `unlike` is missing\nhint: give the test with a failure that looks alike and isn't matched",
        ),
        (library(uses=[USE]), "use 1: `verified` is missing\nhint: give one of run, source, issue"),
        (library(uses=[{**USE, "verified": "run"}]), "use 1: `check` is missing\nhint: give the test that shows it:"),
        (library(uses=[{**USE, "verified": "source"}]), "use 1: `source` is missing\nhint: give a link, or a file"),
    ],
)
def test_what_is_shipped_says_how_it_is_known(raw: Mapping[str, Any], message: str) -> None:
    """A claim without its test or source isn't shipped; a user's file may do without."""
    assert refused(raw, shipped=True).startswith(message)
    assert read_library(raw, "ours", "ours.toml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a = \n", "not valid TOML: Invalid value (at line 1, column 5)"),
        (
            'summary = "x"\n[[rules]]\nname = "a"\n[[rules]]\nname = "b"\ndimension = "rot"\n',
            'rule `a`: `dimension` is missing\nhint: give what of the environment it comes from, such as "root"',
        ),
    ],
)
def test_a_file_with_a_mistake_is_named(tmp_path: Path, text: str, message: str) -> None:
    """The whole path stands first."""
    path = tmp_path / "ours.toml"
    path.write_text(text)
    with pytest.raises(EnvguardError) as caught:
        read_file(path)
    assert str(caught.value) == f"{path}: {message}"


def test_every_operation_is_one_that_refusals_have() -> None:
    """A condition on an operation that no refusal can have would never hold."""
    assert {plain_name(name) for name in numbers._TABLE} | {LOOK_UP, "write"} >= set(OPERATIONS)


# -- libraries by name -------------------------------------------------------------------------------------------------


def toml(folder: Path, name: str, text: str = "", rules: str = "") -> Path:
    """Write a knowledge file and return its path."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.toml"
    path.write_text(f'summary = "about {name}"\n{text}\n{rules}')
    return path


def rule_text(name: str, match: str, says: str = "x") -> str:
    """Return a rule as TOML."""
    return f'[[rules]]\nname = "{name}"\ndimension = "root"\nsays = "{says}"\nmatch = {match}\n'


@pytest.fixture
def knowledge(tmp_path: Path) -> Knowledge:
    """Four libraries in files that are read when they are asked for, two of them with a mistake."""
    files = [
        toml(tmp_path, "pyyaml", 'modules = [\n  "yaml", # the parser\n  "_yaml",\n]'),
        toml(
            tmp_path,
            "our-lib",
            rules=rule_text("a", '{ by = ["requests"], through = "urllib3.util", error = "EROFS" }'),
        ),
        toml(tmp_path, "broken", "modles = 1"),
        toml(tmp_path, "python", rules=rule_text("a", '{ mentions = ["tempfile"] }')),
    ]
    return Knowledge(files)


@pytest.mark.parametrize("name", ["pyyaml", "PyYAML", "yaml", "yaml.cyaml", "_yaml"])
def test_a_library_is_found_by_its_name_and_by_its_modules(knowledge: Knowledge, name: str) -> None:
    """However people write the distribution's name, and any module inside of it."""
    found = knowledge.of(name)
    assert found is not None and found.name == "pyyaml"


@pytest.mark.parametrize("name", ["our-lib", "our_lib", "our_lib.cache"])
def test_a_module_is_named_like_its_library_unless_the_file_says_more(knowledge: Knowledge, name: str) -> None:
    """A dash can't be in a module's name."""
    found = knowledge.of(name)
    assert found is not None and found.name == "our-lib"


@pytest.mark.parametrize("name", ["", "yam", "requests", "cache"])
def test_a_library_that_nothing_is_known_about(knowledge: Knowledge, name: str) -> None:
    """Neither a part of a name nor what rules are about is a library."""
    assert knowledge.of(name) is None


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ([], ["python"]),
        (["yaml.cyaml", "somebody.else"], ["python", "pyyaml"]),
        (["requests"], ["our-lib", "python"]),
        (["urllib3.connection"], ["our-lib", "python"]),
        (["tempfile", "our-lib"], ["our-lib", "python"]),
    ],
)
def test_candidates_are_read_and_nothing_else(knowledge: Knowledge, names: list[str], found: list[str]) -> None:
    """Libraries that are named, and those with rules about what is named; a file that isn't needed may be anything."""
    assert [library.name for library in knowledge.candidates(names)] == found


def test_what_was_printed_may_come_from_anywhere(tmp_path: Path) -> None:
    """A program that a test has started is in no traceback: rules about output are always looked at."""
    shipped = toml(tmp_path / "a", "pip", rules=rule_text("a", '{ output = "Cython" }'))
    other = toml(tmp_path / "a", "other", rules=rule_text("a", '{ message = "output" }'))
    added = read_file(toml(tmp_path / "b", "ours", rules=rule_text("a", '[{ by = "x" }, { output = "Cython" }]')))
    assert [library.name for library in Knowledge([shipped, other], [added]).candidates([])] == ["ours", "pip"]


def test_a_file_is_read_once(knowledge: Knowledge, tmp_path: Path) -> None:
    """What was read stays, whatever becomes of the file."""
    first = knowledge.of("pyyaml")
    (tmp_path / "pyyaml.toml").write_text("")
    assert knowledge.of("PyYAML") is first


def test_all_rules_of_all_libraries(knowledge: Knowledge, tmp_path: Path) -> None:
    """In the order of the names, each with its library; a broken file is an error then."""
    with pytest.raises(EnvguardError, match=r"broken\.toml: no key is named `modles`"):
        list(knowledge.rules())
    toml(tmp_path, "broken")
    assert [(library.name, rule.name) for library, rule in knowledge.rules()] == [("our-lib", "a"), ("python", "a")]


def test_others_go_before_what_is_shipped(tmp_path: Path) -> None:
    """Their rules stand in front, the last one's first, and replace those of the same name."""
    shipped = toml(tmp_path / "a", "our-lib", rules=rule_text("one", '{ by = "x" }') + rule_text("two", '{ by = "x" }'))
    first = read_file(toml(tmp_path / "b", "Our_Lib", 'modules = ["more"]', rule_text("three", '{ by = "y" }')))
    second = read_file(toml(tmp_path / "c", "our-lib", 'notes = ["n"]', rule_text("two", '{ by = "z" }', "ours")))
    known = Knowledge([shipped], [first, second])
    (found,) = known.libraries()
    assert [(rule.name, rule.says) for rule in found.rules] == [("two", "ours"), ("three", "x"), ("one", "x")]
    assert (found.modules, found.notes) == (("our_lib", "more"), ("n",))
    assert found.where == f"{tmp_path}/c/our-lib.toml, {tmp_path}/b/Our_Lib.toml, {shipped}"
    assert [library.name for name in ("more", "y", "z", "x") for library in known.candidates([name])] == ["our-lib"] * 4


def test_where_knowledge_comes_from(tmp_path: Path) -> None:
    """Shipped files, what plugins add, and the project's own, which goes first."""
    mine = toml(tmp_path / "rules", "litellm", rules=rule_text("mine", '{ by = "x" }'))
    project = tmp_path / "pyproject.toml"
    project.write_text('[tool.envguard]\nknowledge = ["rules/litellm.toml"]')
    by_path = toml(tmp_path / "plugin", "theirs", rules=rule_text("b", '{ by = "x" }'))
    table = library(rules=[{**RULE, "name": "theirs"}])
    known = load_knowledge(project, hooked([None, [str(by_path)], {"litellm": table}]))
    assert known.names() == sorted({"theirs", *(path.stem for path in SHIPPED.glob("*.toml"))})
    found = known.of("litellm")
    assert found is not None
    assert [rule.name for rule in found.rules[:2]] == ["mine", "theirs"] and len(found.rules) > 2
    assert found.where == f"{mine}, knowledge `litellm` of a plugin, litellm.toml"


def test_a_project_that_says_nothing(tmp_path: Path) -> None:
    """No file, or one that names none: what is shipped."""
    shipped = sorted(path.stem for path in SHIPPED.glob("*.toml"))
    assert load_knowledge(None).names() == load_knowledge(tmp_path / "pyproject.toml").names() == shipped
    (tmp_path / "pyproject.toml").write_text("[tool.other]")
    assert load_knowledge(tmp_path / "pyproject.toml").names() == shipped


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tool = 1", "{project}: [tool]: expected a table, got 1"),
        ("[tool.envguard]\nknowledge = 'x.toml'", "{project}: [tool.envguard]: `knowledge`: expected a list of paths"),
        ("[tool.envguard]\nknowledge = [1]", "{project}: [tool.envguard]: `knowledge`: expected a list of paths"),
        (
            "[tool.envguard]\nknowledge = ['x.toml']",
            "{project}: [tool.envguard]: `knowledge`: `x.toml` isn't there: {folder}/x.toml\nhint: paths are relative to {folder}",
        ),
        (
            "[tool.envguard]\nknowledge = ['.']",
            "{project}: [tool.envguard]: `knowledge`: `.` isn't a file: {folder}\n",
        ),
        ("[tool.envguard]\nknowledge = ['ours.toml']", "{folder}/ours.toml: no key is named `sumary`"),
    ],
)
def test_mistakes_of_a_project_are_said_at_once(tmp_path: Path, text: str, message: str) -> None:
    """Before anything runs, not when a failure happens to need the file."""
    project = tmp_path / "pyproject.toml"
    project.write_text(text)
    (tmp_path / "ours.toml").write_text("sumary = 1")
    with pytest.raises(EnvguardError) as caught:
        load_knowledge(project)
    assert str(caught.value).startswith(message.format(project=project, folder=tmp_path))


@pytest.mark.parametrize("result", [[1], 1, [None]])
def test_a_hook_that_gives_something_else(result: object) -> None:
    """It's told what is expected."""
    with pytest.raises(EnvguardError, match=r"expected paths of TOML files, or names with tables, got "):
        hooked([result])


def test_a_table_of_a_plugin_with_a_mistake() -> None:
    """The message names it."""
    with pytest.raises(EnvguardError, match=r"^knowledge `x` of a plugin: `summary` is missing"):
        load_knowledge(None, [("x", {})])


PACKAGE = {
    "brings/__init__.py": "raise RuntimeError('imported')",
    "plain.py": "",
    "brings/inner/__init__.py": "",
    "data/known/ours.toml": 'summary = "theirs"',
    "data/known/__init__.py": "raise RuntimeError('imported')",
    "data/__init__.py": "",
}


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ("data.known", ["ours"]),
        ("plain", "no *.toml in "),
        ("missing", "no module is named `missing`"),
        ("missing.inner", "cannot be found: ModuleNotFoundError: "),
        ("brings.inner", "cannot be found: RuntimeError: imported"),
    ],
)
def test_entry_points(tmp_path: Path, value: str, names: list[str] | str) -> None:
    """The folder of the package that an installed distribution names; one that brings nothing is a mistake."""
    for name, text in PACKAGE.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    info = tmp_path / "brings-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: brings\nVersion: 1\n")
    (info / "entry_points.txt").write_text(f"[{GROUP}]\nb = {value}\n")
    code = (
        "from pytest_envguard.diagnosis.tables import *\n"
        "try: print([n for n in load_knowledge(None).names() if n == 'ours'])\n"
        "except EnvguardError as error: print(error)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=True
    )
    if isinstance(names, list):
        assert ended.stdout == f"{names}\n"
    else:
        assert ended.stdout.startswith(f"entry point `b = {value}` of the group `{GROUP}`: {names}")


def test_what_is_scanned_is_what_is_read() -> None:
    """A file of words alone finds the libraries that reading it would find."""
    for path in sorted(SHIPPED.glob("*.toml")):
        assert scan(path.read_text(encoding="utf-8"), path.stem) == tables._words(read_file(path)), path.name
