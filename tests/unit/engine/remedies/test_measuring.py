"""What is timed, and with which remedies."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_envguard.engine.remedies import measuring
from pytest_envguard.engine.remedies.measuring import can_be_measured, measured, worth_measuring
from pytest_envguard.engine.remedies.remedied import with_remedies
from pytest_envguard.engine.remedies.stage import Applied
from pytest_envguard.model.diagnosis import Cause, Diagnosis, Remedy, Seed
from pytest_envguard.model.plan import Plan
from pytest_envguard.model.profile import Profile
from pytest_envguard.planning.hooked import plan_by_hook
from tests.unit.engine.pretending import Pretended, needs

FAST, SEEDED, FAILS = Remedy(set={"FAST": "1"}), Remedy(seed=Seed("S")), Remedy(set={"FAST": "no"})
CODE = "import os, time; print('x'); time.sleep({'1': 0, None: 0.2}[os.environ.get('FAST')])"


class Stage(Pretended):
    """Applies variables for real, on the host."""

    def apply(self, environment: str, remedies: object, tests: object = ()) -> Applied:  # noqa: ARG002  # as of the real one
        """Return the host with the remedies' variables."""
        return Applied(with_remedies(Plan(environment, ""), remedies, {"S": "/var/tmp"}))  # type: ignore[arg-type]


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    made = Stage(needs(), [])

    class Config:
        class invocation_params:  # noqa: N801  # pytest's own name
            dir = tmp_path

    made.bench = made.bench._replace(config=Config())  # type: ignore[arg-type]
    return made


def _cause(code: str, *remedies: Remedy, silent: bool = True) -> Cause:
    return Cause(Diagnosis("slow", measure=code, remedies=remedies), {"lambda": ("t",)}, silent)


def test_the_time_of_the_code_is_told_without_and_with_a_remedy(stage: Stage) -> None:
    """The interpreter's own start isn't part of it."""
    (cost,) = measured(stage, [_cause(CODE, FAST)])[0]  # type: ignore[arg-type]
    assert (cost.environment, cost.code, cost.remedy) == ("lambda", CODE, FAST)
    assert 0.2 <= cost.without < 1
    assert cost.remedied < 0.1


def test_what_can_not_be_measured_has_no_cost(stage: Stage) -> None:
    """Code that fails, with the remedy or without; causes of failures; an environment that only Python code is in."""
    assert measured(stage, [_cause("raise SystemExit(1)", FAST)]) == {0: []}  # type: ignore[arg-type]
    assert measured(stage, [_cause(CODE, FAILS)]) == {0: []}  # type: ignore[arg-type]
    assert measured(stage, [_cause(CODE, FAST, silent=False), _cause("", FAST)]) == {}  # type: ignore[arg-type]
    assert measured(stage, [_cause(CODE)]) == {0: []}  # type: ignore[arg-type]
    hooked = plan_by_hook(Profile("mine", "", {"root": "read-only"}), "/p", "/tmp", (3, 11), "asked for")
    assert not can_be_measured(hooked)


def test_code_that_takes_long_is_timed_once(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three times else."""
    for slow, times in ((0.1, 1), (10.0, 3)):
        monkeypatch.setattr(measuring, "_SLOW", slow)
        file = Path(str(stage.bench.config.invocation_params.dir), f"times-{times}")
        code = f"open({str(file)!r}, 'a').write('.'); import time; time.sleep(0.15)"
        measured(stage, [_cause(code, SEEDED)])  # type: ignore[arg-type]
        assert file.read_text() == "." * times * 2


def test_variables_and_a_filled_folder_are_both_worth_it() -> None:
    """The first of each kind; another version isn't."""
    other = Remedy(set={"OTHER": "1"})
    assert worth_measuring([Remedy(upgrade="x>=2"), SEEDED, FAST, other]) == [FAST, SEEDED]
    assert worth_measuring([Remedy(says="pray")]) == []
