"""Servers that refuse, stall and hang up as they are told."""

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from outreach.smtp import Envelope, SmtpAccount, connect

RAW = b"Subject: Bonjour\r\n\r\n.une ligne avec un point\r\n.\r\nfin\r\n"
SENDER, RECIPIENT = "zoe@atelier.example.com", "jean@client.example.com"


class Server(Controller):
    """A server on a free port of the loopback."""

    def __init__(self, script, **options):
        super().__init__(script, hostname="127.0.0.1", port=0, **options)

    def _trigger_server(self):
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


class Script:
    """A server's answers, stage by stage; what it took over stays in `mails`."""

    def __init__(self):
        self.mails, self.sessions = [], 0
        self.offers_pipelining = False
        self.answers, self.hang_up_at, self.passwords = {}, set(), {"zoe": "sesame"}

    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        self.sessions += 1
        session.host_name = hostname
        return [*responses[:1], *["250-PIPELINING"] * self.offers_pipelining, *responses[1:]]

    async def handle_MAIL(self, server, session, envelope, address, options):
        return self._answer("MAIL", server) or self._keep(envelope, "mail_from", address)

    async def handle_RCPT(self, server, session, envelope, address, options):
        if refusal := self._answer("RCPT", server):
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server, session, envelope):
        refusal = self._answer("DATA", server)
        if refusal is None:
            self.mails.append((envelope.mail_from, envelope.rcpt_tos, envelope.original_content))
        return refusal or "250 2.0.0 Queued as 42"

    def _answer(self, stage, server):
        if stage in self.hang_up_at:
            server.transport.abort()
            return "421 never seen"
        return self.answers.pop(stage, None)

    def _keep(self, envelope, name, value):
        setattr(envelope, name, value)
        return "250 2.1.0 OK"

    def authenticate(self, server, session, envelope, mechanism, data):
        known = self.passwords.get(data.login.decode()) == data.password.decode()
        return AuthResult(success=known, handled=False)


def send(account: SmtpAccount, recipient=RECIPIENT):
    with connect(account) as connection:
        return connection.transmit(Envelope(SENDER, recipient), RAW)


GREETING = (b"220 ready\r\n", b"250-hello\r\n250 PIPELINING\r\n")
