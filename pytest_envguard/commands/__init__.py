"""The `envguard` command, a file for each of its commands."""
