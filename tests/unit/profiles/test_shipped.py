"""The shipped profiles: every fact has a source, and every Python that is supported can have them."""

from __future__ import annotations

import pytest

from pytest_envguard.profiles import load_catalogue
from pytest_envguard.profiles.catalogue import SHIPPED
from pytest_envguard.profiles.tables import Table, read_table, read_toml

PYTHONS = [(3, 10), (3, 11), (3, 12), (3, 13), (3, 14)]
NAMES = sorted(path.stem for path in SHIPPED.glob("*.toml"))


def table(name: str) -> Table:
    """Return a shipped file's table."""
    return read_table(read_toml(SHIPPED / f"{name}.toml"), name)


def test_the_environments_are_there() -> None:
    """The environments that the documentation names are shipped."""
    assert NAMES == [
        "cloudrun",
        "container",
        "host",
        "kubernetes",
        "lambda",
        "lambda-image",
        "no_network",
        "no_shm",
        "noexec_tmp",
        "offline",
        "offline-drop",
        "offline-nxdomain",
        "offline-refuse",
        "openshift",
        "readonly_root",
        "systemd",
    ]


@pytest.mark.parametrize("name", NAMES)
def test_every_dimension_has_a_source(name: str) -> None:
    """Each dimension that a file sets, always or since some version, has a source in the same file."""
    written = table(name)
    dimensions = set(written.dimensions).union(*written.since.values())
    assert dimensions - set(written.sources) == set()
    assert all(source.strip() for source in written.sources.values())


@pytest.mark.parametrize("name", [name for name in NAMES if name != "host"])
def test_every_file_says_what_it_is(name: str) -> None:
    """Each environment has a summary and changes something; those that others build on say what they leave out."""
    written = table(name)
    assert written.summary and (written.dimensions or written.since or written.inherits)
    assert written.inherits or written.not_simulated or written.summary.startswith("one dimension: ")


def test_the_host_changes_nothing() -> None:
    """The host is the baseline: no dimension at all."""
    assert load_catalogue(None, (3, 11)).one("host").is_host


@pytest.mark.parametrize("python", PYTHONS, ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_every_profile_resolves(name: str, python: tuple[int, int]) -> None:
    """Each profile can be had, alone and together with every other, for each supported Python."""
    catalogue = load_catalogue(None, python)
    assert catalogue.one(name).name == name
    assert [catalogue.one(f"{name}+{other}").name for other in NAMES if other != name] == [
        f"{name}+{other}" for other in NAMES if other != name
    ]


@pytest.mark.parametrize("python", PYTHONS, ids=str)
@pytest.mark.parametrize("name", ["lambda", "lambda-image"])
def test_lambda_sets_lc_ctype_since_python_3_12(name: str, python: tuple[int, int]) -> None:
    """Amazon Linux 2023, which Python 3.12 and later run on, has no en_US locale: only there LC_CTYPE is set."""
    variables = load_catalogue(None, python).one(name).values["env"]
    assert isinstance(variables, dict)
    assert variables.get("LC_CTYPE") == ("C.UTF-8" if python >= (3, 12) else None)


def test_the_offline_family_differs_in_the_network_only() -> None:
    """Each offline profile is `offline` with another network."""
    catalogue = load_catalogue(None, (3, 11))
    networks = {name: dict(catalogue.one(name).values) for name in NAMES if name.startswith("offline")}
    assert networks == {
        "offline": {"network": "none"},
        "offline-drop": {"network": "drop"},
        "offline-nxdomain": {"network": "nxdomain"},
        "offline-refuse": {"network": "refuse"},
    }


def test_lambda_image_is_lambda_with_another_time_zone_and_variable() -> None:
    """The container image differs from the zip function in two values."""
    catalogue = load_catalogue(None, (3, 11))
    image, function = catalogue.one("lambda-image").values, catalogue.one("lambda").values
    different = {name for name in image.keys() | function.keys() if image.get(name) != function.get(name)}
    assert different == {"env", "timezone"}
    assert image["env"] == {**function["env"], "AWS_EXECUTION_ENV": "AWS_Lambda_Image"}  # type: ignore[dict-item]
