"""The page in a real Chromium: it's read, filtered, linked to, used with the keyboard, printed, and nothing is fetched."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from pytest_envguard.model.plan import Plan
from pytest_envguard.model.verdict import Outcome, Run
from pytest_envguard.report.page import page_text
from pytest_envguard.report.page.shown import anchor
from pytest_envguard.report.summary import Summary, summarise
from tests.unit.report.page.samples import BOTH, ENCODE, QUIET, WRITE, hostile, many, small, usual, versions, worst

sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright's Python package to drive Chromium")

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium")

QUIETLY = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
WIDTHS = {"desk": 1280, "tablet": 768, "phone": 390}


class Shown:
    """A page in the browser.

    Attributes:
        page: playwright's.
        wrong: What the browser complained of, and what it wanted to fetch.
    """

    def __init__(self, page: Any, folder: Path) -> None:
        self.page = page
        self.wrong: list[str] = []
        self._folder = folder
        page.on("console", lambda message: self.wrong.append(message.text))
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("request", lambda asked: self.wrong.append(asked.url) if asked.url != self.address else None)
        page.on("dialog", lambda dialog: (self.wrong.append(dialog.message), dialog.dismiss()))
        self.address = ""

    def open(self, summary: Summary, hash_: str = "") -> None:
        """Write a run's page and open it."""
        file = self._folder / "report.html"
        file.write_text(page_text(summary), encoding="utf-8")
        self.page.goto("about:blank")
        self.address = file.as_uri()
        self.page.goto(self.address + hash_)

    def tests(self) -> list[str]:
        """Return the names of the tests that the matrix has at the moment, folded or not."""
        shown = """Array.from(document.querySelectorAll('.test, .alike ol li')).filter((one) => !one.closest('[hidden]'))
            .map((one) => one.id)"""
        return list(self.page.evaluate(shown))

    def until(self, expression: str) -> None:
        """Wait until an expression is true. playwright's own waiting needs `eval`, which the page's policy forbids."""
        end = time.monotonic() + 20
        while not self.page.evaluate(expression):
            assert time.monotonic() < end, f"never true: {expression}"
            self.page.wait_for_timeout(20)

    def choose(self, field: str, words: str) -> None:
        """Choose something in the filter, by its words."""
        self.page.select_option(f"#{field}", label=words)

    def is_open(self, nodeid: str) -> bool:
        """Whether a test's row is open, and in sight."""
        row = self.page.locator(f"#{anchor('t', nodeid)}")
        return row.get_attribute("open") is not None and bool(row.locator(".panel").is_visible())


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A Chromium with a profile of its own."""
    with sync_api.sync_playwright() as driver:
        profile = str(tmp_path_factory.mktemp("chromium"))
        try:
            context = driver.chromium.launch_persistent_context(
                profile, executable_path=CHROMIUM, args=QUIETLY, timeout=30_000
            )
        except sync_api.Error as error:
            pytest.skip(f"Chromium does not start here: {str(error).splitlines()[0]}")
        yield context
        context.close()


@pytest.fixture
def shown(browser: Any, tmp_path: Path) -> Iterator[Shown]:
    """A page; in the end the browser must have complained of nothing, and fetched nothing."""
    page = browser.new_page()
    page.set_default_timeout(10_000)
    shown = Shown(page, tmp_path)
    yield shown
    page.close()
    assert shown.wrong == []


def ids(*nodeids: str) -> list[str]:
    """Return the ids of tests."""
    return [anchor("t", nodeid) for nodeid in nodeids]


def test_a_click_on_a_cell_shows_failure_refusals_reason_remedy_and_what_it_took(shown: Shown) -> None:
    """Until then they are folded."""
    shown.open(small())
    row = shown.page.locator(f"#{anchor('t', ENCODE)}")
    assert not row.locator(".panel").is_visible()
    row.locator(".strip i").first.click()
    text = row.locator(".panel").inner_text()
    for expected in (
        "Max retries exceeded",
        "tests/test_count.py:12",
        "EAI_AGAIN (tiktoken, tiktoken/load.py:17)",
        "tiktoken 0.7.0 downloads its encoding",
        "✓ tried, works",
        "TIKTOKEN_CACHE_DIR: /var/task",
        "464 ms",
    ):
        assert expected in text


def test_the_filter_finds_by_verdict_environment_library_and_name(shown: Shown) -> None:
    """All of them together, and says how many it found."""
    shown.open(small())
    assert len(shown.tests()) == 35
    shown.choose("verdict", "fails, but not on the host")
    assert shown.tests() == ids(ENCODE, WRITE)
    shown.choose("environment", "offline")
    assert shown.tests() == ids(ENCODE)
    assert shown.page.locator("#found").inner_text() == "1 of 35 tests"
    shown.choose("library", "thing")
    assert shown.tests() == []
    shown.page.click("button[type=reset]")
    assert len(shown.tests()) == 35
    shown.choose("library", "the project itself")
    assert shown.tests() == ids(QUIET)
    shown.choose("library", "any")
    shown.choose("environment", "container")
    assert shown.tests() == ids(WRITE, BOTH)
    shown.choose("environment", "any")
    shown.page.fill("#name", "TEST_CACHE.py::")
    assert shown.tests() == ids(WRITE, BOTH)
    shown.choose("verdict", "fails on the host too")
    assert shown.tests() == ids(BOTH)
    shown.page.fill("#name", "")
    shown.choose("verdict", "any")
    shown.choose("where", "fails only in lambda and container")
    assert shown.tests() == ids(WRITE)


def test_what_the_filter_finds_is_unfolded_and_folded_again_after_it(shown: Shown) -> None:
    """A test that fails nowhere is in a folded file."""
    shown.open(small())
    row = shown.page.locator(f"#{anchor('t', 'tests/test_text.py::test_split[7]')}")
    assert not row.is_visible()
    shown.page.fill("#name", "split[7]")
    assert row.is_visible()
    assert shown.page.locator(".file:visible .count").inner_text() == "1 of 30 tests"
    shown.page.fill("#name", "")
    assert not row.is_visible()


def test_a_link_to_a_test_opens_it_and_one_to_a_filter_filters(shown: Shown) -> None:
    """The filter's link has words, which mean the same in another report."""
    shown.open(small(), f"#{anchor('t', WRITE)}")
    assert shown.is_open(WRITE)
    shown.choose("verdict", "fails on the host too")
    hash_ = shown.page.evaluate("location.hash")
    assert hash_ == "#?verdict=fails+on+the+host+too"
    shown.open(small(), hash_)
    assert shown.tests() == ids(BOTH)
    shown.page.evaluate(f"location.hash = '#{anchor('t', ENCODE)}'")
    shown.until(f"document.getElementById('{anchor('t', ENCODE)}').open")
    assert shown.is_open(ENCODE)
    assert len(shown.tests()) == 35
    shown.open(small(), "#?verdict=nonsense&other=1")
    assert len(shown.tests()) == 35


