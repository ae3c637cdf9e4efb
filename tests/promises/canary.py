"""What is sent so that it can be looked for: texts that stand nowhere else, and a whole life of their inquiry."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from tests.running import Answer, Client, Server, one_time_code

NETWORK = "127.83.47"
AGENT = "Zirkelschnabel/9.1 (kanarienvogel 4711)"
ITEMS = {
    "name": "까나리아 Zefirelli",
    "company": "금사작상회 Oriolus & Söhne",
    "contact": "010-9173-5508",
    "email": "Zefirelli.Quondam@vogelhaus.example.com",
    "content": '횃대가 부러져서 노래를 못합니다. <b>The perch snapped</b> 100% \\ "so".\n' * 40,
}
WRITTEN = {
    "reply": "Kanarienantwort-77: 횃대를 새로 보내 드립니다.",
    "note": "Vermerk-78: 새장 관리인에게 물어볼 것.",
    "answer": "Zwitschern-79: 되묻는 새입니다, thank you.",
}
REFUSED = {"undeclared": "주민번호 Geheimzahl-831", "content": "거절당한새 rejected-bird"}

#: Whole, in parts, and as it may have been normalised: long texts are cut at the edges of database pages.
TEXTS = {
    "name": ITEMS["name"],
    "Korean half of the name": "까나리아",
    "Latin half of the name": "Zefirelli",
    "company": ITEMS["company"],
    "half of the company": "금사작상회",
    "number": ITEMS["contact"],
    "number without hyphens": "01091735508",
    "number as E.164": "821091735508",
    "email": ITEMS["email"],
    "local part": "Zefirelli.Quondam",
    "domain": "vogelhaus.example.com",
    "content": "횃대가 부러져서",
    "end of the content": "노래를 못합니다.",
    "content in English": "The perch snapped",
    "address": NETWORK,
    "user agent": AGENT,
    "begin of the user agent": "Zirkelschnabel",
    "end of the user agent": "kanarienvogel 4711",
    "reply": "Kanarienantwort-77",
    "Korean half of the reply": "횃대를 새로 보내",
    "note": "Vermerk-78",
    "Korean half of the note": "새장 관리인에게",
    "her answer": "Zwitschern-79",
    "Korean half of her answer": "되묻는 새입니다",
    "refused item": REFUSED["undeclared"],
    "half of the refused item": "Geheimzahl-831",
    "refused content": "거절당한새",
    "refused content in English": "rejected-bird",
}

PASSWORD = "Fahrrad 자전거 Kerze 9"


@dataclass
class Life:
    """What came to light while an inquiry was sent and handled: none of it may be found later."""

    receipts: list[str] = field(default_factory=list)
    secrets: dict[str, str] = field(default_factory=dict)
    seal_key: str = ""


def live(server: Server) -> Life:
    """Send the canary in every way, get it refused in every way, look it up, let staff handle it."""
    life = Life()
    person, refused, reader = (
        Client(server.url, f"{NETWORK}.{n}", AGENT) for n in (19, 20, 21)
    )  # apart in limits
    life.receipts += [_send(person), _send_plain(person), _send_by_api(person)]
    _be_refused(refused)
    for code in life.receipts:
        assert ITEMS["company"].partition(" ")[0] in _look(reader, code).text
    _handle(server, life)
    _answer(reader, life.receipts[0])
    assert "answered" in _look(reader, life.receipts[0], language="en").text.lower()
    life.secrets |= {f"receipt {n}": code for n, code in enumerate(life.receipts)}
    life.secrets |= {f"receipt {n}, bare": code.replace("-", "") for n, code in enumerate(life.receipts)}
    life.secrets |= {f"group of receipt {n}": code[:11] for n, code in enumerate(life.receipts)}
    return life


# -- the person ------------------------------------------------------------------------------------


def _fields(page: Answer, **changed: str) -> list[tuple[str, str]]:
    controls = {name: page.value(name) for name in ("_once", "_notice", "language")}
    consents = {"consent.inquiry": "yes", "consent.marketing": "yes"}
    return list((ITEMS | consents | controls | changed).items())


def _send(person: Client) -> str:
    form = person.get("/inquiries/support?lang=ko")
    fields = _fields(form)
    answer = person.post("/inquiries/support", fields)
    assert answer.status == 200, answer.text
    again = person.post("/inquiries/support", fields)
    assert again.by_id("receipt") == answer.by_id("receipt")
    return answer.by_id("receipt")


def _send_plain(person: Client) -> str:
    content = "횃대가 부러져서 노래를 못합니다. The perch snapped " * 30
    answer = person.post_plain(
        "/inquiries/introduction", _fields(person.get("/inquiries/introduction"), content=content)
    )
    assert answer.status == 200, answer.text
    return answer.by_id("receipt")


def _send_by_api(person: Client) -> str:
    sent = {
        "type": "affiliate",
        "items": ITEMS,
        "consents": {"inquiry": True, "marketing": True},
        "language": "ko",
    }
    headers = {"Content-Type": "application/json", "Idempotency-Key": "canary-key-1"}
    answer = person.send("POST", "/api/inquiries", json.dumps(sent).encode(), headers)
    assert answer.status == 201, answer.text
    return str(json.loads(answer.text)["receipt"])


def _be_refused(person: Client) -> None:
    """Each way of being refused, with the canary in the body, in names, paths and queries."""
    page = person.get("/inquiries/support")
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    api = {"Content-Type": "application/json"}
    undeclared, content = REFUSED["undeclared"], REFUSED["content"]
    bad = {"type": "support", "items": {"name": undeclared, "email": content, undeclared: 7}, "consents": {}}
    refused = {
        "undeclared": (422, person.post("/inquiries/support", _fields(page, rrn=undeclared))),
        "its name": (422, person.post("/inquiries/support", [*_fields(page), (undeclared, "x")])),
        "email": (422, person.post("/inquiries/support", _fields(page, email=undeclared, content=content))),
        "too large": (413, person.post("/inquiries/support", _fields(page, content=content * 9000))),
        "encoding": (400, person.send("POST", "/inquiries/support", content.encode("cp949"), form)),
        "media type": (415, person.send("POST", "/inquiries/support", content.encode(), {"Content-Type": "text/plain"})),
        "origin": (403, person.post("/inquiries/support", _fields(page, content=content), Origin="https://eve.example")),
        "path": (404, person.get("/inquiries/Geheimzahl-831")),
        "query": (200, person.get("/inquiries/support?name=Geheimzahl-831&content=rejected-bird")),
        "type": (404, person.post("/inquiries/rejected-bird", _fields(page, content=content))),
        "notice": (409, person.post("/inquiries/support", _fields(page, content=content, _notice="99"))),
        "receipt": (404, person.post_plain("/receipt", [("receipt", undeclared)])),
        "api": (422, person.send("POST", "/api/inquiries", json.dumps(bad).encode(), api)),
        "not json": (400, person.send("POST", "/api/inquiries", f'{{"name": "{content}'.encode(), api)),
        "sign-in": (400, person.post_plain("/staff/sign-in", [("email", undeclared), ("password", content)])),
    }  # fmt: skip
    wrong = {why: answer.status for why, (status, answer) in refused.items() if answer.status != status}
    assert not wrong


def _look(person: Client, code: str, language: str = "ko") -> Answer:
    answer = person.post_plain("/receipt", [("receipt", code), ("language", language)])
    assert answer.status == 200, answer.text
    return answer


def _answer(person: Client, code: str) -> None:
    """She reads the reply, and writes back; refused once, too."""
    assert WRITTEN["reply"] in _look(person, code).text
    for text, status in ((WRITTEN["answer"] + "\x00", 422), (WRITTEN["answer"], 200)):
        answer = person.post_plain("/receipt/answer", [("receipt", code), ("text", text)])
        assert answer.status == status, answer.text
    assert WRITTEN["note"] not in _look(person, code).text


# -- staff -----------------------------------------------------------------------------------------


def _handle(server: Server, life: Life) -> None:
    """The first officer enrols, signs in, lists, opens, answers and closes."""
    officer = Client(server.url)
    page = officer.get(server.enrolment)
    secret = page.by_id("totp-secret")
    enrolled = officer.post_plain(
        server.enrolment,
        [
            ("csrf_token", page.value("csrf_token")),
            ("password", PASSWORD),
            ("code", one_time_code(secret)),
        ],
    )
    assert enrolled.status == 200, enrolled.text
    recovery = enrolled.between('class="recovery-code">', "<")
    life.seal_key = enrolled.by_id("seal-key")
    cookies = set(officer.cookies.values())
    officer = Client(server.url)
    page = officer.get("/staff/sign-in")
    fields = [("email", "privacy@example.com"), ("password", PASSWORD), ("code", one_time_code(secret, 1))]
    signed_in = officer.post_plain("/staff/sign-in", [("csrf_token", page.value("csrf_token")), *fields])
    assert signed_in.status == 303, signed_in.text
    cookies |= set(officer.cookies.values())
    life.secrets |= {
        "password": PASSWORD,
        "TOTP secret": secret,
        "recovery code": recovery,
        "seal key": life.seal_key,
    }
    life.secrets |= {f"session {n}": token for n, token in enumerate(sorted(cookies))}
    listed = officer.get("/staff/inbox")
    assert listed.text.count("까**") == len(life.receipts)
    inquiry = "/staff/inquiries/" + _id_of(officer, "support")
    _act(officer, inquiry, "open")
    for kind in ("note", "reply"):
        _act(officer, inquiry, kind, text=WRITTEN[kind])
    _act(officer, "/staff/inquiries/" + _id_of(officer, "introduction"), "open")
    _act(officer, "/staff/inquiries/" + _id_of(officer, "introduction"), "close")


def _id_of(officer: Client, kind: str) -> str:
    return officer.get(f"/staff/inbox?type={kind}").between('href="/staff/inquiries/', '"')


def _act(officer: Client, inquiry: str, act: str, **fields: str) -> None:
    token = officer.get(inquiry).value("csrf_token")
    answer = officer.post_plain(f"{inquiry}/{act}", [("csrf_token", token), *fields.items()])
    assert answer.status == (200 if act == "open" else 303), answer.text
    if act == "open":
        assert ITEMS["name"] in answer.text
