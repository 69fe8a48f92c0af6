"""`envguard report`: reports that were written, shown in another form, compared, put together."""

from __future__ import annotations

import argparse
import codecs
import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TextIO

from pytest_envguard.commands.parser import Commands, Parser
from pytest_envguard.errors import EnvguardError, nearest
from pytest_envguard.report.printable import printable

if TYPE_CHECKING:
    from pytest_envguard.report.differing.difference import Difference
    from pytest_envguard.report.summary import Summary

_BEGINNING = 1 << 16  # bytes that tell an object from what has no end
_GIVE = "give the .json that pytest wrote"
_LARGEST = 512 << 20  # bytes of a report; one of 5,000 tests in 12 environments that all fail has a tenth of it
_TERMINAL = "terminal"
_EPILOG = """\
examples:
  envguard report show envguard.json
  envguard report diff main.json branch.json
  envguard report merge reports/*.json --to envguard.html --to envguard.json

FILE is the JSON that `pytest --envguard=PROFILES --envguard-report=FILE.json` wrote; `-` is standard input.
"""
_SHOW_EPILOG = """\
examples:
  envguard report show envguard.json -v
  envguard report show envguard.json --format md >> "$GITHUB_STEP_SUMMARY"
  envguard report show envguard.json --to envguard.html
"""
_DIFF_DESCRIPTION = """\
Compare two runs, environment by environment. It's worse if a test fails that didn't (a new one, too), if something is
refused that was refused to no test in that environment, if a figure is beyond its budget that wasn't, if an advisory
fails the run that didn't, or if nothing is known any more: an environment was stopped or can't be had, a test that is
still there did not run.

The same operation in the same folder by the same library is the same refusal, whatever file, test and line it was. Tests
and environments that only one of the runs has are listed, and are neither worse nor better.
"""
_DIFF_EPILOG = """\
Ends with 0 if it isn't worse, with 1 if it is, with 4 if the runs can't be compared: no environment or no test in common.

examples:
  envguard report diff main.json branch.json
  envguard report diff main.json branch.json --json | jq .newly_failing
"""
_MERGE_DESCRIPTION = """\
Put runs of one suite together, such as those of a workflow's jobs, each of which has written a file. Environments and
versions stand side by side, and what each was compared with on its machine stays as it is.

The same environment in several files: shards of its tests are put together; the same tests must have ended alike, or must
have run on several Pythons, which then become an axis (lambda-py310, lambda-py312). All else is refused, and says why.
"""
_MERGE_EPILOG = """\
examples:
  envguard report merge reports/*.json
  envguard report merge reports/*.json --to envguard.html --to envguard.json
  envguard report merge a.json b.json --format md >> "$GITHUB_STEP_SUMMARY"
"""


