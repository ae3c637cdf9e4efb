from __future__ import annotations

import csv
import io
import json

import pytest

from inquiries.rules.exporting import Format, shown, written

ROWS = [{"name": "김소라", "content": "=1+1"}, {"name": "b", "contact": '+82 10, "x"\n2'}]


def test_csv_has_every_column_that_any_row_has_and_opens_as_it_was() -> None:
    content = written(Format.csv, {}, ROWS)
    assert content.startswith(b"\xef\xbb\xbf")
    read = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    assert read == [["name", "content", "contact"], ["김소라", "'=1+1", ""], ["b", "", '\'+82 10, "x"\n2']]


def test_csv_is_written_as_rfc_4180_has_it_with_every_cell_in_quotes() -> None:
    content = written(Format.csv, {}, ROWS)
    assert content.decode() == (
        '\ufeff"name","content","contact"\r\n"김소라","\'=1+1",""\r\n"b","","\'+82 10, ""x""\n2"\r\n'
    )


def test_json_is_written_to_be_read_by_people_too() -> None:
    content = written(Format.json, {"purpose": "문의"}, [{"name": "김소라"}])
    assert content.decode() == (
        '{\n "purpose": "문의",\n "inquiries": [\n  {\n   "name": "김소라"\n  }\n ]\n}'
    )


def test_json_holds_the_texts_as_they_are() -> None:
    found = json.loads(written(Format.json, {"purpose": "inquiry"}, ROWS))
    assert found == {"purpose": "inquiry", "inquiries": ROWS}


@pytest.mark.promise("P29")
@pytest.mark.parametrize(
    "text",
    ["=A1", "+1", "-1", "@x", "\tx", "\rx", "\nx", "  =x", "\uff1dx", "\uff0bx", "\uff0dx", "\uff20x"],
)
def test_what_a_spreadsheet_would_compute_is_only_shown(text: str) -> None:
    assert shown(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "a=1", "X=1", "02-1234", "김", "'x", "1-2"])
def test_other_text_stays_as_it_is(text: str) -> None:
    assert shown(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a;=1", "a;'=1"), ('a\t"+1', "a\t\"'+1"), ("=a\r\n -1", "'=a\r\n '-1"), ("a;b=1", "a;b=1")],
)
def test_the_apostrophe_stands_before_what_would_be_computed(text: str, expected: str) -> None:
    assert shown(text) == expected


@pytest.mark.promise("P29")
@pytest.mark.parametrize("comma", [",", ";", "\t"])
@pytest.mark.parametrize(
    "text", ["a;=1", 'a;"=1', "a; '=1+1", "a\n=1", 'a\n"+1', "a\t-1", "a;\uff20x", "x\n;=1"]
)
def test_no_cell_begins_within_a_text_wherever_a_spreadsheet_parts_cells(text: str, comma: str) -> None:
    content = written(Format.csv, {}, [{"name": "b", "content": text}]).decode("utf-8-sig")
    cells = [cell for row in csv.reader(io.StringIO(content, newline=""), delimiter=comma) for cell in row]
    assert cells
    assert not [cell for cell in cells if cell.lstrip(" \"'")[:1] in set("=+-@\uff20") and "'" not in cell]
