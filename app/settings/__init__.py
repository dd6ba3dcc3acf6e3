"""The settings: declared, read from the environment once at the start, and checked."""
