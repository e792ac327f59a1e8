"""The two kinds of schema: what requests may say, and what answers look like.

A request's unknown field is refused by its name, with the names that are known: a misspelt
``amount_minr`` that was ignored would charge the whole invoice. Answers may grow fields.
"""

from typing import Any

import marshmallow as ma


class RequestSchema(ma.Schema):
    """Strict: every field is known, and only known fields are accepted."""

    class Meta:
        unknown = ma.RAISE

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - whatever marshmallow takes
        super().__init__(**options)
        known = ", ".join(sorted(self.load_fields))
        self.error_messages = {
            "unknown": f"Unknown field. Known are: {known}.",
            "type": "Write an object: {…}.",
        }


class AnswerSchema(ma.Schema):
    """How a row is shown."""


class ProblemErrorSchema(AnswerSchema):
    """One wrong field."""

    field = ma.fields.String(required=True, metadata={"examples": ["lines.0.quantity"]})
    message = ma.fields.String(required=True)


class ProblemSchema(AnswerSchema):
    """Problem details of RFC 9457. Decide by `code`; show `detail`."""

    type = ma.fields.String(required=True)
    title = ma.fields.String(required=True)
    status = ma.fields.Integer(required=True)
    code = ma.fields.String(required=True, metadata={"examples": ["invoice_not_open"]})
    detail = ma.fields.String(required=True)
    errors = ma.fields.List(ma.fields.Nested(ProblemErrorSchema), required=True)
    request_id = ma.fields.String(required=True)
