"""Reads a request body strictly: one encoding, one value per name; never guesses, never repairs.

werkzeug replaces bytes that are not UTF-8 and keeps the first of several values. A person's inquiry must
not be altered on its way in, and what two parsers read differently is what attackers look for.
"""

from __future__ import annotations

import json
import re
from binascii import a2b_qp
from collections.abc import Iterable, Iterator, Mapping
from io import BytesIO
from typing import IO, Any, Final

from flask import Request
from werkzeug.datastructures import Headers
from werkzeug.exceptions import BadRequest, UnsupportedMediaType
from werkzeug.formparser import MultiPartParser
from werkzeug.http import parse_options_header

MAX_BODY: Final = 65_536  # bytes; ten thousand Korean characters are 30,000
MAX_FIELDS: Final = 200

_STRAY: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")


class BadEncoding(BadRequest):
    """The body is not what its media type says; nothing of it was read."""


class _Parts(MultiPartParser):
    """werkzeug's parser, which itself would read a part in the charset that the part names."""

    def get_part_charset(self, headers: Headers) -> str:
        """UTF-8; whatever else a part claims is refused, for its text would arrive as another."""
        named = parse_options_header(headers.get("content-type"))[1].get("charset", "utf-8")
        if named.lower() not in {"utf-8", "utf8"}:
            raise BadEncoding
        return "utf-8"


class InMemory(Request):
    """A request that keeps what is uploaded in memory: what was sent never touches a disk unsealed."""

    def _get_file_stream(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None = None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        del total_content_length, content_type, filename, content_length
        return BytesIO()


class Upload:
    """Stands where a file was sent: no item is ever a file, so `rules/items.py` refuses it at its field."""


def form(request: Request) -> dict[str, object]:
    """The fields of a form body: text, or a list where a name came twice, or an Upload.

    Raises:
        UnsupportedMediaType: neither urlencoded nor multipart (415).
        BadEncoding: broken percent escapes, not UTF-8, broken or nameless parts, too many fields (400).
        RequestEntityTooLarge: over 64 KiB (413).
    """
    if request.mimetype == "application/x-www-form-urlencoded":
        return _gather(_urlencoded(request.get_data(cache=False)))
    if request.mimetype == "multipart/form-data":
        return _gather(_multipart(request))
    raise UnsupportedMediaType


def json_object(request: Request) -> Mapping[str, Any]:
    """The JSON object of the body.

    Raises:
        UnsupportedMediaType: not application/json (415).
        BadEncoding: not UTF-8, not JSON, a name twice, not an object (400).
        RequestEntityTooLarge: over 64 KiB (413).
    """
    if request.mimetype != "application/json":
        raise UnsupportedMediaType
    try:
        text = request.get_data(cache=False).decode("utf-8")
        value = json.loads(text, object_pairs_hook=_once_each, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise BadEncoding from None
    if not isinstance(value, dict):
        raise BadEncoding
    return value


def _urlencoded(raw: bytes) -> Iterator[tuple[str, object]]:
    if _STRAY.search(raw):
        raise BadEncoding
    pairs = raw.split(b"&", MAX_FIELDS)
    if len(pairs) > MAX_FIELDS:
        raise BadEncoding
    try:
        for pair in pairs:
            if pair:
                name, _, value = pair.partition(b"=")
                yield _text(name), _text(value)
    except UnicodeDecodeError:
        raise BadEncoding from None


def _text(part: bytes) -> str:
    """Undo `+` and percent escapes, by the C decoder of the same escapes with another sign.

    Korean text is nearly all escapes: one at a time they took longer than checking the items. Every sign of
    an escape is followed by two digits here, so the decoder's soft line breaks cannot come up.
    """
    return a2b_qp(part.replace(b"+", b" ").replace(b"=", b"%3D").replace(b"%", b"=")).decode("utf-8")


def _multipart(request: Request) -> Iterator[tuple[str, object]]:
    boundary = request.mimetype_params.get("boundary", "").encode("ascii", "replace")
    raw = request.get_data(cache=False)
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        raise BadEncoding from None
    # Files are refused later by name; until then they stay in memory, for what was sent never touches a disk.
    parser = _Parts(
        stream_factory=lambda *_args, **_named: BytesIO(),
        max_form_memory_size=MAX_BODY,
        max_form_parts=MAX_FIELDS,
    )
    try:
        fields, files = parser.parse(BytesIO(raw), boundary, len(raw))
    except ValueError:
        raise BadEncoding from None
    if not all(isinstance(name, str) for name in (*fields, *files)):
        raise BadEncoding  # a part without a name, which werkzeug lets through
    yield from fields.items(multi=True)
    for name in files:
        yield name, Upload()


def _gather(pairs: Iterable[tuple[str, object]]) -> dict[str, object]:
    """One value a name; several are kept as a list, which no rule takes for text."""
    fields: dict[str, object] = {}
    for name, value in pairs:
        if name not in fields:
            fields[name] = value
            continue
        before = fields[name]
        fields[name] = [*before, value] if isinstance(before, list) else [before, value]
    return fields


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ValueError("a name came twice")
    return value


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
