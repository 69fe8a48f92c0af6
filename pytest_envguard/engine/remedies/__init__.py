"""Remedies, tried: the failing tests again, in fresh environments, with what may help."""
