"""pip-audit, by its command and its JSON: asked about the packages of each cell while the tests run.

It runs outside of every environment, with the caller's own settings (proxies, certificates, pip-audit's cache). Its exit
code says little: 1 is a finding or a crash, and 0 with "No known vulnerabilities found" is also what it says when the
service knew none of the packages. So only the JSON counts, package by package.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from pytest_envguard.errors import EnvguardError
from pytest_envguard.model.finding import Audited, NotAudited, Vulnerability
from pytest_envguard.packages.advisories import Service
from pytest_envguard.packages.installed import Distribution

KIND = "audit"  # of what is remembered
DAY = 24 * 60 * 60.0  # seconds for which an answer is good
LONGEST = 180.0  # seconds: the services are asked about one package after the other
_AT_ONCE = 4
_LONGEST_SUMMARY = 160

Recall = Callable[[str, str, float], object]
"""Kind, key and greatest age in seconds to the value that was remembered, or None."""
Remember = Callable[[str, str, Any], object]
"""Kind, key and a value of dictionaries, lists and strings; raises `OSError` or `EnvguardError` if it can't be kept."""

# The new process asks to be killed with its parent, then becomes pip-audit. The thread that waits for it is its parent.
_DYING = """\
import os, sys
parent, folder, *words = sys.argv[1:]
sys.path.insert(0, folder)
from pytest_envguard.linux import syscalls as call
call.prctl(call.PR_SET_PDEATHSIG, 9)
if os.getppid() == int(parent):
    try:
        os.execv(words[0], words)
    except OSError as error:
        sys.exit(f"{words[0]} can't be started: {error.strerror}")
"""


class _Question(NamedTuple):
    """What is asked about a cell.

    Attributes:
        sent: Normalised name to the version that is asked about.
        versions: Normalised name to the installed version, of the same.
        kept_back: Packages that aren't asked about, with the reason.
    """

    sent: Mapping[str, str]
    versions: Mapping[str, str]
    kept_back: Mapping[str, str]

    def key(self, service: Service) -> str:
        """Return what names the answer: who is asked about what."""
        asked = json.dumps([*service, *sorted(self.sent.items())])
        return hashlib.sha256(asked.encode()).hexdigest()


def command() -> tuple[str, ...] | None:
    """Return how pip-audit is called: beside the running interpreter, as a module of it, or on PATH; None without it."""
    beside = shutil.which("pip-audit", path=str(Path(sys.executable).parent))
    if beside:
        return (beside,)
    if find_spec("pip_audit"):
        return (sys.executable, "-m", "pip_audit")
    on_path = shutil.which("pip-audit")
    return (on_path,) if on_path else None


def audit(
    distributions: Iterable[Distribution],
    service: Service,
    recall: Recall | None = None,
    remember: Remember | None = None,
    timeout: float = LONGEST,
) -> Audited | NotAudited:
    """Ask ``service`` about what is installed.

    Only names and versions are sent, and none of what came from a folder, a file or a URL. What came from a private index
    can't be told from the rest, and is.

    Args:
        distributions: All that are installed in a cell.
        service: Who is asked.
        recall: Finds an answer of the last 24 hours.
        remember: Keeps an answer; a failure is never kept.
        timeout: Seconds, after which pip-audit is killed.
    """
    return _Asking(service, recall, remember, timeout).ask(_question(distributions))


