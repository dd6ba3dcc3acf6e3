"""Fixtures of the Azure DevOps dialect."""

import pytest
from flask import Flask

from tests.app.library.azure_devops.asking import Ask, a_dashboard, asking


@pytest.fixture
def ask(library_app: Flask, token: str) -> Ask:
    """Ask with Alice's token."""
    return asking(library_app, token)


@pytest.fixture
def board(ask: Ask) -> str:
    """The address of an empty dashboard."""
    return a_dashboard(ask)
