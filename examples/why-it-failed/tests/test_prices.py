"""The gateway knows what a request costs."""

import pytest

from review_bot import prices


@pytest.mark.parametrize("model", ["gpt-4", "gpt-4o"])
def test_price(model):
    """A price for each model."""
    assert prices.price("hello world", model) == 2 * prices.CENTS_PER_MILLION[model] / 1_000_000
