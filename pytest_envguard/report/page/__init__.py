"""The run as one page of HTML: nothing is fetched, and it can be read without its script."""

from __future__ import annotations

from pytest_envguard.errors import EnvguardError
from pytest_envguard.report.summary import Summary


def page_text(summary: Summary) -> str:
    """Return the page; UTF-8 has all of its characters.

    Raises:
        EnvguardError: Jinja2 is not installed.
    """
    try:
        from pytest_envguard.report.page.drawing import draw
        from pytest_envguard.report.page.facts import page
    except ModuleNotFoundError as error:
        if error.name not in ("jinja2", "markupsafe"):
            raise
        raise EnvguardError(
            "the page needs Jinja2, which is not installed", "pip install 'pytest-envguard[report]'"
        ) from error
    return draw(page(summary))
