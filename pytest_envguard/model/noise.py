"""What nobody asked for: refusals that say nothing about the code under test."""

from __future__ import annotations


def is_noise(target: str) -> bool:
    """Whether it's Python's own bytecode or this plugin's own trial, which nobody asked for."""
    return "/__pycache__" in target or is_probe(target)


def is_probe(target: str) -> bool:
    """Whether it's this plugin's own trial of what was promised."""
    return "/.envguard-probe" in target
