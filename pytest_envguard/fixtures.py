"""The fixtures, as a user meets them; what they do is imported when a test asks for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_envguard.budgets.measure import Measure
    from pytest_envguard.caches.given import HfCache, TiktokenCache
    from pytest_envguard.cold import ColdStarter
    from pytest_envguard.fake import FakeEnvironments
    from pytest_envguard.modelfolder.fixture import ModelFolders
    from pytest_envguard.origins.client import Origins
    from pytest_envguard.streams.making import Streams
    from pytest_envguard.streams.splitting import Splits


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
    ``check()`` returns it, or fails with the code's own traceback if it ended badly or took too long. Reports show seconds and
    peak memory of each.
    """
    from pytest_envguard.cold import ColdStarter

    return ColdStarter(request, _measure(request).started)


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
    monkeypatch: pytest.MonkeyPatch,  # ends after this one, which brings back what a test had set before
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

    with FakeEnvironments(request, monkeypatch) as environments:
        yield environments


@pytest.fixture
def envguard_measure(request: pytest.FixtureRequest) -> Measure:
    """Measure times, memory and growth, against the budgets of ``@pytest.mark.envguard_budget`` or for the report alone.

    ``with envguard_measure.load(): …`` takes the time of a block, for ``load_seconds``; ``.timed("name")`` for others.
    ``envguard_measure.sample("encode", lambda: encode(text))`` calls it often enough for ``encode_p50`` to ``encode_p99``
    and ``encode_max``. ``envguard_measure.growth("tokens", lambda: len(encode(text)))`` sees whether memory grows with the
    tokens, for ``growth_per_10k_tokens``. ``envguard_measure.record(import_seconds=…, peak_memory=…)`` takes what
    something else has measured, such as a cold start. ``peak_memory`` of this process is measured without being asked for.

    When the test has ended well, a budget that was exceeded beyond the noise fails it, and so does one that nothing was
    measured for.
    """
    return _measure(request)


def _measure(request: pytest.FixtureRequest) -> Measure:
    """Return what measures in this test; what it has measured goes into reports."""
    from pytest_envguard.budgets import judging
    from pytest_envguard.errors import EnvguardError

    judging.attach(request.config)
    try:
        return judging.measure_of(request.node)
    except EnvguardError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture
def envguard_stream() -> Iterator[Streams]:
    """Serve bytes on loopback as production does: cut within characters and JSON objects, each part read alone.

    ``served = envguard_stream.sagemaker(texts)`` is SageMaker's runtime endpoint with real AWS frames: payload parts of
    8,192 bytes, the last line with the whole ``generated_text``. ``.sse(texts)`` are server-sent events, chunks of OpenAI's
    API unless ``shape="text"``; ``.json_lines(texts)`` are lines; ``.parts([b"…", …])`` is what you like. Without texts there
    are hard ones. Each method's docstring has its options.

    ``served.url`` is the address (``served.base_url`` the one without a path), and ``served.text`` is what a correct client
    returns: compare it, since many clients lose text without an error. ``served.parts`` and ``.body`` are what is sent,
    ``.events`` the server-sent events, ``.requests`` what came.

    It fails unless a part really is undecodable by itself and one ends within a JSON object; ``cut=None`` sends all uncut,
    to compare with. ``truncated=PARTS`` ends the connection within the part after these, ``stalled=PARTS, seconds=5`` sends
    nothing for a while. Servers end with the test. Loopback works in every environment.
    """
    from pytest_envguard.streams.making import Streams

    streams = Streams()
    yield streams
    streams.close()


@pytest.fixture
def every_split(record_property: Callable[[str, object], None]) -> Callable[..., Splits]:
    """Drive a decoder over every way to split bytes: ``every_split(body).check(decode)``.

    ``decode`` gets the parts and returns what they say; it may be a generator or asynchronous. Results are compared, not
    only exceptions. ``pieces=3`` splits into three, ``pieces=len(body)`` into single bytes; of more than ``most`` (10,000)
    ways a sample is tried, always the same, and ``str()`` of what is returned says so: "10,000 of 48,231 split points".
    The same stands in the junit file, as a property of the test. Also ``from pytest_envguard.streams import every_split``.
    """
    from pytest_envguard import streams

    def splits(data: bytes, *, pieces: int = 2, most: int = 10_000) -> Splits:
        made = streams.every_split(data, pieces=pieces, most=most)
        record_property("every_split", str(made))
        return made

    return splits


@pytest.fixture
def tiktoken_cache(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TiktokenCache:
    """Give the test a folder of tiktoken's encodings, the one that tiktoken and litellm look into.

    ``folder = tiktoken_cache("cl100k_base", source="litellm")``: ``source=`` is a file, a folder, an installed package or a wheel that has them, or several; without it they are taken from
    tiktoken's own caches, from litellm, and else downloaded. Only what has the hash that tiktoken expects gets there.
    The folder lies in the test's ``tmp_path``; TIKTOKEN_CACHE_DIR, DATA_GYM_CACHE_DIR and CUSTOM_TIKTOKEN_CACHE_DIR (for
    litellm) name it until the test ends, and encodings that were loaded before are loaded again.
    """
    from pytest_envguard.caches.given import TiktokenCache

    return TiktokenCache(tmp_path / "tiktoken", request.config.rootpath, monkeypatch)


@pytest.fixture
def hf_cache(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HfCache]:
    """Give the test a cache of the Hugging Face hub, the one that its libraries look into, with the hub switched off.

    ``home = hf_cache("org/name", folder="models/mini")``: the folder's files are what the model has; without ``folder=`` it's downloaded. The cache lies in
    the test's ``tmp_path``; HF_HOME and HF_HUB_CACHE name it and HF_HUB_OFFLINE is set until the test ends. What
    huggingface_hub, transformers and libraries like them kept of these variables when they were imported is changed with
    them; what other modules kept is not.
    """
    from pytest_envguard.caches.given import HfCache

    with HfCache(tmp_path / "huggingface", request.config.rootpath, monkeypatch) as cache:
        yield cache


@pytest.fixture
def model_folder(request: pytest.FixtureRequest) -> ModelFolders:
    """Check a model folder as ``from_pretrained`` reads it: its files, whether it loads, and what its tokenizer loses.

    ``model_folder("models/mini", profile="container").check()``

    The tokenizer is loaded in a fresh interpreter with the folder read-only and the network off: where this test itself
    runs, or with ``profile=`` and dimensions in that environment. ``load_model=True`` loads the model too and runs it once
    (needs torch), ``load=False`` looks at the files alone. Nothing in the folder is executed unless
    ``trust_remote_code=True`` or ``allow_pickle=True`` says so. ``tolerance=`` is in code points, ``manifest=`` a file
    of ``envguard model --write-manifest``; after ``timeout=`` (120 s) everything is killed.

    The result has ``findings`` (kind, severity, where, what, why, remedy), ``contents`` (of the files), ``loading``
    (``seconds``, ``peak_memory``, ``refusals``, …) and ``semantics`` (what became of each text). ``check()`` returns it, or
    fails with all of that as text if a finding is an error; ``check(allowed=("missing-weights",))`` accepts some kinds.
    """
    from pytest_envguard.modelfolder.fixture import ModelFolders

    return ModelFolders(request)
