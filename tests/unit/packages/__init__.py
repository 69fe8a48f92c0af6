"""Tests of what is installed in a cell."""
