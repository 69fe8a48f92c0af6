"""Nothing in here knows where it runs."""

import sqlite3
import subprocess
import sys

import pytest

from price_list import PRICES, export, price


def test_price():
    assert price("tea") == 320


def test_unknown_thing():
    with pytest.raises(KeyError):
        price("beer")


def test_export(tmp_path):
    export(tmp_path / "prices.db")

    database = sqlite3.connect(tmp_path / "prices.db")
    assert dict(database.execute("select name, cents from prices")) == PRICES
    database.close()


def test_another_process():
    words = [sys.executable, "-c", "import price_list; print(price_list.price('coffee'))"]

    assert subprocess.run(words, capture_output=True, text=True, check=True).stdout == "450\n"
