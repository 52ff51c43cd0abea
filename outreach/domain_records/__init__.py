"""What a sending domain publishes in the DNS: SPF, DKIM, DMARC and where it takes mail."""

from outreach.domain_records.asking import Asker, Finding, State
from outreach.domain_records.dkim import check_dkim
from outreach.domain_records.dmarc import check_dmarc
from outreach.domain_records.mx import check_mx
from outreach.domain_records.reserved import RESERVED, is_reserved
from outreach.domain_records.spf import check_spf

__all__ = [
    "RESERVED",
    "Asker",
    "Finding",
    "State",
    "check_dkim",
    "check_dmarc",
    "check_mx",
    "check_spf",
    "is_reserved",
]
