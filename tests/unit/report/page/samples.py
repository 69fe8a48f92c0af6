"""Hand-made runs that have something of everything a page shows, and large ones."""

from __future__ import annotations

from collections.abc import Callable

from pytest_envguard.model.budget import BYTES, OVER, SECONDS, UNCERTAIN, WITHIN, Figure
from pytest_envguard.model.diagnosis import Cause, Cost, Diagnosis, Remedy, Seed, Trial
from pytest_envguard.model.finding import Audited, Finding, Ignored, NotAudited, Vulnerability
from pytest_envguard.model.plan import Enforcement, Plan, Strength
from pytest_envguard.model.refusal import Refusal
from pytest_envguard.model.verdict import Broken, Outcome, Resources, Run
from pytest_envguard.report.summary import Invocation, Summary, summarise
from tests.unit.report.pages import CONTAINER, HOST, LAMBDA, OFFLINE, PASSED, Happened, matrix_run

MIB = 1 << 20
SKIPPED, XFAILED = Outcome("skipped"), Outcome("xfailed")
ENCODE = "tests/test_count.py::test_tokens_are_counted"
WRITE = "tests/test_cache.py::TestCache::test_a_result_is_kept"
BOTH = "tests/test_cache.py::test_that_is_wrong_everywhere"
LOAD = "tests/test_load.py::test_the_model_is_loaded"
QUIET = "tests/test_load.py::test_it_compiles_its_modules"

NO_NETWORK = Outcome(
    "failed",
    "requests.exceptions.ConnectionError: HTTPSConnectionPool(host='openaipublic.blob.core.windows.net', port=443): "
    "Max retries exceeded with url: /encodings/cl100k_base.tiktoken",
    place=("tests/test_count.py", 12),
)
READ_ONLY = Outcome(
    "failed", "OSError: [Errno 30] Read-only file system: '/home/me/.cache/thing'", place=("tests/test_cache.py", 31)
)
WRONG = Outcome("error", "AssertionError: assert 1 == 2", place=("tests/test_cache.py", 48))

RESOLVE = Refusal(
    "socket.getaddrinfo", "openaipublic.blob.core.windows.net", "EAI_AGAIN", "tiktoken", "tiktoken/load.py:17", 3
)
MKDIR = Refusal("os.mkdir", "/home/me/.cache/thing", "EROFS", "thing", "thing/cache.py:3", 1, "call")
COMPILE = Refusal("open", "/app/src/__pycache__/load.cpython-311.pyc", "EROFS", "", "src/load.py:1", 1, "call")

FILLED = Remedy(
    "it looks there first",
    {"TIKTOKEN_CACHE_DIR": "/var/task/tiktoken"},
    seed=Seed("TIKTOKEN_CACHE_DIR", command="python -c 'import tiktoken; tiktoken.get_encoding(\"cl100k_base\")'"),
)
HOME = Remedy("everything asks for it", {"HOME": "/tmp"})

EVIL = "</script></style><script>alert(1)</script><img src=x onerror=alert(1)>\"'`{{7*7}}{% raw %}&lt;\x1b]8;;http://evil\x07\u202e"


