"""Whether a build of torch, NVIDIA's driver and the cards fit each other. Pure: `torch_build` and `driver` read.

Sources, read in 2026: docs.nvidia.com/deploy/cuda-compatibility (minor version compatibility: which driver a toolkit needs;
PTX needs the driver's own compiler to be as new), docs.nvidia.com/cuda/cuda-programming-guide (1.3, "The CUDA platform": a
cubin runs on cards of its major capability, of its minor one or later; PTX on all later ones).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from pytest_envguard.model.finding import CONFLICT, Finding
from pytest_envguard.packages.installed import Distribution

Version = tuple[int, ...]

FITS, NOTE, PROBLEM = "fits", "note", "problem"

# Toolkit's major version to the oldest driver (Linux) that runs any of its minor versions. Before 11 each minor version
# needs a driver of its own. The exact number is that of the toolkit's release notes, where they have one.
_OLDEST_DRIVER = {11: "450.80.02", 12: "525.60.13", 13: "580"}
_DRIVERS_OF_10 = {(10, 0): "410.48", (10, 1): "418.39", (10, 2): "440.33"}
_FIRST_FOR_BLACKWELL = (12, 8)  # pytorch issue 150733; older toolkits compile for nothing above 9.0
_LAST_BEFORE_TURING = (12, 9)  # pytorch issue 190385: CUDA 13 compiles for nothing below 7.5

_NO_DEVICE = 100  # CUDA_ERROR_NO_DEVICE (cuda.h)
_TOGETHER = ("torchvision", "torchaudio")


class Torch(NamedTuple):
    """A build of torch.

    Attributes:
        version: With its local part, such as "2.6.0+cu124".
        cuda: The CUDA version that it was built with; None for a build without.
        other: What it was built for instead, such as "ROCm 6.2"; "" for CUDA, or the processor alone.
        targets: What it has been compiled for: ("sm_50", …, "sm_90", "compute_90"); empty where that couldn't be read.
        place: The folder that it's installed in.
    """

    version: str
    cuda: Version | None
    other: str = ""
    targets: tuple[str, ...] = ()
    place: str = ""


class Card(NamedTuple):
    """A card, as the driver describes it.

    Attributes:
        name: Such as "NVIDIA GeForce RTX 5090".
        capability: Compute capability, such as (12, 0).
    """

    name: str
    capability: Version


class Driver(NamedTuple):
    """NVIDIA's driver, as far as there is one.

    Attributes:
        missing: Why its library can't be used; "" if it can.
        module: Version of the kernel's module, such as "550.54.14"; "" where there's none.
        cuda: The newest CUDA version that the library knows; None without a library.
        error: Number of the error that it can't begin with; 0 if it can.
        error_name: Such as "CUDA_ERROR_NO_DEVICE".
        cards: Those that a process here may use.
    """

    missing: str = ""
    module: str = ""
    cuda: Version | None = None
    error: int = 0
    error_name: str = ""
    cards: tuple[Card, ...] = ()


class Said(NamedTuple):
    """One thing that is said about the combination.

    Attributes:
        level: `FITS`, `NOTE` (worth knowing, or not known) or `PROBLEM`.
        text: A sentence without its full stop.
        hint: What to do; "" where there's nothing to do.
    """

    level: str
    text: str
    hint: str = ""


def dotted(version: Version) -> str:
    """Return a version as it's written."""
    return ".".join(map(str, version))


# -- wheels ------------------------------------------------------------------------------------------------------------


def cuda_of_tag(version: str) -> Version | None:
    """Return the CUDA version in a local version: (12, 4) of "2.6.0+cu124"; () of "+cpu"; None where it says nothing."""
    local = version.partition("+")[2]
    if local.startswith("cpu"):
        return ()
    match = re.match(r"cu(\d{1,2})(\d)(?!\d)", local)
    return (int(match[1]), int(match[2])) if match else None


def _cuda_of(one: Distribution) -> Version | None:
    """Return what a distribution was built with; one without a local version tells by NVIDIA's runtime that it requires."""
    tagged = cuda_of_tag(one.version)
    if tagged is not None:
        return tagged
    pattern = r"(?:nvidia-cuda-runtime(?:-cu\d+)?|cuda-toolkit)(?:\[[^]]*\])?\s*\(?==\s*(\d+)\.(\d+)"
    found = (re.match(pattern, requirement) for requirement in one.requires)
    return next(((int(match[1]), int(match[2])) for match in found if match), None)


