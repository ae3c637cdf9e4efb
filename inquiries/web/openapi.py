"""The description of the API for programs (OpenAPI 3.1), made from the policy in force; promises no more.

What a schema cannot say (whether a number exists, which characters are refused) is `rules/items.py`'s to
judge, and told in the problem that comes back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from inquiries.policy.model import InquiryType, Item, Policy
from inquiries.rules import minors
from inquiries.services.published import Published

Schema = dict[str, Any]

RECEIPT: Final = "^[0-9A-HJKMNP-TV-Z]{5}(-[0-9A-HJKMNP-TV-Z]{5}){4}$"
_FORMATS: Final = {"email": {"format": "email"}}
_GUARDIAN: Final = (("name", minors.NAME_LIMIT), ("contact", minors.CONTACT_LIMIT))
_REFUSALS: Final = {
    400: "The body is not whole, or not in the encoding that it claims.",
    403: "The page that sent it may not send here.",
    404: "The policy declares no such type.",
    409: "The notice has changed, or the Idempotency-Key came with another body.",
    413: "Over 64 KiB.",
    415: "Not application/json.",
    422: "Fields are missing or wrong; `errors` names each.",
    429: "Too many from one network; see Retry-After.",
    503: "Intake is closed for a moment.",
}


def document(published: Published, origin: str, product: str) -> Schema:
    """The whole description."""
    policy, language = published.policy, published.policy.languages[0]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"Inquiries to {policy.controller.text(language)}",
            "version": str(published.version),
            "description": f"Made by inquiries {product} from the privacy notice.",
        },
        "servers": [{"url": origin}],
        "paths": {
            "/api/inquiries": {"post": _send()},
            "/api/openapi.json": {"get": _described()},
        },
        "components": {
            "schemas": {
                "Inquiry": {
                    "oneOf": [_ref(f"inquiry.{name}") for name in policy.types],
                    "discriminator": {
                        "propertyName": "type",
                        "mapping": {name: f"#/components/schemas/inquiry.{name}" for name in policy.types},
                    },
                },
                **{f"inquiry.{name}": _inquiry(policy, name, kind) for name, kind in policy.types.items()},
                "Received": _RECEIVED,
                "Problem": _PROBLEM,
            },
        },
    }


def _send() -> Schema:
    return {
        "operationId": "sendInquiry",
        "summary": "Send one inquiry. The receipt code is shown here alone.",
        "parameters": [
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": False,
                "description": "The same key with the same body gives the same receipt, and is stored once, "
                "if it comes again within three days.",
                "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
            }
        ],
        "requestBody": {"required": True, "content": {"application/json": {"schema": _ref("Inquiry")}}},
        "responses": {
            "201": _answer("Received and stored.", "application/json", "Received"),
            **{
                str(status): _answer(text, "application/problem+json", "Problem")
                for status, text in _REFUSALS.items()
            },
        },
    }


def _described() -> Schema:
    content = {"application/json": {"schema": {"type": "object"}}}
    return {
        "operationId": "describe",
        "summary": "This description.",
        "responses": {"200": {"description": "This description.", "content": content}},
    }


def _inquiry(policy: Policy, name: str, kind: InquiryType) -> Schema:
    language = policy.languages[0]
    asked, needed = _guardian(policy)
    return _object(
        {
            "type": {"const": name, "description": kind.description.text(language)},
            "items": _object(
                {
                    item: _item(policy.items[item], language, required=item in kind.required)
                    for item in kind.items
                },
                kind.required,
            ),
            "consents": _object(
                {purpose: _consent(policy, purpose, language) for purpose in kind.purposes},
                [purpose for purpose in kind.purposes if policy.purposes[purpose].required],
            ),
            "language": {"enum": list(policy.languages), "description": "In which the notice was shown."},
            "notice_version": {
                "type": "integer",
                "description": "Of the notice that was shown; without it, it counts as shown elsewhere.",
            },
            **asked,
        },
        ["type", "items", "consents", *needed],
    )


def _guardian(policy: Policy) -> tuple[dict[str, Schema], list[str]]:
    """Whether she is a child, and who must agree, where the policy asks (P07)."""
    if policy.minors is None:
        return {}, []
    adult = _object({"needed": {"const": False}}, ["needed"])
    if not policy.minors.allowed:
        return {"guardian": adult}, ["guardian"]
    lines = {name: {"type": "string", "minLength": 1, "maxLength": most} for name, most in _GUARDIAN}
    child = _object({"needed": {"const": True}, **lines}, ["needed", *lines])
    said = (
        f"Whether the person is under {policy.minors.age}; then who is asked whether she agrees, and where."
    )
    return {"guardian": {"oneOf": [adult, child], "description": said}}, ["guardian"]


def _item(item: Item, language: str, *, required: bool) -> Schema:
    least = {"minLength": 1} if required else {}
    return {
        "type": "string", **least, "maxLength": item.max_length, **_FORMATS.get(item.kind, {}),
        "title": item.label.text(language),
    }  # fmt: skip


def _consent(policy: Policy, name: str, language: str) -> Schema:
    purpose = policy.purposes[name]
    shape: Schema = {"const": True} if purpose.required else {"type": "boolean", "default": False}
    return {**shape, "title": purpose.text.text(language)}


def _object(properties: Mapping[str, Schema], required: Iterable[str]) -> Schema:
    return {
        "type": "object", "properties": dict(properties), "required": list(required),
        "additionalProperties": False,
    }  # fmt: skip


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _answer(description: str, media_type: str, schema: str) -> Schema:
    return {"description": description, "content": {media_type: {"schema": _ref(schema)}}}


_RECEIVED: Final = _object(
    {
        "receipt": {"type": "string", "pattern": RECEIPT},
        "due": {
            "type": ["string", "null"],
            "format": "date-time",
            "description": "When all of it is destroyed; null: when the consent is withdrawn.",
        },
        "notice_version": {"type": "integer"},
    },
    ["receipt", "due", "notice_version"],
)
_PROBLEM: Final = {
    "type": "object",
    "description": "RFC 9457.",
    "properties": {
        "type": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "title": {"type": "string"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": _object(
                {name: {"type": "string"} for name in ("field", "code", "message")},
                ["field", "code", "message"],
            ),
        },
    },
    "required": ["type", "status", "code", "title", "detail", "errors"],
}