class Auditor:
    """Audits cells in the background, some at once; equal cells together.

    Its processes die with this one, whatever ends it.
    """

    def __init__(
        self,
        service: Service,
        recall: Recall | None = None,
        remember: Remember | None = None,
        timeout: float = LONGEST,
        at_once: int = _AT_ONCE,
    ) -> None:
        self._asking = _Asking(service, recall, remember, timeout)
        self._slots = threading.BoundedSemaphore(at_once)
        self._keys: dict[str, str] = {}
        self._answers: dict[str, Audited | NotAudited] = {}
        self._threads: dict[str, threading.Thread] = {}

    def start(self, cells: Mapping[str, Iterable[Distribution]]) -> None:
        """Begin to audit ``cells`` (name to what is installed), and return at once. Can be called again with others."""
        for name, distributions in cells.items():
            question = _question(distributions)
            # The versions that are installed and what is kept back are part of the answer, not of what is sent.
            key = repr((sorted(question.versions.items()), sorted(question.kept_back.items())))
            self._keys[name] = key
            if key not in self._threads:
                # A thread that waits must not keep the interpreter from ending.
                self._threads[key] = threading.Thread(
                    target=self._answer, args=(key, question), name=f"audit {name}", daemon=True
                )
                self._threads[key].start()

    def results(self) -> dict[str, Audited | NotAudited]:
        """Wait for all, and return name to answer in the order of the cells."""
        for thread in self._threads.values():
            thread.join()
        return {name: self._answers[key] for name, key in self._keys.items()}

    def stop(self) -> None:
        """Kill what still runs; its cells are not audited."""
        self._asking.stop()
        for thread in self._threads.values():
            thread.join()

    def _answer(self, key: str, question: _Question) -> None:
        try:
            with self._slots:
                self._answers[key] = self._asking.ask(question)
        except Exception as error:  # noqa: BLE001  # a thread has nobody else to tell
            self._answers[key] = NotAudited(f"{type(error).__name__}: {error}")


class _Asking:
    """Asking one service, until somebody says stop."""

    def __init__(self, service: Service, recall: Recall | None, remember: Remember | None, timeout: float) -> None:
        if service.name == "osv" and not service.url:  # pip-audit's own setting: the answer is to be found under it
            service = service._replace(url=os.environ.get("PIP_AUDIT_OSV_URL", ""))
        self._service = service
        self._recall = recall
        self._remember = remember
        self._timeout = timeout
        self._lock = threading.Lock()
        self._stopped = False
        self._running: set[subprocess.Popen[str]] = set()

    def ask(self, question: _Question) -> Audited | NotAudited:
        """Return the service's answer, or the one it gave earlier this day."""
        if not question.sent:
            return NotAudited(_nothing_to_send(question))
        key = question.key(self._service)
        known = _entries(self._recall(KIND, key, DAY)) if self._recall else None
        if known is not None:
            return read_answer(known, question.versions, question.kept_back, self._service)._replace(remembered=True)
        words = command()
        if not words:
            return NotAudited("pip-audit isn't installed", "install pytest-envguard[audit]")
        began = time.monotonic()
        said = self._run(words, question.sent)
        if isinstance(said, NotAudited):
            return said
        entries, notes = said
        audited = read_answer(entries, question.versions, question.kept_back, self._service)
        if not audited.checked:
            return NotAudited(_nobody_known(audited))
        try:
            if self._remember:
                self._remember(KIND, key, entries)
        except (OSError, EnvguardError) as error:
            notes = (*notes, f"the answer can't be remembered: {error}")
        return audited._replace(notes=(*audited.notes, *notes), seconds=time.monotonic() - began)

    def stop(self) -> None:
        """Kill what runs, and start nothing more."""
        with self._lock:
            self._stopped = True
            for process in self._running:
                _kill(process)

    def _run(self, words: tuple[str, ...], sent: Mapping[str, str]) -> tuple[list[Any], tuple[str, ...]] | NotAudited:
        """Run pip-audit; returns the packages of its JSON and what it warned of."""
        # A file without a name: nothing is left behind, whoever is killed.
        with tempfile.TemporaryFile("w+", encoding="utf-8") as file:
            file.writelines(f"{name}=={version}\n" for name, version in sorted(sent.items()))
            file.flush()
            file.seek(0)
            line = [
                *words, "--requirement", f"/dev/fd/{file.fileno()}", "--no-deps", "--disable-pip",
                "--format", "json", "--desc", "on", "--aliases", "on", "--output", "stdout", "--progress-spinner", "off",
                "--vulnerability-service", self._service.name,
                *(["--osv-url", self._service.url] if self._service.url else []),
            ]  # fmt: skip
            with self._lock:
                if self._stopped:
                    return NotAudited("the run was stopped before")
                try:
                    process = _start(line, file.fileno())
                except OSError as error:
                    return NotAudited(f"{words[0]} can't be started: {error.strerror}")
                self._running.add(process)
            with process:
                try:
                    output, errors = process.communicate(timeout=self._timeout)
                except subprocess.TimeoutExpired:
                    return NotAudited(f"pip-audit had not heard all from {self._service} after {self._timeout:g} s")
                finally:
                    with self._lock:
                        _kill(process)
                        self._running.discard(process)
        if self._stopped and process.returncode < 0:
            return NotAudited("the run was stopped before it had ended")
        entries = _entries(_json(output))
        if entries is None:
            return NotAudited(_why(errors, process.returncode, self._service))
        return entries, _warnings(errors)


