"""Caches that are filled where there is a network and carried to where there is none: tiktoken's encodings, a hub's models."""
