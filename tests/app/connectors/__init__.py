"""The tests of the connectors."""
