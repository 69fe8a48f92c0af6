"""The page as text: whole, safe, and small enough. What it looks like is tested in a browser."""

from __future__ import annotations

import base64
import hashlib
import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest

from pytest_envguard.model.plan import Plan
from pytest_envguard.model.verdict import Outcome, Run
from pytest_envguard.report.page import page_text
from pytest_envguard.report.summary import Invocation, summarise
from tests.unit.report.page.samples import hostile, many, small, usual, versions, worst


class Reader(HTMLParser):
    """Reads a page as a browser does, as far as it's asked for."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data: str) -> None:
        """Note a text."""
        self.texts.append(data)

    @property
    def text(self) -> str:
        """All of its text."""
        return "".join(self.texts)


def test_nothing_that_comes_from_tests_becomes_markup() -> None:
    """Neither a tag nor an attribute, wherever a name can stand."""
    evil, plain = Reader(page_text(hostile())), Reader(page_text(small()))
    known = {tag for tag, _ in plain.tags}
    assert {tag for tag, _ in evil.tags} <= known
    assert [tag for tag, _ in evil.tags].count("script") == 1
    assert not {name for _, attributes in evil.tags for name in attributes if name.startswith("on") or name == "style"}
    assert evil.text.count("<script>alert(1)</script>") > 20
    assert "{{7*7}}" in evil.text
    assert "49{%" not in evil.text


def test_what_cannot_be_seen_is_shown_as_an_escape() -> None:
    """No character of the page controls anything."""
    text = page_text(hostile())
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]", text)
    assert "\\x1b]8;;http://evil\\x07\\u202e" in text


def test_a_name_that_no_encoding_has_can_be_written() -> None:
    """A file name's odd byte is a lone surrogate in Python."""
    run = Run("lambda", {"caf\udce9.py::t": Outcome("failed", "no \udce9")})
    text = page_text(summarise([Plan("lambda", "")], [run], None))
    assert b"caf\\xe9.py" in text.encode("utf-8")


def test_the_policy_allows_the_style_sheet_and_the_script_by_their_hashes_and_nothing_else() -> None:
    """A browser ignores a page's other scripts, and fetches nothing."""
    text = page_text(small())
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', text)
    assert policy
    hashes = {}
    for tag in ("style", "script"):
        (inside,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        hashes[tag] = f"{tag}-src 'sha256-{digest}'"
    assert (
        policy[1] == f"default-src 'none'; {hashes['style']}; {hashes['script']}; base-uri 'none'; form-action 'none'"
    )


@pytest.mark.parametrize("make", [small, versions, hostile])
def test_nothing_is_fetched_and_every_link_leads_somewhere_on_the_page(make: object) -> None:
    """No address of anything else, and no id twice."""
    assert callable(make)
    page = Reader(page_text(make()))
    assert not [attributes for _, attributes in page.tags if {"src", "srcset", "data", "action"} & attributes.keys()]
    links = {str(attributes["href"]) for _, attributes in page.tags if "href" in attributes}
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert links <= {f"#{name}" for name in ids}
    assert len(ids) == len(set(ids))


def test_it_can_be_read_without_its_script() -> None:
    """Every test, message, refusal, reason, remedy and plan stands in the text; the filter is hidden until it works."""
    summary = small()
    page = Reader(page_text(summary))
    for run in summary.runs:
        for nodeid, outcome in run.outcomes.items():
            assert nodeid.partition("::")[2] in page.text
            assert outcome.message in page.text
    for cause in summary.causes:
        assert cause.diagnosis.text in page.text
    assert "os.mkdir /home/me/.cache/thing: EROFS (thing, thing/cache.py:3)" in page.text
    assert "TIKTOKEN_CACHE_DIR: /var/task" in page.text
    assert "network namespace: Operation not permitted" in page.text
    assert next(attributes for tag, attributes in page.tags if tag == "form")["hidden"] is None


def test_packages_and_advisories_are_told() -> None:
    """Versions, what could not be had, what was found, and what nobody looked at."""
    text = Reader(page_text(versions())).text
    assert "PYSEC-2024-60 (CVE-2024-5710), fixed in 1.44.8" in text
    assert "tiktoken needs regex, not installed" in text
    assert "Because litellm==1.40.0 depends on tiktoken<0.8" in text
    assert "not audited: PyPI could not be reached" in text


def test_an_interrupted_run_says_so_on_top() -> None:
    """Before the verdict."""
    summary = small()._replace(
        invocations=(Invocation(interrupted="interrupted by Ctrl-C"),), notes=("Merged of two.",)
    )
    text = Reader(page_text(summary)).text
    assert "Not the whole run: interrupted by Ctrl-C" in text
    assert text.index("Not the whole run") < text.index("tests fail in at least one of 3 environments", 400)
    assert "Merged of two." in text


def test_what_else_makes_a_run_fail_is_said_on_top() -> None:
    """Before where tests fail."""
    text = Reader(page_text(small()._replace(invocations=(Invocation(failing=("an advisory",)),)))).text
    assert "! The run fails because of an advisory" in text
    assert text.index("because of an advisory") < text.index("fails only in lambda and offline")


def test_a_run_without_a_test_is_a_page_too() -> None:
    """It says that nothing ran."""
    assert "no test ran in lambda" in page_text(summarise([Plan("lambda", "")], [Run("lambda")], None))


@pytest.mark.parametrize("happens", [usual, worst])
def test_five_thousand_tests_in_twelve_environments_take_five_megabytes_at_most(happens: object) -> None:
    """In a usual run, and where everything fails for a reason of its own; then it says what it left out."""
    assert callable(happens)
    text = page_text(many(5000, happens))
    assert len(text.encode()) <= 5_000_000
    assert text.count('data-cells="') >= 250
    assert ("no room to say more" in text) is (happens is worst)
    assert ('class="matrix some large"' in text) is (happens is worst)


def test_the_same_run_makes_the_same_page() -> None:
    """No time and no chance is in it."""
    assert page_text(small()) == page_text(small())


def test_without_jinja2_there_is_one_clear_error() -> None:
    """It says what to install."""
    code = (
        "import sys; sys.modules['jinja2'] = None\n"
        "from pytest_envguard.errors import EnvguardError\n"
        "from pytest_envguard.report.page import page_text\n"
        "try: page_text(None)\n"
        "except EnvguardError as error: print(error)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (
        found.stdout == "the page needs Jinja2, which is not installed\nhint: pip install 'pytest-envguard[report]'\n"
    ), found
