"""Dovecot, as many providers run it: its folder of sent mails is known by its special use alone."""

import imaplib
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from grp import getgrgid
from pathlib import Path
from pwd import getpwnam, getpwuid
from tempfile import TemporaryDirectory

from outreach.tests.mail_server import free_port, wait_for

PASSWORD = "sesame"
SENT = "Courrier parti"
SETTINGS = """
base_dir = {folder}/run
state_dir = {folder}/run
log_path = {folder}/log
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
default_login_user = {user}
default_internal_user = {user}
default_internal_group = {group}
first_valid_uid = 1
first_valid_gid = 0
mail_location = maildir:~/mail
passdb {{
  driver = static
  args = password={{PLAIN}}{password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/%u
}}
namespace inbox {{
  inbox = yes
  separator = /
  mailbox "{sent}" {{
    auto = create
    special_use = \\Sent
  }}
  mailbox Sent {{
    auto = create
  }}
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service anvil {{
  chroot =
}}
"""


@dataclass(frozen=True)
class Dovecot:
    """An IMAP server that lets in whoever knows its one password."""

    imap_port: int

    def keep(self, user: str, raw: bytes, *, folder: str = SENT) -> None:
        """Put a mail into a folder, as a provider does with what it sent."""
        with self.client(user) as client:
            assert client.append(f'"{folder}"', "", "", raw)[0] == "OK"

    def client(self, user: str) -> imaplib.IMAP4:
        client = imaplib.IMAP4("127.0.0.1", self.imap_port)
        client.login(user, PASSWORD)
        return client


@contextmanager
def running_dovecot() -> Iterator[Dovecot]:
    """The server on a port of its own, without any right, for as long as it is needed."""
    with TemporaryDirectory(prefix="dovecot") as name:
        folder, port = Path(name), free_port()
        _configure(folder, port)
        with (folder / "out").open("wb") as output:
            process = subprocess.Popen(
                [_binary(), "-F", "-c", folder / "conf"], stdout=output, stderr=output
            )
        try:
            wait_for(port, process)
            yield Dovecot(port)
        finally:
            process.terminate()
            process.wait()


def _binary() -> str:
    binary = shutil.which("dovecot", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
    assert binary, "install dovecot-imapd: a real one is asked here"
    return binary


def _configure(folder: Path, port: int) -> None:
    """Who is root has its processes run as nobody."""
    owner = getpwnam("nobody") if os.geteuid() == 0 else getpwuid(os.geteuid())
    shutil.chown(folder, owner.pw_uid, owner.pw_gid)
    (folder / "conf").write_text(
        SETTINGS.format(
            folder=folder,
            port=port,
            user=owner.pw_name,
            uid=owner.pw_uid,
            gid=owner.pw_gid,
            group=getgrgid(owner.pw_gid).gr_name,
            password=PASSWORD,
            sent=SENT,
        )
    )
