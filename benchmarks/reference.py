"""The plain contact form that the product is measured against; it keeps no promise and never ships.

What a capable developer writes in an afternoon: Flask, Flask-WTF, SQLAlchemy Core, the same five fields and
the same body, stored as plain text in SQLite (write-ahead log, `synchronous=FULL`: each answer is on disk).
No CSRF token, since the product's public form has none. Served by gunicorn, gthread, 2 workers of 8 threads:

    REFERENCE_DB=/tmp/reference.db gunicorn -k gthread -w 2 --threads 8 benchmarks.reference:app
"""

from __future__ import annotations

import os
from datetime import UTC, datetime

from flask import Flask, render_template
from flask_wtf import FlaskForm
from jinja2 import DictLoader
from sqlalchemy import Column, DateTime, Integer, MetaData, String, Table, create_engine, event, insert
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.schema import CreateTable
from wtforms import EmailField, StringField, TextAreaField
from wtforms.validators import DataRequired, Email, Length, Optional

PAGE = """<!doctype html><html lang="ko"><title>문의</title>{% if number %}<p>접수되었습니다: {{ number }}</p>
{% else %}<form method="post">{% for field in form %}<p>{{ field.label }} {{ field }}
{% for error in field.errors %}<strong>{{ error }}</strong>{% endfor %}</p>{% endfor %}
<button>보내기</button></form>{% endif %}</html>"""

metadata = MetaData()
inquiries = Table(
    "inquiries",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("type", String(40), nullable=False),
    Column("name", String(100), nullable=False),
    Column("company", String(100)),
    Column("contact", String(40)),
    Column("email", String(254), nullable=False),
    Column("content", String(10_000), nullable=False),
    Column("received_at", DateTime, nullable=False),
)


class InquiryForm(FlaskForm):  # type: ignore[misc]
    """The same five fields as the product's default policy."""

    name = StringField("이름", [DataRequired(), Length(max=100)])
    company = StringField("회사", [Optional(), Length(max=100)])
    contact = StringField("연락처", [Optional(), Length(max=40)])
    email = EmailField("이메일", [DataRequired(), Email(), Length(max=254)])
    content = TextAreaField("내용", [DataRequired(), Length(max=10_000)])


def create_app(path: str) -> Flask:
    """The application over the SQLite file at `path`."""
    app = Flask(__name__)
    app.config.update(WTF_CSRF_ENABLED=False, SECRET_KEY="reference", MAX_CONTENT_LENGTH=64 * 1024)
    app.jinja_loader = DictLoader({"page.html": PAGE})
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": 30})

    @event.listens_for(engine, "connect")
    def durable(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.close()

    with engine.begin() as connection:
        connection.execute(CreateTable(inquiries, if_not_exists=True))

    @app.route("/inquiries/<kind>", methods=["GET", "POST"])
    def submit(kind: str) -> tuple[str, int]:
        form = InquiryForm()
        if not form.validate_on_submit():
            return render_template("page.html", form=form), 422 if form.is_submitted() else 200
        row = {"type": kind, "received_at": datetime.now(UTC).replace(tzinfo=None), **form.data}
        with engine.begin() as connection:
            number = connection.execute(insert(inquiries).values(row)).inserted_primary_key
        return render_template("page.html", number=number[0] if number else None), 200

    return app


if "REFERENCE_DB" in os.environ:
    app = create_app(os.environ["REFERENCE_DB"])