def small() -> Summary:
    """Return a run in three environments, compared with the host."""
    where = {"lambda": (ENCODE,), "offline": (ENCODE,)}
    runs = [_run("lambda", 0), _run("container", 1), _run("offline", 2)]
    runs[0].outcomes |= {ENCODE: NO_NETWORK, WRITE: READ_ONLY, BOTH: WRONG, LOAD: PASSED, QUIET: PASSED}
    runs[1].outcomes |= {ENCODE: PASSED, WRITE: READ_ONLY, BOTH: WRONG, LOAD: PASSED, QUIET: PASSED}
    runs[2].outcomes |= {ENCODE: NO_NETWORK, WRITE: PASSED, BOTH: WRONG, LOAD: SKIPPED, QUIET: PASSED}
    runs[0].refusals = {ENCODE: (RESOLVE,), WRITE: (MKDIR,), QUIET: (COMPILE,)}
    runs[1].refusals = {WRITE: (MKDIR,)}
    runs[2].refusals = {ENCODE: (RESOLVE,)}
    for run, factor in zip(runs, (1.0, 1.4, 0.8), strict=True):
        run.seconds = {nodeid: factor * (0.02 + (at * at % 7) / 9) for at, nodeid in enumerate(run.outcomes)}
        run.figures = {LOAD: _figures(factor)}
    baseline = Run("host", {ENCODE: PASSED, WRITE: PASSED, BOTH: WRONG})
    summary = summarise([LAMBDA, CONTAINER, OFFLINE], runs, baseline)
    network = Diagnosis(
        "tiktoken 0.7.0 downloads its encoding cl100k_base when it is first used; there is no network in lambda",
        "tiktoken", "0.7.0", "tiktoken/download", "network", place="tiktoken/load.py:17", remedies=(FILLED,),
    )  # fmt: skip
    cache = Diagnosis(
        "thing 1.0 keeps its cache in the home folder; the root is read-only in lambda",
        "thing", "1.0", "thing/cache", "root", certain=False, place="thing/cache.py:3", remedies=(HOME,),
    )  # fmt: skip
    silent = Diagnosis(
        "Python compiles src/load.py anew in every process, because it can't write __pycache__",
        dimension="root", remedies=(Remedy("compile it when the image is built"),),
    )  # fmt: skip
    causes = (
        Cause(network, where, trials=(Trial("lambda", (FILLED,), (ENCODE,)), Trial("offline", (FILLED,), (ENCODE,)))),
        Cause(cache, {"lambda": (WRITE,), "container": (WRITE,)}),
        Cause(silent, {"lambda": (QUIET,)}, silent=True, costs=(Cost("lambda", "import src.load", 0.91, 0.12, HOME),)),
    )
    called = Invocation(
        "0.9.0", "token-counter", ("pytest", "--envguard=lambda,container,offline", "--envguard-report=report.html"),
        "2026-11-21T04:21:00Z", 41.5, "", "3.11.7", "9.2.0", "Linux 6.8.0 x86_64", 2, 8 << 30,
    )  # fmt: skip
    return summary._replace(causes=causes, invocations=(called,))


def _run(name: str, at: int) -> Run:
    run = Run(name, {}, Resources(12.3 - 3 * at, (310 + 90 * at) * MIB, 40 * MIB if at == 0 else 0))
    run.outcomes = {f"tests/test_text.py::test_split[{number}]": PASSED for number in range(30)}
    return run


def _figures(factor: float) -> tuple[Figure, ...]:
    value = 8.0 * factor
    verdict = OVER if value > 10 else UNCERTAIN if value > 9 else WITHIN
    seconds = Figure("load_seconds", SECONDS, value, 10.0, verdict, value * 0.96, value * 1.07, "5 cold starts")
    memory = Figure("peak_memory", BYTES, 300 * factor * MIB, 512.0 * MIB, WITHIN, None, None, "of a new process")
    return seconds, memory


def versions() -> Summary:
    """Return a run with version axes, advisories and a combination that can't be had."""

    def happened(profile: str, found: dict[str, str]) -> Happened:
        if found["litellm"] == "1.40.0" and found["tiktoken"] == "0.8.0":
            return "Because litellm==1.40.0 depends on tiktoken<0.8 and you require tiktoken==0.8.0,\n  we can conclude nothing."
        old = profile != "host" and found["tiktoken"] == "0.7.0"
        cut = profile == "lambda"
        return {
            "count": NO_NETWORK if old else PASSED,
            "kept": READ_ONLY if cut else PASSED,
            "wrong": WRONG,
            "skips": SKIPPED if cut else PASSED,
            **{f"plain_{number}": PASSED for number in range(25)},
        }

    axes = {"python": ("3.11", "3.12"), "litellm": ("1.40.0", "1.53.9"), "tiktoken": ("0.7.0", "0.8.0")}
    sample = matrix_run(axes, happened, (LAMBDA, CONTAINER))
    for at, run in enumerate(sample.runs):
        run.resources = Resources(3.0 + at % 5, (200 + 17 * at) * MIB, 0)
        run.seconds = {nodeid: 0.01 + (at * number % 13) / 40 for number, nodeid in enumerate(run.outcomes)}
        run.refusals = {"tests/kept.py::kept": (MKDIR,)} if run.environment.startswith("lambda") else {}
    known = Vulnerability(
        "litellm",
        "1.40.0",
        "PYSEC-2024-60",
        ("CVE-2024-5710",),
        ("1.44.8",),
        "Improper access control in team management.",
    )
    names = [cell.cell.name for cell in sample.matrix.cells.values()]
    checked = {"litellm": "1.40.0", "tiktoken": "0.7.0"}
    audits = {name: NotAudited("PyPI could not be reached", "ask again where there is a network") for name in names[5:]}
    audits |= {
        name: Audited(
            "PyPI", (known,) if "litellm1.40.0" in name else (), checked, ignored=(Ignored(known, "not used"),)
        )
        for name in names[:5]
    }
    missing = Finding(
        "missing", "regex", "tiktoken needs regex, not installed", "tiktoken", details=("it imports it first",)
    )
    return sample.summary(audits=audits, findings={names[0]: [missing]})


