"""The register of all who receive anything, as the officer sees it; the policy says who stands there."""

from __future__ import annotations

from typing import Final, get_args

from flask import render_template

from inquiries.policy.model import Basis, TransferBasis
from inquiries.policy.wording import say
from inquiries.rules.permissions import Permission
from inquiries.services import disclosures, provision, publishing
from inquiries.services.provision import Sort
from inquiries.web import language
from inquiries.web.current import house
from inquiries.web.guards import needs, signed_in
from inquiries.web.staff_disclosures import STANDS

_BASES: Final = (*get_args(Basis), *get_args(TransferBasis))


@needs(Permission.provide)
def register() -> str:
    """Processors, third parties and authorities, each with country and basis."""
    policy = publishing.in_force(house()).policy
    parties = provision.register(policy).values()
    return render_template(
        "staff/provision.html",
        groups={sort: [one for one in parties if one.sort is sort] for sort in Sort},
        items=policy.items,
        disclosures=disclosures.recent(house(), signed_in()),
        stands=STANDS,
        bases={name: say(f"basis_{name}", language.chosen()) for name in _BASES},
    )
