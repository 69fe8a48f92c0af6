"""A real environment with packages that don't fit together, and an advisory service."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.advisories import Advisories, Advisory, serving

BESIDE = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))


@pytest.fixture(scope="session")
def uv() -> str:
    found = shutil.which("uv", path=BESIDE)
    if not found:
        pytest.skip("uv isn't installed")
    return found


@pytest.fixture(scope="session")
def site_packages(tmp_path_factory: pytest.TempPathFactory, uv: str) -> str:
    """The site-packages of an environment: requests without three of its requirements, and with a fourth that's too old."""
    folder = tmp_path_factory.mktemp("packages")
    project = folder / "mine"
    project.mkdir()
    (project / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
        '[project]\nname = "mine"\nversion = "0.1"\ndependencies = ["six>=1.16"]\n'
    )
    (project / "mine.py").write_text("")
    venv, python = folder / "venv", folder / "venv/bin/python"
    subprocess.run([uv, "venv", "-q", "--python", sys.executable, str(venv)], check=True)
    packages = ["requests==2.31.0", "urllib3==1.20", "six==1.16.0"]
    install = [uv, "pip", "install", "-q", "--python", str(python), "--no-deps"]
    subprocess.run([*install, "--compile-bytecode", *packages], check=True)
    subprocess.run([*install, "-e", str(project)], check=True)
    (found,) = venv.glob("lib/python3*/site-packages")
    return str(found)


@pytest.fixture
def service() -> Iterator[Advisories]:
    with serving(
        Advisory("GHSA-jjg7-2v4v-x38h", "idna", ("3.6",), "3.7", ("CVE-2024-3651",), "Slow. Very slow."),
        Advisory("PYSEC-2020-1", "six", ("1.15.0",), aliases=("CVE-2020-1",)),
    ) as running:
        yield running
