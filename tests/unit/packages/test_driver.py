"""The driver, asked through its real interface: of a library that the test has compiled, for want of a card."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from pytest_envguard.packages.cuda import Card, Driver
from pytest_envguard.packages.driver import read_driver

OPEN = (
    "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.95.05  Release Build  (dvs-builder@U22)  x\nGCC: 12\n"
)
CLOSED = (
    "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.14  Thu Feb 22 01:44:30 UTC 2024\nGCC version:  gcc 12\n"
)

# The functions' forms are those of cuda.h; 75 and 76 ask for the compute capability.
SOURCE = r"""
#include <stdlib.h>
#include <string.h>
static int told(const char *name, int otherwise) {
    const char *text = getenv(name);
    return text ? atoi(text) : otherwise;
}
int cuInit(unsigned flags) {
    if (told("FAKE_DIES", 0)) abort();
    return flags ? 1 : told("FAKE_ERROR", 0);
}
int cuDriverGetVersion(int *version) { *version = told("FAKE_CUDA", 12040); return 0; }
int cuDeviceGetCount(int *count) { *count = told("FAKE_CARDS", 1); return 0; }
int cuDeviceGet(int *device, int index) { *device = 70 + index; return 0; }
int cuDeviceGetName(char *name, int length, int device) {
    strncpy(name, device == 70 ? "NVIDIA A10" : "NVIDIA GeForce RTX 5090", length);
    return 0;
}
int cuDeviceGetAttribute(int *value, int attribute, int device) {
    if (attribute == 75) *value = device == 70 ? 8 : 12;
    else if (attribute == 76) *value = device == 70 ? 6 : 0;
    else return 1;
    return 0;
}
int cuGetErrorName(int error, const char **name) {
    *name = "CUDA_ERROR_NO_DEVICE";
    return error == 100 ? 0 : 1;
}
"""


@pytest.fixture(scope="session")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not compiler:
        pytest.skip("no C compiler")
    folder = tmp_path_factory.mktemp("driver")
    (folder / "fake.c").write_text(SOURCE)
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-o", folder / "libcuda.so.1", folder / "fake.c"], check=True, timeout=60
    )
    return folder


@pytest.fixture
def asked(libraries: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Ask the library, which is told by variables what to answer."""

    def ask(**told: str) -> Driver:
        monkeypatch.setenv("LD_LIBRARY_PATH", str(libraries))
        for name, value in told.items():
            monkeypatch.setenv(f"FAKE_{name.upper()}", value)
        return read_driver(tmp_path / "no module")

    return ask


def test_the_version_and_the_cards(asked) -> None:
    assert asked() == Driver(cuda=(12, 4), cards=(Card("NVIDIA A10", (8, 6)),))
    both = asked(cards="2", cuda="13000")
    assert both.cuda == (13, 0)
    assert both.cards[1] == Card("NVIDIA GeForce RTX 5090", (12, 0))


def test_a_driver_without_a_card(asked) -> None:
    found = asked(error="100")
    assert (found.error, found.error_name, found.cards) == (100, "CUDA_ERROR_NO_DEVICE", ())
    assert found.cuda == (12, 4)
    assert asked(error="7").error_name == ""


def test_a_library_that_ends_its_process_ends_no_other(asked) -> None:
    assert asked(dies="1").missing == "its library ended the process that asked it (signal 6)"


def test_a_library_that_knows_no_version(asked) -> None:
    assert asked(cuda="0").missing == "its library doesn't say which CUDA version it knows"


def test_a_library_that_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "libcuda.so.1").write_bytes(b"\x7fELF and nothing more")
    monkeypatch.setenv("LD_LIBRARY_PATH", str(tmp_path))
    assert "libcuda.so.1: " in read_driver(tmp_path / "no module").missing


@pytest.mark.parametrize(
    ("text", "version"),
    [(OPEN, "580.95.05"), (CLOSED, "550.54.14"), ("", ""), ("\0\xff", ""), ("x" * 100_000 + " 550.54.14", "")],
)
def test_the_kernel_s_module(asked, tmp_path: Path, text: str, version: str) -> None:
    file = tmp_path / "version"
    file.write_text(text, encoding="latin-1")
    assert read_driver(file).module == version
