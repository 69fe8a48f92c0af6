"""The plugin against the real kernel: nothing here is simulated, everything runs in namespaces."""
