"""`envguard cuda`: whether torch's build, NVIDIA's driver and the cards fit each other."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from pytest_envguard.commands.parser import Commands
from pytest_envguard.errors import EnvguardError

if TYPE_CHECKING:
    from pytest_envguard.packages.cuda import Driver, Said, Torch

_EXAMPLES = """\
examples:
  envguard cuda                                      the torch beside this command
  envguard cuda --python /app/venv/bin/python --gpu  another one, where a card must be usable
  envguard run container -- envguard cuda            as a process in the container sees it

Ends with 1 if something doesn't fit, with --gpu also if there is no driver or no card.
"""
_LONGEST = 20.0  # seconds that an interpreter may take to say where it looks for modules
_FAMILY = ("nvidia-", "cuda-", "torch", "triton")
_MARKS = {"fits": "ok ", "note": "~  ", "problem": "NO "}


def add(commands: Commands) -> None:
    """Declare the command."""
    cuda = commands.add_parser(
        "cuda",
        help="whether torch's CUDA build, NVIDIA's driver and the cards fit each other, without importing torch",
        description="Compare what torch was built with and compiled for (read from its files), the wheels that go with it,\n"
        "NVIDIA's driver and the cards (asked of libcuda.so.1). Nothing of torch is imported, and nothing runs\n"
        "on a card.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    cuda.add_argument("--python", metavar="PYTHON", help="the interpreter whose packages are meant (default: this one)")
    cuda.add_argument("--gpu", action="store_true", help="a card is meant to be used: that there is none is a problem")
    cuda.add_argument("--json", action="store_true", help="for programs")
    cuda.set_defaults(action=_cuda)


class _Packages(NamedTuple):
    """What is said of an interpreter's packages.

    Attributes:
        nvidia: How many of NVIDIA's there are.
        problems: What doesn't fit, in sentences.
    """

    nvidia: int
    problems: tuple[str, ...]


def _cuda(options: argparse.Namespace) -> int:
    from pytest_envguard.packages.cuda import PROBLEM, Said, judge
    from pytest_envguard.packages.driver import read_driver
    from pytest_envguard.packages.torch_build import torch_on

    path, version = _interpreter(options.python) if options.python else (sys.path, _own_version())
    torch = torch_on(path)
    if torch is None or not torch.version:
        where = options.python or sys.executable
        what = "torch isn't installed for" if torch is None else "torch/version.py can't be read for"
        raise EnvguardError(f"{what} {where}", "name the interpreter that has it: `envguard cuda --python PYTHON`")
    driver, packages = read_driver(), _packages(path, version)
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    said = (
        *judge(torch, driver, wanted=options.gpu, visible=visible),
        *(Said(PROBLEM, text) for text in packages.problems),
    )
    print(_as_json(torch, driver, said) if options.json else _as_text(torch, driver, packages, said))
    return 1 if any(one.level == PROBLEM for one in said) else 0


def _own_version() -> str:
    return ".".join(map(str, sys.version_info[:3]))


def _interpreter(python: str) -> tuple[list[str], str]:
    """Return another interpreter's search path, and its version."""
    import json

    program = "import json, sys; print(json.dumps([sys.path[1:], '%d.%d.%d' % sys.version_info[:3]]))"
    try:
        ended = subprocess.run([python, "-c", program], capture_output=True, timeout=_LONGEST, check=True, text=True)
        path, version = json.loads(ended.stdout.splitlines()[-1])
    except (OSError, subprocess.SubprocessError, ValueError, IndexError) as error:
        why = getattr(error, "strerror", None) or f"{type(error).__name__}"
        raise EnvguardError(
            f"`--python`: {python} does not say where it looks for packages: {why}", "name a Python interpreter"
        ) from None
    return list(path), str(version)


def _packages(path: Sequence[str], version: str) -> _Packages:
    from pytest_envguard.model.finding import MISSING
    from pytest_envguard.packages.installed import installed
    from pytest_envguard.packages.preflight import contradictions
    from pytest_envguard.packages.torch_build import overwriting

    found = installed(path, sizes=False)
    wrong = [one for one in contradictions(found, version) if one.by == "torch" and one.package.startswith(_FAMILY)]
    problems = [str(one) for one in wrong if one.kind != MISSING]
    if missing := [one.package for one in wrong if one.kind == MISSING]:
        problems.append(f"torch needs {', '.join(missing)}: not installed")
    for (first, second), files in overwriting(path).items():
        problems.append(
            f"{first} and {second} have overwritten each other's files: {files} libraries of the same names"
        )
    return _Packages(sum(one.name.startswith("nvidia-") for one in found), tuple(problems))


def _as_text(torch: Torch, driver: Driver, packages: _Packages, said: Iterable[Said]) -> str:
    from pytest_envguard.packages.cuda import dotted

    built = f"CUDA {dotted(torch.cuda)}" if torch.cuda else torch.other or "the processor alone"
    targets = f", compiled for {' '.join(torch.targets)}" if torch.targets else ""
    cards = [f"{card.name} ({dotted(card.capability)})" for card in driver.cards]
    knows = f"CUDA {dotted(driver.cuda)}" if driver.cuda else "no library"
    lines = [
        f"torch    {torch.version} for {built}{targets}",
        f"         {torch.place}",
        f"wheels   {packages.nvidia} of NVIDIA's",
        f"driver   {driver.module or 'no kernel module seen'}, {knows}",
        f"cards    {', '.join(cards) or 'none'}",
        "",
    ]
    for one in said:
        lines.append(f"  {_MARKS[one.level]} {one.text}")
        if one.hint:
            lines.append(f"        {one.hint}")
    return "\n".join(map(_printable, lines))


def _printable(line: str) -> str:
    """Escape what a terminal would obey: names come from drivers and files."""
    return line if line.isprintable() else line.encode("unicode_escape").decode("ascii")


def _as_json(torch: Torch, driver: Driver, said: Iterable[Said]) -> str:
    import json

    from pytest_envguard.packages.cuda import dotted

    facts = {
        "torch": {
            "version": torch.version,
            "cuda": dotted(torch.cuda) if torch.cuda else None,
            "other": torch.other,
            "compiled_for": list(torch.targets),
            "folder": torch.place,
        },
        "driver": {
            "missing": driver.missing,
            "module": driver.module,
            "cuda": dotted(driver.cuda) if driver.cuda else None,
            "error": driver.error_name or driver.error or None,
            "cards": [{"name": card.name, "capability": dotted(card.capability)} for card in driver.cards],
        },
        "said": [one._asdict() for one in said],
    }
    return json.dumps(facts, indent=1)
