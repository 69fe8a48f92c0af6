"""What is installed in a cell: whether it fits together, whether it fits the platform, and what is known against it.

Everything is read from the metadata of installed distributions; nothing of a cell is imported.
"""
