"""What a mail server's refusal means: for the recipient, for our mailbox, or for our settings.

The stage of the conversation decides first (before RCPT a refusal concerns us, never the
recipient), then texts known to contradict their code, then the enhanced code (RFC 3463, with
RFC 7372, 7504 and 7505), then the three digits.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from outreach.inbox.replies import fold


class Kind(StrEnum):
    """What follows from a refusal."""

    HARD = "hard"  # the address is dead: suppress it
    SOFT = "soft"  # not now: try again, suppress nobody
    BLOCK = "block"  # reputation, policy or content: pause the mailbox, suppress nobody
    CONFIG = "config"  # our own fault: stop the mailbox, tell the operator


class Scope(StrEnum):
    """What the refusal is about."""

    RECIPIENT = "recipient"
    DOMAIN = "domain"
    MESSAGE = "message"
    MAILBOX = "mailbox"


HARD, SOFT, BLOCK, CONFIG = Kind


@dataclass(frozen=True)
class Answer:
    """A refusal, understood: its kind, what it is about, and which rule said so."""

    kind: Kind
    enhanced: str
    reason: str
    scope: Scope
    permanent: bool
    stage: str
    code: int
    text: str


@dataclass(frozen=True)
class _Rule:
    """A row of a table: when code, text and host fit, this is what the answer means."""

    kind: Kind
    reason: str
    code: str = ""
    text: str = ""
    host: str = ""
    stages: tuple[str, ...] = ()
    scope: Scope = Scope.RECIPIENT
    reads_text: bool = False

    def fits(self, stage: str, code: str, text: str, host: str) -> bool:
        """Tell whether every condition that the row names holds."""
        return (
            (not self.stages or stage in self.stages)
            and (not self.code or re.fullmatch(self.code, code) is not None)
            and (not self.text or re.search(self.text, text) is not None)
            and (not self.host or re.search(self.host, host) is not None)
        )


EXCHANGE = r"(?:protection\.outlook|\.outlook|\.office365|\.microsoft)\.com$"

BEFORE_RECIPIENT = ("connect", "hello", "starttls", "auth", "mail")

OURS = (
    _Rule(CONFIG, "sign-in refused", stages=("auth",), code="5..", scope=Scope.MAILBOX),
    _Rule(CONFIG, "sign-in required or refused", code="53[0458]", scope=Scope.MAILBOX),
    _Rule(CONFIG, "message too big", code="552", stages=("mail",), scope=Scope.MESSAGE),
    _Rule(CONFIG, "refused before any recipient was named", code="5..", scope=Scope.MAILBOX),
    _Rule(SOFT, "not ready", code="4..", scope=Scope.MAILBOX),
)
"""Rules for the stages before RCPT, once the text did not speak of reputation."""

OVERRIDES = (
    _Rule(CONFIG, "basic authentication switched off", scope=Scope.MAILBOX,
          text=r"basic authentication is (?:not supported|disabled)"),
    _Rule(BLOCK, "sending limit of our mailbox", scope=Scope.MAILBOX,
          text=r"(?:daily|user|hourly) (?:user )?sending (?:limit|quota)|submission quota"
               r"|\b5\.1\.90\b|message rate limit|5\.4\.5\b.*limit"),
    _Rule(SOFT, "recipient receives too much at the moment",
          text=r"receiving mail (?:at a rate|too quickly)"),
    _Rule(BLOCK, "Orange: too many connections, or refused for now", scope=Scope.MAILBOX,
          text=r"ofr_?004_?10[45]\b"),
    _Rule(HARD, "closed to senders from outside", text=r"resolver\.rst|only authenticated senders"),
    _Rule(HARD, "recipient unknown to Exchange",
          text=r"resolver\.adr\.(?:ex)?recip\w*notfound|recipientnotfound"),
    _Rule(HARD, "mailbox unavailable at Microsoft", code=r"5\.5\.0", host=EXCHANGE,
          text="mailbox unavailable"),
    _Rule(CONFIG, "message too big", scope=Scope.MESSAGE,
          text=r"message (?:size|length)? ?(?:exceeds|too (?:big|large))"
               r"|message trop (?:gros|volumineux)|taille (?:du|de ce) message"
               r"|exceeds? (?:the )?(?:maximum )?(?:message )?size|size limit"),
    _Rule(CONFIG, "we may not send under this address", scope=Scope.MAILBOX,
          text=r"sender address rejected|not owned by user|sendasdenied|not allowed to send as"),
)  # fmt: skip
"""Texts that know better than the code beside them."""

ENHANCED = (
    _Rule(HARD, "address unknown", code=r"5\.1\.(?:[1236]|10)"),
    _Rule(CONFIG, "sender address refused", code=r"5\.1\.[78]", scope=Scope.MAILBOX),
    _Rule(CONFIG, "message too big", code=r"[45]\.2\.3|5\.3\.4", scope=Scope.MESSAGE),
    _Rule(SOFT, "not now", code=r"4\.1\.\d+|4\.2\.1|4\.3\.\d+|4\.4\.\d+"),
    _Rule(HARD, "mailbox disabled", code=r"5\.2\.1"),
    _Rule(SOFT, "mailbox full", code=r"[45]\.2\.2"),
    _Rule(HARD, "unknown in the directory of Exchange Online", code=r"5\.4\.1",
          host=EXCHANGE, stages=("rcpt",)),
    _Rule(SOFT, "no answer from the host", code=r"5\.4\.1"),
    _Rule(HARD, "domain cannot be reached by mail", code=r"5\.4\.4", scope=Scope.DOMAIN),
    _Rule(SOFT, "loop or expired", code=r"5\.4\.[67]"),
    _Rule(CONFIG, "protocol error", code=r"[45]\.[56]\.\d+", scope=Scope.MESSAGE),
    _Rule(BLOCK, "reputation or rate, for now", code=r"4\.7\.\d+", scope=Scope.MAILBOX),
    _Rule(BLOCK, "refused by policy", code=r"5\.7\.1", scope=Scope.MAILBOX, reads_text=True),
    _Rule(BLOCK, "authentication or reputation", code=r"5\.7\.\d+", scope=Scope.MAILBOX),
)  # fmt: skip

BASIC = (
    _Rule(SOFT, "not now", code="4..", reads_text=True),
    _Rule(CONFIG, "command refused", code="50[0-4]|555", scope=Scope.MESSAGE),
    _Rule(CONFIG, "sign-in required or refused", code="53[0458]", scope=Scope.MAILBOX),
    _Rule(HARD, "domain accepts no mail", code="521|556", scope=Scope.DOMAIN),
    _Rule(HARD, "recipient is not here", code="551"),
    _Rule(SOFT, "mailbox full", code="552"),
    _Rule(HARD, "recipient's address not allowed", code="553", stages=("rcpt",)),
    _Rule(CONFIG, "address not allowed", code="553", scope=Scope.MAILBOX),
    _Rule(BLOCK, "refused", code="554", stages=("rcpt",), scope=Scope.MAILBOX, reads_text=True),
    _Rule(BLOCK, "refused", code="554", scope=Scope.MAILBOX),
    _Rule(BLOCK, "refused without a reason", code="5..", scope=Scope.MAILBOX, reads_text=True),
)

BLOCK_HINT = (
    r"\bspam|\bbloque|\bblocked\b|liste noire|blacklist|blocklist|\bpolicy\b|politique de"
    r"|reputation|\bdmarc\b|\bspf\b|\bdkim\b|\bptr\b|reverse dns|access denied|rate.?limit"
    r"|slow down|trop de connexions|too many (?:connections|messages)|throttl"
)
HINTS = (
    _Rule(SOFT, "greylisted or asked to wait", text=r"gr[ea]ylist|reessaye|try again|retry later"),
    _Rule(BLOCK, "text speaks of reputation or policy", text=BLOCK_HINT, scope=Scope.MAILBOX),
    _Rule(SOFT, "mailbox full",
          text=r"boite (?:aux lettres |mail )?(?:est )?pleine|quota (?:depasse|exceeded)"
               r"|over ?quota|mailbox (?:is )?full|insufficient (?:system )?storage"
               r"|exceed\w* \w* ?quota"),
    _Rule(HARD, "text says that the recipient is unknown", code="5..",
          text=r"utilisateur inconnu|destinataire (?:invalide|inconnu)|\bintrouvable"
               r"|adresse .{0,80}(?:n'existe pas|inconnue|invalide)|compte .{0,40}n'existe"
               r"|boite aux lettres (?:indisponible|desactivee|inconnue|inexistante)"
               r"|(?:user|recipient|mailbox|address|account) (?:is )?(?:unknown|not found|disabled)"
               r"|unknown (?:user|recipient|local|mailbox|address)"
               r"|no such (?:user|recipient|mailbox|address|person)|does ?n[o']t exist"
               r"|recipient (?:address )?rejected|invalid recipient|mailbox unavailable"
               r"|no mailbox here|user doesn't have|not a valid (?:user|mailbox)"),
)  # fmt: skip
"""Words to look for where a code says too little, in this order."""

NOT_WORDS = re.compile(
    r"\S+@\S+|https?://\S+|\b[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}\b"
    r"|(?:\b[45]\d\d[- ])?\b[45]\.\d{1,3}\.\d{1,3}\b|\b[45]\d\d-"
)
ENHANCED_CODE = re.compile(r"(?<![\d.])([45]\.\d{1,3}\.\d{1,3})(?!\.?\d)")
FALLBACK = _Rule(SOFT, "not understood")


def classify_answer(stage: str, code: int, text: str, host: str = "") -> Answer:
    """Say what a refusal means; `stage` is connect, hello, starttls, auth, mail, rcpt or data."""
    stage, digits, said = stage.lower(), str(code), " ".join(fold(text[:2000]).split())
    enhanced = _enhanced_code(digits, said)
    rule = _rule(stage, digits, enhanced, said, host.lower().rstrip("."))
    permanent = digits.startswith("5")
    return Answer(rule.kind, enhanced, rule.reason, rule.scope, permanent, stage, code, text)


def _rule(stage: str, digits: str, enhanced: str, said: str, host: str) -> _Rule:
    if stage in BEFORE_RECIPIENT:
        return _rule_before_recipient(stage, digits, enhanced, said, host)
    rule = (
        _first(OVERRIDES, stage, enhanced, said, host)
        or (enhanced and _first(ENHANCED, stage, enhanced, said, host))
        or _first(BASIC, stage, digits, said, host)
        or FALLBACK
    )
    rule = _hinted(rule, stage, digits, said) if rule.reads_text else rule
    # A temporary answer is no proof of death, whatever its text says.
    return replace(rule, kind=SOFT) if rule.kind is HARD and digits.startswith("4") else rule


def _rule_before_recipient(stage: str, digits: str, enhanced: str, said: str, host: str) -> _Rule:
    """Nothing here concerns the recipient: it is our reputation, or else our settings."""
    known = _first(OVERRIDES, stage, enhanced, said, host)
    if known and known.kind in (BLOCK, CONFIG):
        return known
    about_us = re.search(BLOCK_HINT, _words(said)) or re.match(r"[45]\.7\.", enhanced)
    if stage != "auth" and not digits.startswith("53") and about_us:
        return _Rule(BLOCK, "reputation or policy", scope=Scope.MAILBOX)
    return _first(OURS, stage, digits, said, host) or FALLBACK


def _first(rules: Iterable[_Rule], stage: str, code: str, text: str, host: str) -> _Rule | None:
    return next((rule for rule in rules if rule.fits(stage, code, text, host)), None)


def _hinted(rule: _Rule, stage: str, digits: str, said: str) -> _Rule:
    return _first(HINTS, stage, digits, _words(said), "") or rule


def _words(said: str) -> str:
    """Leave out addresses and host names (`antispam.example` says nothing) and repeated codes."""
    return " ".join(NOT_WORDS.sub(" ", said).split())


def _enhanced_code(digits: str, said: str) -> str:
    """Return the enhanced code in the text; one of the same class as the three digits first."""
    found = ENHANCED_CODE.findall(said)
    return next((code for code in found if code[0] == digits[0]), found[0] if found else "")
