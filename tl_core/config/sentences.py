"""Sentences about settings: what is wrong with a value and which values are legal."""

from typing import Any

from pydantic import BaseModel, ValidationError


def say_what_is_legal(
    model: type[BaseModel], error: ValidationError, field: str, called: str = ""
) -> str:
    """Write a sentence on the first error: the field (or `called`), its value and what is legal."""
    first = error.errors()[0]
    name = called or field.replace("_", " ").capitalize()
    # pydantic's own message would put "Value error" in front of the sentence.
    if first["type"] == "value_error":
        return str(first["ctx"]["error"])
    if first["type"] == "extra_forbidden":
        return f"There is no setting {field!r}; there are {', '.join(model.model_fields)}."
    # The JSON schema holds bounds and choices in one form for all types.
    legal = legal_values(model.model_json_schema()["properties"][field])
    if first["type"] == "missing":
        return f"{name} is missing; give {legal}."
    return f"{name}: {first['input']!r} is not possible; give {legal}."


def legal_values(schema: dict[str, Any]) -> str:
    """Describe in words what a JSON schema allows."""
    if example := schema.get("example"):
        return str(example)
    if "anyOf" in schema:
        return " or ".join(legal_values(option) for option in schema["anyOf"])
    if choices := schema.get("enum") or ([schema["const"]] if "const" in schema else []):
        return " or ".join(repr(choice) for choice in choices)
    if schema["type"] == "array":
        return f"{legal_values(schema['items'])}, or several of them with commas"
    kinds = {
        "integer": "a whole number",
        "number": "a number",
        "boolean": "true or false",
        "null": "nothing",
    }
    return kinds.get(schema.get("type", "string"), "at least one character") + _bounds(schema)


def _bounds(schema: dict[str, Any]) -> str:
    if "minimum" in schema and "maximum" in schema:
        return f" from {schema['minimum']} to {schema['maximum']}"
    words = {
        "minimum": "from",
        "exclusiveMinimum": "above",
        "maximum": "at most",
        "exclusiveMaximum": "below",
    }
    bounds = [f"{word} {schema[key]}" for key, word in words.items() if key in schema]
    return f" {' and '.join(bounds)}" if bounds else ""
