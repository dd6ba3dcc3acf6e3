"""The host's limits, as named constants; lengths are in UTF-16 code units."""

from collections.abc import Mapping
from typing import Final, Literal, get_args

TITLE_MAX: Final = 200
FIELD_NAME_MAX: Final = 40
FIELD_TEXT_MAX: Final = 40
FIELDS_MIN: Final = 1
FIELDS_MAX: Final = 5
# The host is JavaScript, which changes whole numbers that are larger (`Number.MAX_SAFE_INTEGER`).
COUNT_MAX: Final = 2**53 - 1

# The host names no limit for these three; a line as long as a title is all that it has room for.
SUBTITLE_CUT: Final = 200
FOOTER_TEXT_CUT: Final = 200
ERROR_CUT: Final = 200

PillColor = Literal[
    "none",
    "red",
    "orange",
    "yellow-orange",
    "yellow",
    "yellow-green",
    "green",
    "blue-green",
    "aqua",
    "blue",
    "indigo",
    "purple",
    "magenta",
    "hot-pink",
    "pink",
    "cool-gray",
]
PILL_COLORS: Final[tuple[PillColor, ...]] = get_args(PillColor)
# What people call a colour, and which of the host's is the nearest.
OTHER_COLOR_NAMES: Final[Mapping[str, PillColor]] = {
    "amber": "yellow-orange",
    "cyan": "aqua",
    "fuchsia": "magenta",
    "gold": "yellow-orange",
    "gray": "cool-gray",
    "grey": "cool-gray",
    "lavender": "indigo",
    "lime": "yellow-green",
    "navy": "blue",
    "rose": "pink",
    "salmon": "orange",
    "silver": "cool-gray",
    "teal": "blue-green",
    "turquoise": "blue-green",
    "violet": "purple",
}
