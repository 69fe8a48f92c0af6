"""How many tokens a diff takes, for the bot, which talks to models by LiteLLM."""


def count(diff: str, model: str) -> int:
    """Count with the model's own encoding. Text that looks like a special token is counted as text."""
    import litellm  # noqa: F401  # whoever counts will also ask: a failure of this import is to be seen now
    import tiktoken

    return len(tiktoken.encoding_for_model(model).encode(diff, disallowed_special=()))
