"""The page as text: the template with the facts, the style sheet and the script in it.

Trap: the page's policy allows the style sheet and the script by their hashes, so nothing may have a style or a handler as an
attribute; and all that comes from tests goes through `_shown`, and through Jinja2's escaping after that.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Collection
from functools import lru_cache
from pathlib import Path

import jinja2
from markupsafe import Markup

from pytest_envguard.report.groups import count
from pytest_envguard.report.page.cells import KINDS
from pytest_envguard.report.page.columns import Columns
from pytest_envguard.report.page.facts import Page
from pytest_envguard.report.page.shown import anchor, short_name, visible

_HERE = Path(__file__).parent


def draw(page: Page) -> str:
    """Return the page."""
    style = _read("style.css") + _columns(page.shape)
    script = _read("script.js")
    sources = {"style_hash": _hash(style), "script_hash": _hash(script)}
    numbers = {library: number for number, library in enumerate(page.libraries)}
    facts = page._asdict() | {"library_number": numbers} | {"style": Markup(style), "script": Markup(script)} | sources  # noqa: S704  # of this folder
    return _template(_tests(page)).render(facts)


def _template(tests: Collection[str]) -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True,
        loader=jinja2.FileSystemLoader(_HERE),
        finalize=_shown,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    functions = {
        "anchor": anchor,
        "tests": tests,
        "count": count,
        "kinds": KINDS,
        "name": short_name,
        "strip": _strip,
    }
    environment.globals.update(functions)
    return environment.get_template("page.html.j2")


def _tests(page: Page) -> set[str]:
    """Return the names of all that a link can lead to: a file that was imported is told of like a test, and is none."""
    files = [file for part in page.parts for file in part.files]
    alike = (nodeid for file in files for one in file.alike for nodeid, _ in one.tests)
    return {*(line.nodeid for file in files for line in file.lines), *alike}


def _shown(value: object) -> str:
    """Return what is to be escaped and written for a value of the template's."""
    if isinstance(value, Markup):
        return value
    return visible(value if isinstance(value, str) else str(value))


def _read(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _columns(shape: Columns) -> str:
    """Return what the style sheet can't know: how many columns there are, and how wide headings can be."""
    spans = sorted({head.span for level in shape.levels for head in level.heads} - {1})
    rules = "".join(f".span-{span}{{grid-column:span {span}}}" for span in spans)
    return f":root{{--columns:{shape.width}}}{rules}\n"


@lru_cache(4096)
def _strip(cells: str) -> Markup:
    """Return a row of the matrix; many rows are alike."""
    return Markup("").join(
        Markup("<i class={}>{}</i>").format(KINDS[letter].style, KINDS[letter].sign) for letter in cells
    )
