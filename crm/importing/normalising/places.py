"""French addresses: postcode, city and department."""

import re

from crm.importing.normalising.texts import cleaned

POSTCODE_AND_CITY = re.compile(r"(?:^|[\s,])([0-9]{5})\s+([^\d,][^,]{0,99})$")
CORSICA = {"200": "2A", "201": "2A", "202": "2B", "206": "2B"}
DEPARTMENT = re.compile(r"0[1-9]|1[0-9]|2[1-9AB]|[3-8][0-9]|9[0-5]|97[1-8]|98[678]")


def postcode_and_city(address: str) -> tuple[str | None, str | None]:
    """Postcode and city at the end of a French address; a SIRET is never taken for a postcode."""
    found = POSTCODE_AND_CITY.search(cleaned(address))
    return (found[1], found[2].strip()) if found else (None, None)


def department_of(code: str) -> str | None:
    """The department in which a postcode, or a commune of INSEE's list, lies; else None.

    Two digits, three overseas, 2A and 2B in Corsica.
    """
    if len(code) != 5 or not code.isascii() or not code[2:].isdigit():
        return None
    overseas = code.startswith(("97", "98"))
    found = CORSICA.get(code[:3]) or (code[:3] if overseas else code[:2])
    return found if DEPARTMENT.fullmatch(found) else None
