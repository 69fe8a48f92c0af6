"""The command in a process of its own: transformers and huggingface_hub read their variables once, at import."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]


@pytest.fixture
def prompt_budget() -> Callable[..., str]:
    """Run the command with further environment variables; return what it prints."""

    def run(by: str, prompt: str, **variables: str) -> str:
        words = [sys.executable, "-m", "prompt_budget", by, prompt]
        done = subprocess.run(
            words, cwd=PROJECT, env={**os.environ, **variables}, capture_output=True, text=True, check=False
        )
        errors = [line for line in done.stderr.splitlines() if "Error: " in line]
        assert done.returncode == 0, errors[-1] if errors else done.stderr
        return done.stdout.strip()

    return run
