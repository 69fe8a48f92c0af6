"""The pure parts: no namespace is entered, no network, nothing outside of pytest's own temporary folder is written."""
