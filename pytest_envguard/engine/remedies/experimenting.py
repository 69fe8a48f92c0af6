"""Which property of an environment a failure comes from, found by experiment: the test again, with one of them as on the host.

Much that differs is never refused: a variable that isn't set, a folder that isn't looked for where it lies, a limit that is
only asked for. Where no rule fits and nothing ties a refusal to the failure, this finds what it is about.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from pytest_envguard.diagnosis.because import holding
from pytest_envguard.diagnosis.telling import BECAUSE, VERSION, narrowed, retold
from pytest_envguard.engine.remedies.stage import Stage
from pytest_envguard.errors import EnvguardError
from pytest_envguard.model.diagnosis import Cause, Diagnosis, Remedy, Setting, each_once
from pytest_envguard.model.plan import Plan
from pytest_envguard.model.profile import Profile

MOST_TESTS = 3  # of a cause that are run again
_UNKNOWN = ", and nothing that was refused explains it"

Guess = Callable[[Diagnosis, str, str], tuple[Remedy, ...]]
"""Returns what may help against a diagnosis of a test (its node id) in an environment."""


class Part(NamedTuple):
    """What is given back of an environment at once.

    Attributes:
        dimension: What it's called in a diagnosis.
        shown: In words.
        keys: The dimensions of profiles that it is.
    """

    dimension: str
    shown: str
    keys: tuple[str, ...]


# The likeliest first: each costs a run of the tests. With the user comes HOME, which was tried alone before: root, with the
# HOME of a profile that leaves the file systems writable, would make that folder on this machine.
PARTS = (
    Part("home", "HOME", ("home", "user_home")),
    Part("user", "the user", ("uid", "gid", "user", "user_home", "capabilities", "home")),
    Part("env", "the variables", ("env", "env_unset")),
    Part("root", "the file systems", ("root", "writable", "proc", "devices")),
    Part("tmp_exec", "execution in /tmp and /dev/shm", ("tmp_exec", "shm_exec")),
    Part("shm", "/dev/shm", ("shm", "shm_size")),
    Part("network", "the network", ("network", "origins")),
    Part("tmp_size", "the size of /tmp", ("tmp_size",)),
    Part("open_files", "the limit of open files", ("open_files", "open_files_hard")),
    Part("processes", "the limit of processes", ("processes",)),
    Part("memory", "the memory", ("memory",)),
    Part("stack", "the stack", ("stack",)),
    Part("cpus", "the processors", ("cpus",)),
    Part("timezone", "the time zone", ("timezone",)),
    Part("locale", "the locale", ("locale",)),
    Part("hostname", "the host name", ("hostname",)),
    Part("folder", "the working folder", ("folder",)),
    Part("cwd", "the project's place", ("cwd",)),
    Part("symlinks", "symbolic links", ("symlinks",)),
    Part("executable_mappings", "code in memory", ("executable_mappings",)),
    Part("mmap_limit", "the limit of a mapping", ("mmap_limit",)),
    Part("tmp", "/tmp", ("tmp", "tmp_size", "tmp_mode", "tmp_exec", "tmp_in_memory")),
)


def parts_of(profile: Profile, likely: str = "") -> list[Part]:
    """Return what can be given back of an environment, what is ``likely`` first."""
    there = [part for part in PARTS if not profile.values.keys().isdisjoint(part.keys)]
    return sorted(there, key=lambda part: part.dimension != likely)


def without(profile: Profile, part: Part) -> Profile:
    """Return an environment with one part of it as on the host."""
    return profile._replace(values={name: value for name, value in profile.values.items() if name not in part.keys})


def is_open(cause: Cause) -> bool:
    """Whether nobody knows for certain what a cause comes from."""
    return not (cause.silent or cause.diagnosis.certain)


class Known(NamedTuple):
    """What is known of environments.

    Attributes:
        settings: Environment to what diagnoses know of it.
        profiles: Environment to its profile.
        plan: Plans a profile in place of that of an environment.
        guess: Knows what may help against what was found.
    """

    settings: Mapping[str, Setting]
    profiles: Mapping[str, Profile]
    plan: Callable[[Plan, Profile], Plan]
    guess: Guess


class Laboratory:
    """Runs tests in environments that lack a part."""

    def __init__(self, stage: Stage, known: Known) -> None:
        self._stage = stage
        self._known = known

    def explain(self, causes: Iterable[Cause]) -> tuple[Cause, ...]:
        """Return the causes, those that were open with what was found."""
        explained: list[Cause] = []
        for cause in causes:
            explained += self._explain(cause) if is_open(cause) else [cause]
        return tuple(explained)

    def _explain(self, cause: Cause) -> list[Cause]:
        """Return one cause for each part that it was found to come from, and one for where none was found."""
        groups: dict[Part | None, list[str]] = {}
        for environment, tests in cause.where.items():
            groups.setdefault(self._find(environment, tests, cause.diagnosis.dimension), []).append(environment)
        return [
            self._with(narrowed(cause, {name: cause.where[name] for name in names}), part)
            for part, names in groups.items()
        ]

    def _find(self, environment: str, tests: Sequence[str], likely: str) -> Part | None:
        """Return the part with which the tests pass once it's as on the host."""
        plan = self._stage.bench.plans[environment]
        if plan.is_host or plan.machine is not None:
            return None
        parts = parts_of(self._known.profiles[environment], likely)
        names = ", ".join(part.shown for part in parts)
        self._stage.say(
            f"envguard: looking for what differs in {environment}: {tests[0]} with one of these as on the host: {names}"
        )
        return next((part for part in parts if self._passes(plan, part, tests[:MOST_TESTS])), None)

    def _passes(self, plan: Plan, part: Part, tests: Sequence[str]) -> bool:
        try:
            changed = self._known.plan(plan, without(self._known.profiles[plan.name], part))
        except EnvguardError:  # the rest of it can't be had alone
            return False
        (run,) = self._stage.run([(changed, plan.name, tests)])
        return not run.broken and len(run.fine(tests)) == len(tests)

    def _with(self, cause: Cause, part: Part | None) -> Cause:
        """Return a cause that was found to come from a part."""
        if part is None:
            return cause
        diagnosis = cause.diagnosis
        proof = f"with {part.shown} as on the host it passes (tried)"
        alike = f"{diagnosis.alike}, {part.dimension}" if diagnosis.alike else ""
        if part.dimension == diagnosis.dimension:
            sentence = f"{diagnosis.sentence or diagnosis.text}; {proof}"
            return retold(cause._replace(diagnosis=diagnosis._replace(sentence=sentence, certain=True, alike=alike)))
        versions = {name: one.version for name, one in cause.holding.items()}
        open_ = {
            name: holding(self._known.settings[name], part.dimension, version=versions.get(name, diagnosis.version))
            for name in cause.where
        }
        sentence = f"{_subject(diagnosis)}: {BECAUSE}, and {proof}; no rule matched"
        found = diagnosis._replace(
            sentence=sentence, rule="", dimension=part.dimension, certain=True, remedies=(), measure="", alike=alike
        )
        cause = retold(cause._replace(diagnosis=found, holding=open_))
        remedies = {name: self._known.guess(cause.diagnosis, name, tests[0]) for name, tests in cause.where.items()}
        return cause._replace(
            diagnosis=cause.diagnosis._replace(remedies=each_once(remedies.values())), remedies=remedies
        )


def _subject(diagnosis: Diagnosis) -> str:
    """Return what fails, without what was thought of it before."""
    head, found, _ = (diagnosis.sentence or diagnosis.text).partition(_UNKNOWN)
    if found:
        return head
    name = f"{diagnosis.library} {VERSION if diagnosis.version else ''}".strip()
    return f"{name} ({diagnosis.place}) fails" if name and diagnosis.place else f"{name or 'the test'} fails"
