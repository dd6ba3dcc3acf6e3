"""Files of TOML that people write: what marshmallow finds is told as everything else is."""

from itertools import product
from typing import Any

import pytest
from marshmallow import Schema

from app.connectors.definitions import schema as definitions
from app.settings.toml_files import Table, line_of
from app.upstream import credentials
from templates_schemas.rules import UNNAMED, faults_of

SCHEMAS = [
    each
    for room in (definitions, credentials)
    for each in vars(room).values()
    if isinstance(each, type) and issubclass(each, Table) and each is not Table
]
ODD: tuple[Any, ...] = (7, 1.5, True, "", "?", [], [7], [[]], {}, {"?": 7}, {"a": "?"})


@pytest.mark.parametrize("schema", SCHEMAS)
def test_every_fault_names_its_rule_and_speaks_like_the_others(schema: type[Schema]) -> None:
    keys = [field.data_key or name for name, field in schema().fields.items()]
    given: list[Any] = [*ODD, *({key: value} for key, value in product(keys, ODD))]
    faults = [fault for each in given for fault in faults_of(schema(), each)]
    assert [fault for fault in faults if fault.rule == UNNAMED] == []
    assert [fault for fault in faults if fault.message[0].isupper()] == []


def test_a_table_without_a_header_of_its_own_is_where_its_first_inner_one_is() -> None:
    text = '[[connector]]\nname = "a"\n[[connector.card.fields]]\ntype = "pill"\n'
    assert line_of("$.connector[0].card.title", text) == 3
    assert line_of("$.connector[0].card.fields[0].type", text) == 4
    assert line_of("$.connector[0].label", text) == 1
