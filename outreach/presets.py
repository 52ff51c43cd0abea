"""What is known of the providers that people keep their mailboxes with."""

from collections.abc import Mapping
from dataclasses import dataclass

from outreach.states import Provider, Security

RECOMMENDED = (10, 50)
"""Mails a day from one mailbox to people who do not know it yet."""


@dataclass(frozen=True)
class Server:
    """Where a protocol is spoken, and how it is encrypted."""

    host: str
    port: int
    security: Security


@dataclass(frozen=True)
class Preset:
    """A provider's servers and rules.

    `daily_ceiling` is mails in 24 hours; `shortest_pause` seconds between two of them;
    `spf_include` and `dkim_selector` what the provider has its customers publish.
    """

    smtp: Server
    imap: Server
    daily_ceiling: int
    shortest_pause: int = 0
    oauth_token_url: str = ""
    oauth_scopes: tuple[str, ...] = ()
    spf_include: str = ""
    dkim_selector: str = ""
    note: str = ""


PRESETS: Mapping[str, Preset] = {
    Provider.GOOGLE: Preset(
        smtp=Server("smtp.gmail.com", 465, Security.TLS),
        imap=Server("imap.gmail.com", 993, Security.TLS),
        daily_ceiling=2_000,
        oauth_token_url="https://oauth2.googleapis.com/token",  # noqa: S106
        oauth_scopes=("https://mail.google.com/",),
        spf_include="_spf.google.com",
        dkim_selector="google",
        note="Sign in by OAuth 2.0, or by an app password where two-step sign-in is on.",
    ),
    Provider.MICROSOFT: Preset(
        smtp=Server("smtp.office365.com", 587, Security.STARTTLS),
        imap=Server("outlook.office365.com", 993, Security.TLS),
        daily_ceiling=10_000,
        shortest_pause=2,  # 30 mails a minute
        oauth_token_url="https://login.microsoftonline.com/common/oauth2/v2.0/token",  # noqa: S106
        oauth_scopes=(
            "https://outlook.office.com/SMTP.Send",
            "https://outlook.office.com/IMAP.AccessAsUser.All",
            "offline_access",
        ),
        spf_include="spf.protection.outlook.com",
        dkim_selector="selector1",
        note="Sign in by OAuth 2.0: passwords are being switched off for sending. Authenticated"
        " SMTP must be on for this mailbox. An application of one tenant has that tenant's id in"
        " its token URL, in the place of “common”.",
    ),
    # No limit a day is published for these two; so many a human mailbox never sends.
    Provider.OVH: Preset(
        smtp=Server("ssl0.ovh.net", 465, Security.TLS),
        imap=Server("ssl0.ovh.net", 993, Security.TLS),
        daily_ceiling=1_000,
        shortest_pause=18,  # 200 mails an hour
        spf_include="mx.ovh.com",
        note="These are the servers of MX Plan; Email Pro and Exchange have others.",
    ),
    Provider.GANDI: Preset(
        smtp=Server("mail.gandi.net", 465, Security.TLS),
        imap=Server("mail.gandi.net", 993, Security.TLS),
        daily_ceiling=1_000,
        spf_include="_mailcust.gandi.net",
        dkim_selector="gm1",
        note="The user name is the whole address.",
    ),
    Provider.INFOMANIAK: Preset(
        smtp=Server("mail.infomaniak.com", 465, Security.TLS),
        imap=Server("mail.infomaniak.com", 993, Security.TLS),
        daily_ceiling=1_440,
        spf_include="spf.infomaniak.ch",
        note="Where two-step sign-in is on, make a password for this device.",
    ),
}
HIGHEST_CEILING = max(preset.daily_ceiling for preset in PRESETS.values())


def preset_of(provider: str) -> Preset | None:
    """What is known of this provider; nothing of the others."""
    return PRESETS.get(provider)


def ceiling_of(provider: str) -> int:
    """How many mails a day this provider lets one mailbox send."""
    preset = PRESETS.get(provider)
    return preset.daily_ceiling if preset else HIGHEST_CEILING
