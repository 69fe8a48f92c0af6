"""A program that is built outside of an environment, to be run inside."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.knowledge.conftest import interpreter


@contextmanager
def folder_with(packages: Sequence[str], *words: str, source: str = "") -> Iterator[Path]:
    """Run ``python -m WORDS…`` of a virtual environment with packages in a new folder that environments see, and yield it.

    Args:
        packages: Requirements for uv.
        words: Module and arguments.
        source: Of ``program.py`` in the folder.
    """
    folder = Path(tempfile.mkdtemp(prefix="envguard-built-", dir="/var/tmp"))
    try:
        folder.chmod(0o755)
        (folder / "program.py").write_text(source)
        python = interpreter(tuple(packages))
        done = subprocess.run(
            [str(python), "-m", *words], cwd=folder, capture_output=True, text=True, check=False, timeout=300
        )
        assert done.returncode == 0, done.stderr
        yield folder
    finally:
        shutil.rmtree(folder)
