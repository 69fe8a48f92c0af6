"""What a torch was built with, read from files as its wheels have them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pytest_envguard.packages.cuda import Torch
from pytest_envguard.packages.torch_build import overwriting, torch_on

# As in the wheel of torch 2.6.0 (PyPI).
VERSION = """\
from typing import Optional

__all__ = ['__version__', 'debug', 'cuda', 'git_version', 'hip']
__version__ = '2.6.0+cu124'
debug = False
cuda: Optional[str] = '12.4'
git_version = '2236df1770800ffea5697b11b0bb0d910b2e59e1'
hip: Optional[str] = None
xpu: Optional[str] = None
"""
TARGETS = b"sm_50 sm_60 sm_70 sm_75 sm_80 sm_86 sm_90"


def torch_in(folder: Path, version: str = VERSION, library: bytes | None = None) -> Torch | None:
    place = folder / "torch"
    (place / "lib").mkdir(parents=True)
    (place / "__init__.py").write_text("raise RuntimeError('nobody imports this')\n")
    (place / "version.py").write_text(version)
    if library is not None:
        (place / "lib/libtorch_python.so").write_bytes(library)
    return torch_on([str(folder)])


def test_version_cuda_and_what_it_is_compiled_for(tmp_path: Path) -> None:
    """The list is the one in the library, wherever in it; shorter texts that look like one are not."""
    library = os.urandom(1000) + b"\0sm_90\0" + os.urandom(100_000) + b"\0" + TARGETS + b"\0sm_ is no list\0"
    assert torch_in(tmp_path, library=library) == Torch(
        "2.6.0+cu124", (12, 4), "", tuple(TARGETS.decode().split()), str(tmp_path)
    )


@pytest.mark.parametrize("library", [None, b"", b"\0sm_", b"\0sm_50 sm_60", b"sm_50 sm_60\0", b"\0" + b"sm_50 " * 500])
def test_where_there_is_no_list_nothing_is_known(tmp_path: Path, library: bytes | None) -> None:
    found = torch_in(tmp_path, library=library)
    assert found is not None
    assert (found.cuda, found.targets) == ((12, 4), ())


def test_ptx_is_part_of_the_list(tmp_path: Path) -> None:
    found = torch_in(tmp_path, library=b"\0sm_75 sm_90a sm_120 compute_120\0")
    assert found is not None
    assert found.targets == ("sm_75", "sm_90a", "sm_120", "compute_120")


def test_a_build_for_the_processor_has_no_cuda(tmp_path: Path) -> None:
    found = torch_in(tmp_path, VERSION.replace("+cu124", "+cpu").replace("'12.4'", "None"))
    assert found == Torch("2.6.0+cpu", None, "", (), str(tmp_path))


def test_a_build_for_other_cards_says_so(tmp_path: Path) -> None:
    text = VERSION.replace("'12.4'", "None").replace("hip: Optional[str] = None", "hip: Optional[str] = '6.2.41133'")
    found = torch_in(tmp_path, text)
    assert found is not None
    assert (found.cuda, found.other) == (None, "ROCm (HIP) 6.2.41133")


@pytest.mark.parametrize("text", ["", "cuda = (", "\0", "import os\nos.abort()\n", "(" * 60_000, "cuda = '12'"])
def test_a_version_file_that_says_nothing_is_never_run(tmp_path: Path, text: str) -> None:
    found = torch_in(tmp_path, text)
    assert found is not None
    assert found.cuda is None


def test_the_first_torch_of_a_path_counts(tmp_path: Path) -> None:
    torch_in(tmp_path / "b")
    (tmp_path / "a/torch").mkdir(parents=True)  # a folder of that name is no torch
    found = torch_on([str(tmp_path / "nothing"), str(tmp_path / "a"), str(tmp_path / "b")])
    assert found is not None
    assert found.place == str(tmp_path / "b")


def test_without_torch_there_is_none(tmp_path: Path) -> None:
    assert torch_on([str(tmp_path), "/there/is/nothing"]) is None


def test_wheels_of_one_library_for_two_cuda_versions_overwrite_each_other(tmp_path: Path) -> None:
    def record(name: str, *files: str) -> None:
        folder = tmp_path / f"{name}-1.dist-info"
        folder.mkdir()
        (folder / "RECORD").write_text("".join(f"{file},sha256=x,1\n" for file in files))

    record("nvidia_cudnn_cu11", "nvidia/__init__.py", "nvidia/cudnn/lib/libcudnn.so.9", "nvidia/cudnn/lib/liba.so.9")
    record("nvidia_cudnn_cu12", "nvidia/__init__.py", "nvidia/cudnn/lib/libcudnn.so.9", "nvidia/cudnn/lib/liba.so.9")
    record("nvidia_cublas_cu11", "nvidia/cublas/lib/libcublas.so.11")
    record("nvidia_cublas_cu12", "nvidia/cublas/lib/libcublas.so.12")
    (tmp_path / "nvidia_gone-1.dist-info").mkdir()
    assert overwriting([str(tmp_path)]) == {("nvidia-cudnn-cu11", "nvidia-cudnn-cu12"): 2}
