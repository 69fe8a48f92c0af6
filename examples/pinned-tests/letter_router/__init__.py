"""Send a letter to the desk that answers it, and set the defaults that the libraries read from the environment."""

import os
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
CACHE = PROJECT / ".cache"
MODELS = PROJECT / "models"

# A deployer's own values win.
os.environ.setdefault("TIKTOKEN_CACHE_DIR", str(CACHE / "tiktoken"))
os.environ.setdefault("HF_HUB_OFFLINE", "1")  # every tokenizer used here is a folder on the disk
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # `batch` brings its own processes and threads
