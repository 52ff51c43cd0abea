"""The process of the OpenID provider: oidc-provider-mock, signing by a key that outlives it."""

import json
import logging
import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import flask
import oidc_provider_mock
import uvicorn
from joserfc.jwk import RSAKey

from .signing import ALGORITHM, key_id


def main() -> None:
    """Serve until the process is ended."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--key", type=Path, required=True)
    parser.add_argument("--user-claims", type=json.loads, action="append", default=[])
    given = parser.parse_args()
    people = [
        oidc_provider_mock.User(sub=claims.pop("sub"), claims=claims)
        for claims in given.user_claims
    ]
    os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"  # it is 127.0.0.1, by plain HTTP
    logging.basicConfig(level=logging.INFO)
    app = make_app(given.key, people)
    uvicorn.run(app, interface="wsgi", host="127.0.0.1", port=given.port, log_config=None)


def make_app(key_file: Path, people: list[oidc_provider_mock.User]) -> flask.Flask:
    """The provider with these people; it would sign by a new key each time it starts."""
    names: Any = {"kid": key_id(key_file), "use": "sig", "alg": ALGORITHM}
    key = RSAKey.import_key(key_file.read_text(), names)
    app = oidc_provider_mock.app(user_claims=people)

    def sign_by_our_key() -> None:
        flask.g.oidc_provider_mock_storage.jwk = key

    app.before_request(sign_by_our_key)  # after its own, which puts the storage there
    return app


if __name__ == "__main__":
    main()
