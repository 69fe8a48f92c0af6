"""The run in a terminal: before, while and after the tests."""
