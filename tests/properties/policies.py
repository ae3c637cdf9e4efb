"""Which policies a life of the house has: the default one, with more in it, and with other periods."""

from __future__ import annotations

import re

from inquiries.settings import HOME

NEWSLETTER = """
[types.newsletter]
label = { ko = "소식지", en = "Newsletter" }
description = { ko = "소식을 받아 보실 분", en = "You would like to read our news" }
purpose = { ko = "소식지의 발송", en = "Sending the newsletter" }
required = ["name", "email", "content"]
optional = ["company", "contact"]
period = "until withdrawn"
refusal.ko = "동의하지 않으시면 소식지를 보내 드릴 수 없습니다."
refusal.en = "Without your consent we cannot send you the newsletter."
"""
CHILDREN = """
[minors]
age = 14
allowed = true
"""
SOURCE = (HOME / "policies" / "default.toml").read_text(encoding="utf-8") + NEWSLETTER + CHILDREN


def written(periods: dict[str, str]) -> str:
    """The policy of a life with these periods, by (section, key)."""
    source = SOURCE
    for place, period in periods.items():
        section, key = place.split("/")
        head, rest = source.split(f"\n[{section}]\n", 1)
        rest = re.sub(rf'(?m)^{key} = ".*"$', f'{key} = "{period}"', rest, count=1)
        source = f"{head}\n[{section}]\n{rest}"
    return source
