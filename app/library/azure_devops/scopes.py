"""What a token must be for: any one of these."""

from typing import Final

READ: Final = ("dashboard_widget:read",)
WRITE: Final = ("dashboard_widget:write",)
