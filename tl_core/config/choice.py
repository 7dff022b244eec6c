"""Base of all settings: frozen, validated, and each field explained by one sentence."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Choice(BaseModel):
    # Unknown names are refused: a misspelt setting would silently keep its default. Frozen, since
    # one object is the default of many runs.
    model_config = ConfigDict(frozen=True, extra="forbid")


def knob(default: Any, help: str, **bounds: Any) -> Any:
    """Declare a setting with its help, one sentence that the Train page and command line show.

    Args:
        bounds: constraints of pydantic's `Field`, such as `ge` and `lt`.
    """
    return Field(default, description=help, **bounds)
