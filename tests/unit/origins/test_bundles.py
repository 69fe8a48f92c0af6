"""Where clients' certificates lie."""

from __future__ import annotations

from pathlib import Path

import certifi

from pytest_envguard.origins import bundles


def touch(folder: Path, *paths: str) -> list[str]:
    """Make files; return their paths."""
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text("x")
    return [str(folder / path) for path in paths]


def test_bundles_of_packages(tmp_path: Path) -> None:
    """In a folder that Python imports from, and in those of a virtual environment; each once."""
    flat = touch(tmp_path, "site/certifi/cacert.pem", "site/botocore/cacert.pem", "site/other/cacert.pem")[:2]
    (deep,) = touch(tmp_path, "venv/lib/python3.12/site-packages/pip/_vendor/certifi/cacert.pem")
    (tmp_path / "again").symlink_to("site")
    found = bundles.find([str(tmp_path / name) for name in ("site", "venv", "again", "missing")])
    assert [path for path in found if path.startswith(str(tmp_path))] == [*flat, deep]


def test_the_interpreter_s_own(tmp_path: Path) -> None:
    """Certifi's file is found where Python finds it; a file of ours is there in any case, as the last."""
    found = bundles.find([str(Path(certifi.__file__).parents[1])])
    assert certifi.where() in found
    assert bundles.find([str(tmp_path)])[-1] == bundles.OWN and Path(bundles.OWN).is_file()


def test_beside_a_program(tmp_path: Path) -> None:
    """A venv's interpreter anywhere in a command brings its packages along; other words and programs don't."""
    bundle, python = touch(tmp_path, "venv/lib/python3.9/site-packages/certifi/cacert.pem", "venv/bin/python")
    assert bundles.beside(["env", "A=b", python, "-c", "pass"]) == [bundle]
    assert bundles.beside(["python", str(tmp_path / "venv" / "bin" / "missing"), ""]) == []
    assert bundles.beside([]) == []


def test_folders_on_path() -> None:
    """Each that is named `bin` belongs to what lies above it."""
    assert bundles.on_path("/a/bin:/usr/local/sbin:bin::/b/bin/") == ["/a", "/b"]
