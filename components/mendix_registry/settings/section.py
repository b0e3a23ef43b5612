"""The base of every object in a stack file."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Section(BaseModel):
    """An object of the stack file: camelCase keys, no unknown ones, immutable once read.

    In Python code the fields are given by their Python names. Error messages of pydantic never repeat an input, since it may be
    a secret.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
    )
