"""What runs in the fresh interpreter: loads a folder's tokenizer and model, and measures what they do.

It decides nothing: what is measured goes back as lines of JSON on standard output, which nobody else can write to any more.

A folder's own code is executed only if the task says so. Otherwise a guard refuses it, whoever would run it: Python code
and extension modules that lie in the folder or were copied from it, and pickles.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any

from pytest_envguard.modelfolder.inside.agreeing import compare
from pytest_envguard.modelfolder.inside.channel import Channel, stage
from pytest_envguard.modelfolder.inside.computing import load_model, run_forward
from pytest_envguard.modelfolder.inside.encoding import load_tokenizer, try_special_tokens, try_texts
from pytest_envguard.modelfolder.inside.guard import Guard, is_own, modules_folder, refuse


def run(task: Mapping[str, Any]) -> None:
    """Do what the task says: a folder, texts, and what is allowed; see `pytest_envguard.modelfolder.loading`."""
    channel = Channel()
    folder = task["folder"]
    Guard.folders = (folder.rstrip("/") + "/",)
    prefixes = (os.path.realpath(prefix) + "/" for prefix in (sys.prefix, sys.base_prefix))
    Guard.ours = tuple(prefix for prefix in prefixes if prefix.startswith(Guard.folders))
    sys.path[:] = [entry for entry in sys.path if entry and not is_own(os.path.realpath(entry) + "/")]
    Guard.folders = () if task["trusts"] else (*Guard.folders, modules_folder())
    Guard.unpickles = task["trusts"] or task["unpickles"]
    Guard.network = task["refuses_network"]
    sys.addaudithook(refuse)
    tokenizer = stage(channel, "tokenizer", lambda: load_tokenizer(channel, task)) if task["tokenizer"] else None
    if tokenizer is not None:
        stage(channel, "texts", lambda: try_texts(channel, tokenizer, task["texts"]))
        stage(channel, "special tokens", lambda: try_special_tokens(channel, tokenizer))
        stage(channel, "agreement", lambda: compare(channel, tokenizer, task))
    if task["loads_model"]:
        model = stage(channel, "model", lambda: load_model(channel, task))
        if model is not None:
            stage(channel, "forward pass", lambda: run_forward(channel, model, tokenizer))
    channel.tell("done")
