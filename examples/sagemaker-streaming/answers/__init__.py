"""A bot that shows an answer while the model is still writing it."""
