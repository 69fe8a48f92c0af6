"""torch's build, the driver and the cards: what is said of every combination, on recorded values."""

from __future__ import annotations

import pytest

from pytest_envguard.model.finding import CONFLICT, Finding
from pytest_envguard.packages.cuda import (
    FITS,
    NOTE,
    PROBLEM,
    Card,
    Driver,
    Torch,
    cuda_of_tag,
    judge,
    mismatched,
    oldest_driver,
)
from pytest_envguard.packages.installed import Distribution
from pytest_envguard.packages.preflight import contradictions

# As they stand in the wheels: torch 2.6.0 of PyPI; pytorch's RELEASE.md for the others (2.9 with CUDA 12.8 and 13.0).
SIX = ("sm_50", "sm_60", "sm_70", "sm_75", "sm_80", "sm_86", "sm_90")
CU124 = Torch("2.6.0+cu124", (12, 4), targets=SIX)
CU128 = Torch("2.9.0+cu128", (12, 8), targets=("sm_70", "sm_75", "sm_80", "sm_86", "sm_90", "sm_100", "sm_120"))
CU130 = Torch("2.9.0+cu130", (13, 0), targets=("sm_75", "sm_80", "sm_86", "sm_90", "sm_100", "sm_120", "compute_120"))
CPU = Torch("2.6.0+cpu", None)

V100 = Card("Tesla V100-SXM2-16GB", (7, 0))
A10 = Card("NVIDIA A10", (8, 6))
L4 = Card("NVIDIA L4", (8, 9))
B200 = Card("NVIDIA B200", (10, 0))
RTX_5090 = Card("NVIDIA GeForce RTX 5090", (12, 0))
SPARK = Card("NVIDIA GB10", (12, 1))
FUTURE = Card("NVIDIA of tomorrow", (13, 0))

NONE = Driver("libcuda.so.1: cannot open shared object file: No such file or directory")


def driver(module: str, cuda: tuple[int, int], *cards: Card) -> Driver:
    return Driver("", module, cuda, cards=cards)


R470 = ("470.256.02", (11, 4))
R525 = ("525.147.05", (12, 0))
R550 = ("550.54.14", (12, 4))
R570 = ("570.133.07", (12, 8))
R580 = ("580.95.05", (13, 0))


@pytest.mark.parametrize(
    ("torch", "there", "levels"),
    [
        (CU124, driver(*R550, A10), [FITS, FITS]),
        (CU124, driver(*R580, A10), [FITS, FITS]),  # a newer driver runs older builds
        (CU124, driver(*R525, A10), [FITS, FITS]),  # within a major version an older one does
        (CU124, driver(*R470, A10), [PROBLEM, FITS]),
        (CU130, driver(*R570, A10), [PROBLEM, FITS]),
        (CU130, driver(*R580, L4), [FITS, FITS]),
        (CU124, driver(*R570, RTX_5090), [FITS, PROBLEM]),
        (CU124, driver(*R570, B200), [FITS, PROBLEM]),
        (CU128, driver(*R570, RTX_5090), [FITS, FITS]),
        (CU128, driver(*R570, SPARK), [FITS, FITS]),
        (CU128, driver(*R570, V100), [FITS, FITS]),
        (CU130, driver(*R580, V100), [FITS, PROBLEM]),
        (CU124, driver(*R550, A10, RTX_5090), [FITS, FITS, PROBLEM]),
        (CU130, driver(*R580, FUTURE), [FITS, NOTE]),  # from PTX
        (CU128, driver(*R580, FUTURE), [FITS, PROBLEM]),  # without
    ],
)
def test_build_driver_and_card(torch: Torch, there: Driver, levels: list[str]) -> None:
    assert [said.level for said in judge(torch, there)] == levels


def test_before_cuda_11_every_minor_version_needs_a_driver_of_its_own() -> None:
    said = judge(Torch("1.12.1+cu102", (10, 2), targets=("sm_70",)), driver("418.87.00", (10, 1), V100))[0]
    assert (said.level, said.hint.split(",")[0]) == (PROBLEM, "a driver from 440.33 on is needed")


def test_a_driver_that_is_too_old_is_told_with_the_one_that_is_needed() -> None:
    said = judge(CU124, driver(*R470, A10))[0]
    assert said.text == "the driver 470.256.02 knows CUDA 11.4, torch is built with 12.4"
    assert said.hint == "a driver from 525.60.13 on is needed, or a build of torch with CUDA 11.4 or older"


