"""Growth: judged on recorded and made series, and on real memory with margins of ten times."""

from __future__ import annotations

import ctypes
import itertools
import sys
from collections.abc import Callable, Iterator

import pytest

from pytest_envguard.budgets.asked import read_budget
from pytest_envguard.budgets.growth import Series, Watching, free, judged
from pytest_envguard.errors import EnvguardError
from pytest_envguard.model.budget import OVER, TOO_FEW, UNCERTAIN, WITHIN, Figure

MB = 1 << 20
BUDGET = read_budget("growth_per_10k_tokens", "1MB")
# Recorded with `TOKENS` tokens a round (CPython 3.11, glibc 2.36), in KiB.
TOKENS = 37_584
TOKENIZERS = (
    *(9256, 9284, 9312, 9312, 9340, 9364, 9392, 9416, 9444, 9472, 9496, 9524, 9548, 9576, 9604, 9628, 9656, 9684, 9708),
    *(9736, 9764, 9788, 9816, 9840, 9868, 9896, 9920, 9948, 9972, 10000, 10028, 10052, 10080, 10108, 10132, 10160),
    *(10188, 10212, 10240, 10264, 10292),
)


class Machine:
    """A clock and a memory, which a function of the test's own moves on."""

    def __init__(self, memory: Callable[[int], int], seconds: float = 0.01, units: int = 1000) -> None:
        self._memory = memory
        self._seconds = seconds
        self._units = units
        self.now = 0.0
        self.calls = 0

    def clock(self) -> float:
        """Return the time."""
        return self.now

    def work(self) -> int:
        """Deal with some units, for some time."""
        self.now += self._seconds
        self.calls += 1
        return self._units

    def look(self) -> int:
        """Return what is held after the calls so far."""
        return self._memory(self.calls)

    def watch(self, seconds: float = 10.0) -> Series:
        """Watch it as a test would."""
        return Watching("tokens", self.work, self.clock, self.look).watch([BUDGET], seconds)


def series(values: Iterator[int] | list[int], units: int = TOKENS) -> Series:
    held = list(values)
    return Series([units * index for index in range(len(held))], held)


def test_real_tokenizers_grow_and_do_not_leak() -> None:
    """Each text is a new one, so that the cache of words fills slowly: 7 KiB for 10,000 tokens."""
    figure = judged(BUDGET, series([size * 1024 for size in TOKENIZERS]))
    assert figure.verdict == WITHIN
    assert figure.value == pytest.approx(7 * 1024, rel=0.1)


def test_a_leak_is_over_its_budget() -> None:
    figure = judged(BUDGET, series([50 * MB + index * 8 * MB for index in range(41)]))
    assert figure.verdict == OVER
    assert figure.value == pytest.approx(8 * MB / TOKENS * 10_000)
    assert figure.note == "40 rounds, 1,503,360 tokens, 50 MiB → 210 MiB → 370 MiB held"


def test_a_cache_that_fills_up_and_stays_is_no_leak() -> None:
    figure = judged(BUDGET, series([min(index, 18) * 50 * MB for index in range(41)]))
    assert (figure.verdict, figure.value) == (WITHIN, 0.0)


def test_too_few_rounds_say_nothing_and_fail() -> None:
    figure = judged(BUDGET, series([MB * index for index in range(10)]))
    assert (figure.verdict, figure.value, figure.failed) == (TOO_FEW, None, True)
    assert "it takes 16 rounds" in figure.note


def test_so_little_work_that_a_leak_could_hide_fails() -> None:
    """What 10,000 tokens may leave behind, ten tokens leave in memory that the allocator has free."""
    figure = judged(BUDGET, series([MB] * 41, units=10))
    assert (figure.verdict, figure.failed) == (TOO_FEW, True)
    assert "20.5 KiB, can't be told from what an allocator has free" in figure.note


def test_growth_within_its_noise_is_not_certain_and_no_failure() -> None:
    jumps = itertools.accumulate(itertools.islice(itertools.cycle([0, 0, 0, 0, 0, 0, 18 * MB]), 41))
    figure = judged(BUDGET, series(jumps))
    assert (figure.verdict, figure.failed) == (UNCERTAIN, False)


