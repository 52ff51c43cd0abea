"""One POST to a stranger's server: only to the public internet, only to whom a name certifies."""

import ssl
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_address
from threading import Thread

import pytest
from cryptography import x509

from outreach.posting import NotPublic, address_of, is_public, post
from outreach.tests.certificates import make_certificate


class Asked(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append((self.path, self.headers["Host"], body))
        self.send_response(202)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Nothing is printed."""


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("tls"), x509.DNSName("localhost"))


@pytest.fixture
def server(certificate):
    """A server that speaks TLS as localhost."""
    server = HTTPServer(("127.0.0.1", 0), Asked)
    server.asked = []
    server.handle_error = lambda *_: None  # who distrusts it breaks off
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def send(url: str, **options) -> int:
    return post(url, b"{}", {"X-Mine": "1"}, **({"seconds": 9, "anywhere": True} | options))


def test_a_server_is_reached_by_tls_under_its_own_name(server, certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))

    assert send(f"https://localhost:{server.server_port}/café?x=é#part") == 202

    host = f"localhost:{server.server_port}"
    assert server.asked == [("/caf%C3%A9?x=%C3%A9", host, b"{}")]


def test_a_certificate_that_nobody_knows_is_not_believed(server):
    with pytest.raises(ssl.SSLCertVerificationError):
        send(f"https://localhost:{server.server_port}/")

    assert server.asked == []


def test_a_certificate_for_another_name_is_not_believed(server, certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))

    with pytest.raises(ssl.SSLCertVerificationError, match="127.0.0.1"):
        send(f"https://127.0.0.1:{server.server_port}/")

    assert server.asked == []


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "0.0.0.0", "10.1.2.3", "169.254.169.254"]
    + ["100.64.0.1", "192.0.0.1", "224.0.0.1", "255.255.255.255", "[::1]", "[::]", "[fe80::1]"]
    + ["[::127.0.0.1]", "[::ffff:10.0.0.1]", "[fd00::1]", "[64:ff9b::a00:1]", "[2002:a00:1::]"]
    + ["[ff02::1]", "[5f00::1]", "[3fff::1]", "[2001:20::1]", "[2001:db8::1]"],
)
def test_nothing_private_is_told(host):
    with pytest.raises(NotPublic):
        send(f"http://{host}:9/", anywhere=False)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_the_internet_is_public(address):
    assert is_public(ip_address(address))


def test_a_name_is_asked_for_as_idna_2008_writes_it():
    assert address_of("https://STRASSE.straße.example/").host == "strasse.xn--strae-oqa.example"
