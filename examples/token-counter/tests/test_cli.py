"""The command."""

import subprocess
from importlib.metadata import files
from zipfile import ZipFile

import pytest

from token_counter.memory import Memory


def test_files_and_total(run_cli, letters, tmp_path):
    """The command prints the count of each file, and the sum."""
    printed = run_cli("--memory", tmp_path / "counts.json", *letters)
    assert [line.split()[0] for line in printed.splitlines()] == ["2", "5", "1", "8"]


def test_encoding_from_the_mirror(run_cli, letters, mirror, own_cache, tmp_path):
    """The command counts with an encoding of the mirror."""
    printed = run_cli("--by", "encoding:r50k_base", "--memory", tmp_path / "counts.json", letters[0])
    assert printed.split()[-2:] == ["2", "total"]


def test_unknown_counter(run_cli, letters):
    """A counter nobody knows ends the command with status 2."""
    with pytest.raises(subprocess.CalledProcessError) as error:
        run_cli("--by", "guess", letters[0])
    assert error.value.returncode == 2


@pytest.fixture
def memory_file():
    """The file the command remembers counts in; afterwards it is again what it was before."""
    file = Memory().path
    before = file.read_bytes() if file.exists() else None
    yield file
    if before is None and file.exists():
        file.unlink()
    elif before is not None and file.read_bytes() != before:
        file.write_bytes(before)


def test_remembered_count(mirror, own_cache, memory_file):
    """A count that is remembered is the count that was made."""
    text = f"hello from {mirror.url}"
    first = Memory(memory_file).counter("encoding:r50k_base")(text)
    assert Memory(memory_file).counter("encoding:r50k_base")(text) == first


def test_packed_libraries(run_cli, letters, mirror, own_cache, tmp_path):
    """The command counts with libraries that are unpacked at its start."""
    with ZipFile(tmp_path / "libraries.zip", "w") as archive:
        for file in [*files("tiktoken"), *files("regex")]:
            if "__pycache__" not in file.parts:
                archive.write(file.locate(), file)
    printed = run_cli(
        "--bundle", tmp_path / "libraries.zip",
        "--by", "encoding:r50k_base",
        "--memory", tmp_path / "counts.json",
        letters[0],
        TMPDIR=str(tmp_path),
    )  # fmt: skip
    assert printed.split()[-2:] == ["2", "total"]
