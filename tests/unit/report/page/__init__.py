"""Tests of the page in HTML."""
