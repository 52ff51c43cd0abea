"""Settings come from the environment: all are listed, and a wrong one is named in a sentence."""

import os
import re
import subprocess
import sys

import pytest
from django.conf import settings

from prospectflow.operations.embedded.state import PORT_SETTINGS

ROOT = settings.BASE_DIR
NAMES = "from prospectflow import settings; print(*sorted(settings.env.names))"
LOAD = "from prospectflow import settings"
KEY = "bm90LWEtc2VjcmV0LWJ1dC1leGFjdGx5LTMyLWJ5dGU="
SERVER = {
    "DEBUG": "off",
    "SECRET_KEY": "none",
    "TOKEN_KEYS": KEY,
    "CREDENTIAL_KEYS": KEY,
    "DATABASE_URL": "postgres://prospectflow_app:none@127.0.0.1:1/prospectflow",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "PUBLIC_URL": "https://prospectflow.example",
    "ALLOWED_HOSTS": "prospectflow.example",
    "COGNITO_USER_POOL_ID": "eu-west-1_NotAPool1",
    "COGNITO_CLIENT_ID": "not-a-client",
}


def load(code=LOAD, **variables):
    """Read the settings in a process of its own, which knows nothing but these variables."""
    plain = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=plain | variables,
        capture_output=True,
        text=True,
        timeout=60,
    )


def asked_for(**variables):
    ended = load(NAMES, **variables)
    assert ended.returncode == 0, ended.stderr
    return set(ended.stdout.split())


def listed():
    lines = (ROOT / ".env.example").read_text().splitlines()
    return {found[1] for line in lines if (found := re.match(r"(?:# )?([A-Z][A-Z0-9_]+)=", line))}


def of_compose():
    return set(re.findall(r"\$\{([A-Z_]+)", (ROOT / "docker-compose.yml").read_text()))


def test_the_example_lists_every_setting_and_no_other(tmp_path):
    on_a_laptop = asked_for(LOCAL_DIRECTORY=str(tmp_path))
    on_a_server = asked_for(**SERVER)

    assert on_a_laptop < on_a_server  # else a setting of production would go unseen
    assert listed() == on_a_server | set(PORT_SETTINGS.values()) | of_compose()


def test_the_example_itself_is_a_file_that_settings_can_be_read_from(tmp_path):
    lines = (ROOT / ".env.example").read_text().splitlines()
    values = dict(
        line.removeprefix("# ").split("=", 1) for line in lines if re.match(r"# [A-Z_]+=", line)
    )
    ended = load(**values | {"LOCAL_DIRECTORY": str(tmp_path)})

    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize(
    "name",
    [
        "SECRET_KEY",
        "TOKEN_KEYS",
        "CREDENTIAL_KEYS",
        "DATABASE_URL",
        "REDIS_URL",
        "PUBLIC_URL",
        "ALLOWED_HOSTS",
    ],
)
@pytest.mark.parametrize("state", ["unset", "empty"])
def test_a_missing_setting_stops_with_a_sentence_that_names_it(name, state):
    given = SERVER | {name: ""}
    if state == "unset":
        del given[name]

    ended = load(**given)

    assert ended.returncode != 0
    assert f"ImproperlyConfigured: {name} is not set: " in ended.stderr


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        ("DEBUG", "maybe", "true or false"),
        ("PASSWORD_SIGN_IN", "2", "true or false"),
        ("SECURE_SSL_REDIRECT", "perhaps", "true or false"),
        ("DATABASE_CONNECTION_SECONDS", "a minute", "a whole number"),
        ("SECURE_HSTS_SECONDS", "1.5", "a whole number"),
        ("DATABASE_CONNECTION_SECONDS", "-3", "a whole number"),
        ("AUDIT_RETENTION_DAYS", "89", "a whole number, 90 or more"),
        ("AUDIT_RETENTION_DAYS", "9999999", "a whole number, 90 or more"),
        ("IMPORT_FILE_DAYS", "0", "a whole number, 1 or more"),
        ("VERIFICATION_DNS_SECONDS", "0", "a whole number, 1 or more"),
        ("VERIFICATION_NAMESERVERS", "dns.example", "IP addresses such as 192.0.2.53"),
        ("VERIFICATION_NAMESERVERS", "192.0.2.53:dns", "IP addresses such as 192.0.2.53"),
        ("DATABASE_ROLE", "superuser", "app or owner"),
        ("LOG_LEVEL", "LOUD", "DEBUG or INFO or"),
        ("PUBLIC_URL", "foo", "a URL such as https://"),
        ("PUBLIC_URL", "redis://host", "a URL such as https://"),
        ("REDIS_URL", "nonsense", "a URL such as redis://"),
        ("CREDENTIAL_KEYS", "short", "keys of 32 bytes"),
        ("DATABASE_URL", "mysql://root@127.0.0.1/x", "a URL such as postgres://"),
        ("DATABASE_URL", "postgres://prospectflow_app@127.0.0.1:port/x", "a URL such as postgres://"),
        ("DATABASE_URL", "nonsense", "a URL such as postgres://"),
        ("DATABASE_URL", "postgres://prospectflow_app@127.0.0.1:5432/", "a URL such as postgres://"),
    ],
)  # fmt: skip
def test_a_malformed_setting_stops_with_a_sentence_that_names_it(name, value, kind):
    ended = load(**SERVER | {name: value})

    assert ended.returncode != 0
    assert f"ImproperlyConfigured: {name} is malformed: it must be {kind}" in ended.stderr


