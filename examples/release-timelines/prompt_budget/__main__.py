"""The command: ``prompt-budget house "Where is my order?"``."""

from __future__ import annotations

import argparse


def main() -> None:
    """Print how many tokens a prompt takes."""
    parser = argparse.ArgumentParser(prog="prompt-budget", description="How many tokens a prompt takes.")
    parser.add_argument("by", help="`house`, a tokenizer of the hub such as `acme/letters`, or `chat:MODEL`")
    parser.add_argument("prompt")
    asked = parser.parse_args()
    print(count(asked.by, asked.prompt))


def count(by: str, prompt: str) -> int:
    """Return the number of tokens; only what is needed for it is imported."""
    if by.startswith("chat:"):
        from prompt_budget import chat

        return chat.count(by.removeprefix("chat:"), prompt)
    if by == "house":
        from prompt_budget.house import MendedTokenizer

        return len(MendedTokenizer().tokenize(prompt))
    from prompt_budget import hub

    return hub.count(by, prompt)


if __name__ == "__main__":
    main()