def mismatched(distributions: Iterable[Distribution]) -> tuple[Finding, ...]:
    """Return which of torch's companions was built with another CUDA version than torch itself.

    torchvision refuses another major version, torchaudio any other (``_check_cuda_version`` in their ``extension.py`` and
    ``_extension/utils.py``); a build for the processor alone has none of the operators for cards, and can't load without
    torch's libraries for them.
    """
    known = {one.name: one for one in distributions}
    torch = known.get("torch")
    own = _cuda_of(torch) if torch else None
    if torch is None or own is None:
        return ()
    found = []
    for name in _TOGETHER:
        other = known.get(name)
        theirs = _cuda_of(other) if other else None
        if other and theirs is not None and not _alike(name, own, theirs):
            text = f"{name} {other.version} is built {_with(theirs)}, torch {torch.version} {_with(own)}"
            found.append(Finding(CONFLICT, name, text, "torch"))
    return tuple(found)


def _alike(name: str, own: Version, theirs: Version) -> bool:
    if not own or not theirs or name == "torchaudio":
        return own == theirs
    return own[0] == theirs[0]


def _with(cuda: Version) -> str:
    return f"with CUDA {dotted(cuda)}" if cuda else "for the processor alone"


# -- torch, driver, cards ----------------------------------------------------------------------------------------------


def judge(torch: Torch, driver: Driver, *, wanted: bool = False, visible: str | None = None) -> tuple[Said, ...]:
    """Return what is to be said of a combination.

    Args:
        torch: The build.
        driver: What is there of a driver.
        wanted: Whether somebody has said that a card is to be used.
        visible: CUDA_VISIBLE_DEVICES; None where it isn't set.
    """
    if torch.cuda is None:
        return (_without_cuda(torch, driver, wanted=wanted),)
    said = list(_driver(torch.cuda, driver, wanted=wanted))
    if visible is not None and visible.strip() in ("", "-1"):
        level = PROBLEM if wanted else NOTE
        said.append(Said(level, f"CUDA_VISIBLE_DEVICES={visible} hides every card", "unset it"))
    said += [_card(torch, card, driver) for card in driver.cards]
    return tuple(said)


def _without_cuda(torch: Torch, driver: Driver, *, wanted: bool) -> Said:
    built = f"is built for {torch.other}" if torch.other else "is built for the processor alone"
    text = f"torch {torch.version} {built}" + (", and there is a card" if driver.cards else "")
    index = "cu" + "".join(map(str, driver.cuda)) if driver.cuda else "cuXYZ"
    hint = (
        f"install a build with CUDA (up to {index}), from PyPI or with `--index-url https://download.pytorch.org/whl/…`"
    )
    if torch.other:
        return Said(PROBLEM if wanted else NOTE, text)
    if wanted or driver.cards:
        return Said(PROBLEM if wanted else NOTE, text, hint)
    return Said(NOTE, f"{text}: it needs neither driver nor card")


def _driver(cuda: Version, driver: Driver, *, wanted: bool) -> Iterable[Said]:
    """What is to be said of the driver, the most important first."""
    needs = f"a driver from {oldest_driver(cuda)} on is needed" if oldest_driver(cuda) else ""
    level = PROBLEM if wanted else NOTE
    if driver.cuda is None:
        if driver.module:
            yield Said(
                level,
                f"the kernel has NVIDIA's driver {driver.module}, and its library is not here: {driver.missing}",
                "a container gets it from NVIDIA's runtime: `docker run --gpus all …`",
            )
            if _older(driver.module, oldest_driver(cuda)):
                yield Said(PROBLEM, f"driver {driver.module} is too old for CUDA {dotted(cuda)}: {needs}")
        else:
            yield Said(level, f"no driver: {driver.missing}" + (f"; {needs}" if needs else ""))
        return
    yield _library(cuda, driver, needs)
    if driver.error:
        name = driver.error_name or f"error {driver.error}"
        what = "no card is there for this process" if driver.error == _NO_DEVICE else "the driver can't begin"
        yield Said(level, f"{what} ({name})", "the nodes /dev/nvidia* must be there and may be opened")
    elif not driver.cards:
        yield Said(level, "the driver shows no card to this process")


