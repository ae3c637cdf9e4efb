"""What every page knows: its language, whose page it is, what is served here; never what a person sent."""

from __future__ import annotations

from functools import cached_property

from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from inquiries.errors import InquiriesError
from inquiries.services import publishing
from inquiries.web import language as spoken
from inquiries.web import messages
from inquiries.web.current import house, settings


class Page:
    """`page` in every template."""

    @cached_property
    def language(self) -> str:
        """The language that the page speaks."""
        return spoken.chosen()

    @cached_property
    def languages(self) -> tuple[spoken.Choice, ...]:
        """The languages in which the page can be had; empty when there is no choice."""
        return spoken.choices()

    @cached_property
    def controller(self) -> str:
        """Whose page it is; the product's name while no policy can be read."""
        try:
            return publishing.in_force(house()).policy.controller.text(self.language)
        except (InquiriesError, SQLAlchemyError, OSError):
            return "Inquiries"

    @property
    def development(self) -> bool:
        """Whether this is someone's own machine."""
        return settings().development

    @property
    def public_here(self) -> bool:
        """Whether this process serves the public pages, so that they can be linked to."""
        return settings().surface != "staff"

    @property
    def staff_here(self) -> bool:
        """Whether this process serves the staff pages."""
        return settings().surface != "public"


def init_app(app: Flask) -> None:
    """Give every template its `page`, and the filter that says how an inquiry came."""
    app.context_processor(lambda: {"page": Page()})
    app.jinja_env.filters["channel"] = lambda name: str(messages.CHANNELS.get(name, name))
