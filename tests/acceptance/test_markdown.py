"""Markdown as GitHub's own reader (cmark-gfm) takes it: hostile texts are shown as they are, and nothing else becomes of them."""

from __future__ import annotations

import json
import random
import re
import subprocess
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from pytest_envguard.report.markdown import markup
from tests.acceptance.conftest import Run, write
from tests.knowledge.conftest import interpreter

Render = Callable[[list[str]], list[str]]

# With tags as they stand there, as GitHub's reader leaves them to what removes the dangerous ones.
_RENDER = """
import json, sys
from cmarkgfm import markdown_to_html_with_extensions
from cmarkgfm.cmark import Options
names = ["table", "autolink", "strikethrough", "tagfilter", "tasklist"]
texts = json.load(sys.stdin)
json.dump([markdown_to_html_with_extensions(text, Options.CMARK_OPT_UNSAFE, names) for text in texts], sys.stdout)
"""

_BITS = """
` `` ``` | \\ * ** _ __ [x](y) ![a](b) [^1] <b> </details> </code> <script> <!-- --> &amp; &#124; @user a@b.example #123 o/r#4
https://a.example/c www.x.example ~~ ~ - 1. 2) + = --- === # ## $x$ :smile: deadbeef1 GH-12 \\| |\\ `|` > & < x é
""".split()  # noqa: SIM905  # bits of Markdown, which quotes would hide
_BITS += [" ", "  ", "\n", "\t", "\x1b[31m", "\u202e", "\udce9", "\x00", "| --- |", " - ", "two words"]

_LINKED = re.compile(r"[@#$]|://|www\.|:\w+:|\bdeadbeef1\b")
_TABLE = {"table", "thead", "tbody", "tr", "th", "td"}


@pytest.fixture(scope="module")
def render() -> Render:
    """Return what turns Markdown into HTML."""
    python = interpreter(("cmarkgfm>=2024.11.20",))

    def rendered(texts: list[str]) -> list[str]:
        done = subprocess.run(
            [str(python), "-c", _RENDER],
            input=json.dumps(texts),
            capture_output=True,
            text=True,
            check=True,
            timeout=100,
        )
        pages: list[str] = json.loads(done.stdout)
        return pages

    return rendered


class _Page(HTMLParser):
    """What a page consists of.

    Attributes:
        tags: Names of all elements outside of code.
        text: All that is shown.
        open_text: What is shown outside of code.
        unclosed: Elements that were not closed in their order.
    """

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.text = self.open_text = ""
        self.unclosed: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002
        self.tags.add(tag)
        if tag not in ("hr", "br", "img"):
            self.unclosed.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.unclosed and self.unclosed[-1] == tag, f"</{tag}> closes {self.unclosed}"
        self.unclosed.pop()

    def handle_data(self, data: str) -> None:
        self.text += data
        self.open_text += "\0" if {"code", "pre"} & set(self.unclosed) else data


def _check(page: str, shown: str, tags: set[str]) -> None:
    told = _Page(page)
    assert told.tags <= tags | {"code"}
    assert " ".join(told.text.split()) == " ".join(shown.split())
    assert not _LINKED.search(told.open_text)
    assert not told.unclosed


@pytest.mark.parametrize("seed", range(2))
def test_a_text_becomes_nothing_else(render: Render, seed: int) -> None:
    """In a sentence, as code, in a table, in a title that is folded, as a block."""
    chosen = random.Random(seed)
    texts = ["".join(chosen.choices(_BITS, k=chosen.randint(1, 7))) for _ in range(1500)]
    kinds: list[tuple[Callable[[str], str], str, set[str]]] = [
        (lambda text: f"- {markup.plain(text)}\n", "{}", {"ul", "li"}),
        (lambda text: f"- **{markup.plain(text)}**: y\n", "{}: y", {"ul", "li", "strong"}),
        (lambda text: f"- {markup.code(text)}\n", "{}", {"ul", "li"}),
        (lambda text: markup.lines(markup.table(("a", "b"), [(markup.cell(text), "z")])), "a b {} z", _TABLE),
        (lambda text: markup.lines(markup.table(("a", "b"), [(markup.plain(text), "z")])), "a b {} z", _TABLE),
        (lambda text: markup.lines(markup.folded(text, ["x"])), "{} x", {"details", "summary", "b", "p"}),
    ]
    texts = [text for text in texts if text.split()]
    for mark, around, tags in kinds:
        for text, page in zip(texts, render(list(map(mark, texts))), strict=True):
            _check(page, around.format(markup.visible(text)), tags)
    blocks = ["- x\n" + markup.lines(markup.pasted(text)) + "\nafter\n" for text in texts]
    for page in render(blocks):
        told = _Page(page)
        assert told.tags <= {"ul", "li", "p", "pre", "code"}
        assert (page.count("<pre>"), page.rstrip()[-12:]) == (1, "<p>after</p>")


HOSTILE = r"""
NAMES = ["@someone #12", "</summary></details><script>", "a|b\\|c", "``` x", "\x1b[31m\u202e", "https://a.example", "* [x](y)"]

@pytest.mark.parametrize("name", NAMES)
def test_fails(name):
    pathlib.Path(name.replace("/", "_")).write_text("")

@pytest.mark.parametrize("name", NAMES)
def test_says(name):
    if os.environ.get("PYTEST_ENVGUARD") == "lambda":
        raise ValueError(f"{name}\n::error::{name}")

@pytest.mark.envguard_budget(load_seconds=60)
def test_measured(envguard_measure):
    with envguard_measure.load():
        pass
"""


def test_what_tests_are_called_and_say_harms_neither_report_nor_annotations(
    render: Render, project: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file and the job's summary tell the same, and annotations are one line for each cause."""
    write(project, HOSTILE)
    summary, file = tmp_path / "summary.md", tmp_path / "report.md"
    summary.write_text("<p>from before")  # in HTML that isn't closed, and a line without an end
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    monkeypatch.setenv("GITHUB_WORKSPACE", str(project.parent))

    result = run("--envguard=lambda,offline", f"--envguard-report={file}", "--envguard-fix=off")

    known = {"h2", "h3", "details", "summary", "b", "ul", "li", "p", "strong", "em", "code", "pre", *_TABLE}
    before, _, told = summary.read_text().partition("\n\n")
    assert before == "<p>from before"
    pages = [_Page(page) for page in render([file.read_text(), told])]
    for page in pages:
        assert page.tags <= known, result
        assert not page.unclosed
        assert not _LINKED.search(page.open_text.replace("\0", ""))
        assert r"test_says[@someone #12]" in page.text
        assert "test_measured" in page.text
    assert pages[0].text == pages[1].text
    commands = [line for line in result.out.splitlines() if line.startswith("::")]
    assert all(line.startswith(("::error ", "::warning ")) for line in commands), result
    assert "\x1b" not in "".join(commands)
    said = [line for line in commands if "title=fails only in lambda::" in line]
    assert len(said) == 9  # the tenth says how many more there are
    assert all(line.startswith("::error file=project/test_it.py,line=") for line in said)
    assert all(line.endswith("]") and line.count("%0Atest_it.py::test_") == 1 for line in said)
    assert said[0].partition("::lambda: ")[2].startswith("OSError: [Errno 30] Read-only file system: '@someone #12'%0A")


def test_what_is_shown_is_what_was_meant() -> None:
    """The reader here is the strict one: a page that isn't closed is found."""
    with pytest.raises(AssertionError, match="closes"):
        _Page("<details><b></details>")
