"""Answered system calls: what can be tested without a filter in the kernel."""
