"""The fixtures, as a user meets them; what they do is imported when a test asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_envguard.cold import ColdStarter
    from pytest_envguard.fake import FakeEnvironments
    from pytest_envguard.origins.client import Origins


@pytest.fixture
def envguard_environment(request: pytest.FixtureRequest) -> str:
    """Name of the environment that the test runs in, such as "lambda"; "host" where it runs in none.

    A test with several environments (``@pytest.mark.envguard("container", "offline")``) is parametrised by it.
    """
    from pytest_envguard.item.request import entered

    return entered(request.config)


@pytest.fixture
def readonly_root(request: pytest.FixtureRequest) -> Path:
    """Every file system is read-only (EROFS, for root too) except a fresh /tmp of 512 MiB; returns the project's folder.

    The test runs in a forked child of its own, with its function-scoped fixtures. Combines with the marker
    ``envguard`` and with the other fixtures that stand for one dimension.
    """
    _assert_entered(request)
    return request.config.rootpath


@pytest.fixture
def noexec_tmp(request: pytest.FixtureRequest) -> Path:
    """/tmp is fresh, and nothing in it can be executed or mapped executable (EACCES; `dlopen` fails); returns its path.

    The test's ``tmp_path`` lies in it.
    """
    _assert_entered(request)
    return Path("/tmp")


@pytest.fixture
def no_network(request: pytest.FixtureRequest) -> tuple[str, int]:
    """No network but loopback, for C, Rust and child processes alike: ENETUNREACH, and names fail with EAI_AGAIN.

    Returns an address (host, port) that belongs to nobody and can't be reached.
    """
    _assert_entered(request)
    return "192.0.2.1", 443  # TEST-NET-1 (RFC 5737)


@pytest.fixture
def no_shm(request: pytest.FixtureRequest) -> Path:
    """/dev/shm doesn't exist, as on AWS Lambda; returns the path that isn't there.

    `multiprocessing.Lock`, `Queue` and `Pool` then fail as they do there.
    """
    _assert_entered(request)
    return Path("/dev/shm")


def _assert_entered(request: pytest.FixtureRequest) -> None:
    """Refuse to hand out what isn't there: the environment is entered before the test's first fixture is set up."""
    from pytest_envguard.item.request import entered_for

    name = request.fixturename
    asked = entered_for(request.config)
    if asked is None or name not in asked.fixtures:
        pytest.fail(
            f"`{name}` was asked for after the test had begun, too late to enter an environment\n"
            f"hint: ask for it as an argument of the test, or with @pytest.mark.usefixtures({name!r})",
            pytrace=False,
        )


@pytest.fixture
def cold_start(request: pytest.FixtureRequest) -> ColdStarter:
    """Run code in a fresh interpreter, in an environment, and measure it.

    ``cold_start("import app", profile="lambda", memory="1024M", within="init").check()``

    The code runs as ``python -c`` runs it, in the current folder, without what pytest or this test has imported; where
    this test itself runs, or with ``profile=`` and dimensions in that environment. ``within=`` is a budget of the environment
    (Lambda's "init": 10 s from the start of the interpreter) or a number of seconds. ``env=`` sets variables, and
    after ``timeout=`` (60 s) everything is killed.

    The result has ``seconds``, ``peak_memory`` (bytes), ``exit`` (negative: a signal), ``ending`` (a sentence), ``output``,
    ``errors``, ``traceback`` and ``refusals`` (what the system refused, also if a library swallowed the error).
    ``check()`` returns it, or fails with the code's own traceback if it ended badly or took too long.
    """
    from pytest_envguard.cold import ColdStarter

    return ColdStarter(request)


@pytest.fixture
def envguard_origins() -> Iterator[Origins]:
    """See what was asked of the hosts that the environment serves (the dimension ``origins``), and let it go wrong.

    ``.requests`` lists every request since the test began (method, host, path, status, bytes), in order; ``.url(host)`` is
    the host's address. ``.fault("huggingface.co", "status=503:2")`` answers the next two requests with 503, and so do
    ``delay=SECONDS``, ``cut=BYTES`` (of the body, after which the connection ends), ``corrupt`` (one byte is another),
    ``tarpit`` (no answer ever) and ``reset``, each for all requests or for ``:TIMES`` of them, ``path="*/model.bin"`` for
    these paths only. ``.clear()`` lets nothing go wrong; when the test ends, all is as it was before.

    Fails where the test runs in no environment with ``origins``.
    """
    from pytest_envguard.errors import EnvguardError
    from pytest_envguard.origins.client import connected

    with ExitStack() as stack:
        try:
            origins = stack.enter_context(connected())
        except EnvguardError as error:
            pytest.fail(str(error), pytrace=False)
        yield origins


@pytest.fixture
def fake_environment(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,  # noqa: ARG001  # ends after this one, which brings back what a test had set before
) -> Iterator[FakeEnvironments]:
    """Enter a deployment's layout as a fake file system, on any operating system.

    ``env = fake_environment("lambda", tmp_size="1M")``, once in a test; needs ``pip install 'pytest-envguard[fake]'``.

    Until the test ends, ``open``, ``os``, ``pathlib``, ``shutil`` and ``tempfile`` see the folders of the environment
    (``/var/task``, ``/var/lang``, ``/opt``, ``/tmp`` with its size) and nothing of the real file system. What is read-only
    there answers EROFS in the kernel's order of checks, for root too; user and group, HOME, the working folder and the
    other variables are the environment's. Network, limits and memory are not simulated; overriding them is an error.

    ``env.write("app.py", "…")`` puts a file into the deployment, ``env.add("models", "/opt/models")`` shows real files
    there, and within ``with env.writable():`` nothing is read-only. ``env.task``, ``env.home`` and ``env.tmp`` are paths,
    ``env.fs`` is the file system of pyfakefs, ``env.profile`` says all that is known of the environment.

    Only Python's own functions see it, in this process. Not: extension modules in C (sqlite3, lxml, numpy's files) and
    Rust (tokenizers, safetensors), which work on the real files; child processes; files that were opened before; modules
    that kept a function of ``os`` in a class or a table when they were imported. Run such tests with ``--envguard``.
    """
    from pytest_envguard.fake import FakeEnvironments

    with FakeEnvironments(request) as environments:
        yield environments
