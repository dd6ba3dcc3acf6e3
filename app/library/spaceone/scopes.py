"""The scopes of tokens for the SpaceONE dialect: any one of a tuple is enough."""

from typing import Final

READ: Final = ("custom_widget:read",)
WRITE: Final = ("custom_widget:write",)
