"""Counts made before, so that a file that did not change is not counted again."""

import contextlib
import hashlib
import json
from pathlib import Path

from token_counter import CACHE
from token_counter.counting import Count, resolve


class Memory:
    """Counts by tokenizer and text, kept in one JSON file.

    Remembering only saves time, so a file that cannot be read or written is no reason to fail: the text is counted
    once more next time.
    """

    def __init__(self, path: Path = CACHE / "counts.json") -> None:
        """Read what was remembered in `path`, if anything was."""
        self.path = path
        self.counts: dict[str, int] = {}
        with contextlib.suppress(OSError, ValueError):
            self.counts = json.loads(path.read_text(encoding="utf-8"))

    def counter(self, spec: str) -> Count:
        """Return a counter that loads the tokenizer of `spec` only for a text it has not seen."""

        def count(text: str) -> int:
            key = hashlib.sha256(f"{spec}\0{text}".encode()).hexdigest()
            if key not in self.counts:
                self.counts[key] = resolve(spec)(text)
                self._save()
            return self.counts[key]

        return count

    def _save(self) -> None:
        with contextlib.suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.write_text(json.dumps(self.counts), encoding="utf-8")