def test_nameservers_are_addresses_and_listen_on_port_53_unless_another_is_said():
    program = "from prospectflow import settings; print(settings.VERIFICATION_NAMESERVERS)"

    given = "192.0.2.53, 127.0.0.1:5353,2001:db8::53,[::1]:5353"
    printed = load(program, **SERVER | {"VERIFICATION_NAMESERVERS": given}).stdout

    assert printed == (
        "[('192.0.2.53', 53), ('127.0.0.1', 5353), ('2001:db8::53', 53), ('::1', 5353)]\n"
    )


def test_a_malformed_value_is_not_repeated_since_it_may_be_a_secret():
    ended = load(**SERVER | {"DATABASE_URL": "mysql://root:hunter2@127.0.0.1/x"})

    assert "hunter2" not in ended.stderr


def test_the_command_line_says_it_without_a_traceback():
    program = "import sys; sys.argv = ['manage.py', 'check']; import manage; manage.main()"
    ended = load(program, **SERVER | {"DEBUG": "maybe"})

    assert ended.returncode == 2
    assert ended.stderr == (
        "DEBUG is malformed: it must be true or false; .env.example shows an example.\n"
    )


def test_nobody_signs_in_by_password_on_a_server():
    ended = load(**SERVER | {"DEBUG": "off", "PASSWORD_SIGN_IN": "on"})

    assert ended.returncode != 0
    assert "ImproperlyConfigured: PASSWORD_SIGN_IN is on although DEBUG is off" in ended.stderr


def test_without_password_sign_in_nothing_checks_passwords():
    program = "from prospectflow import settings; print(settings.AUTHENTICATION_BACKENDS)"

    printed = load(program, **SERVER | {"DEBUG": "off"}).stdout

    assert printed == "['iam.signing_in.backend.ProviderBackend']\n"


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"COGNITO_USER_POOL_ID": "", "COGNITO_CLIENT_ID": ""}, "No sign-in provider is set: "),
        ({"COGNITO_CLIENT_ID": ""}, "COGNITO_CLIENT_ID is missing."),
        ({"COGNITO_USER_POOL_ID": "pool"}, "COGNITO_USER_POOL_ID must look like "),
        ({"COGNITO_REGION": "eu-west-3"}, "COGNITO_REGION is eu-west-3, but "),
        ({"OIDC_ISSUER": "https://id.example"}, "Give either COGNITO_USER_POOL_ID or OIDC_ISSUER"),
        ({"OIDC_TIMEOUT_SECONDS": "soon"}, "OIDC_TIMEOUT_SECONDS must be a number above 0"),
    ],
)
def test_a_server_without_a_usable_provider_says_what_is_wrong(given, sentence):
    ended = load(**SERVER | given)

    assert ended.returncode != 0
    assert f"ImproperlyConfigured: {sentence}" in ended.stderr


def test_a_laptop_signs_in_with_the_embedded_provider_unless_another_is_given(tmp_path):
    program = "from prospectflow import settings as s; print(s.EMBEDDED_PROVIDER, s.AUTH.issuer)"
    local = {"LOCAL_DIRECTORY": str(tmp_path), "EMBEDDED_OIDC_PORT": "29400"}
    other = {"OIDC_ISSUER": "https://id.example", "OIDC_CLIENT_ID": "us"}

    assert load(program, **local).stdout == "True http://127.0.0.1:29400\n"
    assert load(program, **local | other).stdout == "False https://id.example\n"
