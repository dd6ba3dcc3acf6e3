"""What the declaration of a setting says, for the service's settings and those of connectors."""

from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeVar, cast

from marshmallow.fields import Field

from app.settings.fields import HeaderWord, Masked, Servers, Token
from app.settings.private_urls import PrivateUrl

_Value = TypeVar("_Value")
_Default = TypeVar("_Default")


@dataclass(frozen=True, slots=True)
class Declaration:
    """A setting: its name in the environment, its kind of value, its default, what it means.

    `unset` says what holds where nothing is set, if the default does not say it.
    """

    name: str
    kind: Field[Any]
    default: Any
    meaning: str
    unset: str = ""

    @property
    def prefix(self) -> str:
        """What the names begin with of a setting that has a variable for each connector; or ''."""
        first, placeholder, _ = self.name.partition("<")
        return first if placeholder else ""

    @property
    def secret(self) -> bool:
        """Whether the value is a secret, which is never printed."""
        return isinstance(self.kind, Masked)

    @property
    def file_name(self) -> str:
        """The variable that names a file with the value; empty where the value is no secret."""
        return f"{self.name}_FILE" if isinstance(self.kind, Masked | PrivateUrl) else ""

    def printed(self, value: Any) -> str:
        """Return a value as it stands in the environment, secrets masked; nothing for None."""
        return "" if value is None else str(self.kind.serialize("value", {"value": value}))


def setting(
    name: str, kind: Field[_Value], default: _Default, meaning: str, *, unset: str = ""
) -> _Value | _Default:
    """Declare a setting as a field of a dataclass; the arguments are those of `Declaration`."""
    made: Any = field(
        default_factory=lambda: default,
        repr=not isinstance(kind, Masked | PrivateUrl),
        metadata={Declaration: Declaration(name, kind, default, meaning, unset)},
    )
    return cast("_Value | _Default", made)


_KINDS: Final = {"token": Token, "text": HeaderWord, "hosts": Servers}


@dataclass(frozen=True, slots=True)
class ConnectorSetting:
    """A setting that a connector declares: a `token` (secret), a `text`, or `hosts`.

    `hosts` are servers, as `app.origins.server_of` reads them: `host[:port][/path]`.
    """

    name: str
    kind: Literal["token", "text", "hosts"]
    meaning: str

    @property
    def declaration(self) -> Declaration:
        """The same, as all settings are declared."""
        return Declaration(self.name, _KINDS[self.kind](), None, self.meaning)
