"""Freshness through the front door: a signed request in, bytes and headers out."""
