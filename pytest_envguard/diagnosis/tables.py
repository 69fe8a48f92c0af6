"""What is known about libraries: read from files, every value checked, and found by a library's name.

A file of 100 lines takes 1 ms to read, and there is one for each library: a run reads those that a failure has to do with.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any, TypeVar

from pytest_envguard.blame import LOOK_UP
from pytest_envguard.diagnosis.fields import Fields, normalised
from pytest_envguard.diagnosis.rules import (
    CONTACTS,
    ISSUE,
    LOADS,
    PYTHON,
    READS,
    RUN,
    SOURCE,
    WRITES,
    Conditions,
    Library,
    Offer,
    Rule,
    Use,
)
from pytest_envguard.errors import EnvguardError, nearest
from pytest_envguard.model.diagnosis import Remedy, Seed
from pytest_envguard.model.dimensions import DIMENSIONS
from pytest_envguard.model.evidence import ADDRESS_SPACE, NOEXEC, SECCOMP, WRITE_XOR_EXECUTE
from pytest_envguard.profiles.tables import read_toml

SHIPPED = Path(__file__).parent / "knowledge"
GROUP = "pytest_envguard.knowledge"  # of entry points

KINDS = (WRITES, READS, CONTACTS, LOADS)
VERIFIED = (RUN, SOURCE, ISSUE)
NETWORKS = ("open", "none", "drop", "refuse", "nxdomain")
FACTS = (NOEXEC, ADDRESS_SPACE, SECCOMP, WRITE_XOR_EXECUTE)
# What a refusal's operation may be: see `blame.plain_name`.
OPERATIONS = (
    "access", "bind", "chmod", "chown", "connect", "exec", "fallocate", "ioctl", "link", LOOK_UP, "map executable", "mkdir",
    "mknod", "mprotect", "open", "removexattr", "rename", "rmdir", "send", "setxattr", "statfs", "symlink", "truncate",
    "unlink", "utime", "write",
)  # fmt: skip
_ERRORS = "EROFS, EACCES, EPERM, ENOENT, ENOSYS, ENOSPC, ENOMEM, EMFILE, EAGAIN, ENETUNREACH, ECONNREFUSED, ETIMEDOUT"
IN_WORDS = ("library", "version", "target", "folder", "place", "error", "environment", "because")
IN_VALUES = ("tmp", "exec", "home")
IN_PLACES = ("home", "tmp", "site", "cwd")

_LIBRARY = ("library", "modules", "notes", "rules", "summary", "uses")
_RULE = tuple("remedies" if name == "offers" else name for name in Rule._fields)
_OFFER = ("seed", "set", "says", "source", "unset", "upgrade", "verified", "versions", "when")
_WHEN = ("facts", "network", "requires", "set", "unset", "without_facts")
_NAME = r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?"
_MODULE = r"\w+(\.\w+)*"
# Words of a file that can tie it to a failure, found without reading it.
_TYING = re.compile(r"\b(modules|by|through|mentions)\s*=\s*(\[[^\]]*\]|\"[^\"]*\"|'[^']*')")
_OUTPUT = re.compile(r"\boutput\s*=")
_ANY = "*"  # among the packages that rules name: what another process has printed is in no traceback
_WORD = re.compile(r"\"([^\"]+)\"|'([^']+)'")

T = TypeVar("T")


def read_file(path: Path) -> Library:
    """Return what the file ``path`` says about the library that it's named after.

    Raises:
        EnvguardError: It can't be read, isn't TOML, or says what can't be: with file, table, key and reason.
    """
    shipped = path.parent == SHIPPED
    return read_library(read_toml(path), path.stem, path.name if shipped else str(path), shipped=shipped)


def read_library(raw: Mapping[str, Any], name: str, where: str, *, shipped: bool = False) -> Library:
    """Return ``raw`` as knowledge about a library, every value checked.

    Args:
        raw: As a file has it.
        name: The library's; one that ``raw`` says itself (key ``library``) goes first.
        where: File, for messages.
        shipped: Whether it must say where everything comes from, and which tests show it.

    Raises:
        EnvguardError: An unknown key, or a value that can't be.
    """
    fields = Fields(raw, _LIBRARY, where)
    name = normalised(fields.text("library") or name)
    if not re.fullmatch(_NAME, name):
        raise EnvguardError(
            f"{where}: expected the name of a distribution, got {name!r}",
            'name the file after it, or give it in the file: `library = "litellm"`',
        )
    return Library(
        name=name,
        modules=fields.matching("modules", _MODULE, "the name of a module") or (name.replace("-", "_"),),
        summary=fields.text("summary", "what the library is and does to the machine, in a sentence", required=True),
        uses=tuple(_use(own, at, shipped=shipped) for own, at in _tables(fields, "uses", "use")),
        rules=_rules(fields, shipped=shipped),
        where=where,
        notes=fields.texts("notes"),
    )


def _tables(fields: Fields, key: str, what: str) -> Iterator[tuple[object, str]]:
    """Yield each table of an array of tables, and what messages call it."""
    tables = fields.value(key)
    if not isinstance(tables, list | tuple | None):
        fields.wrong(key, f"an array of tables: `[[{key}]]`")
    for number, raw in enumerate(tables or (), 1):
        yield raw, f"{fields.where}: {what} {number}"


def _use(raw: object, where: str, *, shipped: bool) -> Use:
    fields = Fields(raw, Use._fields, where)
    if "loud" not in fields:
        fields.missing("loud", "true if something is raised where it can't be had, else false")
    place = fields.text("where", "a default place such as `{home}/.cache/x`, or a host", required=True)
    use = Use(
        kind=fields.one_of("kind", KINDS, required=True),
        what=fields.text("what", "what it uses, in a few words", required=True),
        when=fields.text("when", 'a moment such as "import" or "first use"', required=True),
        where=fields.filled("where", place, IN_PLACES),
        variables=fields.variables("variables"),
        versions=fields.specifier("versions"),
        loud=fields.flag("loud"),
        source=fields.text("source"),
        verified=fields.one_of("verified", VERIFIED, required=shipped),
        check=fields.text("check"),
    )
    if shipped:
        _check_origin(fields, use.verified, use.source, use.check)
    return use


def _rules(library: Fields, *, shipped: bool) -> tuple[Rule, ...]:
    rules: dict[str, Rule] = {}
    for raw, where in _tables(library, "rules", "rule"):
        rule = _rule(raw, where, shipped=shipped)
        if rule.name in rules:
            raise EnvguardError(
                f"{where}: `name`: `{rule.name}` is there twice", "a rule's name is unique in its library"
            )
        rules[rule.name] = rule
    return tuple(rules.values())


def _rule(raw: object, where: str, *, shipped: bool) -> Rule:
    name = Fields(raw, _RULE, where).text("name", "a name such as `cache-in-home`", required=True)
    if not re.fullmatch(_NAME, name):
        raise EnvguardError(f"{where}: `name`: expected small letters, digits and `-`, got {name!r}")
    fields = Fields(raw, _RULE, f"{where.rpartition(': ')[0]}: rule `{name}`")
    rule = Rule(
        name=name,
        dimension=_dimension(fields),
        says=_sentence(fields, "says", "what happened, in one or two sentences"),
        match=_match(fields),
        versions=fields.specifier("versions"),
        silent=fields.flag("silent"),
        measure=fields.code("measure"),
        source=fields.text("source"),
        verified=fields.one_of("verified", VERIFIED, required=shipped),
        check=fields.text("check"),
        unlike=fields.text("unlike"),
    )
    if shipped:
        _check_origin(fields, rule.verified, rule.source, rule.check)
        if not rule.unlike:
            fields.missing("unlike", "the test with a failure that looks alike and isn't matched")
    return rule._replace(offers=tuple(_offer(own, at, rule) for own, at in _tables(fields, "remedies", "remedy")))


def _check_origin(fields: Fields, verified: str, source: str, check: str) -> None:
    if verified == RUN and not check:
        fields.missing("check", f'the test that shows it: `verified` is "{RUN}"')
    if verified in (SOURCE, ISSUE) and not source:
        fields.missing("source", f'a link, or a file and its version: `verified` is "{verified}"')


def _dimension(fields: Fields) -> str:
    dimension = fields.text("dimension", 'what of the environment it comes from, such as "root"', required=True)
    if dimension not in DIMENSIONS:
        fields.bad("dimension", f"no dimension is named `{dimension}`", nearest(dimension, DIMENSIONS))
    return dimension


def _sentence(fields: Fields, key: str, give: str) -> str:
    """Return a sentence whose braces are all around placeholders: they are all filled when it's said."""
    text = fields.filled(key, fields.text(key, give, required=True), IN_WORDS, capitals=True)
    if re.search(r"[{}]", re.sub(r"\{\w+\}", "", text)):
        fields.bad(key, "a brace that belongs to no placeholder")
    return text


