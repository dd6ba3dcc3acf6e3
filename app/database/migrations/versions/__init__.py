"""One file a step: `mNNNN_what.py`, which names the step before it."""
