"""Tests of cold starts without an environment."""
