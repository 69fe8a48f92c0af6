"""What is known about a library: what it writes and contacts, and rules that recognise what comes of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from pytest_envguard.model.diagnosis import Remedy

PYTHON = "python"  # the standard library as a library, which every failure may have to do with

WRITES = "writes"
READS = "reads"
CONTACTS = "contacts"
LOADS = "loads"  # shared libraries, programs

RUN = "run"
SOURCE = "source"
ISSUE = "issue"


class Use(NamedTuple):
    """Something of the machine that a library uses.

    Attributes:
        kind: `WRITES`, `READS`, `CONTACTS` or `LOADS`.
        what: In a few words.
        when: "import", "first use", "each use", "decoration" or another moment.
        where: Default place, or host; placeholders {home}, {tmp}, {site} (site-packages) and {cwd}.
        variables: Environment variables that move it, the first that is set decides.
        versions: Of the library, as a specifier; "" for all.
        loud: Whether something is raised where it can't be had.
        source: Where the fact comes from.
        verified: `RUN`, `SOURCE` or `ISSUE`.
        check: The test of this project that shows it ("tests/…::test_…"), for what is verified by a run.
    """

    kind: str
    what: str
    when: str
    where: str
    variables: tuple[str, ...]
    versions: str
    loud: bool
    source: str
    verified: str
    check: str


class Conditions(NamedTuple):
    """What must all hold; what isn't given holds always. One refusal, and one exception, must meet all that is about it.

    Attributes:
        operation: Of the refusal, one of these: "open", "mkdir", "map executable", "look up", "connect", …
        error: Of the refusal (or, without any condition on a refusal, of the exception), one of these.
        target: Searched in what the refusal was about (a path, a host).
        by: Top-level packages, one of which tried; "project" is the project itself.
        exception: Of the exception or one of its bases, one of these names ("OSError", "ImportError").
        message: Searched in the exception's text.
        path: Searched in the path that the exception names.
        through: Modules, one of which (or one inside of it) is in the exception's traceback.
        output: Searched in what the test printed or logged.
        mentions: Packages, one of which the failing line names.
        overwrites: A variable that this rule's library has set.
        set: Variables that are set, all of them, each with what is searched in its value ("" for anything).
        unset: Variables that aren't set, none of them.
        network: Of the environment, one of these: "open", "none", "drop", "refuse", "nxdomain".
        facts: Names of facts (see `pytest_envguard.model.evidence.Fact`), all of which were measured.
        without_facts: Names of facts, none of which was measured.
        requires: Distribution to a specifier that its installed version meets.
    """

    operation: tuple[str, ...] = ()
    error: tuple[str, ...] = ()
    target: re.Pattern[str] | None = None
    by: tuple[str, ...] = ()
    exception: tuple[str, ...] = ()
    message: re.Pattern[str] | None = None
    path: re.Pattern[str] | None = None
    through: tuple[str, ...] = ()
    output: re.Pattern[str] | None = None
    mentions: tuple[str, ...] = ()
    overwrites: str = ""
    set: Mapping[str, re.Pattern[str]] = {}
    unset: tuple[str, ...] = ()
    network: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    without_facts: tuple[str, ...] = ()
    requires: Mapping[str, str] = {}


class Offer(NamedTuple):
    """A remedy, and when it holds.

    Attributes:
        remedy: With placeholders in its values: {tmp} (a writable folder), {exec} (a writable folder that programs may be
            run from), {home}; an environment that has none of the kind gets no such offer.
        when: What must hold of the environment and of versions (only `set`, `unset`, `network`, `facts`, `requires`).
        versions: Of the library.
        verified: `RUN`, `SOURCE` or `ISSUE`.
        source: Where it comes from.
    """

    remedy: Remedy
    when: Conditions = Conditions()
    versions: str = ""
    verified: str = RUN
    source: str = ""


class Rule(NamedTuple):
    """Recognises one cause.

    Attributes:
        name: Unique in its library; "LIBRARY/NAME" in reports.
        dimension: What of the environment it comes from, a dimension of profiles: "root", "tmp_exec", "shm", "network",
            "home", "user", "tmp_size", "memory", "open_files", …; the rule is tried only where the environment changes it.
        says: One or two sentences with placeholders: {library}, {version}, {target}, {folder}, {place}, {error},
            {environment}, {because} (what the environment's dimension is, such as "the root is read-only in lambda"), and
            {NAME} for the value of a variable in capitals.
        match: Alternatives, one of which must hold.
        versions: Of the library; "" for all.
        silent: Whether it's a loss that nothing fails of: matched against refusals of tests that pass.
        measure: Python code whose time says what the loss costs; "" for none.
        offers: Remedies, the first to try first.
        source: Where it comes from.
        verified: `RUN`, `SOURCE` or `ISSUE`.
        check: Test of this project that shows it, for what is verified by a run.
        unlike: Test of this project with a failure that looks alike and isn't matched.
    """

    name: str
    dimension: str
    says: str
    match: tuple[Conditions, ...]
    versions: str = ""
    silent: bool = False
    measure: str = ""
    offers: tuple[Offer, ...] = ()
    source: str = ""
    verified: str = RUN
    check: str = ""
    unlike: str = ""


class Library(NamedTuple):
    """All that is known about one library.

    Attributes:
        name: As users call it, normalised: "huggingface-hub".
        modules: Its top-level packages.
        summary: What it is, and what it does to the machine, in a sentence.
        uses: What of the machine it uses.
        rules: In the order of their file.
        where: File, for messages.
        notes: What else one should know, a sentence each.
    """

    name: str
    modules: tuple[str, ...]
    summary: str
    uses: tuple[Use, ...] = ()
    rules: tuple[Rule, ...] = ()
    where: str = ""
    notes: tuple[str, ...] = ()