def _match(fields: Fields) -> tuple[Conditions, ...]:
    raw = fields.value("match")
    if not raw:
        fields.missing("match", "what a failure must have: a table, or an array of tables one of which must hold")
    if isinstance(raw, Mapping):
        return (_conditions(raw, f"{fields.where}: `match`"),)
    found = _tables(fields, "match", "`match`, alternative")
    return tuple(_conditions(own, where) for own, where in found)


def _conditions(raw: object, where: str) -> Conditions:
    fields = Fields(raw, Conditions._fields, where)
    conditions = Conditions(
        operation=fields.some_of("operation", OPERATIONS, "operation"),
        error=_errors(fields),
        target=fields.pattern("target"),
        by=fields.matching("by", r"\w+", 'a top-level package, or "project"'),
        exception=fields.matching("exception", r"\w+", "the name of a class without its module"),
        message=fields.pattern("message"),
        path=fields.pattern("path"),
        through=fields.matching("through", _MODULE, "the name of a module"),
        output=fields.pattern("output"),
        mentions=fields.matching("mentions", r"\w+", "a top-level package"),
        overwrites=fields.variables("overwrites")[0] if "overwrites" in fields else "",
        **_around(fields),
    )
    if conditions == Conditions():
        raise EnvguardError(
            f"{where}: without a condition it would match every failure", f"known: {', '.join(Conditions._fields)}"
        )
    return conditions


