"""Small plots: shapes that can be trusted."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from pytest_envguard.report.page.plots import Span, bar, bins, span, timeline


def test_of_many_values_the_largest_stay() -> None:
    """A single slow test must not vanish between quick ones."""
    values = [0.1] * 5000
    values[1234] = 9.0
    found = bins(values, 120)
    assert len(found) == 120
    assert max(found) == 9.0
    assert bins([1.0, 2.0], 120) == [1.0, 2.0]
    assert bins([], 120) == []


def test_a_timeline_has_a_column_for_each_value_as_high_as_its_share() -> None:
    """The smallest can still be seen."""
    path = ET.fromstring(timeline([4.0, 2.0, 0.0], 4.0, "t")).find("path")
    assert path is not None
    heights = [float(number) for number in re.findall(r"V([\d.]+)H", path.get("d", ""))]
    assert heights[0] == 1.0
    assert heights[1] == 18.5
    assert 35 <= heights[2] < 36


def test_a_bar_is_as_long_as_its_share_and_nothing_divides_by_zero() -> None:
    """A run may have used nothing."""
    assert 'width="25%"' in bar(1, 4, "t")
    assert 'width="0%"' in bar(0, 0, "t")
    assert timeline([], 0.0, "t")
    assert timeline([0.0], 0.0, "t")


def test_a_figure_lies_between_the_ends_of_its_noise_beside_its_budget() -> None:
    """One that is over its budget looks different, and its words say so too."""
    drawn = span(Span(5.0, 4.0, 6.0, 2.0, 10.0, over=True), "t")
    assert 'cx="50%"' in drawn
    assert 'x1="40%" x2="60%"' in drawn
    assert 'x1="20%" x2="20%"' in drawn
    assert 'class="over"' in drawn
    assert 'class="limit"' not in span(Span(5.0, 5.0, 5.0, None, 10.0, over=False), "t")


def test_its_title_is_escaped() -> None:
    """Names of environments and tests are anybody's."""
    drawn = bar(1, 1, '"><script>alert(1)</script>')
    assert "<script" not in drawn
    assert ET.fromstring(drawn).get("aria-label") == '"><script>alert(1)</script>'
