"""One kernel facility, one file; `launcher.py` orders them. Standard library only.

Everything here runs between ``fork`` and ``exec`` of a worker, so the modules import little:
no dataclasses, no typing at run time. `syscalls` alone knows ctypes.
"""
