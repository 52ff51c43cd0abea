"""Addresses are suppressed by keyed hashes, domains by name; the list outlives its key."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from outreach.models import Suppression
from outreach.services.suppressing import (
    NothingToSuppress,
    SuppressionsUnreadable,
    address_or_domain,
    suppress_address,
    suppress_domain,
    suppressed_among,
    suppression_of,
)
from outreach.states import SuppressionReason
from prospectflow.tenancy.context import tenant
from prospectflow.testing.factories import NOON

ADA = "ada@shop.example.com"


def suppress(address, reason=SuppressionReason.BY_HAND):
    suppress_address(address, reason=reason, source="test", at=NOON)


def bar(domain):
    suppress_domain(domain, reason=SuppressionReason.BY_HAND, source="test", at=NOON)


def test_only_a_keyed_hash_of_the_address_is_kept(inside, settings):
    suppress(ADA)
    first = Suppression.objects.get().address_hash
    Suppression.objects.all().delete()
    settings.TOKEN_KEYS = ["another key of some length"]
    suppress(ADA)

    row = Suppression.objects.values().get()
    assert row["address_hash"] != first
    told = " ".join(map(str, row.values())).lower()  # "ada" alone may stand in a hash
    assert not any(part in told for part in ("ada@", "@shop", "shop.example"))


@pytest.mark.parametrize("spelling", [ADA, ADA.upper(), f"  {ADA}\n"])
def test_an_address_is_known_however_it_is_written(inside, spelling):
    suppress(spelling)

    assert suppression_of(ADA)
    assert suppression_of(spelling)
    assert suppression_of("bea@shop.example.com") is None


def test_the_first_reason_stands(inside):
    suppress(ADA, SuppressionReason.OBJECTION)
    suppress(ADA, SuppressionReason.BOUNCED)

    assert Suppression.objects.get().reason == SuppressionReason.OBJECTION


def test_a_list_begun_with_an_older_key_still_counts(inside, settings):
    settings.TOKEN_KEYS = ["old key"]
    suppress(ADA)
    settings.TOKEN_KEYS = ["new key", "old key"]

    assert suppression_of(ADA)
    assert suppressed_among([ADA, "bea@shop.example.com"]) == {ADA}


def test_with_a_lost_key_nobody_is_written_to(inside, settings):
    settings.TOKEN_KEYS = ["old key"]
    suppress(ADA)
    settings.TOKEN_KEYS = ["new key"]

    for ask in (lambda: suppression_of("bea@b.example.com"), lambda: suppressed_among([])):
        with pytest.raises(SuppressionsUnreadable, match="TOKEN_KEYS has lost"):
            ask()


@pytest.mark.parametrize("lost", ["first key", "second key", "third key"])
def test_whichever_of_three_keys_is_lost_nobody_is_written_to(inside, settings, lost):
    keys = ["first key", "second key", "third key"]
    settings.TOKEN_KEYS = [lost]
    suppress(ADA)
    settings.TOKEN_KEYS = keys
    assert suppressed_among([ADA]) == {ADA}

    settings.TOKEN_KEYS = [key for key in keys if key != lost]

    with pytest.raises(SuppressionsUnreadable):
        suppressed_among([])


@pytest.mark.parametrize("address", [ADA, "BEA@Shop.Example.com"])
def test_a_domain_covers_everybody_at_it(inside, address):
    bar(" Shop.Example.COM ")

    assert suppression_of(address).domain == "shop.example.com"
    assert suppressed_among([address]) == {address}


@pytest.mark.parametrize("typed", ["müller.de", " MÜLLER.DE", "xn--mller-kva.de"])
@pytest.mark.parametrize("asked", ["ada@xn--mller-kva.de", "Ada@Müller.de"])
def test_an_international_domain_is_known_however_it_is_written(inside, typed, asked):
    """Prospects' addresses are stored with their domains in ASCII, as mail servers know them."""
    suppress(f"ada@{typed.strip()}")
    assert suppression_of(asked)
    assert suppression_of(f"eve{asked[3:]}") is None

    bar(typed)
    assert suppression_of(f"eve{asked[3:]}")


def test_what_is_typed_is_kept_as_prospects_are():
    assert address_or_domain(" Zoe@MÜLLER.de ") == "zoe@xn--mller-kva.de"
    assert address_or_domain("straße.de") == "xn--strae-oqa.de"
    for typed in ("zoe@-ü-.de", "zoe@ü..de", f"{'ü' * 64}.de"):
        with pytest.raises(NothingToSuppress):
            address_or_domain(typed)


@pytest.mark.parametrize(
    "address", ["ada@example.com", "ada@myshop.example.com", "ada@shop.example.com.fr"]
)
def test_a_domain_covers_no_other_domain(inside, address):
    bar("shop.example.com")

    assert suppression_of(address) is None
    assert suppressed_among([address]) == set()


def test_one_organisations_list_binds_no_other(organisation, other_organisation):
    with tenant(organisation.pk):
        suppress(ADA)
        bar("shop.example.com")

    with tenant(other_organisation.pk):
        assert suppression_of(ADA) is None
        assert suppressed_among([ADA]) == set()


def test_many_addresses_cost_as_much_as_one(inside):
    addresses = [f"person{n}@shop{n % 7}.example.com" for n in range(300)]
    for address in addresses[::3]:
        suppress(address)
    bar("shop1.example.com")

    with CaptureQueriesContext(connection) as few:
        suppressed_among(addresses[:1])
    with CaptureQueriesContext(connection) as many:
        found = suppressed_among(addresses)

    assert len(many) == len(few) == 3
    assert found == {a for n, a in enumerate(addresses) if n % 3 == 0 or n % 7 == 1}


def test_of_nothing_nothing_is_suppressed(inside):
    assert suppressed_among([]) == set()