def test_a_card_that_is_too_new_is_told_with_the_build_that_it_takes() -> None:
    said = judge(CU124, driver(*R570, RTX_5090))[1]
    assert said.text == (
        "NVIDIA GeForce RTX 5090 (compute capability 12.0): torch is compiled for "
        "sm_50 sm_60 sm_70 sm_75 sm_80 sm_86 sm_90 only"
    )
    assert said.hint == "it takes a build with CUDA 12.8 or newer (cu128): torch 2.7 or newer"


def test_a_card_that_is_too_old_is_told_too() -> None:
    assert "cu126" in judge(CU130, driver(*R580, V100))[1].hint


def test_ptx_takes_a_driver_that_can_compile_it() -> None:
    """Within a major version an older driver runs machine code; what it must compile itself it doesn't understand."""
    torch = Torch("2.9.0+cu129", (12, 9), targets=("sm_90", "compute_90"))
    assert judge(torch, driver(*R570, RTX_5090))[1].level == PROBLEM
    assert judge(torch, driver("575.51", (12, 9), RTX_5090))[1].level == NOTE


@pytest.mark.parametrize(
    ("target", "card", "level"),
    [
        ("sm_90a", Card("H100", (9, 0)), FITS),
        ("sm_90a", Card("", (9, 1)), PROBLEM),
        ("sm_100f", SPARK, PROBLEM),
        ("sm_100f", Card("B300", (10, 3)), FITS),
        ("sm_86", Card("A100", (8, 0)), PROBLEM),
        ("compute_90a", RTX_5090, PROBLEM),
        ("nonsense", A10, PROBLEM),
    ],
)
def test_machine_code_runs_on_its_own_major_capability(target: str, card: Card, level: str) -> None:
    torch = Torch("2.9.0", (12, 8), targets=(target,))
    assert judge(torch, driver(*R580, card))[1].level == level


@pytest.mark.parametrize(
    ("cuda", "card", "level"),
    [((12, 4), RTX_5090, PROBLEM), ((12, 8), RTX_5090, NOTE), ((13, 0), V100, PROBLEM), ((12, 4), A10, NOTE)],
)
def test_where_the_list_is_not_known_only_what_the_toolkit_cannot_do_is_a_problem(
    cuda: tuple[int, int], card: Card, level: str
) -> None:
    assert judge(Torch("2.9.0", cuda), driver(*R580, card))[1].level == level


@pytest.mark.parametrize("wanted", [False, True])
def test_without_a_driver_it_says_no_driver(wanted: bool) -> None:
    (said,) = judge(CU124, NONE, wanted=wanted)
    assert said.level == (PROBLEM if wanted else NOTE)
    assert said.text.startswith("no driver: libcuda.so.1: cannot open")
    assert said.text.endswith("a driver from 525.60.13 on is needed")


def test_a_container_without_the_driver_s_library() -> None:
    """The kernel's module is the host's; the library would have come from NVIDIA's runtime."""
    said = judge(CU124, NONE._replace(module="550.54.14"))
    assert [one.level for one in said] == [NOTE]
    assert "--gpus all" in said[0].hint
    said = judge(CU124, NONE._replace(module="470.256.02"))
    assert [one.level for one in said] == [NOTE, PROBLEM]
    assert said[1].text == "driver 470.256.02 is too old for CUDA 12.4: a driver from 525.60.13 on is needed"


@pytest.mark.parametrize(("number", "text"), [(100, "no card is there"), (999, "the driver can't begin")])
def test_a_driver_that_cannot_begin(number: int, text: str) -> None:
    there = Driver("", "550.54.14", (12, 4), number, "CUDA_ERROR_SOMETHING")
    assert [one.level for one in judge(CU124, there)] == [FITS, NOTE]
    said = judge(CU124, there, wanted=True)[1]
    assert said.level == PROBLEM
    assert text in said.text
    assert "(CUDA_ERROR_SOMETHING)" in said.text


@pytest.mark.parametrize(("visible", "says"), [(None, False), ("0,1", False), ("", True), ("-1", True)])
def test_cards_that_a_variable_hides(visible: str | None, says: bool) -> None:
    said = judge(CU124, driver(*R550), visible=visible)
    assert any("CUDA_VISIBLE_DEVICES" in one.text for one in said) == says