def _around(fields: Fields) -> dict[str, Any]:
    """Return the conditions on the environment, which a remedy may have as well."""
    return {
        "set": fields.patterns("set"),
        "unset": fields.variables("unset"),
        "network": fields.some_of("network", NETWORKS, "network"),
        "facts": fields.some_of("facts", FACTS, "fact"),
        "without_facts": fields.some_of("without_facts", FACTS, "fact"),
        "requires": fields.specifiers("requires"),
    }


def _errors(fields: Fields) -> tuple[str, ...]:
    errors = fields.matching("error", r"E[A-Z0-9_]+", "the name of an errno such as `EROFS`")
    for name in errors:
        if not name.startswith("EAI_") and not hasattr(errno, name):
            fields.bad("error", f"no errno is named `{name}`", f"for example {_ERRORS}, or one that begins with EAI_")
    return errors


def _offer(raw: object, where: str, rule: Rule) -> Offer:
    """Return a remedy; it's as well founded as its rule where it doesn't say more."""
    fields = Fields(raw, _OFFER, where)
    values = fields.values("set")
    for text in values.values():
        fields.filled("set", text, IN_VALUES)
    remedy = Remedy(
        says=fields.filled("says", fields.text("says"), IN_VALUES),
        set=values,
        unset=fields.variables("unset"),
        seed=_seed(fields.value("seed"), f"{where}: `seed`") if "seed" in fields else None,
        upgrade=fields.requirement("upgrade"),
    )
    if remedy == Remedy():
        raise EnvguardError(
            f"{where}: there's nothing in it", "give `set`, `unset`, `seed`, `upgrade`, or advice in `says`"
        )
    when = Fields(fields.value("when") or {}, _WHEN, f"{where}: `when`")
    return Offer(
        remedy=remedy,
        when=Conditions(**_around(when)),
        versions=fields.specifier("versions"),
        verified=fields.one_of("verified", VERIFIED) or rule.verified,
        source=fields.text("source") or rule.source,
    )


def _seed(raw: object, where: str) -> Seed:
    fields = Fields(raw, Seed._fields, where)
    variables = fields.variables("variable")
    if len(variables) != 1:
        fields.missing("variable", "the variable that points the library to the folder")
    seed = Seed(variables[0], fields.texts("sources"), fields.code("fill"), fields.text("command"))
    for text in seed.sources:
        fields.filled("sources", text, IN_PLACES)
    return seed


