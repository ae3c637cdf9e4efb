"""The description of the API says what the API does: for every type what it takes, refuses and answers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from flask.testing import FlaskClient

from inquiries.settings import HOME
from tests.moments import INSTALLED, at
from tests.web.site import site

PATH = "/api/inquiries"
VALUES = {"email": "sora@example.com", "contact": "02-1234-5678"}
Schema = dict[str, Any]


@pytest.fixture(scope="module", params=["default", "clunix"])
def client(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    policy = HOME / "policies" / f"{request.param}.toml"
    with site(tmp_path_factory.mktemp("api"), INSTALLED, policy=policy) as app, at():
        yield app.test_client()


def described(client: FlaskClient) -> Schema:
    return dict(client.get("/api/openapi.json").get_json())


def resolved(document: Schema, schema: Schema) -> Schema:
    while "$ref" in schema:
        found: Any = document
        for step in schema["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        schema = found
    return schema


def faults(document: Schema, schema: Schema, value: Any) -> bool:
    """Whether the value breaks the schema: the words of JSON Schema that ours uses, no others."""
    schema = resolved(document, schema)
    assert schema.keys() <= {
        "type", "const", "enum", "oneOf", "discriminator", "properties", "required", "additionalProperties", "items",
        "minLength", "maxLength", "pattern", "format", "title", "description", "default",
    }  # fmt: skip
    if "oneOf" in schema:
        return sum(not faults(document, one, value) for one in schema["oneOf"]) != 1
    if "const" in schema:
        return bool(value != schema["const"])
    if "enum" in schema:
        return value not in schema["enum"]
    kinds = {
        "object": dict,
        "string": str,
        "integer": int,
        "boolean": bool,
        "array": list,
        "null": type(None),
    }
    named = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    if type(value) not in {kinds[name] for name in named}:
        return True
    if isinstance(value, str):
        fits = schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value))
        return not fits or not re.search(schema.get("pattern", ""), value)
    if isinstance(value, dict):
        declared = schema["properties"]
        return (
            not set(schema["required"]) <= set(value)
            or (schema.get("additionalProperties") is False and not set(value) <= set(declared))
            or any(faults(document, declared[name], each) for name, each in value.items() if name in declared)
        )
    return isinstance(value, list) and any(faults(document, schema["items"], one) for one in value)


def sample(document: Schema, schema: Schema, name: str = "") -> Any:
    """What the schema takes, with everything that it declares."""
    schema = resolved(document, schema)
    if "oneOf" in schema:
        return sample(document, schema["oneOf"][-1])
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][-1]
    if "properties" in schema:
        return {each: sample(document, one, each) for each, one in schema["properties"].items()}
    return {"string": VALUES.get(name, "가"), "integer": 1, "boolean": True}[schema["type"]]


def spoiled(value: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The value with one thing wrong each time, two floors deep."""
    for name, each in value.items():
        yield {**value, name: [each]}
        yield {**value, "undeclared": each}
        if isinstance(each, dict):
            yield from ({**value, name: inner} for inner in spoiled(each))
        else:
            yield {**value, name: "x" * 20_000}
        yield {key: kept for key, kept in value.items() if key != name}


def test_each_type_is_taken_as_described_and_refused_otherwise(client: FlaskClient) -> None:
    document = described(client)
    operation = document["paths"][PATH]["post"]
    body = operation["requestBody"]["content"]["application/json"]["schema"]
    every = resolved(document, body)["oneOf"]
    for one in (every[0], every[-1]):
        sent = sample(document, one)
        assert not faults(document, body, sent)
        for given in (sent, *spoiled(deepcopy(sent))):
            answer = client.post(PATH, json=given)
            wrong = faults(document, body, given)
            assert answer.status_code in ({404, 409, 422} if wrong else {201}), given
            described_as = operation["responses"][str(answer.status_code)]["content"]
            assert list(described_as) == [answer.mimetype]
            assert not faults(document, described_as[answer.mimetype]["schema"], answer.get_json())


def test_it_is_made_from_the_policy_in_force(client: FlaskClient) -> None:
    document = described(client)
    assert document["openapi"] == "3.1.0"
    assert document["info"]["version"] == "1"
    assert document["servers"] == [{"url": "http://127.0.0.1:8000"}]
    types = {name for name in document["components"]["schemas"] if name.startswith("inquiry.")}
    page = client.get("/").text
    assert types == {f"inquiry.{name}" for name in re.findall(r'href="/inquiries/([a-z_-]+)"', page)}
    assert client.get("/api/openapi.json").headers["Cache-Control"] == "no-cache"
