"""The form of the commands' arguments."""

from __future__ import annotations

import argparse
from typing import NoReturn, TypeAlias

from pytest_envguard.errors import EnvguardError


class Parser(argparse.ArgumentParser):
    """An argument parser whose mistakes are reported like all others."""

    def error(self, message: str) -> NoReturn:
        """Refuse what was given."""
        raise EnvguardError(message, f"see `{self.prog} --help`")


Commands: TypeAlias = "argparse._SubParsersAction[Parser]"  # noqa: SLF001  # it has no public name
