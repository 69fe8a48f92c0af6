"""Why a test fails in an environment, what helps, and what came of trying it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from pytest_envguard.model.dimensions import Value


class Setting(NamedTuple):
    """An environment as far as a diagnosis needs to know it.

    Attributes:
        name: As reports name it.
        profile: The profile's name, without versions.
        values: Dimension to its value; one that is missing is as on the host.
        version: Returns the installed version of a distribution, "" where it isn't installed or nobody knows.
        project: The project's own folder, outside.
    """

    name: str
    profile: str
    values: Mapping[str, Value]
    version: Callable[[str], str] = lambda _distribution: ""
    project: str = ""


class Seed(NamedTuple):
    """A folder that is filled where there is a network, and deployed read-only.

    Attributes:
        variable: What points a library to it.
        sources: Folders that may have what it needs, the first that exists counts: "~/.cache/huggingface", "$HF_HOME",
            "{site}/litellm/litellm_core_utils/tokenizers" (site-packages).
        fill: Python code that fills it, run outside with ``variable`` set to the empty folder; "" if copying is enough.
        command: What a user runs to fill it, for a shell, with ``DIR`` for the folder.
    """

    variable: str
    sources: tuple[str, ...] = ()
    fill: str = ""
    command: str = ""


class Remedy(NamedTuple):
    """One thing that may help. It has either variables, a seed (with variables besides) or a requirement, or is advice.

    Attributes:
        says: What it does, a sentence without its full stop; of advice, what to do.
        set: Variables to set.
        unset: Variables to remove.
        seed: A folder to fill.
        upgrade: Requirement of another version, such as "litellm>=1.40.9".
        guess: Whether no rule says so: it's generic, and nothing until it was tried.
    """

    says: str = ""
    set: Mapping[str, str] = {}
    unset: tuple[str, ...] = ()
    seed: Seed | None = None
    upgrade: str = ""
    guess: bool = False

    @property
    def can_be_tried(self) -> bool:
        """Whether it is more than advice."""
        return bool(self.set or self.unset or self.seed or self.upgrade)

    @property
    def title(self) -> str:
        """What it is in a few words: "HF_HOME=/tmp/hf", "a filled HF_HOME", "litellm>=1.40.9"."""
        parts = [f"{name}={value}" for name, value in sorted(self.set.items())]
        parts += [f"no {name}" for name in sorted(self.unset)]
        parts += [f"a filled {self.seed.variable}"] if self.seed else []
        parts += [self.upgrade] if self.upgrade else []
        return " ".join(parts) or self.says


def each_once(several: Iterable[Iterable[Remedy]]) -> tuple[Remedy, ...]:
    """Return all remedies in their order, each once (they have tables, and so no hash)."""
    merged: list[Remedy] = []
    for remedies in several:
        merged += [remedy for remedy in remedies if remedy not in merged]
    return tuple(merged)


class Holding(NamedTuple):
    """What a sentence leaves open until it's known where it holds, for one environment.

    Attributes:
        environment: As sentences call it: cells of a version matrix by their profile.
        because: What it makes of a dimension, half a sentence with ``{here}`` for the names of all that make the same of it,
            such as "the root is read-only in {here}"; ``{have}`` is "has" or "have", as many as they are.
        version: The library's there; "" where nobody knows.
    """

    environment: str
    because: str = ""
    version: str = ""


class Diagnosis(NamedTuple):
    """Why something failed, or was refused.

    Attributes:
        text: One or two plain sentences.
        library: Who is to blame; "" for the project itself.
        version: The installed one; "" where nobody knows.
        rule: "LIBRARY/RULE" that matched; "" if none did, and ``text`` says only who tried what where.
        dimension: What of the environment it comes from, such as "root"; "" where that isn't known.
        certain: Whether the evidence ties the cause to the failure; else it's the likely one.
        place: File and line of the library or the project.
        target: Path, address or host.
        error: Name of the errno; "" without one.
        remedies: What may help, the first to try first.
        measure: Python code whose time says what a silent loss costs; "" where nothing is to be measured.
        sentence: The text with ``{because}``, ``{environment}`` and ``{version}`` still open, see `Cause.holding`; "" where it
            leaves nothing open.
        alike: The same for all that has the same cause, in this run or another; "" where nobody knows.
    """

    text: str
    library: str = ""
    version: str = ""
    rule: str = ""
    dimension: str = ""
    certain: bool = True
    place: str = ""
    target: str = ""
    error: str = ""
    remedies: tuple[Remedy, ...] = ()
    measure: str = ""
    sentence: str = ""
    alike: str = ""


class Trial(NamedTuple):
    """What came of running tests again with remedies.

    Attributes:
        environment: Where.
        remedies: All that were applied together.
        passed: Tests that failed before and pass now.
        failed: Tests that still fail, with the first line of what they say now.
        broken: Tests that passed before and fail now, with what they say.
        seconds: What it took.
        problem: Why nothing could be run; "" if it was.
        cell: The version cell that it ran in, where the remedy is another version; else "".
    """

    environment: str
    remedies: tuple[Remedy, ...]
    passed: tuple[str, ...] = ()
    failed: Mapping[str, str] = {}
    broken: Mapping[str, str] = {}
    seconds: float = 0.0
    problem: str = ""
    cell: str = ""

    @property
    def works(self) -> bool:
        """Whether all tests pass that it was tried for."""
        return bool(self.passed) and not self.failed and not self.problem

    @property
    def title(self) -> str:
        """The remedies in a few words."""
        return " ".join(remedy.title for remedy in self.remedies)


class Cost(NamedTuple):
    """What a silent loss costs, measured.

    Attributes:
        environment: Where.
        code: What was timed, in a fresh interpreter.
        without: Seconds as it is, the median of several.
        remedied: Seconds with the remedy.
        remedy: Which.
    """

    environment: str
    code: str
    without: float
    remedied: float
    remedy: Remedy


class Cause(NamedTuple):
    """A diagnosis with all that it explains.

    Attributes:
        diagnosis: The first one's; ``target`` and ``text`` of the others may name other files.
        where: Environment to the tests that fail (or, of a silent loss, pass) there because of it.
        silent: Whether nothing failed because of it.
        trials: What was tried, in that order.
        costs: What was measured.
        remedies: Environment to those of the diagnosis that hold there: a folder of one may not be there in another.
        holding: Environment to what the sentence of the diagnosis leaves open.
    """

    diagnosis: Diagnosis
    where: Mapping[str, tuple[str, ...]]
    silent: bool = False
    trials: tuple[Trial, ...] = ()
    costs: tuple[Cost, ...] = ()
    remedies: Mapping[str, tuple[Remedy, ...]] = {}
    holding: Mapping[str, Holding] = {}

    def offered(self, environment: str) -> tuple[Remedy, ...]:
        """Return what may help in one environment, the first to try first."""
        return self.remedies.get(environment, self.diagnosis.remedies)

    @property
    def tests(self) -> tuple[str, ...]:
        """All tests, each once."""
        return tuple(dict.fromkeys(nodeid for nodeids in self.where.values() for nodeid in nodeids))
