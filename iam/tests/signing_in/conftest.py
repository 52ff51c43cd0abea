"""The providers that people sign in with: one certified, one in Cognito's manner, a laptop's."""

import pytest

from iam.tests import providers
from iam.tests.signing_in.browser import PUBLIC_URL, trusted


@pytest.fixture(scope="package")
def certified():
    with providers.certified(PUBLIC_URL) as running:
        yield running


@pytest.fixture(scope="package")
def mock():
    with providers.mock() as running:
        yield running


@pytest.fixture(params=["certified", "mock"])
def provider(request, settings, db):
    """Each of the two in turn, with Ada on its books."""
    return trusted(request.getfixturevalue(request.param), settings)


@pytest.fixture
def pool(certified, settings, db):
    """The certified one alone, trusted as a Cognito user pool is."""
    keys = f"{certified.issuer}/.well-known/jwks.json"
    return trusted(certified, settings, cognito=True, jwks_uri=keys)


@pytest.fixture
def dead():
    """A provider that is not there."""
    address = f"http://127.0.0.1:{providers.free_port()}"
    return providers.Provider(address, address)
