"""Hands one message after another to the relay over one connection; knows no outbox.

Says exactly what is known afterwards: whether the relay has it, has it not, or nobody can tell (RFC 5321,
4.1.1.4: the relay answers for a message once it has replied to the end of its content). Nothing that a relay
says is kept but its number: its text may quote the address.
"""

from __future__ import annotations

import re
import smtplib
import ssl
from collections.abc import Callable
from contextlib import suppress

from inquiries.relay import Relay

#: Seconds to wait for the relay: to connect and at each step; at the end of the content it may look longer.
STEP_WITHIN = 30.0
ACCEPTED_WITHIN = 300.0

_OK, _WILL_FORWARD, _GO_ON, _CLOSING = 250, 251, 354, 421
_PERMANENT = 500
_LEADING_DOT = re.compile(rb"^\.", re.MULTILINE)


class NotSent(Exception):
    """The relay does not have it. `problem` is one word, `reply` the relay's number."""

    def __init__(self, problem: str, reply: int | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.reply = reply


class Unreachable(NotSent):
    """The relay is not there, or takes nothing from us: no fault of this message."""


class Deferred(NotSent):
    """Not now."""


class Refused(NotSent):
    """Never."""


class Withheld(NotSent):
    """It must not leave any more; found out just before it did."""


class Uncertain(Exception):
    """The connection broke after the content had begun to leave, before the relay answered for it."""


class Session:
    """A connection to the relay, made at the first message and kept for those that follow."""

    def __init__(self, relay: Relay, *, name: str, sender: str, plain: bool) -> None:
        """`name`: how we call ourselves; `plain`: no encryption asked for, on this machine alone."""
        self._relay = relay
        self._name = name
        self._sender = sender
        self._plain = plain
        self._smtp: smtplib.SMTP | None = None

    def hand_in(self, to: str, content: bytes, leaving: Callable[[], bool]) -> None:
        """Hand a message in; it is the relay's on return. `leaving` is asked once before the content goes.

        Raises:
            Unreachable, Deferred, Refused, Withheld: the relay does not have it.
            Uncertain: nobody can tell.
        """
        try:
            smtp = self._smtp = self._smtp or self._connected()
            self._address(smtp, to)
            if not leaving():
                smtp.rset()
                raise Withheld("withheld")
            self._expect(smtp.docmd("DATA"), _GO_ON)
        except (Deferred, Refused):
            self._reset()
            raise
        except (OSError, smtplib.SMTPException) as broken:
            self.close()
            raise _unreachable(broken) from None
        self._content(smtp, content)

    def close(self) -> None:
        """End the connection, if there is one."""
        if self._smtp is not None:
            with suppress(OSError, smtplib.SMTPException):
                self._smtp.quit()
            self._smtp.close()
            self._smtp = None

    def _connected(self) -> smtplib.SMTP:
        host, port = self._relay.host, self._relay.port
        context = ssl.create_default_context()
        smtp: smtplib.SMTP
        if self._relay.implicit_tls:
            smtp = smtplib.SMTP_SSL(
                host, port, local_hostname=self._name, timeout=STEP_WITHIN, context=context
            )
        else:
            smtp = smtplib.SMTP(host, port, local_hostname=self._name, timeout=STEP_WITHIN)
        try:
            if not self._relay.implicit_tls and not self._plain:
                smtp.starttls(context=context)  # raises where the relay does not offer it
            if self._relay.user is not None and self._relay.password is not None:
                smtp.login(self._relay.user, self._relay.password)
            smtp.ehlo_or_helo_if_needed()
        except BaseException:
            smtp.close()
            raise
        return smtp

    def _address(self, smtp: smtplib.SMTP, to: str) -> None:
        code, _ = smtp.mail(self._sender)
        if code != _OK:
            raise smtplib.SMTPSenderRefused(code, b"", self._sender)
        code, said = smtp.rcpt(to)
        if code != _WILL_FORWARD:
            self._expect((code, said), _OK)

    def _content(self, smtp: smtplib.SMTP, content: bytes) -> None:
        """The content, and the relay's word on it."""
        try:
            if smtp.sock is not None:
                smtp.sock.settimeout(ACCEPTED_WITHIN)
            smtp.send(_LEADING_DOT.sub(b"..", content) + b".\r\n")
            answer = smtp.getreply()
            if smtp.sock is not None:
                smtp.sock.settimeout(STEP_WITHIN)
        except (OSError, smtplib.SMTPException):
            self.close()
            raise Uncertain from None
        try:
            self._expect(answer, _OK)
        except Unreachable:
            self.close()
            raise

    @staticmethod
    def _expect(answer: tuple[int, bytes], wanted: int) -> None:
        code = answer[0]
        if code == wanted:
            return
        if code == _CLOSING:
            raise Unreachable("closing", code)
        raise Refused("refused", code) if code >= _PERMANENT else Deferred("deferred", code)

    def _reset(self) -> None:
        """Forget the message that did not go; a relay that does not answer that is gone."""
        try:
            if self._smtp is not None:
                self._smtp.rset()
        except (OSError, smtplib.SMTPException):
            self.close()


def _unreachable(broken: Exception) -> Unreachable:
    reply = broken.smtp_code if isinstance(broken, smtplib.SMTPResponseException) else None
    if isinstance(broken, ssl.SSLError | smtplib.SMTPNotSupportedError):
        return Unreachable("encryption", reply)
    if isinstance(broken, smtplib.SMTPAuthenticationError):
        return Unreachable("sign_in", reply)
    if isinstance(broken, smtplib.SMTPSenderRefused):
        return Unreachable("sender", reply)
    return Unreachable("unreachable", reply)
