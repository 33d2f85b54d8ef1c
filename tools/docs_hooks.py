"""What mkdocs asks for while it builds the documentation: the tables of settings, and formulas."""

import html
import json
import re
from dataclasses import fields
from typing import Any

from latex2mathml.converter import convert

from commissure.settings.description import as_tables, descriptions, json_schema
from commissure.settings.reading import preset_file, read_settings
from commissure.settings.tables import PRESETS, table_classes

_SETTINGS_MARK = "<!-- settings -->"
_FORMULA = re.compile(
    r'<(?P<tag>span|div) class="arithmatex">\\[(\[](?P<formula>.*?)\\[)\]]</(?P=tag)>', re.DOTALL
)


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put the settings where a page asks for them."""
    if _SETTINGS_MARK not in markdown:
        return markdown
    return markdown.replace(_SETTINGS_MARK, _settings())


def on_page_content(content: str, **_: Any) -> str:
    """Turn formulas into MathML, which browsers draw without scripts or fonts from elsewhere."""

    def drawn(found: re.Match[str]) -> str:
        formula = html.unescape(found["formula"]).strip()
        if found["tag"] == "span":
            return convert(formula)
        # What is wider than a phone scrolls by itself.
        return f'<div style="overflow-x: auto">{convert(formula, display="block")}</div>'

    return _FORMULA.sub(drawn, content)


def _settings() -> str:
    """Return a section with a table for each table of a settings file."""
    values = {preset: as_tables(read_settings(preset)) for preset in PRESETS}
    allowed = json_schema()["$defs"]
    lines = []
    for table, cls in table_classes().items():
        described, reasons = descriptions(cls), preset_file().get(table, {})
        lines += [
            f"## `[{table}]`",
            "",
            (cls.__doc__ or "").partition("\n")[0].replace("``", "`"),
            "",
            "| setting | " + " | ".join(f"`{preset}`" for preset in PRESETS) + " | what it is |",
            "|---|" + "---|" * len(PRESETS) + "---|",
        ]
        for field in fields(cls):
            chosen = [_toml(values[preset][table][field.name]) for preset in PRESETS]
            said = [described[field.name].replace("``", "`")]
            said += [_limits(allowed[cls.__name__]["properties"][field.name])]
            said += [f"*{reasons[field.name]['reason']}*"] if field.name in reasons else []
            cells = [f"`{field.name}`", *chosen, " ".join(filter(None, said))]
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
        lines.append("")
    return "\n".join(lines)


def _toml(value: Any) -> str:
    return "-" if value is None else f"`{json.dumps(value, ensure_ascii=False)}`"


def _limits(schema: dict[str, Any]) -> str:
    """Say what a setting may be, where it is not just any text or number."""
    shapes = [schema, *schema.get("anyOf", ())]
    choices = [choice for shape in shapes for choice in shape.get("enum", ())]
    if choices:
        return f"One of {', '.join(_toml(choice) for choice in choices)}."
    signs = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    bounds = [
        f"{sign} {shape[key]:g}" for shape in shapes for key, sign in signs.items() if key in shape
    ]
    return f"({', '.join(bounds)})" if bounds else ""