def test_each_place_of_the_verdict_leads_to_the_tests_that_fail_there(shown: Shown) -> None:
    """To one test, which is opened, or to several, which are all that is shown; a second time as well."""
    shown.open(several())
    shown.page.get_by_role("link", name="fails only in lambda and offline").click()
    shown.until("document.getElementById('where').value !== ''")
    assert shown.tests() == ids(ENCODE, f"{ENCODE}[2]")
    assert shown.page.evaluate("location.hash") == "#?where=fails+only+in+lambda+and+offline"
    shown.page.keyboard.press("Escape")
    shown.until("document.getElementById('where').value === ''")
    shown.page.get_by_role("link", name="pass, but were refused something").click()
    shown.until("document.getElementById('verdict').value === 'r'")
    assert shown.tests() == ids(QUIET)
    for _ in range(2):
        shown.page.get_by_role("link", name="fails everywhere, on the host too").click()
        shown.until(f"document.getElementById('{anchor('t', BOTH)}').open")
        assert shown.is_open(BOTH)
        assert len(shown.tests()) == 36
        shown.page.evaluate(f"document.getElementById('{anchor('t', BOTH)}').open = false")


def several() -> Summary:
    """Return a run in which several tests fail in the same place."""
    summary = small()
    for run in summary.runs:
        run.outcomes[f"{ENCODE}[2]"] = run.outcomes[ENCODE]
    known = Run("host", {row.nodeid: row.on_host for row in summary.rows if row.on_host})
    known.outcomes[f"{ENCODE}[2]"] = known.outcomes[ENCODE]
    return summarise(summary.plans, summary.runs, known)._replace(causes=summary.causes)


def test_the_first_screen_shows_the_verdict_and_the_heat_map(shown: Shown) -> None:
    """What one came for is not below the fold."""
    shown.page.set_viewport_size({"width": 1280, "height": 1000})
    shown.open(versions())
    assert shown.page.get_by_role("heading", level=1).bounding_box()["y"] < 60
    rows = shown.page.locator(".matrix summary:visible").all()
    assert sum(row.bounding_box()["y"] + row.bounding_box()["height"] < 1000 for row in rows[:12]) >= 8


@pytest.mark.parametrize("width", [1280, 390], ids=["desk", "phone"])
def test_a_usual_page_is_drawn_whole_before_anybody_scrolls(shown: Shown, width: int) -> None:
    """Else a picture of it has white rows, and its height changes as one reads. One of very many rows can't afford that."""
    shown.page.set_viewport_size({"width": width, "height": 300})
    shown.open(versions())
    rows = shown.page.evaluate(DRAWN)
    assert len(rows) == 3
    assert all(rows)
    shown.open(many(1001, worst, profiles=2))
    assert not all(shown.page.evaluate(DRAWN))