class Knowledge:
    """All libraries that something is known about, by name: a shipped file is read when it's asked for.

    What others say about a library goes before what is shipped: its rules and uses stand in front, and replace those of the
    same name.
    """

    def __init__(self, shipped: Iterable[Path], added: Iterable[Library] = ()) -> None:
        """Take files for later, and libraries that were read: later ones go before earlier ones."""
        self._shipped = {normalised(path.stem): path for path in shipped}
        self._added: dict[str, list[Library]] = {}
        for library in added:
            self._added.setdefault(library.name, []).append(library)
        self._read: dict[str, Library] = {}

    def names(self) -> list[str]:
        """Return the names of all libraries, sorted."""
        return sorted({*self._shipped, *self._added})

    def of(self, name: str) -> Library | None:
        """Return what is known about a library, by its name or that of a module of it; None where nothing is."""
        own = normalised(name)
        if own in self._shipped or own in self._added:
            return self._library(own)
        return next((self._library(found) for found in self._by_module.get(name.partition(".")[0], ())), None)

    def libraries(self) -> Iterator[Library]:
        """Yield all libraries by name, which reads all files."""
        return map(self._library, self.names())

    def rules(self) -> Iterator[tuple[Library, Rule]]:
        """Yield all rules, each with its library, which reads all files."""
        return ((library, rule) for library in self.libraries() for rule in library.rules)

    def candidates(self, names: Collection[str]) -> tuple[Library, ...]:
        """Return the libraries with rules that a failure might meet which these have to do with.

        Args:
            names: Modules and distributions: of the tracebacks and refusals, those that the failing line names, and those
                that have overwritten variables.

        Returns:
            Those of the names, those with a rule that names one of them (``by``, ``through``, ``mentions``), and the
            standard library: all whose rules may match, but for rules of other libraries that look at nothing but the texts
            of exceptions and refusals. Rules that look at what was printed are always among them.
        """
        found = ({PYTHON} & {*self._shipped, *self._added}) | {*self._tied.get(_ANY, ())}
        for name in names:
            top = name.partition(".")[0]
            found |= {normalised(name), normalised(top)} & {*self._shipped, *self._added}
            found.update(self._by_module.get(top, ()), self._tied.get(top, ()))
        return tuple(map(self._library, sorted(found)))

    def _library(self, name: str) -> Library:
        if name not in self._read:
            libraries = [read_file(self._shipped[name])] if name in self._shipped else []
            libraries += self._added.get(name, ())
            known = libraries[0]
            for later in libraries[1:]:
                known = _laid_over(known, later)
            self._read[name] = known
        return self._read[name]

    @cached_property
    def _index(self) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
        """Top-level packages to the libraries that they belong to, and to those that have rules about them."""
        modules: dict[str, list[str]] = {}
        tied: dict[str, list[str]] = {}
        for name in self.names():
            scanned = [scan(self._shipped[name].read_text(encoding="utf-8"), name)] if name in self._shipped else []
            for own, others in (*scanned, *map(_words, self._added.get(name, ()))):
                for word in own:
                    modules.setdefault(word, []).append(name)
                for word in others:
                    tied.setdefault(word, []).append(name)
        return modules, tied

    @property
    def _by_module(self) -> dict[str, list[str]]:
        return self._index[0]

    @property
    def _tied(self) -> dict[str, list[str]]:
        return self._index[1]


def scan(text: str, name: str) -> tuple[set[str], set[str]]:
    """Return the library's top-level packages, and those that its rules name, from a file's text without reading all of it.

    It takes a fiftieth of the time; that it finds the same as reading is tested for every file that is shipped.
    """
    modules: set[str] = set()
    others: set[str] = set()
    for found in _TYING.finditer(text):
        words = {(first or second).partition(".")[0] for first, second in _WORD.findall(found[2])}
        (modules if found[1] == "modules" else others).update(words)
    others |= {_ANY} if _OUTPUT.search(text) else set()
    return modules or {name.replace("-", "_")}, others - {"project"}


def _words(library: Library) -> tuple[set[str], set[str]]:
    """Return what `scan` finds, of a library that was read."""
    conditions = [one for rule in library.rules for one in rule.match]
    others = {word.partition(".")[0] for one in conditions for word in (*one.by, *one.through, *one.mentions)}
    others |= {_ANY} if any(one.output for one in conditions) else set()
    return {module.partition(".")[0] for module in library.modules}, others - {"project"}


def _laid_over(known: Library, later: Library) -> Library:
    """Return both, ``later`` in front: its rules and uses replace those of the same name."""
    return Library(
        name=known.name,
        modules=tuple(dict.fromkeys((*known.modules, *later.modules))),
        summary=later.summary,
        uses=_replaced(known.uses, later.uses, lambda use: use.what),
        rules=_replaced(known.rules, later.rules, lambda rule: rule.name),
        where=f"{later.where}, {known.where}",
        notes=tuple(dict.fromkeys((*later.notes, *known.notes))),
    )


def _replaced(known: tuple[T, ...], later: tuple[T, ...], key: Callable[[T], str]) -> tuple[T, ...]:
    new = {key(one) for one in later}
    return (*later, *(one for one in known if key(one) not in new))


