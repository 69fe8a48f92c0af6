"""What `pytest_envguard/diagnosis/knowledge` says of libraries, shown by the real ones in real environments."""
