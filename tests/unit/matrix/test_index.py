"""A cell gets its packages from where pip gets them, unless uv has settings of its own."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from pytest_envguard.errors import EnvguardError
from pytest_envguard.matrix.index import read_pip, translate, uv_settings
from pytest_envguard.matrix.uv import Uv, UvError, find
from tests.unit.matrix import shelf


def words(pip: dict[str, str], environ: dict[str, str] | None = None, keys: tuple[str, ...] = ()) -> dict[str, str]:
    """Return the variables that pip's settings become."""
    return dict(translate(pip, environ or {}, keys, "/here").environ)


def test_indexes_become_uvs() -> None:
    """pip compares all of its indexes, uv only does when it's told."""
    pip = {
        "index-url": "https://a/simple",
        "extra-index-url": "https://b/simple\nfile:///c",
        "find-links": "/d e https://f",
    }
    assert words(pip) == {
        "UV_DEFAULT_INDEX": "https://a/simple",
        "UV_INDEX": "https://b/simple file:///c",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_FIND_LINKS": "/d,/here/e,https://f",
    }


def test_no_index_is_a_flag() -> None:
    """uv has no variable for it."""
    assert translate({"no-index": "true", "find-links": "w"}, {}, (), "/here").flags == ("--no-index",)
    assert translate({"no-index": "0"}, {}, (), "/here").flags == ()


def test_everything_else_that_uv_knows() -> None:
    """What has no counterpart, such as a log file, is left out."""
    pip = {
        "constraint": "c.txt /d.txt",
        "cert": "/ca.pem",
        "pre": "1",
        "trusted-host": "a b:8080",
        "proxy": "http://p:1",
        "timeout": "30.5",
        "keyring-provider": "import",
        "log": "/tmp/log",
        "retries": "7",
    }
    assert words(pip) == {
        "UV_CONSTRAINT": "/here/c.txt /d.txt",
        "SSL_CERT_FILE": "/ca.pem",
        "UV_PRERELEASE": "allow",
        "UV_INSECURE_HOST": "a b:8080",
        "ALL_PROXY": "http://p:1",
        "UV_HTTP_TIMEOUT": "30",
        "UV_HTTP_RETRIES": "7",
    }


@pytest.mark.parametrize(
    ("pip", "expected"),
    [
        ({"only-binary": ":all:"}, {"UV_NO_BUILD": "1"}),
        ({"only-binary": "six, regex"}, {"UV_NO_BUILD_PACKAGE": "six regex"}),
        ({"no-binary": ":all:,:none:,six"}, {"UV_NO_BINARY_PACKAGE": "six"}),
        ({"no-binary": ":none:"}, {}),
    ],
)
def test_formats_are_read_from_left_to_right(pip: dict[str, str], expected: dict[str, str]) -> None:
    """As pip does, with `:all:` and `:none:` among the names."""
    assert words(pip) == expected


def test_indexes_of_uvs_own_mean_that_pips_are_not_meant() -> None:
    """Not one of them: a mixture is neither pip's answer nor uv's."""
    pip = {"index-url": "https://a/simple", "find-links": "/d", "cert": "/ca.pem"}
    assert words(pip, {"UV_INDEX": "https://mine"}) == {"SSL_CERT_FILE": "/ca.pem"}
    assert words(pip, keys=("index",)) == {"SSL_CERT_FILE": "/ca.pem"}


def test_a_variable_that_is_set_stays() -> None:
    """Whoever says it to uv means it."""
    assert words({"cert": "/ca.pem", "pre": "yes"}, {"SSL_CERT_FILE": "/mine.pem"}, ("prerelease",)) == {}


def test_pips_files_are_read_in_its_order(tmp_path: Path) -> None:
    """Later files win, `[install]` wins over `[global]` wherever it stands, variables win over both."""
    home, prefix, named = tmp_path / "home", tmp_path / "venv", tmp_path / "named.conf"
    (home / ".config" / "pip").mkdir(parents=True)
    (home / ".pip").mkdir()
    prefix.mkdir()
    (home / ".pip" / "pip.conf").write_text("[global]\nindex-url = https://legacy\n[install]\nfind_links = /a\n")
    (home / ".config" / "pip" / "pip.conf").write_text(
        "[global]\nindex-url = https://user\nfind-links = /b\ncert = /user\n"
    )
    (prefix / "pip.conf").write_text("[global]\ntimeout = 5\n[freeze]\ntimeout = 6\n")
    named.write_text("[global]\ncert = /named\n")
    environ = {
        "HOME": str(home),
        "XDG_CONFIG_DIRS": str(tmp_path),
        "PIP_CONFIG_FILE": str(named),
        "PIP_PRE": "1",
        "PIP_CERT": "",
    }
    found = read_pip(environ, str(prefix))
    expected = {"index-url": "https://user", "find-links": "/a", "cert": "/named", "timeout": "5", "pre": "1"}
    assert {key: found[key] for key in expected} == expected


