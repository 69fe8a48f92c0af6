"""What the dynamic phase means: how loading ended, what it asked of the network, what it was refused; pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib.util import find_spec

from pytest_envguard.model.modelfolder import FolderFinding
from pytest_envguard.model.refusal import Refusal
from pytest_envguard.modelfolder.loading import Loading, Wanted
from pytest_envguard.modelfolder.measured import Failure, Measured
from pytest_envguard.modelfolder.wording import error, listed, note, shown, warning

_SUBJECTS = {
    "tokenizer": "the tokenizer",
    "model": "the model",
    "texts": "encoding the texts",
    "special tokens": "asking for the special tokens",
    "agreement": "comparing with another tokenizer",
    "forward pass": "a forward pass",
}
_NETWORK = re.compile(r"socket\.|connect|send(to|msg)|getaddrinfo|gethostbyname")
_UNREACHED = frozenset(
    ("ENETUNREACH", "EHOSTUNREACH", "ENETDOWN", "ECONNREFUSED", "ETIMEDOUT", "EAI_AGAIN", "EAI_NONAME", "EAI_FAIL")
)

# The first that is found in a chain of errors: what it is, and what to do.
_KNOWN: tuple[tuple[str, str, str, str], ...] = (
    (
        r"trust_remote_code|contains custom code|code of the folder's own is not executed",
        "needs-remote-code",
        "whoever loads it in a deployment has to allow that code too",
        "read that code, then allow it with `--trust-remote-code` (`trust_remote_code=True`): it runs in here only, without a network",
    ),
    (
        r"envguard: a pickle asks for",
        "unpickles",
        "a pickle runs what it says, and nothing was unpickled",
        "get the same in another format (safetensors for weights), or allow it with `--allow-pickle`",
    ),
    (
        r"Weights only load failed",
        "pickle-runs-code",
        "the pickle has more than numbers in it: it would run something",
        "don't load it; get the weights as safetensors from whom you trust",
    ),
    (
        r"(?i)(requires|install|need|no module named|not found in your environment)[^\n]{0,80}?['\"` ](?P<package>sentencepiece|protobuf|tiktoken|torch|accelerate|einops|timm|safetensors|mistral[-_]common|sacremoses|fugashi|jieba|rjieba|unidic[-_]lite|ipadic|pythainlp)\b",
        "package-missing",
        "a package that it needs isn't installed here",
        "pip install {package}",
    ),
    (
        r"no file named model\.safetensors|does not appear to have a file named[^\n]*safetensors|safetensors[^\n]*not found",
        "no-safetensors",
        "there are no weights in the format safetensors, and pickles are not loaded unasked",
        "save them with `save_pretrained(..., safe_serialization=True)`, or allow pickles with `--allow-pickle`",
    ),
    (
        r"(?i)read-only file system|errno 30",
        "writes",
        "it writes where nothing can be written to",
        "if it's the hub's cache: set HF_HOME (HF_MODULES_CACHE for copies of own code) to a folder in /tmp, or fill it before",
    ),
    (
        r"(?i)permission denied|errno 13",
        "unreadable",
        "a file can't be read, or a folder not be written to, by who the process is",
        "give the files to the process's user or group: `chmod -R u=rwX,go=rX`",
    ),
    (
        r"(?i)couldn't connect to|LocalEntryNotFoundError|OfflineModeIsEnabled|outgoing traffic has been disabled|name resolution|max retries exceeded|network is unreachable",
        "needs-network",
        "it asked the hub for what isn't in the folder",
        "put every file that it needs into the folder, and set HF_HUB_OFFLINE=1 so that a missing one is said at once",
    ),
    (
        r"expected str, bytes or os\.PathLike object, not NoneType|TypeError: not a string|\(model_file or model_proto\)",
        "vocabulary-missing",
        "a file with the vocabulary, which the tokenizer's class reads, isn't there",
        "copy all files of the tokenizer to the folder's root, or save it again with `save_pretrained`",
    ),
    (
        r"(?i)headertoolarge|invalidheader|incompletemetadata|metadataincomplete|error while deserializing header",
        "weights-broken",
        "the weights are truncated or are something else",
        "get them again, and compare their SHA-256",
    ),
)


def judge(loading: Loading, wanted: Wanted) -> tuple[FolderFinding, ...]:
    """Return what is wrong with how the folder was loaded."""
    if loading.skipped:
        return ()
    measured = loading.measured
    return (
        *_absent(measured),
        *(_failure(failure, loading) for failure in measured.failures),
        *_ended(loading, wanted),
        *_weights(measured),
        *_network(loading),
        *_refused(loading),
    )


def _absent(measured: Measured) -> Iterable[FolderFinding]:
    for stage, package in measured.absent.items():
        yield error(
            "package-missing",
            "",
            f"{_SUBJECTS[stage]} can't be loaded, because {package} isn't installed beside pytest-envguard",
            "what isn't loaded isn't known to work",
            f"pip install {package}, or leave this phase out with `{'--no-load' if stage == 'tokenizer' else '--load-model'}`"
            if stage == "tokenizer"
            else f"pip install {package}, or leave `--load-model` out",
        )


def _failure(failure: Failure, loading: Loading) -> FolderFinding:
    """Return the finding for an error, and what is known to help."""
    subject = _SUBJECTS.get(failure.stage, shown(failure.stage))
    fails = "can't be loaded" if failure.stage in ("tokenizer", "model") else "fails"
    what = f"{subject} {fails} in {loading.environment}: {_one_line(failure.message)}"
    kind, why, remedy = _known("\n".join(failure.chain))
    if kind == "needs-remote-code":  # transformers says it with a page of its own
        what = f"{subject} {fails} without code of the folder's own, which was not executed"
    severe = warning if failure.stage == "agreement" else error
    kind = kind or f"{failure.stage.replace(' ', '-')}-fails"
    return severe(kind, "", what, "; ".join(filter(None, (why, _compared(loading)))), remedy)


def _known(text: str) -> tuple[str, str, str]:
    for pattern, kind, why, remedy in _KNOWN:
        match = re.search(pattern, text)
        if match is None:
            continue
        package = match.groupdict().get("package", "")
        if package and find_spec(package.replace("-", "_").replace("protobuf", "google.protobuf")) is not None:
            continue  # what a message only mentions
        return kind, why, remedy.format(package=package)
    return "", "", ""


def _compared(loading: Loading) -> str:
    if loading.elsewhere is None:
        return ""
    if loading.elsewhere:
        return "it works on this machine outside of the environment, which makes the difference"
    return "it fails on this machine outside of the environment too"


def _one_line(text: str) -> str:
    return shown(" ".join(text.split()), 400)


def _ended(loading: Loading, wanted: Wanted) -> Iterable[FolderFinding]:
    if not loading.ending:
        return
    at = shown(loading.measured.at or "starting")
    what = f"{loading.ending}, at: {at}"
    if loading.timed_out:
        remedy = f"give it longer if it's only slow: `--timeout {wanted.timeout * 5:g}`"
        yield error("timed-out", "", what, _compared(loading), remedy)
    elif loading.ending.startswith("killed for memory"):
        yield error("out-of-memory", "", what, _compared(loading), "give the environment more memory, or load less")
    else:
        yield error("crashed", "", what, _compared(loading), f"standard error ends with: {_tail(loading.errors)}")


def _tail(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return shown(lines[-1]) if lines else "(nothing)"


def _weights(measured: Measured) -> Iterable[FolderFinding]:
    model = measured.model
    if model is None:
        return
    if model.missing:
        yield error(
            "weights-missing",
            "",
            f"{model.name} has weights that no file has, so they are random: {listed(model.missing, 5)}",
            "loading only warns, and every answer is wrong in another way each time",
            "get all of the files, or name the class that they were saved from in `architectures`",
        )
    if model.mismatched:
        yield error(
            "weights-mismatched",
            "",
            f"weights have another shape than {model.name} needs: {listed(model.mismatched, 5)}",
            "they are random after loading",
            "get config.json and weights of the same model",
        )
    if model.unexpected:
        yield note(
            "weights-unused",
            "",
            f"{model.name} has no use for weights in the files: {listed(model.unexpected, 5)}",
            "memory and time for nothing; or it's another class that was meant",
        )


def asked_of_network(refusals: Iterable[Refusal]) -> list[Refusal]:
    """Return the refusals that are the network's."""
    return [one for one in refusals if one.error in _UNREACHED and _NETWORK.match(one.operation)]


def _network(loading: Loading) -> Iterable[FolderFinding]:
    asked = asked_of_network(loading.refusals)
    if asked:
        times = sum(one.times for one in asked)
        who = sorted({one.library for one in asked if one.library})
        yield warning(
            "asks-the-network",
            "",
            f"{times} times it asked for {listed(list(dict.fromkeys(one.target for one in asked)))}"
            f"{f' ({listed(who)})' if who else ''}, although everything was to be in the folder; the network was off",
            "a host without a network waits for it at each start, up to minutes where packets are dropped",
            "set HF_HUB_OFFLINE=1, and put what it asks for into the folder",
        )


def _refused(loading: Loading) -> Iterable[FolderFinding]:
    asked = asked_of_network(loading.refusals)
    others = [one for one in loading.refusals if one not in asked]
    if others and not loading.measured.failures:
        lines = [f"{one.operation} {one.target}: {one.error}" for one in others]
        yield note(
            "refused",
            "",
            f"it worked, but in {loading.environment} it was refused something: {listed(lines)}",
            "what can't be kept is made again at each start",
        )