def add(commands: Commands) -> None:
    """Declare the command."""
    report = commands.add_parser(
        "report",
        help="show, compare or merge the JSON reports of runs, as text, a page, Markdown or JSON",
        description="Work with the JSON reports of runs.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    kinds = report.add_subparsers(metavar="WHAT", required=True, parser_class=Parser)
    _add_show(kinds)
    _add_diff(kinds)
    _add_merge(kinds)
    schema = kinds.add_parser(
        "schema",
        help="print the JSON Schema of reports",
        description="Print the JSON Schema (2020-12) that describes the reports which this version writes and reads.",
    )
    schema.set_defaults(action=_schema)


def _add_show(kinds: Commands) -> None:
    show = kinds.add_parser(
        "show",
        help="a report as text, or in another form",
        description="Show a report as the terminal did at the end of the run, or write it in another form.",
        epilog=_SHOW_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    show.add_argument("file", metavar="FILE", help="a JSON report; `-` for standard input")
    _add_form(show)
    show.set_defaults(action=_show)


def _add_merge(kinds: Commands) -> None:
    merge = kinds.add_parser(
        "merge",
        help="several reports of one suite as one",
        description=_MERGE_DESCRIPTION,
        epilog=_MERGE_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    merge.add_argument("files", metavar="FILE", nargs="+", help="JSON reports")
    _add_form(merge)
    merge.set_defaults(action=_merge)


def _add_form(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--format",
        choices=(_TERMINAL, "html", "md", "json"),
        help="what to print (default: terminal; with --to nothing)",
    )
    parser.add_argument(
        "--to",
        metavar="FILE",
        action="append",
        default=[],
        type=Path,
        help="write a file, as what its name ends in: .html, .md or .json; can be given several times",
    )
    _add_verbosity(parser)


def _add_verbosity(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-v", "--verbose", action="count", default=0, help="all that is known, as with pytest")
    parser.add_argument("-q", "--quiet", action="count", default=0, help="less, as with pytest")


def _add_diff(kinds: Commands) -> None:
    diff = kinds.add_parser(
        "diff",
        help="what has become worse, and what better, from one report to another",
        description=_DIFF_DESCRIPTION,
        epilog=_DIFF_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    diff.add_argument("old", metavar="OLD", help="the JSON report to compare with")
    diff.add_argument("new", metavar="NEW", help="the JSON report that is judged")
    diff.add_argument("--json", action="store_true", help="for programs")
    _add_verbosity(diff)
    diff.set_defaults(action=_diff)


def _show(options: argparse.Namespace) -> int:
    _check_targets(options)
    _deliver(_read(options.file), options.file, options)
    return 0


def _merge(options: argparse.Namespace) -> int:
    from pytest_envguard.report.merging.merge import merge

    _check_targets(options)
    _check_each_once(options.files)
    merged = merge([(file, _read(file)) for file in options.files])
    for note in merged.notes if options.to or options.format not in (None, _TERMINAL) else ():
        print(f"note: {printable(note)}", file=sys.stderr)
    _deliver(merged, "merged", options)
    return 0


def _diff(options: argparse.Namespace) -> int:
    from pytest_envguard.report.differing import telling
    from pytest_envguard.report.differing.difference import difference

    _check_each_once([file for file in (options.old, options.new) if file == "-"])
    found = difference(_read(options.old), _read(options.new))
    with _printing() as stream:
        if options.json:
            print(json.dumps(telling.facts(found), indent=1), file=stream)
        else:
            _print_difference(found, stream, options.verbose, quiet=options.quiet)
    return 1 if found.worse else 0


def _print_difference(found: Difference, stream: TextIO, verbosity: int, *, quiet: bool) -> None:
    from pytest_envguard.report.differing import telling
    from pytest_envguard.report.terminal.output import Output
    from pytest_envguard.report.terminal.printing import Printer

    output = Output(Printer(stream))
    head, *rest = output.folded(lambda: telling.lines(found, verbosity))
    output.write_line(head, bold=True, red=found.worse, green=not found.worse)
    for line in () if quiet else rest:
        output.write_line(line)


def _schema(_options: argparse.Namespace) -> int:
    from importlib.resources import files

    schema = files("pytest_envguard.report.document").joinpath("schema.json").read_text(encoding="utf-8")
    with _printing() as stream:
        print(schema, end="", file=stream)
    return 0


def _read(file: str) -> Summary:
    """Return the run that a file tells of."""
    from pytest_envguard.report.document.reading import read

    name = "standard input" if file == "-" else printable(file)
    if file == "-" and sys.stdin is None:
        raise EnvguardError("standard input is closed", "give the file's name")
    try:
        with sys.stdin.buffer if file == "-" else Path(file).open("rb") as stream:
            raw = _bytes(stream, name)
    except OSError as error:
        hint = "" if file == "-" else _alike(Path(file))
        raise EnvguardError(f"{name} can't be read: {error.strerror}", hint) from None
    try:
        return read(raw.decode("utf-8-sig"), name)
    except UnicodeDecodeError as error:
        raise EnvguardError(f"{name} is no JSON report: byte {error.start} is not UTF-8", _GIVE) from None
    except MemoryError:
        raise EnvguardError(f"{name} takes more memory than there is") from None


def _bytes(stream: BinaryIO, name: str) -> bytes:
    """Return all that a stream has; of what can't be a report no more than its beginning is read."""
    head = stream.read(_BEGINNING)
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):  # what PowerShell's `>` makes of it
        raise EnvguardError(f"{name} is written in UTF-16, reports are in UTF-8", _GIVE)
    if len(head) == _BEGINNING and not head.removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"{"):
        raise EnvguardError(f"{name} is no JSON report: it doesn't begin with an object", _GIVE)
    raw = head + stream.read(_LARGEST + 1 - len(head))
    if len(raw) > _LARGEST:
        raise EnvguardError(f"{name} is no report: it has more than {_LARGEST >> 20} MiB")
    return raw


def _alike(file: Path) -> str:
    """Return a hint to the files that may have been meant."""
    try:
        folder = file if file.is_dir() else file.parent
        known = sorted(entry.name for entry in folder.iterdir() if entry.suffix == ".json")[:20]
    except OSError:
        return ""
    if not known:
        return "a report is written by `--envguard-report=FILE.json`"
    return printable(f"name a file in it: {', '.join(known)}" if folder == file else nearest(file.name, known))


def _check_each_once(files: Sequence[str]) -> None:
    """Refuse a file that is given twice: it would be compared or merged with itself."""
    known: dict[str, str] = {}
    for file in files:
        real = file if file == "-" else str(Path(file).resolve())
        if real in known:
            raise EnvguardError(f"{printable(file)} is given twice", "name each report once")
        known[real] = file


def _check_targets(options: argparse.Namespace) -> None:
    """Look before anything is read whether what is asked for can be written."""
    from pytest_envguard.report import files

    files.check("--to", {str(file): file for file in options.to})
    if options.format == "html":
        files.check_page("`--format=html`")


def _deliver(summary: Summary, title: str, options: argparse.Namespace) -> None:
    """Write all files, then print."""
    from pytest_envguard.report import files

    for file in options.to:
        try:
            files.replace(file, files.text(summary, file.suffix))
        except OSError as error:
            raise EnvguardError(f"{printable(str(file))} could not be written: {error.strerror}") from None
        print(f"report written to {printable(str(file))}", file=sys.stderr)
    kind = options.format or ("" if options.to else _TERMINAL)
    if kind == _TERMINAL:
        from pytest_envguard.report.terminal.printing import print_summary

        with _printing() as stream:
            print_summary(summary, title, stream, options.verbose - options.quiet)
    elif kind:
        text = files.text(summary, f".{kind}").encode("utf-8", "backslashreplace")
        with _printing() as stream:
            stream.flush()
            stream.buffer.write(text)


@contextmanager
def _printing() -> Iterator[TextIO]:
    """Let something be printed; who closes the pipe has seen enough, and what the command has found stays true.

    Raises:
        EnvguardError: Standard output can't be written, such as on a full disk.
    """
    if sys.stdout is None:  # `>&-`
        with Path(os.devnull).open("w", encoding="utf-8") as nothing:
            yield nothing
        return
    try:
        yield sys.stdout
        sys.stdout.flush()
    except OSError as error:
        # What is left in the buffer must not be tried again when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            raise EnvguardError(f"standard output can't be written: {error.strerror}") from None
