"""A stage on which tests pass or fail as a function says, without a worker: for what is decided about trials."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from pytest_envguard.engine.remedies.stage import Applied, Bench, Job
from pytest_envguard.model.diagnosis import Remedy
from pytest_envguard.model.plan import Plan
from pytest_envguard.model.verdict import Outcome, Run

Says = Callable[
    [str, frozenset[str]], str
]  # test, and the titles of what is applied: "" if it passes, else what it says


class Pretended:
    """Takes the place of `pytest_envguard.engine.remedies.stage.Stage`.

    Attributes:
        bench: With a run in which every test was run without remedies.
        ran: What was run: titles of the remedies, and tests.
        said: What the user was told.
        problems: Title of a remedy that can't be applied to why.
        known: Title of a remedy to what a cell of the run tells of it.
        on_host: Tests that fail on the host.
    """

    def __init__(self, says: Says, tests: Iterable[str], environments: Sequence[str] = ("lambda",)) -> None:
        self._says = says
        tests = list(tests)
        runs = {name: self._run(name, tests, frozenset()) for name in environments}
        self.bench = Bench(None, None, {name: Plan(name, "") for name in environments}, runs)  # type: ignore[arg-type]
        self.ran: list[tuple[str, tuple[str, ...]]] = []
        self.said: list[str] = []
        self.problems: dict[str, str] = {}
        self.known: dict[str, Run] = {}
        self.on_host: set[str] = set()

    def say(self, text: str) -> None:
        """Note what the user is told."""
        self.said.append(text)

    def apply(self, environment: str, remedies: Iterable[Remedy], tests: Sequence[str] = ()) -> Applied:  # noqa: ARG002  # as of the real one
        """Return the environment with the titles of the remedies in its script."""
        titles = [remedy.title for remedy in remedies]
        problem = next((self.problems[title] for title in titles if title in self.problems), "")
        if problem:
            return Applied(problem=problem)
        known = next((self.known[title] for title in titles if title in self.known), None)
        return Applied(Plan(environment, "", script={"titles": titles}), known=known, cell="cell" if known else "")

    def run(self, jobs: Iterable[Job], *, whole: bool = False) -> list[Run]:  # noqa: ARG002  # as of the real one
        """Note what is run, and return what comes of it."""
        return [self._one(plan, environment, tests) for plan, environment, tests in jobs]

    def _one(self, plan: Plan, environment: str, tests: Sequence[str]) -> Run:
        if plan.name == "host":
            return Run("host", {test: Outcome("failed" if test in self.on_host else "passed") for test in tests})
        titles: list[str] = plan.script.get("titles", [])  # type: ignore[assignment]
        self.ran.append((" + ".join(titles), tuple(tests)))
        return self._run(environment, tests, frozenset(titles))

    def _run(self, environment: str, tests: Iterable[str], titles: frozenset[str]) -> Run:
        said = {test: self._says(test, titles) for test in tests}
        return Run(
            environment, {test: Outcome("failed", text) if text else Outcome("passed") for test, text in said.items()}
        )

    def host(self, environment: str) -> Plan | None:  # noqa: ARG002  # as of the real one
        """Return a host, where tests pass but for `on_host`."""
        return Plan("host", "")


def needs(**wanted: str) -> Says:
    """Return what says that a test (by its function's name) fails until all of some words are among the titles."""

    def says(test: str, titles: frozenset[str]) -> str:
        words = wanted.get(test.rpartition("::")[2], "").split()
        return "" if titles.issuperset(words) else f"needs {' '.join(word for word in words if word not in titles)}"

    return says


def sets(*titles: str) -> tuple[Remedy, ...]:
    """Return remedies by their titles."""
    return tuple(Remedy(set={name: value}) for name, _, value in (title.partition("=") for title in titles))
