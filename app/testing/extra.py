"""The packages of the extra `testing`, which a service in production does not have.

Raises ModuleNotFoundError, which says what installs them, where one is missing.
"""

try:
    import hypothesis
    import pytest
    import responses
except ModuleNotFoundError as missing:
    raise ModuleNotFoundError(
        f"app.testing needs {missing.name}: "
        "run `pip install '.[testing]'` in a checkout of Placard",
        name=missing.name,
    ) from None

__all__ = ["hypothesis", "pytest", "responses"]
