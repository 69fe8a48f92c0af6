"""The `python` mechanism: an audit hook that refuses Python's own calls, where the kernel can't be asked to.

Standard library only, and nothing of one operating system: it is meant for macOS and Windows. What it can't see is
listed in `blind_spots`.
"""
