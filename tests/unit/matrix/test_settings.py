"""Reading ``[tool.envguard]``."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_envguard.errors import EnvguardError
from pytest_envguard.matrix.axes import Axis, Choice, read_set
from pytest_envguard.matrix.settings import KNOWN, Settings, read_settings
from pytest_envguard.packages.advisories import Ignore

Read = Callable[[str], Settings]
ALL = ", ".join(KNOWN)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return where a project's file would be."""
    return tmp_path / "pyproject.toml"


@pytest.fixture
def read(project: Path) -> Read:
    """Read the settings of a project whose file has this text."""

    def settings(text: str) -> Settings:
        project.write_text(text, encoding="utf-8")
        return read_settings(project)

    return settings


def test_a_project_that_says_nothing_has_the_defaults(read: Read, project: Path) -> None:
    """No file, none that exists, or one without the table: packages are warned about, and not audited."""
    assert read_settings(None) == read_settings(project) == Settings()
    assert read("[project]\nname = 'x'") == Settings(where=f"{project}: [tool.envguard]")
    default = Settings()
    assert (default.install, default.preflight, default.audit, default.audit_fail) == (None, "warn", False, "never")
    assert (default.audit_service, default.audit_url, default.audit_ignore, default.sets) == ("pypi", "", (), {})


def test_all_settings(read: Read, project: Path) -> None:
    """Every key has its place; profiles are read elsewhere, whatever is in them."""
    settings = read(
        """
        [tool.envguard]
        install = [".[test]", " -r requirements/extra.txt", "--group test"]
        preflight = "fail"
        audit = true
        audit-fail = "fixable"
        audit-service = "osv"
        audit-url = "http://127.0.0.1:8000"
        [[tool.envguard.audit-ignore]]
        id = "GHSA-1"
        until = 2027-01-01
        reason = "not reached"
        [[tool.envguard.audit-ignore]]
        id = "CVE-2"
        until = "2027-01-02"
        reason = "not used"
        [[tool.envguard.audit-ignore]]
        id = "PYSEC-3"
        reason = "disputed"
        [tool.envguard.profiles.edge]
        inherits = "lambda"
        [tool.envguard.versions]
        six = ["1.16"]
        [tool.envguard.versions.old]
        six = "1.10"
        """
    )
    assert settings == Settings(
        where=f"{project}: [tool.envguard]",
        install=(".[test]", "-r requirements/extra.txt", "--group test"),
        preflight="fail",
        audit=True,
        audit_fail="fixable",
        audit_service="osv",
        audit_url="http://127.0.0.1:8000",
        audit_ignore=(
            Ignore("GHSA-1", datetime.date(2027, 1, 1), "not reached"),
            Ignore("CVE-2", datetime.date(2027, 1, 2), "not used"),
            Ignore("PYSEC-3", None, "disputed"),
        ),
        sets={
            "default": read_set("default", {"six": "1.16"}, f"{project}: [tool.envguard.versions]"),
            "old": read_set("old", {"six": "1.10"}, f"{project}: [tool.envguard.versions.old]"),
        },
    )


def test_a_set_as_toml_writes_it(read: Read) -> None:
    """TOML's own dates and nested tables arrive as a set's values."""
    settings = read(
        """
        [tool.envguard.versions.old]
        litellm = ["1.53.9", ">=1.80,<1.83"]
        as-of = 2024-06-20
        exclude = [{litellm = "1.53.9"}]
        include = [{litellm = "1.14.4", as-of = 2023-12-20, with = ["setuptools<81"]}]
        """
    )
    (old,) = settings.sets.values()
    assert old.axes == (Axis("litellm", (Choice("exact", "1.53.9"), Choice("range", ">=1.80,<1.83"))),)
    assert (old.as_of, old.include[0].as_of, old.include[0].extra) == ("2024-06-20", "2023-12-20", ("setuptools<81",))


def test_nothing_to_install_is_not_the_same_as_not_saying(read: Read) -> None:
    """An empty list means that a cell has the pins only."""
    assert read("[tool.envguard]\ninstall = []").install == ()
    assert read("[tool.envguard]\naudit = false").install is None


