"""Which variables a library reads to find its folders: from its source alone."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from pytest_envguard.diagnosis import lookups
from pytest_envguard.diagnosis.lookups import is_place, variables_of
from pytest_envguard.matrix.uv import OFFLINE, Uv, UvError, find


def site(folder: Path, **files: str) -> Path:
    """Make the package `fancy` with these modules, and return the folder that it's installed in."""
    return write(folder, {"fancy/__init__.py": "", **{f"fancy/{name}.py": text for name, text in files.items()}})


def write(folder: Path, files: Mapping[str, str]) -> Path:
    """Write files below ``folder``."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


@pytest.mark.parametrize(
    "source",
    [
        'import os\nx = os.environ["FANCY_DIR"]',
        'import os\nx = os.environ.get("FANCY_DIR", "~/.fancy")',
        'import os\nx = os.environ.get("FANCY_DIR") or "~/.fancy"',
        'import os\nx = os.getenv("FANCY_DIR")',
        'from os import getenv\nx = getenv("FANCY_DIR")',
        'from os import environ\nx = environ.get("FANCY_DIR")',
        'import os as _os\nx = _os.environ.pop("FANCY_DIR", None)',
        'import os\nif "FANCY_DIR" in os.environ:\n    x = 1',
        'import os\nif "FANCY_DIR" not in os.environ:\n    x = 1',
        'import os\nENV = "FANCY_DIR"\nx = os.environ.get(ENV)',
        'import os\nENV: str = "FANCY_DIR"\nx = os.environ[ENV]',
        'import os\nclass Env:\n    FOLDER = "FANCY_DIR"\nx = os.environ.get(Env.FOLDER)',
        'import os\nenv = os.environ\nx = env.get("FANCY_DIR")',
        'import os\ndef _read(name, default):\n    return os.environ.get(name) or default\nx = _read("FANCY_DIR", "")',
        'import os\nclass S:\n    def read(self, name):\n        return os.environ[name]\nx = S().read("FANCY_DIR")',
        "import os\nx = f\"{os.path.join(os.environ.setdefault('FANCY_DIR', 'y'), 'z')}\"",
        'import os\nasync def f():\n    return lambda: os.environ["FANCY_DIR"]',
    ],
)
def test_a_variable_is_found_however_it_is_read(tmp_path: Path, source: str) -> None:
    """By its name, or by a constant that has it, or through a function of the file."""
    assert variables_of(site(tmp_path, a=source), "fancy/a.py:1") == ("FANCY_DIR",)


@pytest.mark.parametrize(
    "source",
    [
        'import os\nos.environ["FANCY_DIR"] = "x"',
        'import os\ndel os.environ["FANCY_DIR"]',
        'import os\nx = {"FANCY_DIR": 1}["FANCY_DIR"]',
        'import os\nx = settings.get("FANCY_DIR")  # not environ',
        "import os\nx = os.environ.get(name)",
        'import os\nx = os.environ.get(prefix + "_DIR")',
        "import os\nx = os.getenv()",
        'import os\nif os.environ.get("FANCY_CACHE") == "1":\n    x = 1',
        'import os\nif os.environ.get("FANCY_CACHE", "").lower() in ("1", "true"):\n    x = 1',
        'import os\nx = bool(int(os.environ.get("FANCY_CACHE", "0")))',
        'import os\nx = os.getenv("FANCY_CACHE", True)',
        "import os\nx = os.environ.get(1)",
        "x = \"os.environ.get('FANCY_DIR')\"",
        "this is not Python: environ",
        "import os\nx = '\0' + os.environ['FANCY_DIR']",
    ],
)
def test_what_is_not_read_for_a_folder_is_not_found(tmp_path: Path, source: str) -> None:
    """What is only set, what is a switch, what isn't known, and a file that isn't Python."""
    assert variables_of(site(tmp_path, a=source), "fancy/a.py:1") == ()


@pytest.mark.parametrize(
    "name",
    [
        "TIKTOKEN_CACHE_DIR", "DATA_GYM_CACHE_DIR", "MPLCONFIGDIR", "NUMBA_CACHE_DIR", "HF_HOME", "HF_HUB_CACHE", "TORCH_HOME",
        "JOBLIB_TEMP_FOLDER", "FASTEMBED_CACHE_PATH", "NLTK_DATA", "WANDB_DIR", "PROJECT_ROOT", "GRADIO_TEMP_DIR",
        "HYPOTHESIS_STORAGE_DIRECTORY", "CFFI_TMPDIR", "X_TMP", "CACHE_DIR",
    ],
)  # fmt: skip
def test_a_place_is_told_by_its_name(name: str) -> None:
    """As libraries call theirs."""
    assert is_place(name)


@pytest.mark.parametrize(
    "name",
    [
        "HOME", "PATH", "TMPDIR", "XDG_CACHE_HOME", "CUDA_HOME", "JAVA_HOME", "PYTHONPATH", "LD_LIBRARY_PATH", "SSL_CERT_DIR",
        "LOCALAPPDATA", "WORKON_HOME", "VIRTUAL_ENV", "FANCY_CACHE_SIZE", "FANCY_NO_CACHE", "FANCY_DISABLE_CACHE",
        "FANCY_CACHE_TTL", "FANCY_CACHED", "FANCY_DIRECTION", "FANCY_MODE", "fancy_dir", "FANCY_SECRET_DIR", "API_KEY_PATH",
        "AUTH_TOKEN_PATH", "FANCY_CREDENTIALS_PATH", "PKG_CONFIG_PATH", "",
    ],
)  # fmt: skip
def test_what_is_no_place_of_a_library_s_own_is_left_alone(name: str) -> None:
    """Everybody's folders, where tools are, sizes and switches, and whatever looks secret."""
    assert not is_place(name)


