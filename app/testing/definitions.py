"""What a connector without code holds to: its TOML file says what is promised of it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from app.connectors import Connector
from app.connectors.definitions.connector import DefinedConnector
from app.connectors.definitions.files import load_definitions
from app.settings import Settings
from app.testing.contract import ConnectorContract, request_for
from app.testing.recordings import case_files, read_recording


class DefinitionContract(ConnectorContract):
    """The suite of one definition: set `definition`, and `recorded` or `resource`.

    `definition` is the TOML file; `named` is the definition that is meant, where the file has
    several. Of the cases in `recorded`, the answer of the first that made a card is the
    `resource`. The definition's `examples` and `refused` are the matches and near misses, and
    what else the suite compares is what the definition says, unless the class says it.
    """

    definition: ClassVar[Path]
    named: ClassVar[str] = ""

    def __init_subclass__(cls) -> None:
        """Read the file; raises ValueError, with its faults, where it cannot be used."""
        super().__init_subclass__()
        if "definition" not in vars(cls):
            return
        defined = _read(cls.definition, cls.named)
        cls.connector = _class_of(defined.definition)
        cls.environment = {"PLACARD_CONNECTORS_FILE": str(cls.definition), **cls.environment}
        attributes = vars(cls)
        for name, value in _promised(defined, attributes.get("matches")).items():
            if name not in attributes:
                setattr(cls, name, value)
        if "resource" not in attributes:
            if not hasattr(cls, "recorded"):
                raise TypeError(f"{cls.__name__}: set `recorded`, a folder of cases, or `resource`")
            cls.resource = _recorded_answer(cls.recorded / defined.name)


def _read(file: Path, name: str) -> DefinedConnector:
    loaded, faults = load_definitions(file, by_user=True)
    if faults:
        raise ValueError("\n".join(faults))
    made = [DefinedConnector(each) for each in loaded]
    found = [defined for defined in made if defined.name == (name or made[0].name)]
    if not found:
        raise ValueError(f"{file}: no definition is named {name}")
    return found[0]


def _class_of(definition: Mapping[str, Any]) -> type[Connector]:
    """Make a class of a definition: the suite makes its connectors with settings."""

    class Defined(DefinedConnector):
        example = definition["example"]

        def __init__(self, _: Settings) -> None:
            super().__init__(definition)

    return Defined


def _promised(defined: DefinedConnector, matches: Mapping[str, str] | None) -> dict[str, Any]:
    """Return what a definition says of itself, by the names of the suite's attributes."""
    definition = defined.definition
    example_request = request_for(defined, defined.example)
    examples = [each for each in definition["examples"] if isinstance(each, str)]
    others = {
        each["address"]: each["asks"] for each in definition["examples"] if each not in examples
    }
    promised = {
        defined.example: example_request.url,
        **dict.fromkeys(examples, example_request.url),
        **others,
    }
    requests = {address: request_for(defined, address) for address in matches or promised}
    return {
        "matches": promised,
        "near_misses": definition["refused"],
        "headers": example_request.headers,
        "method": example_request.method,
        "bodies": {
            address: json.loads(request.body)
            for address, request in requests.items()
            if request.body is not None
        },
    }


def _recorded_answer(folder: Path) -> Mapping[str, Any]:
    for case in map(read_recording, case_files(folder)):
        if case.widget["status"] == 200:
            answer: Mapping[str, Any] = case.exchanges[-1]["response"]["body"]
            return answer
    raise ValueError(f"{folder}: no case made a card; `placard record URL --name open` makes one")