def test_a_build_for_the_processor() -> None:
    """It's a problem where a card is wanted, a note where one is there, and fine elsewhere."""
    assert judge(CPU, NONE)[0].level == NOTE
    there = judge(CPU, driver(*R550, A10))[0]
    assert (there.level, there.hint.startswith("install a build with CUDA (up to cu124)")) == (NOTE, True)
    assert judge(CPU, NONE, wanted=True)[0].level == PROBLEM


def test_a_build_for_other_cards_is_named() -> None:
    (said,) = judge(Torch("2.6.0+rocm6.2", None, "ROCm (HIP) 6.2"), NONE, wanted=True)
    assert (said.level, said.text) == (PROBLEM, "torch 2.6.0+rocm6.2 is built for ROCm (HIP) 6.2")


def test_the_oldest_driver_for_a_toolkit() -> None:
    """As of NVIDIA's table of minor version compatibility; a toolkit that isn't in it is not known."""
    toolkits = [(10, 2), (11, 8), (12, 4), (13, 0), (9, 2), (99, 0)]
    assert [oldest_driver(one) for one in toolkits] == ["440.33", "450.80.02", "525.60.13", "580", "", ""]


# -- wheels ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "cuda"),
    [
        ("2.6.0+cu124", (12, 4)),
        ("2.6.0+cu118", (11, 8)),
        ("1.9.0+cu92", (9, 2)),
        ("2.9.0+cu130", (13, 0)),
        ("2.6.0+cpu", ()),
        ("2.6.0", None),
        ("2.6.0+rocm6.2", None),
        ("2.6.0+cu1234", None),
        ("2.7.0+cpu.cxx11.abi", ()),
    ],
)
def test_the_local_version_says_what_a_wheel_was_built_with(version: str, cuda: tuple[int, ...] | None) -> None:
    assert cuda_of_tag(version) == cuda


PYPI = Distribution("torch", "2.6.0", ('nvidia-cuda-runtime-cu12 (==12.4.127) ; platform_system == "Linux"',))
NEWER = Distribution("torch", "2.12.0", ("cuda-toolkit[cublas,cudart]==13.0.2; platform_system == 'Linux'",))


@pytest.mark.parametrize(
    ("torch", "name", "version", "fits"),
    [
        ("2.6.0+cu124", "torchvision", "0.21.0+cu124", True),
        ("2.6.0+cu124", "torchvision", "0.21.0+cu126", True),  # the same major version is enough for it
        ("2.6.0+cu124", "torchvision", "0.21.0+cu118", False),
        ("2.6.0+cu124", "torchvision", "0.21.0+cpu", False),
        ("2.6.0+cpu", "torchvision", "0.21.0+cu124", False),
        ("2.6.0+cpu", "torchvision", "0.21.0+cpu", True),
        ("2.6.0+cu124", "torchvision", "0.21.0", True),  # nothing is known of it
        ("2.6.0+cu124", "torchaudio", "2.6.0+cu126", False),
        ("2.6.0+cu124", "torchaudio", "2.6.0+cu124", True),
        ("2.6.0+cu124", "numpy", "2.0+cu118", True),
    ],
)
def test_companions_of_another_cuda_version(torch: str, name: str, version: str, fits: bool) -> None:
    found = mismatched([Distribution("torch", torch), Distribution(name, version)])
    assert (found == ()) == fits


@pytest.mark.parametrize(("torch", "cuda"), [(PYPI, "12.4"), (NEWER, "13.0")])
def test_a_torch_without_a_local_version_tells_by_the_runtime_that_it_requires(torch: Distribution, cuda: str) -> None:
    (found,) = mismatched([torch, Distribution("torchvision", "0.21.0+cu118")])
    text = f"torchvision 0.21.0+cu118 is built with CUDA 11.8, torch {torch.version} with CUDA {cuda}"
    assert found == Finding(CONFLICT, "torchvision", text, "torch")


def test_a_cell_s_preflight_finds_them() -> None:
    found = contradictions([Distribution("torch", "2.6.0+cu124"), Distribution("torchaudio", "2.6.0+cpu")], "3.11.7")
    assert [one.kind for one in found] == [CONFLICT]
