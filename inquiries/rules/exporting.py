"""How inquiries are written out: one row each, as CSV that a spreadsheet only shows, or as JSON."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from enum import StrEnum

_BOM = "\ufeff"  # spreadsheets take a file without it for another encoding, and spoil Korean
#: A cell that begins so is a formula to a spreadsheet (OWASP, CSV injection), in full width, too.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
#: What begins a cell within a text to a spreadsheet that parts cells at semicolons or tabs, as in Indonesia:
#: there a quote counts at the very beginning of a cell alone, and ours begin after commas.
_WITHIN = re.compile("([;\t\r\n][\"' ]*)(?=[=+\\-@\uff1d\uff0b\uff0d\uff20])")


class Format(StrEnum):
    """The two that ordinary programs read."""

    csv = "csv"
    json = "json"


def written(form: Format, about: Mapping[str, object], rows: Sequence[Mapping[str, str]]) -> bytes:
    """The file in clear. `about` says what it is (JSON alone); rows may have different columns."""
    if form is Format.json:
        return json.dumps({**about, "inquiries": list(rows)}, ensure_ascii=False, indent=1).encode()
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)  # lines end as in RFC 4180
    writer.writerow(columns)
    writer.writerows([shown(row.get(name, "")) for name in columns] for row in rows)
    return (_BOM + text.getvalue()).encode()


def shown(cell: str) -> str:
    """The cell with an apostrophe before whatever a spreadsheet would compute instead of show it."""
    whole = f"'{cell}" if cell.lstrip(" ").startswith(_FORMULA) else cell
    return _WITHIN.sub(r"\1'", whole)
