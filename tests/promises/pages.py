"""The application around a house, people at their desks, and what the stores hold, opened."""

from __future__ import annotations

from flask import Flask

from inquiries import create_app
from inquiries.rules.permissions import Role
from inquiries.sealing import items
from inquiries.services import keys
from inquiries.services.house import House
from inquiries.stores.live.tables import groups
from tests.staff import Desk, enrol


def application(house: House) -> Flask:
    """Every page, without limits on how often one may send."""
    app = create_app(house.settings, house)
    app.config.update(LIMIT_SUBMIT="", LIMIT_RECEIPT="", LIMIT_LOOK="", LIMIT_SESSION="")
    return app


def desk(app: Flask, house: House, email: str, *roles: Role, types: tuple[str, ...] = ()) -> Desk:
    """The desk of a new member of staff, who has signed in."""
    return Desk(app).carry(enrol(house, email, *roles, types=types).sign_in(house))


def stored(house: House) -> dict[str, dict[str, str]]:
    """Group → items in clear, of everything that is stored."""
    found: dict[str, dict[str, str]] = {}
    with house.live.read() as connection:
        rows = connection.execute(groups.select()).all()
    for row in rows:
        key = keys.of_inquiries(house, [row.inquiry_id])[row.inquiry_id, row.name]
        found[row.name] = items.open_items(key.dek, row.inquiry_id, row.name, items.unpack(row.sealed))
    return found
