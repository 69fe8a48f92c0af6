"""Prepare reviews of pull requests: what a diff takes and costs, how it is labelled, what the house checks besides."""

import os
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # importing LiteLLM never asks the network for prices