def _start(words: list[str], file: int) -> subprocess.Popen[str]:
    if sys.platform == "linux":
        ours = str(Path(__file__).parents[2])
        words = [sys.executable, "-I", "-S", "-c", _DYING, str(os.getpid()), ours, *words]
    return subprocess.Popen(
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
        pass_fds=[file],
        start_new_session=True,  # Ctrl-C comes to us, and we end it as a whole
    )


def _kill(process: subprocess.Popen[str]) -> None:
    """Kill it with everything that it started."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


# -- what is asked -----------------------------------------------------------------------------------------------------


def _question(distributions: Iterable[Distribution]) -> _Question:
    sent, versions, kept_back = {}, {}, {}
    for one in distributions:
        if one.origin:
            kept_back[one.name] = one.origin
            continue
        try:
            # Advisories know no local versions: 2.1.0+cpu would be a version that none of them names.
            sent[one.name] = Version(one.version).public
        except InvalidVersion:  # pip-audit would give up, for all of them
            kept_back[one.name] = f"its version {one.version!r} can't be asked about"
            continue
        versions[one.name] = one.version
    return _Question(sent, versions, kept_back)


def _nothing_to_send(question: _Question) -> str:
    if not question.kept_back:
        return "no packages are installed"
    return (
        f"no package could be asked about: {', '.join(f'{name} ({why})' for name, why in question.kept_back.items())}"
    )


# -- what is answered --------------------------------------------------------------------------------------------------


def read_answer(
    entries: list[Any], versions: Mapping[str, str], kept_back: Mapping[str, str], service: Service
) -> Audited:
    """Return what pip-audit's JSON says of the packages that were asked about; what it doesn't mention is unknown.

    Args:
        entries: Its ``dependencies``.
        versions: Normalised name to installed version of what was asked about.
        kept_back: What wasn't, with the reason.
        service: Who was asked.
    """
    checked: dict[str, str] = {}
    unknown = dict.fromkeys(versions, "pip-audit did not mention it")
    found: list[Vulnerability] = []
    for entry in entries:
        name = canonicalize_name(str(entry.get("name", "")))
        if name not in versions:
            continue
        if "skip_reason" in entry:
            unknown[name] = str(entry["skip_reason"])
        elif "vulns" in entry:
            unknown.pop(name, None)
            checked[name] = versions[name]
            found += [_vulnerability(name, versions[name], one) for one in entry["vulns"]]
    notes = [
        f"{name} {version} was asked about as {Version(version).public}"
        for name, version in sorted(checked.items())
        if Version(version).local
    ]
    if service.name == "osv" and not found:
        notes.append("OSV answers alike about a package without advisories and one that it doesn't know")
    return Audited(
        service=str(service),
        vulnerabilities=tuple(sorted(set(found), key=lambda one: (one.package, one.id))),
        checked=checked,
        unknown=unknown,
        kept_back=kept_back,
        notes=tuple(notes),
    )


def _vulnerability(name: str, version: str, entry: Mapping[str, Any]) -> Vulnerability:
    aliases = sorted(map(str, entry.get("aliases") or ()), key=lambda alias: (not alias.startswith("CVE-"), alias))
    return Vulnerability(
        package=name,
        version=version,
        id=str(entry["id"]),
        aliases=tuple(aliases),
        fixed_in=tuple(map(str, entry.get("fix_versions") or ())),
        summary=first_sentence(str(entry.get("description") or "")),
    )


def first_sentence(text: str) -> str:
    """Return the first sentence of a description, without Markdown's signs; "" for none."""
    words = " ".join(re.sub(r"(?<!\S)#+\s|[`*]", "", text).split())
    if words == "N/A":  # pip-audit's word for none
        return ""
    sentence = re.split(r"(?<=[.!?])\s+(?=[A-Z])", words, maxsplit=1)[0].removesuffix(".")
    return sentence if len(sentence) <= _LONGEST_SUMMARY else sentence[: _LONGEST_SUMMARY - 1].rstrip() + "…"


