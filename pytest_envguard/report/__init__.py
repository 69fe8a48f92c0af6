"""One summary of a run, and what is drawn from it."""
