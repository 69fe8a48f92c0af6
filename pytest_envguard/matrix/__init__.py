"""Version matrices: which cells there are, and the virtual environment of each."""
