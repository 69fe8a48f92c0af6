"""Where the machine can't enforce an environment, the run is refused: never a weaker run that looks the same."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import plain_environment

FORBID = str(Path(__file__).with_name("forbid.py"))


def _run(project: Path, place: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, FORBID, place, sys.executable, "-m", *words],
        cwd=project,
        env=plain_environment(),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("place", "answer", "mend"),
    [
        ("docker", "user namespace: unshare(0x10000000): Operation not permitted", "--security-opt seccomp=unconfined"),
        ("quota", "user namespace: unshare(0x10000000): No space left on device", "sysctl -w user.max_user_namespaces"),
    ],
)
def test_an_environment_that_is_forbidden_is_refused(project: Path, place: str, answer: str, mend: str) -> None:
    """Exit code 4 names each dimension, the kernel's own answer, and what mends it; no test runs."""
    (project / "test_app.py").write_text("open('ran.txt', 'w')\ndef test_ok():\n    pass\n")

    found = _run(project, place, "pytest", "--envguard=lambda")

    assert found.returncode == 4, found
    assert "`lambda` cannot be enforced here to the fidelity `exact`:" in found.stderr
    assert f"  root (read-only root): {answer}" in found.stderr
    assert f"  tmp (/tmp 512 MiB): {answer}" in found.stderr
    assert mend in found.stderr
    assert "Traceback" not in found.stderr
    assert not (project / "ran.txt").exists()


@pytest.mark.parametrize("place", ["docker", "quota"])
def test_the_doctor_says_what_is_forbidden(project: Path, place: str) -> None:
    """`envguard doctor` lists the facility that failed with the kernel's answer, and exits with 1."""
    found = _run(project, place, "pytest_envguard", "doctor")

    assert found.returncode == 1, found
    assert "  NO  user namespace: unshare(0x10000000): " in found.stdout
    assert "  NO  lambda: " in found.stdout
    assert "  ok  host" in found.stdout
    assert "to mend: " in found.stdout


def test_plain_runs_and_the_host_work_where_namespaces_are_forbidden(project: Path) -> None:
    """The host environment restricts nothing, so it needs nothing."""
    (project / "test_app.py").write_text("def test_ok():\n    pass\n")

    found = _run(project, "docker", "pytest", "--envguard=host")

    assert found.returncode == 0, found
    assert "1 passed" in found.stdout
