"""The tests in their parts."""

from __future__ import annotations

from pytest_envguard.model.verdict import Run
from pytest_envguard.report.groups import Places, groups
from pytest_envguard.report.page.columns import columns
from pytest_envguard.report.page.heat import Part, parts
from pytest_envguard.report.summary import Summary, summarise
from tests.unit.report.page.samples import BOTH, ENCODE, MKDIR, QUIET, SKIPPED, WRITE, small, versions
from tests.unit.report.pages import CONTAINER, EROFS, LAMBDA, PASSED


def found(summary: Summary) -> dict[str, Part]:
    """Return the parts by their keys."""
    places = Places(summary.matrix)
    return {part.key: part for part in parts(summary, places, columns(summary), groups(summary, places))}


def test_tests_that_differ_come_first_and_each_test_stands_in_one_part() -> None:
    """In the order in which one wants to know of them."""
    summary = small()
    tests = {
        key: [
            nodeid
            for file in part.files
            for nodeid in (
                *(line.nodeid for line in file.lines),
                *(name for one in file.alike for name, _ in one.tests),
            )
        ]
        for key, part in found(summary).items()
    }
    assert list(tests) == ["differs", "everywhere", "refused", "passes"]
    assert tests["differs"] == [ENCODE, WRITE]
    assert tests["everywhere"] == [BOTH]
    assert tests["refused"] == [QUIET]
    everything = [nodeid for several in tests.values() for nodeid in several]
    assert sorted(everything) == sorted({nodeid for run in summary.runs for nodeid in run.outcomes})


def test_a_row_has_a_letter_for_each_column_its_sentence_and_its_libraries() -> None:
    """The host's letter comes last; libraries are those that asked and those that are to blame."""
    encode, write = (file.lines[0] for file in found(small())["differs"].files)
    assert (encode.cells, encode.says, encode.libraries) == ("opop", "fails only in lambda and offline", ("tiktoken",))
    assert (write.cells, write.name) == ("oopp", "TestCache::test_a_result_is_kept")
    assert (encode.places, write.places) == ((0,), (1,))


def test_tests_that_fail_nowhere_are_one_row_for_all_that_went_alike() -> None:
    """What is unusual comes first."""
    summary = small()
    summary.runs[2].outcomes["tests/test_text.py::test_split[7]"] = SKIPPED
    file = next(file for file in found(summary)["passes"].files if file.name == "tests/test_text.py")
    assert [(one.cells, one.says, len(one.tests)) for one in file.alike] == [
        ("pps-", "skips in offline; passes elsewhere", 1),
        ("ppp-", "passes", 29),
    ]


def test_what_was_refused_to_tests_that_pass_tells_them_apart() -> None:
    """Each row knows which losses are its own."""
    (file,) = found(small())["refused"].files
    (one,) = file.alike
    assert (one.cells, one.losses, one.libraries) == ("rpp-", (0,), ("",))


def test_a_file_shows_how_many_fail_in_each_column_the_darker_the_larger_their_share() -> None:
    """Where none fails it shows what all of them did, or nothing where they differ."""
    names = [f"f.py::t{number}" for number in range(8)]
    fine = dict.fromkeys(names, PASSED)
    failing = dict.fromkeys(names, EROFS)
    some = {names[0]: EROFS, names[1]: SKIPPED}
    outcomes = [fine | some, failing, fine, fine, fine | {names[1]: SKIPPED}]
    runs = [Run(name, each) for name, each in zip("abcde", outcomes, strict=True)]
    runs[3].refusals = {names[2]: (MKDIR,)}
    plans = [LAMBDA._replace(name=run.environment) for run in runs]
    (file,) = found(summarise(plans, runs, None))["differs"].files
    assert file.marks == (("1", "h1"), ("8", "h4"), ("·", "p"), ("1", "r"), ("", "h0"))


def test_a_failure_that_the_host_does_not_know_is_a_difference_even_where_every_environment_fails() -> None:
    """And one that nothing was compared with is none."""
    runs = [Run("lambda", {"t": EROFS}), Run("container", {"t": EROFS})]
    assert list(found(summarise([LAMBDA, CONTAINER], runs, Run("host", {"t": PASSED})))) == ["differs"]
    assert list(found(summarise([LAMBDA, CONTAINER], runs, None))) == ["everywhere"]
    assert "differs" in found(versions())


def test_few_tests_are_unfolded_and_many_are_not() -> None:
    """Those that fail nowhere never are."""
    assert {key: part.unfolded for key, part in found(small()).items()} == {
        "differs": True,
        "everywhere": True,
        "refused": False,
        "passes": False,
    }
    several = {f"f.py::t{number}": EROFS for number in range(100)}
    assert not found(summarise([LAMBDA], [Run("lambda", several)], None))["everywhere"].unfolded


def test_an_error_of_a_file_stands_below_that_file() -> None:
    """It has no name within it."""
    (file,) = found(summarise([LAMBDA], [Run("lambda", {"tests/a.py": EROFS})], None))["everywhere"].files
    assert (file.name, file.lines[0].name) == ("tests/a.py", "the file itself")
