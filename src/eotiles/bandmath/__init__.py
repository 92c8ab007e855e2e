"""Text to a checked tree to a Numba kernel."""
