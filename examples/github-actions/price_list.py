"""A price list: what a thing costs, and how often it was asked for."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from iniconfig import IniConfig

_FILE = IniConfig(str(Path(__file__).with_name("prices.ini")))
PRICES = {name: int(cents) for name, cents in _FILE["prices"].items()}


def price(name: str) -> int:
    """Return a price in cents, and count the question in the user's own folder, if that can be written."""
    try:
        folder = Path.home() / ".cache" / "price-list"
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "asked.txt").open("a") as file:
            print(name, file=file)
    except OSError:
        pass  # a price is a price, counted or not
    return PRICES[name]


def export(path: Path) -> None:
    """Write all prices into a database. SQLite is C: it opens and writes its file by itself."""
    with sqlite3.connect(path) as database:
        database.execute("create table prices (name text, cents integer)")
        database.executemany("insert into prices values (?, ?)", PRICES.items())
    database.close()