def _json(text: str) -> Any:
    try:
        answer = json.loads(text)
    except ValueError:
        return None
    return answer.get("dependencies") if isinstance(answer, dict) else None


def _entries(value: Any) -> list[Any] | None:
    """Return ``value`` if it's a list of packages as pip-audit writes them, else None."""
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        return None
    for entry in value:
        vulns = entry.get("vulns", [])
        if not isinstance(vulns, list) or not all(isinstance(one, dict) and "id" in one for one in vulns):
            return None
    return value


def _nobody_known(audited: Audited) -> str:
    count = len(audited.unknown)
    reasons = {reason.partition(":")[0] for reason in audited.unknown.values()}
    said = f" ({'; '.join(sorted(reasons))})"
    if count == 1:
        return f"{audited.service} did not know the one package that it was asked about{said}"
    return f"{audited.service} knew none of the {count} packages{said}"


# -- why there's no answer ---------------------------------------------------------------------------------------------

_ERROR = re.compile(r"^(?:[\w.]+\.)?(\w*(?:Error|Exception|Timeout|Redirects|Interrupt))(?::\s*(.*))?$")
_UNREACHABLE = {
    "ConnectionError", "ConnectTimeout", "ReadTimeout", "ProxyError", "SSLError", "TooManyRedirects", "ChunkedEncodingError",
}  # fmt: skip
_ANSWERS = {"JSONDecodeError", "KeyError", "TypeError", "AttributeError", "InvalidVersion", "ServiceError"}


def _why(errors: str, code: int, service: Service) -> str:
    """Return why pip-audit ended without an answer, from the traceback that it shows for nearly everything."""
    errors = errors.replace(service.url, service.shown_url) if service.url else errors
    raised = [(match[1], match[2] or "") for line in errors.splitlines() if (match := _ERROR.match(line.strip()))]
    if not raised:
        lines = [line for line in errors.splitlines() if line.strip() and not _is_nudge(line)]
        logged = [line.split(":", 2)[2].strip() for line in lines if line.startswith("ERROR:") and line.count(":") > 1]
        if logged:  # what it expects to happen: no connection
            return f"{service} could not be reached: {logged[0]}"
        return f"pip-audit failed with exit code {code}: {lines[-1].strip() if lines else 'it said nothing'}"
    kind, text = next((one for one in reversed(raised) if one[1]), raised[-1])
    if kind in _UNREACHABLE:
        return f"{service} could not be reached: {_innermost(text)}"
    if kind == "HTTPError":
        return f"{service} answered with an error: {text}"
    if kind in _ANSWERS:
        return f"{service} gave no answer that pip-audit understands: {kind}: {text}"
    return f"pip-audit failed: {kind}: {text}" if text else f"pip-audit failed: {kind}"


def _innermost(text: str) -> str:
    """Return what really happened, out of the errors that urllib3 has wrapped around it."""
    cause = re.search(r"Caused by \w+\((.*)\)\)$", text)
    if not cause:
        return text
    return cause[1].strip("\"'").rpartition("): ")[2].strip("\"'") or text


def _warnings(errors: str) -> tuple[str, ...]:
    """Return what pip-audit warned of, such as a cache that it can't write to."""
    lines = (line for line in errors.splitlines() if line.startswith("WARNING:") and not _is_nudge(line))
    return tuple(dict.fromkeys(f"pip-audit: {line.split(':', 2)[-1].strip()}" for line in lines))


def _is_nudge(line: str) -> bool:
    """Whether it says that requirements should have hashes, which is about a file of requirements."""
    return "--no-deps" in line or "pip-compile" in line