def test_a_project_with_named_sets_only_has_no_default(read: Read) -> None:
    """`default` is the table of the sets itself, and exists where something is said in it."""
    assert list(read("[tool.envguard.versions.old]\nsix = '1.10'").sets) == ["old"]
    assert list(read("[tool.envguard.versions]").sets) == []


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("tool = 1", "[tool]: expected a table, got 1", ""),
        ("tool.envguard = 'x'", "[tool.envguard]: expected a table, got 'x'", ""),
        (
            "[tool.envguard]\ninstal = []",
            "[tool.envguard]: no key is named `instal`",
            f"did you mean `install`? known: {ALL}",
        ),
        (
            "[tool.envguard]\naudit_fail = 'any'",
            "[tool.envguard]: no key is named `audit_fail`",
            f"did you mean `audit-fail`? known: {ALL}",
        ),
        (
            "[tool.envguard]\ninstall = '.'",
            '[tool.envguard]: `install`: expected a list such as `[".[test]", "-r requirements.txt", "--group test"]`, got \'.\'',
            "",
        ),
        (
            "[tool.envguard]\ninstall = ['.', ' ']",
            '[tool.envguard]: `install`: expected a list such as `[".[test]", "-r requirements.txt", "--group test"]`, got [\'.\', \' \']',
            "",
        ),
        (
            "[tool.envguard]\npreflight = 'error'",
            "[tool.envguard]: `preflight`: expected one of warn, fail, off, got 'error'",
            "",
        ),
        (
            "[tool.envguard]\npreflight = true",
            "[tool.envguard]: `preflight`: expected one of warn, fail, off, got True",
            "",
        ),
        ("[tool.envguard]\naudit = 1", "[tool.envguard]: `audit`: expected true or false, got 1", ""),
        (
            "[tool.envguard]\naudit-fail = 'all'",
            "[tool.envguard]: `audit-fail`: expected one of never, fixable, any, got 'all'",
            "",
        ),
        (
            "[tool.envguard]\naudit-service = 'OSV'",
            "[tool.envguard]: `audit-service`: expected one of pypi, osv, got 'OSV'",
            "",
        ),
        (
            "[tool.envguard]\naudit-service = 'osv'\naudit-url = 'localhost:80'",
            "[tool.envguard]: `audit-url`: expected an address such as `https://api.osv.dev/v1/query`, got 'localhost:80'",
            "",
        ),
        (
            "[tool.envguard]\naudit-url = ''",
            "[tool.envguard]: `audit-url`: expected an address such as `https://api.osv.dev/v1/query`, got ''",
            "",
        ),
        (
            "[tool.envguard]\naudit-url = 'http://localhost'",
            "[tool.envguard]: `audit-url` is the address of an OSV service, but `audit-service` is `pypi`",
            'write `audit-service = "osv"`, or leave `audit-url` out',
        ),
        (
            "[tool.envguard]\naudit-ignore = ['CVE-1']",
            "[tool.envguard]: `audit-ignore`: expected a list of tables, got ['CVE-1']",
            'for example `audit-ignore = [{id = "GHSA-…", until = 2027-01-01, reason = "…"}]`',
        ),
        (
            "[tool.envguard]\naudit-ignore = [{id = 'CVE-1'}]",
            "[tool.envguard]: `audit-ignore`, entry 1: `reason` is missing",
            "give why it doesn't count, in words",
        ),
        (
            "[tool.envguard]\naudit-ignore = [{id = 'CVE-1', reason = ' '}]",
            "[tool.envguard]: `audit-ignore`, entry 1: `reason`: expected why it doesn't count, in words, got ' '",
            "",
        ),
        (
            "[tool.envguard]\naudit-ignore = [{reason = 'x'}]",
            "[tool.envguard]: `audit-ignore`, entry 1: `id` is missing",
            "give an advisory's id such as `GHSA-…`",
        ),
        (
            "[tool.envguard]\naudit-ignore = [{id = 'CVE-1', reason = 'x', untill = 2027-01-01}]",
            "[tool.envguard]: `audit-ignore`, entry 1: no key is named `untill`",
            "did you mean `until`? known: id, reason, until",
        ),
        (
            "[tool.envguard]\naudit-ignore = [{id = 'CVE-1', reason = 'x', until = 2027}]",
            "[tool.envguard]: `audit-ignore`, entry 1: `until`: expected a date such as 2027-01-01, got 2027",
            "",
        ),
        (
            "[tool.envguard]\naudit-ignore = [{id = 'CVE-1', reason = 'x'}, {id = 'CVE-1', reason = 'y'}]",
            "[tool.envguard]: `audit-ignore`, entry 2: `CVE-1` is there twice",
            "leave one of them out",
        ),
        ("[tool.envguard]\nversions = ['six']", "[tool.envguard.versions]: expected a table, got ['six']", ""),
        (
            "[tool.envguard.versions]\nstrategy = 'all'\n[tool.envguard.versions.old]\nsix = '1'",
            "[tool.envguard.versions]: has no axis",
            'for example `litellm = ["1.53.9", "latest"]`',
        ),
        (
            "[tool.envguard.versions.old]\nsix = 'x'",
            "[tool.envguard.versions.old]: `six`: expected a version such as 1.53.9, `latest` or `lowest`, got 'x'",
            "",
        ),
        (
            "[tool.envguard.versions.default]\nsix = '1'",
            "[tool.envguard.versions]: a set can't be named `default`",
            "it is the name of [tool.envguard.versions] itself",
        ),
        (
            "[tool.envguard.versions.'a=b']\nsix = '1'",
            "[tool.envguard.versions]: a set's name has no operators and no spaces, got 'a=b'",
            "",
        ),
    ],
)
def test_mistakes_in_the_table(read: Read, project: Path, text: str, message: str, hint: str) -> None:
    """Each says file, table and key, what was expected, and what stands there."""
    with pytest.raises(EnvguardError) as caught:
        read(text)
    assert (caught.value.message, caught.value.hint) == (f"{project}: {message}", hint)


def test_a_file_that_is_no_toml_says_where(read: Read) -> None:
    """The line and column of the mistake are in the message."""
    with pytest.raises(EnvguardError, match=r"not valid TOML: .*line 2"):
        read("[tool.envguard]\naudit = ?")


def test_knowledge_is_found_from_the_project_s_folder(read: Read, project: Path) -> None:
    """Paths as the file has them, each of a file that is there; what's in them is read elsewhere."""
    (project.parent / "rules").mkdir()
    (project.parent / "rules" / "ours.toml").write_text("anything")
    assert read("[tool.envguard]\nknowledge = ['rules/ours.toml']").knowledge == (project.parent / "rules/ours.toml",)
    assert read("[tool.envguard]\nknowledge = []").knowledge == read("[tool.envguard]").knowledge == ()
    for value, reason in (
        ("'ours.toml'", "expected a list of paths such as "),
        ("['ours.toml']", "`ours.toml` isn't there: "),
    ):
        with pytest.raises(EnvguardError) as caught:
            read(f"[tool.envguard]\nknowledge = {value}")
        assert caught.value.message.startswith(f"{project}: [tool.envguard]: `knowledge`: {reason}")
