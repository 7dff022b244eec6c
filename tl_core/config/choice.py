"""What all choices have in common: frozen, checked, and each field explained by one sentence for a student."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Choice(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def knob(default: Any, help: str, **bounds: Any) -> Any:
    """A field with its help: one sentence for a student, shown by the Train page and the command line.

    Args:
        bounds: what pydantic's `Field` takes, such as `ge` and `lt`.
    """
    return Field(default, description=help, **bounds)