def load_knowledge(project: Path | None, added: Iterable[Path | tuple[str, Mapping[str, Any]]] = ()) -> Knowledge:
    """Return what is shipped, what installed packages bring, what plugins ``added``, and what a project says; later ones first.

    A file about a library that is known already adds its rules in front and replaces those of the same name.
    Files that aren't shipped are read at once, so that a mistake in them is said before anything runs.

    Args:
        project: The ``pyproject.toml`` whose ``[tool.envguard]`` may name files (``knowledge``), or None.
        added: From the hook ``pytest_envguard_knowledge``, see `hooked`: files, or names with tables.

    Raises:
        EnvguardError: A file that can't be read or says what can't be, or an entry point without files.
    """
    libraries = [read_file(path) for path in _of_entry_points()]
    for one in added:
        if isinstance(one, Path):
            libraries.append(read_file(one))
        else:
            name, raw = one
            libraries.append(read_library(raw, name, f"knowledge `{name}` of a plugin"))
    libraries += [read_file(path) for path in _of_project(project)]
    return Knowledge(sorted(SHIPPED.glob("*.toml")), libraries)


def hooked(results: Iterable[object]) -> list[Path | tuple[str, Mapping[str, Any]]]:
    """Return what implementations of the hook ``pytest_envguard_knowledge`` gave, for `load_knowledge`.

    Raises:
        EnvguardError: One gave neither paths nor a table of tables.
    """
    added: list[Path | tuple[str, Mapping[str, Any]]] = []
    for result in results:
        if isinstance(result, Mapping):
            added += [(str(name), raw) for name, raw in result.items()]
        elif isinstance(result, Iterable) and not isinstance(result, str | bytes):
            added += [_hooked_path(path) for path in result]
        elif result is not None:
            added.append(_hooked_path(result))
    return added


def _hooked_path(path: object) -> Path:
    if not isinstance(path, str | PathLike):
        raise EnvguardError(
            f"hook `pytest_envguard_knowledge`: expected paths of TOML files, or names with tables, got {path!r}"
        )
    return Path(path)


def paths_of(section: Mapping[str, Any], where: str, folder: Path) -> tuple[Path, ...]:
    """Return the files that ``knowledge`` of a ``[tool.envguard]`` names, from the ``folder`` of its file.

    Raises:
        EnvguardError: It isn't a list of paths, or one isn't there.
    """
    words = section.get("knowledge", [])
    if not isinstance(words, list) or not all(isinstance(word, str) and word.strip() for word in words):
        raise EnvguardError(f'{where}: `knowledge`: expected a list of paths such as `["ours.toml"]`, got {words!r}')
    paths = tuple(folder / word for word in words)
    for word, path in zip(words, paths, strict=True):
        if not path.is_file():
            reason = "isn't a file" if path.exists() else "isn't there"
            raise EnvguardError(f"{where}: `knowledge`: `{word}` {reason}: {path}", f"paths are relative to {folder}")
    return paths


def _of_project(project: Path | None) -> tuple[Path, ...]:
    if project is None or not project.exists():
        return ()
    section: Any = read_toml(project)
    for name, where in (("tool", "[tool]"), ("envguard", "[tool.envguard]")):
        section = section.get(name, {})
        if not isinstance(section, Mapping):
            raise EnvguardError(f"{project}: {where}: expected a table, got {section!r}")
    return paths_of(section, f"{project}: [tool.envguard]", project.parent)


def _of_entry_points() -> Iterator[Path]:
    """Yield the files of the folders that installed packages name."""
    from importlib.metadata import entry_points

    for point in sorted(entry_points(group=GROUP), key=lambda point: (point.name, point.value)):
        where = f"entry point `{point.name} = {point.value}` of the group `{GROUP}`"
        folders = _folders(point.module, where)
        files = sorted(file for folder in folders for file in folder.glob("*.toml"))
        if not files:
            raise EnvguardError(f"{where}: no *.toml in {', '.join(map(str, folders))}")
        yield from files


def _folders(module: str, where: str) -> list[Path]:
    """Return the folder of a module, or those of a package, without importing more than what it's in."""
    from importlib.util import find_spec

    try:
        spec = find_spec(module)
    except Exception as error:  # noqa: BLE001  # whatever a foreign package raises while it's imported
        raise EnvguardError(f"{where}: cannot be found: {type(error).__name__}: {error}") from None
    if spec is None:
        raise EnvguardError(f"{where}: no module is named `{module}`")
    if spec.submodule_search_locations is not None:
        return [Path(place) for place in spec.submodule_search_locations]
    return [Path(spec.origin).parent] if spec.origin else []
