"""Tools for those who build widgets: preview, doctor, recorder, and the terminal's card."""