def hostile() -> Summary:
    """Return a run in which everything that can have a name has a hostile one."""
    plan = Plan(EVIL, EVIL, (Enforcement(EVIL, EVIL, Strength.NONE, EVIL, EVIL, EVIL),), (EVIL,))
    refusal = Refusal(EVIL, EVIL, EVIL, EVIL, EVIL, 1, "call", EVIL)
    bad, good = f"{EVIL}::{EVIL}", f"{EVIL}::fine"
    run = Run(EVIL, {bad: Outcome("failed", EVIL, EVIL, (EVIL, 1)), good: Outcome("passed")}, unwatched=EVIL)
    run.refusals = {bad: (refusal,), good: (refusal,), EVIL: (refusal._replace(phase="import"),)}
    run.broken = Broken((EVIL,))
    run.seconds = {bad: 1.0, good: 2.0}
    remedy = Remedy(EVIL, {"NAME": EVIL})
    diagnosis = Diagnosis(EVIL, EVIL, EVIL, EVIL, EVIL, True, EVIL, EVIL, EVIL, (remedy, Remedy(EVIL)))
    trial = Trial(EVIL, (remedy,), (bad,), {}, {EVIL: EVIL})
    called = Invocation(EVIL, EVIL, (EVIL,), EVIL, 1.0, EVIL, EVIL, EVIL, EVIL)
    summary = summarise([plan], [run], Run("host", {bad: Outcome("passed")}))
    return summary._replace(
        causes=(Cause(diagnosis, {EVIL: (bad,)}, trials=(trial,)),), invocations=(called,), notes=(EVIL,)
    )


def many(tests: int, failing: Callable[[int, int], Outcome], profiles: int = 12) -> Summary:
    """Return a run of many tests in many environments.

    Args:
        tests: How many.
        failing: The number of a test and of an environment to what it did there.
        profiles: How many environments.
    """
    plans = [LAMBDA._replace(name=f"environment-{at}") for at in range(profiles)]
    runs = []
    for at, plan in enumerate(plans):
        run = Run(plan.name, {}, Resources(60.0 + at, 300 * MIB, 0))
        for number in range(tests):
            nodeid = f"tests/unit/test_module_{number // 50}.py::TestSomething::test_behaviour_of_thing[{number}-case]"
            run.outcomes[nodeid] = outcome = failing(number, at)
            run.seconds[nodeid] = 0.001 * (number % 97)
            if outcome.bad:
                run.refusals[nodeid] = (MKDIR, RESOLVE)
        runs.append(run)
    baseline = Run("host", {nodeid: PASSED for run in runs for nodeid in run.failed()})
    summary = summarise([*plans, HOST][:profiles], runs, baseline)
    where = {run.environment: tuple(run.failed()) for run in runs if run.failed()}
    diagnosis = Diagnosis(
        "thing 1.0 keeps its cache in the home folder", "thing", "1.0", "thing/cache", remedies=(HOME,)
    )
    first = next(iter(where), "")
    trials = (Trial(first, (HOME,), where[first]),) if first else ()
    return summary._replace(causes=(Cause(diagnosis, where, trials=trials),) if where else ())


def usual(number: int, environment: int) -> Outcome:
    """Return what happens in a run that has some work left: one test in twenty fails in four environments."""
    if number % 20 == 0 and environment % 3 == 0:
        return Outcome("failed", f"OSError: [Errno 30] Read-only file system: '/home/me/.cache/thing/{number}.json'")
    return SKIPPED if number % 31 == 0 and environment == 5 else PASSED


def worst(number: int, environment: int) -> Outcome:
    """Return a failure with a message of its own in every cell."""
    return Outcome(
        "failed", f"AssertionError: <{number}> & <{environment}>: " + "what happened there is a long story; " * 5
    )