DRAWN = """Array.from(document.querySelectorAll('.test'), (one) => {
  one.closest('.file').open = true;
  return one.querySelector('.strip').checkVisibility({ contentVisibilityAuto: true });
})"""


def test_what_has_the_focus_is_not_hidden_below_the_heads_of_the_columns(shown: Shown) -> None:
    """They stay in sight; WCAG 2.4.11."""
    shown.page.emulate_media(reduced_motion="reduce")  # else it's still on its way
    shown.page.set_viewport_size({"width": 1280, "height": 820})
    shown.open(versions())
    shown.page.locator(".matrix summary").first.focus()
    shown.page.keyboard.press("End")
    while shown.page.evaluate("document.activeElement !== document.querySelector('.test > summary')"):
        shown.page.keyboard.press("ArrowUp")
        top, heads = shown.page.evaluate(
            "[document.activeElement, document.querySelector('.heads')].map((one) => one.getBoundingClientRect())"
        )
        assert top["top"] >= heads["bottom"] - 1


def test_a_name_from_right_to_left_moves_nothing_beside_it(shown: Shown) -> None:
    """Its own letters may change places with each other."""
    hebrew = "\u05d0\u05d1\u05d2"
    runs = [Run("lambda", {f"{hebrew}::{hebrew}": Outcome("failed", hebrew)})]
    shown.open(summarise([Plan("lambda", "")], runs, None))
    name, beside = shown.page.evaluate("""() => {
      const box = document.querySelector('.file .name'), range = document.createRange();
      range.selectNode(box.firstChild);
      return [range, box.querySelector('.says')].map((one) => one.getBoundingClientRect().toJSON());
    }""")
    assert beside["left"] >= name["right"] - 1


def test_it_says_how_the_run_was_made(shown: Shown) -> None:
    """At its end, where a link on top leads."""
    shown.open(small())
    shown.page.get_by_role("link", name="About this run").click()
    about = shown.page.get_by_role("region", name="About this run").inner_text()
    for expected in (
        "pytest --envguard=lambda,container,offline",
        "took",
        "41.5 s",
        "pytest-envguard 0.9.0",
        "8 GiB of",
    ):
        assert expected in about


def test_the_keyboard_reaches_opens_and_leaves_everything(shown: Shown) -> None:
    """Arrows go from test to test, Enter opens, Esc shows all tests again."""
    shown.open(small())
    shown.page.locator(".file summary").first.focus()
    shown.page.keyboard.press("ArrowDown")
    shown.page.keyboard.press("Enter")
    assert shown.is_open(ENCODE)
    shown.page.keyboard.press("ArrowDown")
    shown.page.keyboard.press("ArrowDown")
    shown.page.keyboard.press("Enter")
    assert shown.is_open(WRITE)
    shown.page.keyboard.press("Home")
    assert shown.page.evaluate("document.activeElement === document.querySelector('.matrix summary')")
    shown.choose("verdict", "fails on the host too")
    shown.page.keyboard.press("Escape")
    shown.until("document.getElementById('verdict').value === ''")
    assert len(shown.tests()) == 35
    shown.open(small())
    shown.page.keyboard.press("Tab")
    assert shown.page.evaluate("document.activeElement.textContent") == "Skip to the tests"


def test_a_remedy_is_copied_as_it_is_shown(shown: Shown, browser: Any) -> None:
    """Whole, with its lines."""
    browser.grant_permissions(["clipboard-read", "clipboard-write"])
    shown.open(small())
    figure = shown.page.locator("#cause-0 .paste").first
    figure.get_by_role("button", name="Copy").click()
    figure.get_by_role("button", name="Copied").wait_for()
    copied = shown.page.evaluate("navigator.clipboard.readText()")
    assert copied == figure.locator("code").text_content()
    assert "    Properties:\n" in copied


def test_hostile_names_run_nothing_and_break_nothing(shown: Shown) -> None:
    """No dialog, no request, no element: the filter works with them as with any."""
    shown.open(hostile())
    assert shown.page.evaluate("document.querySelectorAll('img, script').length") == 1
    assert len(shown.tests()) == 2
    shown.page.fill("#name", "alert(1)")
    assert len(shown.tests()) == 2
    shown.page.select_option("#library", index=1)
    assert len(shown.tests()) == 2
    assert shown.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_policy_forbids_what_is_not_the_pages_own(shown: Shown) -> None:
    """Were there a hole in the escaping, the browser would not run what comes through it."""
    shown.open(small())
    shown.page.evaluate("""document.body.insertAdjacentHTML('beforeend', '<img src=x onerror="document.title = 1">');
        const evil = document.createElement('script'); evil.textContent = 'document.title = 2'; document.body.append(evil)""")
    shown.page.wait_for_timeout(100)
    assert "tests fail" in shown.page.title()
    assert len(shown.wrong) >= 2
    assert all("Content Security Policy" in text or text.endswith("/x") for text in shown.wrong)
    shown.wrong.clear()