READ = "import os\nx = os.environ.get('{}')\n"


def test_the_failing_file_itself_counts_first(tmp_path: Path) -> None:
    """Where it has some the others aren't read; in the order of the file."""
    own = READ.format("B_DIR") + "def f():\n    return os.environ['A_DIR'], os.environ['B_DIR']\n"
    folder = site(tmp_path, a=own, constants=READ.format("C_DIR"))

    assert variables_of(folder, "fancy/a.py:9") == ("B_DIR", "A_DIR")


def test_then_files_that_hold_settings_and_those_beside_it(tmp_path: Path) -> None:
    """What is farther away isn't asked any more."""
    write(
        tmp_path,
        {"fancy/sub/a.py": "", "fancy/sub/b.py": READ.format("B_DIR"), "fancy/sub/deep/c.py": READ.format("C_DIR")},
    )
    folder = site(tmp_path, constants=READ.format("CONSTANT_DIR"), other=READ.format("OTHER_DIR"))

    assert variables_of(folder, "fancy/sub/a.py:1") == ("CONSTANT_DIR", "B_DIR")


def test_then_all_others_the_near_ones_first(tmp_path: Path) -> None:
    """Up is nearer than down into another folder; tests are nobody's settings."""
    files = {
        "fancy/sub/a.py": "",
        "fancy/other/far/b.py": READ.format("FAR_DIR"),
        "fancy/other/c.py": READ.format("NEARER_DIR"),
        "fancy/d.py": READ.format("UP_DIR"),
        "fancy/tests/e.py": READ.format("TEST_DIR"),
    }

    assert variables_of(site(write(tmp_path, files)), "fancy/sub/a.py:1") == ("UP_DIR", "NEARER_DIR", "FAR_DIR")


def test_another_library_s_files_are_not_read(tmp_path: Path) -> None:
    """They lie beside it."""
    write(tmp_path, {"other/__init__.py": READ.format("OTHER_DIR"), "other.py": READ.format("OTHER_DIR")})

    assert variables_of(site(tmp_path), "fancy/__init__.py:1") == ()


@pytest.mark.parametrize(
    ("near", "found"),
    [
        ("fancy", ("FANCY_DIR",)),
        ("fancy/gone.py:1", ("FANCY_DIR",)),
        ("single.py:3", ("SINGLE_DIR",)),
        ("single", ("SINGLE_DIR",)),
        ("space/inner/a.py:1", ("INNER_DIR",)),
        ("test_it.py:3", ()),
        ("app/cache.py:12", ()),
        ("", ()),
        ("/usr/lib/python3.12/pathlib.py:7", ()),
        ("<frozen os>:1", ()),
        ("../fancy/a.py:1", ()),
    ],
)
def test_a_place_may_be_a_package_a_module_or_of_no_library(tmp_path: Path, near: str, found: tuple[str, ...]) -> None:
    """A namespace isn't a library; the project's own files aren't among those that are installed."""
    files = {
        "fancy/sub/b.py": READ.format("FANCY_DIR"),
        "single.py": READ.format("SINGLE_DIR"),
        "space/inner/__init__.py": "",
        "space/inner/a.py": READ.format("INNER_DIR"),
        "space/outer/__init__.py": READ.format("OUTER_DIR"),
    }

    assert variables_of(site(write(tmp_path / "site", files)), near) == found