def test_a_null_file_means_no_files(tmp_path: Path) -> None:
    """As pip documents it."""
    (tmp_path / "pip.conf").write_text("[global]\ntimeout = 5\n")
    assert read_pip({"PIP_CONFIG_FILE": os.devnull, "PIP_RETRIES": "2"}, str(tmp_path)) == {
        "config-file": os.devnull,
        "retries": "2",
    }


def test_a_file_that_pip_could_not_read_either_is_named(tmp_path: Path) -> None:
    """Nothing would be worse than packages from somewhere else."""
    (tmp_path / "pip.conf").write_text("index-url = x\n")
    with pytest.raises(EnvguardError, match=r"pip\.conf: pip's settings can't be read"):
        read_pip({"HOME": "/nowhere"}, str(tmp_path))


def test_uvs_own_files_are_found(tmp_path: Path) -> None:
    """The user's, and the nearest of the project's or above it."""
    home, project = tmp_path / "home", tmp_path / "work" / "project"
    (home / ".config" / "uv").mkdir(parents=True)
    project.mkdir(parents=True)
    (home / ".config" / "uv" / "uv.toml").write_text('offline = false\n[pip]\nfind-links = ["x"]\n')
    (project / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    (tmp_path / "work" / "pyproject.toml").write_text('[tool.uv]\nprerelease = "allow"\n')
    environ = {"HOME": str(home), "XDG_CONFIG_DIRS": str(tmp_path)}
    found = uv_settings(environ, project)
    assert {"offline", "find-links", "prerelease"} <= found.keys
    assert found.files == (str(home / ".config" / "uv" / "uv.toml"), str(tmp_path / "work" / "pyproject.toml"))
    assert not uv_settings({**environ, "UV_NO_CONFIG": "1"}, project).keys


@pytest.mark.parametrize("setting", ["extra-index-url", "find-links", "index-url"])
def test_uv_understands_what_pip_would(setting: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders and indexes on the disk too; of two indexes the newest release counts."""
    shelf.alone(monkeypatch, tmp_path)
    first, second = tmp_path / "first", tmp_path / "second"
    shelf.wheel(first, "apple", "1.0")
    shelf.wheel(second, "apple", "2.0")
    shelf.index(first)
    shelf.index(second)
    if setting == "find-links":
        pip = {"no-index": "1", "find-links": f"{first} {second}"}
    else:
        pip = {"index-url": (first / "simple").as_uri(), "extra-index-url": (second / "simple").as_uri()}
    if setting == "index-url":
        del pip["extra-index-url"]
    found = translate(pip, {}, (), str(tmp_path))
    uv = Uv(find(), {**os.environ, **found.environ}, tmp_path, found.flags)
    options = ("--no-header", "--no-annotate", "--quiet", "--python", sys.executable)
    assert uv.compile("apple\n", *options).strip() == ("apple==1.0" if setting == "index-url" else "apple==2.0")


def test_a_constraint_is_honoured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PIP_CONSTRAINT is how many a company says what may be used."""
    shelf.alone(monkeypatch, tmp_path)
    shelf.wheel(tmp_path, "apple", "1.0")
    shelf.wheel(tmp_path, "apple", "2.0")
    (tmp_path / "c.txt").write_text("apple<2\n")
    found = translate({"no-index": "1", "find-links": ".", "constraint": "c.txt"}, {}, (), str(tmp_path))
    uv = Uv(find(), {**os.environ, **found.environ}, Path("/"), found.flags)
    options = ("--no-header", "--no-annotate", "--quiet", "--python", sys.executable)
    assert uv.compile("apple\n", *options).strip() == "apple==1.0"
    with pytest.raises(UvError, match="unsatisfiable"):
        uv.compile("apple>1\n", *options)