@pytest.mark.parametrize("make", [small, versions], ids=["environments", "versions"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
def test_it_fits_and_its_texts_can_be_read(shown: Shown, width: int, scheme: str, make: Callable[[], Summary]) -> None:
    """Nothing is wider than the window; every text has the contrast that WCAG AA asks for, as it's drawn."""
    shown.page.emulate_media(color_scheme=scheme)
    shown.page.set_viewport_size({"width": width, "height": 900})
    shown.open(make())
    shown.page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true })")
    assert shown.page.evaluate("document.documentElement.scrollWidth") <= width
    assert shown.page.evaluate(FAINT) == []
    ground = shown.page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert ground == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(17, 20, 24)")


FAINT = """() => {
  const part = (value) => (value /= 255) <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  const light = ([red, green, blue]) => 0.2126 * part(red) + 0.7152 * part(green) + 0.0722 * part(blue);
  const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const ground = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const found = numbers(getComputedStyle(one).backgroundColor);
      if (found.length === 3 || found[3] > 0) return found;
    }
  };
  const faint = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.checkVisibility() || element.closest('script, option')) continue;
    const [one, other] = [light(numbers(getComputedStyle(element).color)), light(ground(element))];
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    if (ratio < 4.5) faint.push(`${walker.currentNode.data.trim()}: ${ratio.toFixed(2)}`);
  }
  return faint;
}"""


def test_it_has_landmarks_headings_in_order_and_a_name_for_every_field(shown: Shown) -> None:
    """As a screen reader needs them."""
    shown.open(versions())
    for role in ("banner", "navigation", "main", "contentinfo"):
        assert shown.page.get_by_role(role).count() == 1, role
    for role, name in (
        ("combobox", "Verdict"),
        ("combobox", "Where it fails"),
        ("combobox", "Environment"),
        ("combobox", "Library"),
        ("searchbox", "Name"),
    ):
        assert shown.page.get_by_role(role, name=name, exact=True).count() == 1, name
    levels = shown.page.evaluate(
        "Array.from(document.querySelectorAll('h1,h2,h3,h4'), (one) => Number(one.localName[1]))"
    )
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert shown.page.evaluate(
        "Array.from(document.querySelectorAll('svg')).every((one) => one.getAttribute('aria-label'))"
    )


def test_without_its_script_everything_can_be_read(browser: Any, tmp_path: Path) -> None:
    """Folding works, the filter isn't shown, and a link to a test opens its file."""
    file = tmp_path / "report.html"
    file.write_text(page_text(small()), encoding="utf-8")
    context = browser.browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{file.as_uri()}#{anchor('t', ENCODE)}")
    assert not page.locator("#filter").is_visible()
    page.locator(f"#{anchor('t', ENCODE)} summary").click()
    assert "Max retries exceeded" in page.locator(f"#{anchor('t', ENCODE)} .panel").inner_text()
    page.get_by_role("link", name="fails only in lambda and container").click()
    assert page.evaluate("location.hash") == f"#{anchor('t', WRITE)}"
    context.close()


def test_print_shows_what_is_folded_and_hides_what_cannot_be_used(shown: Shown) -> None:
    """Paper can't be clicked."""
    shown.open(small())
    shown.page.emulate_media(media="print")
    assert not shown.page.locator("#filter").is_visible()
    assert not shown.page.locator("nav").is_visible()
    assert shown.page.locator(f"#{anchor('t', WRITE)} .panel").is_visible()
    assert shown.page.pdf(format="A4").startswith(b"%PDF")


@pytest.mark.parametrize("happens", [usual, worst], ids=["usual", "worst"])
def test_five_thousand_tests_in_twelve_environments_are_filtered_at_once(shown: Shown, happens: Any) -> None:
    """The bounds are for a machine that has other things to do; without them it takes a tenth of a second."""
    shown.open(many(5000, happens))
    opened = shown.page.evaluate("performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd")
    taken = [
        shown.page.evaluate(TAKES, [field, value])
        for field, value in (("name", "[12"), ("verdict", "pr"), ("verdict", ""))
    ]
    taken.append(shown.page.evaluate(UNFOLDS))
    assert opened < 8000
    assert max(taken) < 1500


UNFOLDS = """async () => {
  const start = performance.now();
  for (const file of document.querySelectorAll('.file')) file.open = true;
  await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  return performance.now() - start;
}"""


TAKES = """async ([id, value]) => {
  const field = document.getElementById(id), start = performance.now();
  field.value = value;
  field.dispatchEvent(new Event('input', { bubbles: true }));
  await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  return performance.now() - start;
}"""
