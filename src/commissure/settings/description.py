"""Settings told: as plain tables, as a schema, in the words of their docstrings."""

import json
from inspect import cleandoc
from typing import Any

from pydantic import TypeAdapter

import commissure.measures as room
from commissure.measures.names import measure_to_make
from commissure.settings.tables import CHOICES, PRESETS, StudySettings, table_classes
from commissure.settings.variants import VARIANTS, changes_of


def as_tables(settings: StudySettings) -> dict[str, dict[str, Any]]:
    """Return the settings as plain tables, as they are written with the results."""
    of_measures = settings.of_measures
    tables: dict[str, Any] = {name: getattr(settings, name) for name in CHOICES}
    for table, cls in table_classes(list(map(measure_to_make, of_measures))).items():
        values = of_measures[table] if table in of_measures else getattr(settings, table)
        tables[table] = TypeAdapter[Any](cls).dump_python(values, mode="json")
    tables[VARIANTS] = {
        variant.label: changes_of(variant, settings.preprocessing, settings.maps, settings.measure)
        for variant in settings.variants
    }
    return tables


def tables_of_results(settings: StudySettings) -> dict[str, dict[str, Any]]:
    """Return the settings that results depend on: how the work runs is none of them."""
    tables = as_tables(settings)
    del tables["execution"]
    return tables


def json_schema() -> dict[str, Any]:
    """Return the JSON schema of a settings file; nothing in it is required."""
    schema: dict[str, Any] = {
        "type": "object",
        "additionalProperties": False,
        "properties": {name: {"type": "string"} for name in CHOICES},
        "$defs": {},
    }
    schema["properties"]["preset"]["enum"] = list(PRESETS)
    ours = [measure for measure in room.MEASURES if measure.is_ours]
    for table, cls in table_classes(ours).items():
        definition = TypeAdapter(cls).json_schema()
        schema["$defs"] |= definition.pop("$defs", {})
        definition.pop("required", None)
        definition["additionalProperties"] = False
        definition["description"] = (cls.__doc__ or table).partition("\n")[0]
        described = descriptions(cls)
        for name, value in definition["properties"].items():
            value["description"] = described[name]
        schema["$defs"][cls.__name__] = definition
        schema["properties"][table] = {"$ref": f"#/$defs/{cls.__name__}"}
    schema["properties"][VARIANTS] = {
        "description": "Changed settings under which the same is asked again, by label.",
        "additionalProperties": {"type": ["object", "boolean"]},
        "type": "object",
    }
    return schema


def descriptions(cls: type) -> dict[str, str]:
    """Return what the docstrings of a class of settings say of each attribute, in one line."""
    found: dict[str, str] = {}
    for parent in reversed(cls.__mro__):
        names: list[str] = []
        # Python 3.13 takes the indentation away itself.
        lines = cleandoc(parent.__doc__ or "").partition("Attributes\n")[2].splitlines()
        for line in lines[1:]:
            if line.startswith(" " * 4) and names:
                text = line.strip()
                found |= {name: f"{found.get(name, '')} {text}".strip() for name in names}
            elif " : " in line:
                names = line.partition(" : ")[0].replace(" ", "").split(",")
                found |= dict.fromkeys(names, "")
            elif line.strip():
                names = line.replace(" ", "").split(",")
                found |= dict.fromkeys(names, "")
    return found


def toml_value(value: Any) -> str:
    """Return a value as a file of settings has it."""
    if isinstance(value, dict):
        return (
            "{"
            + ", ".join(f"{json.dumps(name)} = {toml_value(of)}" for name, of in value.items())
            + "}"
        )
    return json.dumps(value, ensure_ascii=False)