def test_of_many_files_only_the_nearest_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for a whole framework."""
    folder = site(tmp_path, a="", **{f"m{number}": "" for number in range(5)}, z=READ.format("LAST_DIR"))

    monkeypatch.setattr(lookups, "MOST_FILES", 7)
    assert variables_of.__wrapped__(folder, "fancy/a.py:1") == ()
    monkeypatch.setattr(lookups, "MOST_FILES", 8)
    assert variables_of.__wrapped__(folder, "fancy/a.py:1") == ("LAST_DIR",)


def test_of_large_files_only_the_nearest_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The failing one comes first, however large the next is."""
    folder = site(tmp_path, a=READ.format("A_DIR"), b="#" * 5000)
    write(tmp_path, {"fancy/sub/c.py": ""})
    monkeypatch.setattr(lookups, "MOST_BYTES", 4000)

    assert variables_of.__wrapped__(folder, "fancy/a.py:1") == ("A_DIR",)
    assert variables_of.__wrapped__(folder, "fancy/sub/c.py:1") == ("A_DIR",)
    monkeypatch.setattr(lookups, "MOST_BYTES", 10)
    assert variables_of.__wrapped__(folder, "fancy/a.py:1") == ()


def test_it_ends_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was found until then counts."""
    slow = READ.format("A_LIST") + "x = [\n" + "  f(1, 2, 3),\n" * 20_000 + "]\n"
    folder = site(tmp_path, a="", **{f"m{number}": slow for number in range(40)})
    monkeypatch.setattr(lookups, "MOST_SECONDS", 0.2)

    start = time.monotonic()
    variables_of.__wrapped__(folder, "fancy/a.py:1")

    assert time.monotonic() - start < 3


def test_links_and_unreadable_files_do_no_harm(tmp_path: Path) -> None:
    """A link to a folder above would never end."""
    folder = site(tmp_path, a=READ.format("A_DIR"))
    (tmp_path / "fancy/round").symlink_to(tmp_path / "fancy")
    (tmp_path / "fancy/gone.py").symlink_to(tmp_path / "nowhere.py")

    assert variables_of(folder, "fancy/__init__.py:1") == ("A_DIR",)


def test_warnings_of_somebody_else_s_source_are_not_shown(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    """An escape that Python doesn't know is for its author."""
    folder = site(tmp_path, a=READ.format("A_DIR") + "y = '\\d'\n")

    assert variables_of(folder, "fancy/a.py:1") == ("A_DIR",)
    assert not recwarn.list


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Real packages without what they depend on, never imported."""
    folder = tmp_path_factory.mktemp("site")
    packages = ["fastembed==0.9.1", "huggingface-hub==1.33.0", "joblib==1.6.0", "nltk==3.10.4", "tiktoken==0.14.0"]
    try:
        Uv(find(), os.environ, folder).run("pip", "install", "--quiet", "--no-deps", "--target", str(folder), *packages)
    except UvError as error:
        if error.failure.kind == OFFLINE:
            pytest.skip(f"the package index can't be reached: {error.failure.reason}")
        raise
    return folder


@pytest.mark.parametrize(
    ("near", "first"),
    [
        ("tiktoken/load.py:78", ("TIKTOKEN_CACHE_DIR", "DATA_GYM_CACHE_DIR")),
        ("huggingface_hub/file_download.py:1000", ("HF_HOME",)),
        ("joblib/_memmapping_reducer.py:3", ("JOBLIB_TEMP_FOLDER",)),
        ("joblib/memory.py:3", ("JOBLIB_TEMP_FOLDER",)),
        ("nltk/downloader.py:1000", ("NLTK_DATA",)),
        ("fastembed/common/model_management.py:30", ("FASTEMBED_CACHE_PATH",)),
    ],
)
def test_real_libraries_variables_are_found(installed: Path, near: str, first: tuple[str, ...]) -> None:
    """Those that their documentation names for the purpose."""
    start = time.monotonic()
    found = variables_of(installed, near)

    assert found[: len(first)] == first
    assert time.monotonic() - start < 2 * lookups.MOST_SECONDS
