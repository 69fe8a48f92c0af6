"""The fixture's value: from what a test asks for to a report."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_envguard.errors import EnvguardError, nearest
from pytest_envguard.model.dimensions import DIMENSIONS
from pytest_envguard.model.profile import is_time
from pytest_envguard.modelfolder.checking import Asked, check
from pytest_envguard.modelfolder.loading import Wanted
from pytest_envguard.modelfolder.place import OfTest
from pytest_envguard.modelfolder.result import Report

_WHERE = "`model_folder`"
_OWN_WORDS = (
    *("profile", "load", "load_model", "trust_remote_code", "allow_pickle", "tolerance", "manifest"),
    *("hashes", "timeout"),
)


class ModelFolders:
    """Checks model folders; see the fixture ``model_folder``."""

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self._config = request.config

    def __repr__(self) -> str:
        return "model_folder"  # what an assertion that failed shows

    def __call__(
        self,
        folder: str | Path,
        *,
        profile: str | None = None,
        load: bool = True,
        load_model: bool = False,
        trust_remote_code: bool = False,
        allow_pickle: bool = False,
        tolerance: int = 0,
        manifest: str | Path | None = None,
        hashes: bool = False,
        timeout: float = 120.0,
        **dimensions: object,
    ) -> Report:
        """Check a model folder and return what was found.

        Args:
            folder: The folder; a relative one begins where pytest was started.
            profile: Environment that it's loaded in, such as "lambda"; its network is cut. Left out: wherever the test runs.
            load: Whether the tokenizer is loaded, or only the files are looked at.
            load_model: Whether the model is loaded too, and run once; needs torch.
            trust_remote_code: Whether the folder's own code may be executed, in there.
            allow_pickle: Whether weights may be read from pickles, which can execute code.
            tolerance: Code points that may differ when a text is encoded and decoded again.
            manifest: File with the SHA-256 of all files, as `envguard model --write-manifest` writes it.
            hashes: Whether files are compared with what a hub's client has noted of them.
            timeout: Seconds, after which loading is killed.
            dimensions: Dimensions of the environment to change, such as ``memory="1024M"``.

        Raises:
            EnvguardError: A mistake in what was asked for, or an environment that this machine can't enforce.
        """
        __tracebackhide__ = True
        for name in dimensions:
            if name not in DIMENSIONS:
                raise EnvguardError(
                    f"{_WHERE}: no argument or dimension is named `{name}`", nearest(name, {*DIMENSIONS, *_OWN_WORDS})
                )
        if not is_time(timeout):
            raise EnvguardError(f"{_WHERE}: `timeout`: expected a number of seconds above zero, got {timeout!r}")
        wanted = Wanted(load_model, trust_remote_code, allow_pickle, timeout)
        asked = Asked(load or load_model, wanted, tolerance, Path(manifest) if manifest else None, hashes)
        place = OfTest(self._config, profile, dimensions, wanted, _WHERE)
        try:
            return check(folder, place, place.reader, asked)
        except EnvguardError as error:
            raise error.with_traceback(None) from None  # the test's own line is all that a user needs
