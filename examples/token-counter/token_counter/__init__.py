"""Count tokens with tiktoken, LiteLLM or transformers, and set the defaults these three read from the environment."""

import os
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
CACHE = PROJECT / ".cache"

# Settings the libraries take from the environment, some of them already when they are imported. A deployer's own
# values win.
os.environ.setdefault("TIKTOKEN_CACHE_DIR", str(CACHE / "tiktoken"))
os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # importing LiteLLM never asks the network for prices
os.environ.setdefault("HF_HUB_OFFLINE", "1")  # every tokenizer used here is a folder on the disk
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # `batch` brings its own processes
