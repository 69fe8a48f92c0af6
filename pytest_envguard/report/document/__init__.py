"""The run as one JSON document, and back."""
