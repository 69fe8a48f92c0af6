"""The fixture `fake_environment`: what a test calls, and what it gets."""

from __future__ import annotations

import os
import posixpath
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import pytest

from pytest_envguard.errors import EnvguardError
from pytest_envguard.fake.layout import absolute, make_layout, refuse_unshown
from pytest_envguard.model.profile import Profile
from pytest_envguard.prepare import planner

if TYPE_CHECKING:
    from pyfakefs.fake_filesystem import FakeFilesystem

    from pytest_envguard.fake.system import FakeSystem

__tracebackhide__ = True
_WHERE = "`fake_environment`"


class FakeEnvironment:
    """A deployment's layout, active until the test ends.

    Attributes:
        name: The selection that it was made from.
        profile: All that is known of the environment; the fake shows its files, identity and variables.
        fs: pyfakefs's own interface, for what isn't here.
        task: Folder of the deployed code (`/var/task`), or None where the profile knows of none.
        home: HOME, or None where it isn't set.
        tmp: `/tmp`.
    """

    def __init__(self, profile: Profile, system: FakeSystem) -> None:
        self.name = profile.name
        self.profile = profile
        self.fs: FakeFilesystem = system.fs
        layout = system.layout
        self.task = system.path(layout.project) if layout.project else None
        self.home = system.path(layout.home) if layout.home is not None else None
        self.tmp = system.path("/tmp")
        self._system = system

    def add(self, real: str | os.PathLike[str], target: str | os.PathLike[str] | None = None) -> Path:
        """Show a real file or folder in the layout: read when it's asked for, and never written to.

        It belongs to root and has the mode of the real one. A folder that is there already gets the real one's
        contents besides its own.

        Args:
            real: In the real file system; relative to the folder that pytest runs in.
            target: In the layout; by default under its own name in the working folder.

        Returns:
            Where it is shown.

        Raises:
            EnvguardError: Nothing real is there, or something is in the way.
        """
        source = os.fspath(real)
        # On Windows too, where a path that was made while this is active has Linux's separators.
        name = re.split(r"[/\\]", source.rstrip("/\\"))[-1]
        place = self._place(name if target is None else os.fspath(target))
        try:
            with self._system.unlocked():
                self._system.show(source, place)
        except OSError as error:
            raise EnvguardError(f"{_WHERE}: {source} cannot be shown at {place}: {error}") from None
        return self._system.path(place)

    def write(self, target: str | os.PathLike[str], contents: str | bytes = "", mode: int = 0o644) -> Path:
        """Make a file of the deployment, wherever it lies, with the folders above it; it belongs to root.

        Args:
            target: In the layout, relative to its working folder.
            contents: Text is written as UTF-8.
            mode: Its permissions.

        Returns:
            Where it is.

        Raises:
            OSError: ENOSPC where it doesn't fit, EISDIR where a folder is.
        """
        place = self._place(os.fspath(target))
        data = contents.encode() if isinstance(contents, str) else contents
        with self._system.unlocked():
            self._system.make_folder(posixpath.dirname(place))
            file = self.fs.get_object(place) if self.fs.exists(place) else self.fs.create_file(place)
            file.set_contents(data)
            self.fs.chmod(place, mode)
        return self._system.path(place)

    @contextmanager
    def writable(self) -> Iterator[None]:
        """Prepare files by any means: within it the process is root, and nothing is read-only."""
        with self._system.unlocked():
            yield

    def _place(self, text: str) -> str:
        return absolute(text, self.fs.cwd)


class FakeEnvironments:
    """What the fixture `fake_environment` hands out: call it to enter an environment, once in a test."""

    def __init__(self, request: pytest.FixtureRequest, patch: pytest.MonkeyPatch) -> None:
        self._config = request.config
        self._patch = patch
        self._active: FakeEnvironment | None = None
        self._system: FakeSystem | None = None

    def __enter__(self) -> FakeEnvironments:  # noqa: PYI034  # `Self` came with Python 3.11
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._system is not None:
            self._system.stop()

    def __call__(self, selection: str, **changes: Any) -> FakeEnvironment:
        """Enter the environment that ``selection`` names, with some dimensions changed.

        Args:
            selection: As for ``--envguard``, but one: "lambda", "lambda+offline".
            changes: Dimension to value: ``tmp_size="1M"``.

        Raises:
            EnvguardError: A mistake in the arguments, a second environment, or pyfakefs is missing.
        """
        try:
            return self._enter(selection, changes)
        except EnvguardError as error:
            raise error.with_traceback(None) from None  # where it was found is nothing to a user

    def _enter(self, selection: str, changes: dict[str, Any]) -> FakeEnvironment:
        if self._active is not None:
            raise EnvguardError(
                f"{_WHERE}: `{self._active.name}` is active in this test already",
                "a test is in one environment at a time: write one test for each, or parametrize it",
            )
        profile = planner(self._config).profile(selection, changes, _WHERE)
        refuse_unshown({*changes, *re.findall(r":([a-z_]+)=", selection)}, _WHERE)
        layout = make_layout(profile, sys.version_info[:2], os.environ.get("HOME"))
        try:
            from pytest_envguard.fake.system import FakeSystem
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] != "pyfakefs":
                raise
            raise EnvguardError(
                f"{_WHERE} needs pyfakefs, which isn't installed", "run `pip install 'pytest-envguard[fake]'`"
            ) from None
        self._system = FakeSystem(layout, self._patch)
        self._active = FakeEnvironment(profile, self._system)
        return self._active
