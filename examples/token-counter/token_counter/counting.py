"""One name for every way of counting: `encoding:r50k_base`, `model:gpt-4o`, `tokenizer:house`."""

from collections.abc import Callable

Count = Callable[[str], int]

# Each library is imported only when somebody counts with it: transformers takes seconds to import, LiteLLM more.


def by_encoding(name: str) -> Count:
    """Count with one of tiktoken's encodings. Text that looks like a special token is counted as text."""
    from token_counter import encodings

    encoding = encodings.load(name)
    return lambda text: len(encoding.encode(text, disallowed_special=()))


def by_model(name: str) -> Count:
    """Count with the tokenizer LiteLLM chooses for a model."""
    import litellm

    return lambda text: litellm.token_counter(model=name, text=text)


def by_tokenizer(name: str) -> Count:
    """Count with a tokenizer folder, leaving out the marks a model wants at the beginning and the end."""
    from token_counter import folders

    tokenizer = folders.load(name)
    return lambda text: len(tokenizer.encode(text, add_special_tokens=False))


KINDS = {"encoding": by_encoding, "model": by_model, "tokenizer": by_tokenizer}


def resolve(spec: str) -> Count:
    """Return the counter that `KIND:NAME` stands for."""
    kind, _, name = spec.partition(":")
    if kind not in KINDS or not name:
        raise LookupError(f"cannot count by {spec!r}: write one of {', '.join(f'{k}:NAME' for k in KINDS)}")
    return KINDS[kind](name)
