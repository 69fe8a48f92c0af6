"""What became worse, and what better, from one run to another."""
