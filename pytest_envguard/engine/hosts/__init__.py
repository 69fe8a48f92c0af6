"""Environments on other machines: where they are, how they are reached, and what runs there."""