def _library(cuda: Version, driver: Driver, needs: str) -> Said:
    """Compare CUDA versions: newer drivers run older builds, and from 11 on older drivers those of the same major version."""
    assert driver.cuda is not None
    module = f" {driver.module}" if driver.module else ""
    knows = f"the driver{module} knows CUDA {dotted(driver.cuda)}"
    if driver.cuda >= cuda:
        return Said(FITS, f"{knows}, torch is built with {dotted(cuda)}")
    if driver.cuda[0] == cuda[0] >= 11 and not _older(driver.module, oldest_driver(cuda)):
        return Said(FITS, f"{knows}, torch is built with {dotted(cuda)}: within a major version that works")
    return Said(
        PROBLEM,
        f"{knows}, torch is built with {dotted(cuda)}",
        f"{needs or 'a newer driver is needed'}, or a build of torch with CUDA {dotted(driver.cuda)} or older",
    )


def _card(torch: Torch, card: Card, driver: Driver) -> Said:
    assert torch.cuda is not None
    name = f"{card.name} (compute capability {dotted(card.capability)})"
    if not torch.targets:
        return _by_toolkit(torch.cuda, card, name)
    if any(_runs_on(target, card.capability) for target in torch.targets):
        return Said(FITS, f"{name}: torch is compiled for it")
    listed = " ".join(torch.targets)
    if any(_compiles_for(target, card.capability) for target in torch.targets):
        if driver.cuda is not None and driver.cuda >= torch.cuda:
            return Said(
                NOTE, f"{name}: torch isn't compiled for it; the driver does it from PTX when a kernel first runs"
            )
        return Said(
            PROBLEM,
            f"{name}: torch isn't compiled for it, and the driver is too old to compile its PTX (CUDA {dotted(torch.cuda)})",
            "install a newer driver, or a build of torch that is compiled for the card",
        )
    return Said(PROBLEM, f"{name}: torch is compiled for {listed} only", _other_build(card.capability))


def _by_toolkit(cuda: Version, card: Card, name: str) -> Said:
    """What the CUDA version alone says, where nobody knows what this build was compiled for."""
    new = card.capability >= (10, 0) and cuda < _FIRST_FOR_BLACKWELL
    old = card.capability < (7, 5) and cuda > _LAST_BEFORE_TURING
    if new or old:
        return Said(PROBLEM, f"{name}: CUDA {dotted(cuda)} compiles nothing for it", _other_build(card.capability))
    return Said(NOTE, f"{name}: what torch is compiled for could not be read")


def _other_build(capability: Version) -> str:
    if capability >= (10, 0):
        return "it takes a build with CUDA 12.8 or newer (cu128): torch 2.7 or newer"
    if capability < (7, 5):
        return "it takes a build with CUDA 12.6 or older (cu126), or an older torch"
    return "another build of torch is compiled for it: see pytorch.org/get-started/previous-versions"


_TARGET = re.compile(r"(sm|compute)_(\d+)(\d)([af]?)")


def _runs_on(target: str, capability: Version) -> bool:
    """Whether machine code runs on a card: of its major capability, and no later minor one; "a" is for one alone."""
    match = _TARGET.fullmatch(target)
    if not match or match[1] != "sm":
        return False
    major, minor = int(match[2]), int(match[3])
    if match[4] == "a":
        return (major, minor) == capability
    return major == capability[0] and minor <= capability[1]


def _compiles_for(target: str, capability: Version) -> bool:
    """Whether the driver can make machine code for a card of it; PTX for one architecture or family doesn't go further."""
    match = _TARGET.fullmatch(target)
    return bool(match and match[1] == "compute" and not match[4] and (int(match[2]), int(match[3])) <= capability)


def oldest_driver(cuda: Version) -> str:
    """Return the oldest driver for Linux that runs what was built with a CUDA version; "" where that isn't known."""
    return _OLDEST_DRIVER.get(cuda[0]) or _DRIVERS_OF_10.get((cuda[0], cuda[1]), "")


def _older(module: str, oldest: str) -> bool:
    return bool(module and oldest) and _numbers(module) < _numbers(oldest)


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)]