def test_what_nobody_set_a_budget_for_is_told_for_a_thousand() -> None:
    (figure,) = free("calls", series([index * 1000 for index in range(41)], units=100))
    assert (figure.name, figure.value, figure.limit) == ("growth_per_1k_calls", 10_000.0, None)


# -- watching ----------------------------------------------------------------------------------------------------------


def test_what_is_certain_at_once_takes_forty_rounds() -> None:
    machine = Machine(lambda _: 77 * MB)
    found = machine.watch()
    assert found.rounds == 40
    assert machine.now == pytest.approx(11, rel=0.1)  # a tenth of the time for the first calls


def test_a_leak_is_watched_for_three_times_as_long() -> None:
    found = Machine(lambda calls: calls * MB // 5).watch()
    assert found.rounds == 120
    assert judged(BUDGET, found).verdict == OVER


def test_a_plateau_that_comes_late_is_found() -> None:
    """It grows through all of the first forty rounds, and for a little longer."""
    found = Machine(lambda calls: min(calls, 1300) * MB // 5).watch()
    assert found.rounds > 40
    assert judged(BUDGET, found).verdict == WITHIN


def test_growth_that_would_take_the_machine_down_ends_early() -> None:
    found = Machine(lambda calls: calls * 20 * MB).watch()
    assert found.held[-1] - found.held[0] < (1 << 30) + 600 * MB
    assert judged(BUDGET, found).verdict == OVER


def test_growth_in_the_first_calls_alone_ends_them_early() -> None:
    """They last a second here, which is enough for all the memory of a machine."""
    machine = Machine(lambda calls: calls * 600 * MB, seconds=0.001)
    assert judged(BUDGET, machine.watch()).verdict == OVER
    assert machine.calls < 200


def test_slow_work_gets_the_time_for_the_fewest_rounds() -> None:
    machine = Machine(lambda _: MB, seconds=2.0, units=20_000)
    assert machine.watch(seconds=5).rounds == 16


@pytest.mark.parametrize("said", [None, True, -1, "three", 2.5])
def test_a_function_that_does_not_say_how_much_it_did_is_a_mistake(said: object) -> None:
    with pytest.raises(EnvguardError, match="expected the number of tokens that the function has dealt with") as error:
        Watching("tokens", lambda: said).watch([BUDGET], 1)
    assert repr(said) in str(error.value)


def test_a_function_that_does_nothing_is_a_mistake() -> None:
    machine = Machine(lambda _: MB, units=0)
    with pytest.raises(EnvguardError, match="has dealt with no tokens in 100 calls"):
        machine.watch()


# -- real memory -------------------------------------------------------------------------------------------------------

libc = ctypes.CDLL(None)
real = pytest.mark.skipif(sys.platform != "linux", reason="memory is looked at in /proc")


def taken_from_c() -> ctypes.c_void_p:
    libc.malloc.restype = ctypes.c_void_p
    block = libc.malloc(ctypes.c_size_t(4_000))
    ctypes.memset(block, 1, 4_000)
    return ctypes.c_void_p(block)


def watched(function: Callable[[], object]) -> Figure:
    return judged(BUDGET, Watching("tokens", function).watch([BUDGET], 0.4))


@real
def test_memory_that_c_never_frees_is_a_leak() -> None:
    """10 times the budget. It's freed in the end, for the tests that follow."""
    blocks: list[ctypes.c_void_p] = []

    def work() -> int:
        blocks.append(taken_from_c())
        return 4

    found = watched(work)
    for block in blocks:
        libc.free(block)
    assert found.verdict == OVER


@real
def test_a_list_that_grows_is_a_leak() -> None:
    kept: list[bytearray] = []

    def work() -> int:
        kept.append(bytearray(b"x" * 4_000))
        return 4

    assert watched(work).verdict == OVER


@real
def test_taking_and_freeing_is_no_leak() -> None:
    def work() -> int:
        return len([bytearray(b"x" * size) for size in range(10_000, 60_000, 500)]) * 100

    assert watched(work).verdict == WITHIN


@real
def test_garbage_in_cycles_is_no_leak() -> None:
    def work() -> int:
        for _ in range(100):
            ring: list[object] = [bytearray(1000)]
            ring.append(ring)
        return 10_000

    assert watched(work).verdict == WITHIN
