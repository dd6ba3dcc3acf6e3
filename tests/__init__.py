"""The tests of Placard; they mirror the folders of the code."""
