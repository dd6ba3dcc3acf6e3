"""Tests of the preview, through its front door and part by part."""
