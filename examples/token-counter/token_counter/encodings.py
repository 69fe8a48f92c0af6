"""tiktoken's encodings, fetched from the company's mirror where there is one."""

import os

import requests
import tiktoken
from tiktoken.load import load_tiktoken_bpe
from tiktoken_ext.openai_public import ENDOFTEXT, r50k_pat_str

# The encodings the mirror carries: GPT-2's vocabulary and the one of the first code models. They share the rule that
# cuts a text into words.
SHA256 = {
    "r50k_base": "306cd27f03c1a714eca7108e03d66b7dc042abe8c258b44c199a7ed9838dd930",
    "p50k_base": "94b5ca7dff4d00767bc256fdd1b27e5b17361d7b8a5f968547f9f23eb70d2069",
}


class EncodingUnavailable(Exception):
    """The blob of an encoding could not be fetched."""


def url(name: str, mirror: str) -> str:
    """Return where `mirror` keeps the blob of an encoding: the path is the one OpenAI's public host uses."""
    return f"{mirror.rstrip('/')}/encodings/{name}.tiktoken"


def load(name: str) -> tiktoken.Encoding:
    """Return an encoding, from the mirror named in TOKEN_COUNTER_MIRROR or else the way tiktoken finds it.

    tiktoken keeps what it fetches in TIKTOKEN_CACHE_DIR, so only the first call costs a download.
    """
    mirror = os.environ.get("TOKEN_COUNTER_MIRROR")
    try:
        if mirror is None or name not in SHA256:
            return tiktoken.get_encoding(name)
        ranks = load_tiktoken_bpe(url(name, mirror), SHA256[name])
    except requests.RequestException as error:
        raise EncodingUnavailable(f"{name} could not be fetched from {mirror or 'the public host'}") from error
    return tiktoken.Encoding(name, pat_str=r50k_pat_str, mergeable_ranks=ranks, special_tokens={ENDOFTEXT: 50256})
