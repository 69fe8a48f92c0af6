"""Variables that may say why something failed."""

from __future__ import annotations

import pytest

from pytest_envguard.evidence.variables import variables_of


@pytest.mark.parametrize(
    ("name", "text", "kept"),
    [
        ("HF_HUB_OFFLINE", "1", True),
        ("HOME", "/root", True),
        ("HOME", "", True),
        ("TIKTOKEN_CACHE_DIR", "relative", True),
        ("REQUESTS_CA_BUNDLE", "/etc/ca.pem", True),
        ("SOME_SWITCH", "true", True),
        ("https_proxy", "http://proxy:1", True),
        ("MLFLOW_TRACKING_URI", "sqlite:///x", True),
        ("USER", "app", True),
        ("PYTHONPYCACHEPREFIX", "/tmp/x", True),
        ("LAMBDA_TASK_ROOT", "/var/task", True),
        ("LANG", "C.UTF-8", False),
        ("PATH", "/bin", False),
        ("LD_LIBRARY_PATH", "/lib", False),
        ("PYTHONPATH", "/x", False),
        ("PYTEST_CURRENT_TEST", "/x", False),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1", False),
        ("AWS_CONFIG_FILE", "/root/.aws", True),
        ("HF_TOKEN", "/x", False),
        ("https_proxy", "http://me:pw@proxy", False),
    ],
)
def test_variables_that_may_explain_are_kept(name: str, text: str, kept: bool) -> None:
    """Paths, switches, names of caches; nothing secret, nothing of the harness's."""
    assert variables_of({name: text}) == (((name, text),) if kept else ())


def test_a_value_with_a_secret_in_it_is_left_out() -> None:
    """As an address may have its token in it."""
    assert variables_of({"A_TOKEN": "s3cr3t-value", "A_URI": "https://a/?t=s3cr3t-value", "B_URI": "https://b"}) == (
        ("B_URI", "https://b"),
    )


def test_there_are_at_most_so_many_and_the_best_ones() -> None:
    """What names a cache comes before any other path, and that before a switch."""
    many = {f"SWITCH_{n}": "1" for n in range(50)} | {f"PATH_{n}": "/x" for n in range(20)} | {"Z_CACHE": "x" * 999}
    found = dict(variables_of(many))
    assert len(found) == 40
    assert found["Z_CACHE"] == "x" * 300
    assert {f"PATH_{n}" for n in range(20)} < set(found)
