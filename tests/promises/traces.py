"""Looks for a text in files, in every form in which a program may have written it."""

from __future__ import annotations

import base64
import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from functools import lru_cache
from html import escape
from pathlib import Path
from urllib.parse import quote, quote_plus

ENCODINGS = ("utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "cp949")


@lru_cache(maxsize=256)
def written(text: str) -> Mapping[str, bytes]:
    """Name of the form → the bytes that a file holding the text in this form must hold.

    All of them are compared without regard to the case of ASCII letters, but base64's.
    """
    forms: dict[str, bytes] = {}
    for shape in dict.fromkeys(unicodedata.normalize(form, text) for form in ("NFC", "NFD")):
        for encoding in ENCODINGS:
            try:
                raw = shape.encode(encoding)
            except UnicodeEncodeError:  # cp949 has no decomposed syllables
                continue
            forms[f"{encoding} {len(shape)}"] = raw
            forms |= {f"{name} of {encoding} {len(shape)}": form for name, form in _encoded(raw)}
        for name, form in {
            "json": json.dumps(shape)[1:-1],
            "python": repr(shape.encode())[2:-1],
            "html": escape(shape).encode("ascii", "xmlcharrefreplace").decode(),
            "html hex": "".join(f"&#x{ord(c):x};" if ord(c) > 127 else c for c in shape),
            "percent": quote(shape, safe=""),
            "form": quote_plus(shape, safe=""),
            "percent-u": "".join(f"%u{ord(c):04x}" if ord(c) > 127 else c for c in shape),
        }.items():
            forms[f"{name} {len(shape)}"] = form.encode()
    return forms


def _encoded(raw: bytes) -> Iterator[tuple[str, bytes]]:
    yield "hex", raw.hex().encode()
    yield "escaped hex", "".join(f"\\x{byte:02x}" for byte in raw).encode()
    yield "percent hex", "".join(f"%{byte:02x}" for byte in raw).encode()
    for shift in range(3):
        yield f"base64 {shift}", _base64(raw, shift)
        yield f"base64url {shift}", _base64(raw, shift).translate(bytes.maketrans(b"+/", b"-_"))


def _base64(raw: bytes, shift: int) -> bytes:
    """The characters that stand for the text alone when `shift` bytes (mod 3) stand before it."""
    whole = base64.b64encode(b"\0" * shift + raw + b"\0" * (-(shift + len(raw)) % 3))
    first = (shift * 8 + 5) // 6
    last = (shift + len(raw)) * 8 // 6
    return whole[first:last]


def found_in(data: bytes, texts: Mapping[str, str]) -> set[tuple[str, str]]:
    """(name of the text, name of the form) of all that the bytes hold."""
    folded = data.lower()
    return {
        (name, form)
        for name, text in texts.items()
        for form, wanted in written(text).items()
        if (wanted in data if form.startswith("base64") else wanted.lower() in folded)
    }


def traces(directory: Path, texts: Mapping[str, str]) -> list[str]:
    """Where under the directory any of the texts stands, in a file or a name: "file: text as form"."""
    return [
        f"{path.relative_to(directory)}: {name} as {form}"
        for path in sorted(directory.rglob("*"))
        for name, form in sorted(found_in(_bytes(path), texts))
    ]


def _bytes(path: Path) -> bytes:
    named = str(path.name).encode() + b"\n"
    return named + path.read_bytes() if path.is_file() and not path.is_symlink() else named


def bytes_in(data: bytes, wanted: Mapping[str, bytes]) -> list[str]:
    """The names of those byte strings that stand in the data, as they are or in a form of text."""
    folded = data.lower()
    found = []
    for name, raw in wanted.items():
        forms = dict(_encoded(raw)) | {"raw": raw}
        hits = [form for form, it in forms.items() if it in (folded if "hex" in form else data)]
        found += [f"{name} as {form}" for form in sorted(hits)]
    return found


def squeezed(directory: Path) -> bytes:
    """What stands in the files under the directory, in one; what is alike once, long runs of zeros as one.

    Databases make their files large, and PostgreSQL a copy of the same catalogue for each database.
    """
    files = (path for path in sorted(directory.rglob("*")) if path.is_file() and not path.is_symlink())
    return b"\n".join(re.sub(rb"\0{64,}", b"\0", one) for one in dict.fromkeys(map(Path.read_bytes, files)))
