"""What is wrong with a server's certificate, in words of our own (RFC 5280, RFC 9525)."""

import ssl

from prospectflow.errors import DomainError

# X509_V_ERR_* of OpenSSL.
NOT_YET, EXPIRED = 9, 10
OTHER_NAME, OTHER_ADDRESS = 62, 64


class CertificateExpired(DomainError):
    """The server's certificate is not valid today: whoever runs the server has to renew it."""


class CertificateForAnotherName(DomainError):
    """The server's certificate is for another host: enter the host name that it was made for."""


class CertificateUntrusted(DomainError):
    """Nobody this machine trusts vouches for the server's certificate; it may be self-signed."""


REFUSALS: dict[int, type[DomainError]] = {
    NOT_YET: CertificateExpired,
    EXPIRED: CertificateExpired,
    OTHER_NAME: CertificateForAnotherName,
    OTHER_ADDRESS: CertificateForAnotherName,
}


def certificate_refusal(error: BaseException | None) -> DomainError | None:
    """What this error says of a certificate; None where it speaks of something else."""
    while error is not None and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__cause__ or error.__context__
    if error is None:
        return None
    return REFUSALS.get(error.verify_code, CertificateUntrusted)()
