"""What is concluded from how loading went."""

from __future__ import annotations

import pytest

from pytest_envguard.model.modelfolder import ERROR, NOTE, WARNING
from pytest_envguard.model.refusal import Refusal
from pytest_envguard.modelfolder.judging import judge
from pytest_envguard.modelfolder.loading import Loading, Wanted
from pytest_envguard.modelfolder.measured import Failure, Measured, Model


def failed(message: str, stage: str = "tokenizer", *, elsewhere: bool | None = None) -> Loading:
    failure = Failure(stage, message, (message,), "")
    return Loading("lambda", measured=Measured(failures=(failure,)), elsewhere=elsewhere)


@pytest.mark.parametrize(
    ("message", "kind", "remedy"),
    [
        ("ValueError: Please pass the argument `trust_remote_code=True`", "needs-remote-code", "--trust-remote-code"),
        ("RuntimeError: envguard: a pickle asks for os.system", "unpickles", "--allow-pickle"),
        ("UnpicklingError: Weights only load failed. In PyTorch 2.6, …", "pickle-runs-code", "safetensors"),
        ("ImportError: this requires 'unidic-lite', run pip", "package-missing", "pip install unidic-lite"),
        ("OSError: Error no file named model.safetensors found", "no-safetensors", "--allow-pickle"),
        ("OSError: [Errno 30] Read-only file system: '/.cache'", "writes", "HF_HOME"),
        ("PermissionError: [Errno 13] Permission denied: 'x'", "unreadable", "chmod"),
        ("OSError: We couldn't connect to 'https://huggingface.co'", "needs-network", "HF_HUB_OFFLINE=1"),
        ("TypeError: not a string", "vocabulary-missing", "save_pretrained"),
        ("SafetensorError: Error while deserializing header: HeaderTooLarge", "weights-broken", "SHA-256"),
        ("KeyError: 'odd'", "tokenizer-fails", ""),
    ],
)
def test_an_error_that_is_known_has_its_remedy(message: str, kind: str, remedy: str) -> None:
    """The first that fits, in the whole chain of errors."""
    (finding,) = judge(failed(message), Wanted())
    assert (finding.severity, finding.kind) == (ERROR, kind)
    assert remedy in finding.remedy


def test_a_package_that_is_installed_is_not_missing() -> None:
    """A message only mentions it: transformers lists all that it could have used."""
    (finding,) = judge(failed("ValueError: you need to have sentencepiece or pytest installed"), Wanted())
    assert finding.kind in ("package-missing", "tokenizer-fails")
    (finding,) = judge(failed("OSError: read-only file system, and 'torch' is not needed"), Wanted())
    assert finding.kind == "writes"


@pytest.mark.parametrize(
    ("elsewhere", "why"), [(None, ""), (True, "makes the difference"), (False, "outside of the environment too")]
)
def test_whether_it_is_the_environment_is_said_where_it_was_tried(elsewhere: bool | None, why: str) -> None:
    """And not else."""
    (finding,) = judge(failed("KeyError: 'odd'", elsewhere=elsewhere), Wanted())
    assert why in finding.why
    assert bool(finding.why) == bool(why)


def test_what_was_asked_of_the_network_is_a_warning_and_other_refusals_a_note() -> None:
    """Both although loading went well."""
    asked = Refusal("socket.getaddrinfo", "huggingface.co", "EAI_AGAIN", "httpx", "httpx/x.py:1", 3)
    kept = Refusal("os.mkdir", "/x", "EROFS", "matplotlib", "m.py:1")
    network, refused = judge(Loading("lambda", refusals=(asked, kept), measured=Measured(done=True)), Wanted())
    assert (network.severity, network.kind) == (WARNING, "asks-the-network")
    assert network.what.startswith("3 times it asked for huggingface.co (httpx)")
    assert (refused.severity, refused.kind) == (NOTE, "refused")
    assert "os.mkdir /x: EROFS" in refused.what


@pytest.mark.parametrize(
    ("ending", "timed_out", "kind"),
    [
        ("still running after 3 s, so it was killed", True, "timed-out"),
        ("killed for memory: more than the 40 MiB of lambda", False, "out-of-memory"),
        ("the process was ended by SIGSEGV", False, "crashed"),
    ],
)
def test_an_end_before_its_time_is_an_error_that_says_at_what(ending: str, timed_out: bool, kind: str) -> None:
    """With the last line of standard error for a crash."""
    loading = Loading("lambda", ending, timed_out, measured=Measured(at="text `Thai`"), errors="a\nlast\n")
    (finding,) = judge(loading, Wanted(timeout=3))
    assert (finding.severity, finding.kind, finding.what) == (ERROR, kind, f"{ending}, at: text `Thai`")
    assert {"timed-out": "--timeout 15", "crashed": "last"}.get(kind, "memory") in finding.remedy


def test_a_package_that_is_absent_is_named_with_the_option_that_needs_it() -> None:
    """For the tokenizer and for the model."""
    loading = Loading("host", measured=Measured(absent={"tokenizer": "transformers", "model": "torch"}, done=True))
    first, second = judge(loading, Wanted(model=True))
    assert first.remedy == "pip install transformers, or leave this phase out with `--no-load`"
    assert second.remedy == "pip install torch, or leave `--load-model` out"


def test_weights_that_are_random_are_an_error() -> None:
    """Such as no file has, or have another shape; what is in files for nothing is a note."""
    model = Model("torch", "M", "M", 1, "float32", None, ("a",), ("b",), ("c",))
    kinds = [(one.severity, one.kind) for one in judge(Loading("host", measured=Measured(model=model)), Wanted())]
    assert kinds == [(ERROR, "weights-missing"), (ERROR, "weights-mismatched"), (NOTE, "weights-unused")]


def test_nothing_is_concluded_where_nothing_was_loaded() -> None:
    """That is said by itself."""
    assert judge(Loading("host", skipped="because"), Wanted()) == ()
