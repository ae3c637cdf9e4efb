"""For whom a file is encrypted that leaves: the holder of a certificate, or who knows a passphrase (P29)."""

from __future__ import annotations

from inquiries import clock
from inquiries.errors import FieldError
from inquiries.sealing import openpgp
from inquiries.services import passwords
from inquiries.services.house import House


def recipient(
    house: House, certificate: str, passphrase: str, errors: list[FieldError]
) -> openpgp.Recipient | None:
    """Exactly one of the two is given; None, with an error, where that is not so or it is not good."""
    certificate = certificate.strip()
    if certificate and passphrase:
        errors.append(FieldError("certificate", "both"))
    elif certificate:
        try:
            return openpgp.holding(certificate, clock.now())
        except openpgp.NoCertificate as refused:
            errors.append(FieldError("certificate", refused.code))
    elif passphrase:
        fault = passwords.fault(house, passphrase)
        if fault is None:
            return openpgp.knowing(passphrase)
        errors.append(FieldError("password", fault, {"min": passwords.SHORTEST, "max": passwords.LONGEST}))
    else:
        errors.append(FieldError("password", "nobody"))
    return None
