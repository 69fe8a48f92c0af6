"""Who owns the files, seen from inside: exact as root and with subordinate ids, approximated and said otherwise."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import plain_environment

SHOWS = "import os; print(os.getuid(), os.getgid(), os.stat('.').st_uid == os.getuid(), os.getgroups())"

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="changes to an ordinary user, which only root can")


def _closed(path: Path) -> Path | None:
    """Return the outermost folder on the way to ``path`` that others may not search (`/root`, tox's own `.tox`)."""
    return next((folder for folder in reversed(path.parents) if not folder.stat().st_mode & 0o001), None)


def _as_user(folder: Path, prepare: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run ``words`` as uid 1000, after ``prepare`` in a mount namespace of its own.

    The interpreter may lie where only root may go (/root): the way is opened by a tmpfs, with what is needed bound into it.
    """
    needed = {sys.base_prefix, sys.prefix, str(Path(__file__).parents[2])}
    opened = {str(shut) for path in needed if (shut := _closed(Path(path)))}
    lines = ["set -e", prepare]
    for closed in opened:
        inside = [path for path in needed if path.startswith(closed + "/")]
        lines += [
            f"mkdir -p {folder}/hold{index}; mount --bind {path} {folder}/hold{index}"
            for index, path in enumerate(inside)
        ]
        lines += [f"mount -t tmpfs -o mode=711 tmpfs {closed}"]
        lines += [f"mkdir -p {path}; mount --move {folder}/hold{index} {path}" for index, path in enumerate(inside)]
    lines.append(f'cd {folder}; exec setpriv --reuid 1000 --regid 1000 --clear-groups env HOME={folder} "$@"')
    return subprocess.run(
        ["unshare", "--mount", "--propagation", "private", "sh", "-c", "\n".join(lines), "sh", *words],
        env=plain_environment(),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def folder() -> Path:
    """A folder of uid 1000 outside of /tmp, which pytest's own are not."""
    place = Path(f"/var/tmp/envguard-ownership-{os.getpid()}")
    place.mkdir(mode=0o755)
    os.chown(place, 1000, 1000)
    yield place  # type: ignore[misc]
    shutil.rmtree(place)


RUN = [sys.executable, "-m", "pytest_envguard", "run", "-q"]


def test_an_ordinary_user_owns_its_files_inside(folder: Path) -> None:
    """With a plain user namespace the project looks like the process's own, and the header says so."""
    found = _as_user(folder, "", *RUN, "lambda", "--", sys.executable, "-c", SHOWS)
    said = _as_user(folder, "", sys.executable, "-m", "pytest_envguard", "run", "lambda", "--", "true")

    assert found.stdout.startswith("993 990 True "), found
    assert "approximated: ownership: your files look like the process's own" in said.stderr


@pytest.mark.skipif(not (shutil.which("newuidmap") and shutil.which("newgidmap")), reason="newuidmap is not installed")
@pytest.mark.skipif(not os.path.exists("/etc/subuid"), reason="there is no /etc/subuid to put ids into")
@pytest.mark.parametrize(("profile", "ids"), [("lambda", "993 990"), ("openshift", "1000680000 0")])
def test_subordinate_ids_make_ownership_exact(folder: Path, profile: str, ids: str) -> None:
    """With newuidmap the process is somebody else than the owner of the project, without supplementary groups."""
    (folder / "ids").write_text("1000:300000:65536\n")
    prepare = f"mount --bind {folder}/ids /etc/subuid; mount --bind {folder}/ids /etc/subgid"

    found = _as_user(folder, prepare, *RUN, profile, "--", sys.executable, "-c", SHOWS)
    said = _as_user(folder, prepare, sys.executable, "-m", "pytest_envguard", "run", profile, "--", "true")

    assert found.stdout == f"{ids} False []\n", found
    assert "ownership" not in said.stderr


def test_root_becomes_the_uid_and_keeps_the_files(folder: Path) -> None:
    """As root the process really has the profile's uid, and the files stay their owner's."""
    found = subprocess.run(
        [*RUN, "lambda", "--", sys.executable, "-c", SHOWS],
        cwd=folder,
        env=plain_environment(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert found.stdout == "993 990 False []\n", found
