"""The words that columns of companies, people and positions may hold."""

from django.db import models


class Diffusion(models.TextChoices):
    """Whether the register may show the company to prospectors (Sirene, statutDiffusion)."""

    OPEN = "O", "open"
    OPPOSED = "P", "opposed to prospecting"


class Nomenclature(models.TextChoices):
    """The edition of the French activity list a code belongs to; the code alone cannot say."""

    NAF_REV_2 = "NAFRev2", "NAF rév. 2"
    NAF_2025 = "NAF2025", "NAF 2025"
    NAF_REV_1 = "NAFRev1", "NAF rév. 1"
    NAF_1993 = "NAF1993", "NAF 1993"
    NAP = "NAP", "NAP"


class PhoneKind(models.TextChoices):
    MOBILE = "mobile"
    FIXED = "fixed"
    VOIP = "voip"
    OTHER = "other"


class PhoneSource(models.TextChoices):
    """Who supplied a number."""

    PHAROW = "pharow"
    KASPR_1 = "kaspr_1"
    KASPR_2 = "kaspr_2"
    KASPR_3 = "kaspr_3"
    BETTERCONTACT = "bettercontact"
    FULLENRICH_1 = "fullenrich_1"
    FULLENRICH_2 = "fullenrich_2"
    FULLENRICH_3 = "fullenrich_3"
    FILE = "file"
    HAND = "hand"


class EmailStatus(models.TextChoices):
    """What the suppliers' many words for an address come down to."""

    VALID = "valid"
    CATCH_ALL_LIKELY = "catch_all_likely"
    CATCH_ALL = "catch_all"
    UNKNOWN = "unknown"
    GENERIC = "generic"
    INVALID = "invalid"
    DO_NOT_CONTACT = "do_not_contact"


RARE_STATUSES = (EmailStatus.GENERIC, EmailStatus.INVALID, EmailStatus.DO_NOT_CONTACT)


class DomainState(models.TextChoices):
    """Whether the servers of a domain say that they take mail."""

    ACCEPTS = "accepts"
    REFUSES = "refuses"
    UNKNOWN = "unknown"


class ConsentState(models.TextChoices):
    GIVEN = "given"
    WITHDRAWN = "withdrawn"


class ConsentPurpose(models.TextChoices):
    OPEN_TRACKING = "open_tracking"
