"""The whole play, as a newcomer sees it: from the file to the answers, on servers of its own."""

import os
import re
import socket
import subprocess
import sys

import pytest
from django.conf import settings

from prospectflow.operations import embedded

FACTS = (
    "No address got the same step twice",
    "No mail left after a stop",
    "Every mail was approved, word for word",
    "The second organisation is untouched",
)


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    """A folder with nothing in it; its servers are stopped at the end."""
    directory = tmp_path_factory.mktemp("demo") / ".local"
    yield directory
    embedded.stop(directory)


@pytest.fixture(scope="module")
def demo(local):
    """Run the demo on the servers of that folder, its web process at this port."""

    def run(port):
        kept = {k: v for k, v in os.environ.items() if not k.startswith("EMBEDDED_")}
        own = {"LOCAL_DIRECTORY": str(local), "PUBLIC_URL": f"http://127.0.0.1:{port}"}
        return subprocess.run(
            [sys.executable, "manage.py", "demo", "--no-serve"],
            cwd=settings.BASE_DIR,
            env=kept | own,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.fixture(scope="module")
def played(demo):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return demo(port)


def test_the_demo_ends_with_every_fact_true(played):
    assert (played.returncode, played.stderr) == (0, "")
    told = [line.strip() for line in played.stdout.splitlines()]
    assert [line for line in told if line.startswith(("true", "FALSE"))] == [
        f"true  {fact}" for fact in FACTS
    ]


def test_what_was_sent_stands_in_the_store(played):
    (sent,) = re.findall(r"(\d+) mails sent", played.stdout)
    (stored,) = re.findall(r"store \((\d+) mails\)", played.stdout)

    assert sent == stored
    assert int(sent) > 100


def test_every_kind_of_answer_was_heard(played):
    for word in ("reply", "out_of_office", "bounce", "objection", "unsubscribed", "replied"):
        assert re.search(rf"│ {word} +│ +[1-9]", played.stdout), word


def test_a_taken_port_is_one_sentence_and_leaves_the_mail_alone(played, demo, local):
    mail = embedded.status(local)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        refused = demo(port)

    assert refused.returncode == 2
    assert refused.stdout == ""
    (sentence,) = refused.stderr.splitlines()
    assert f"Port {port} of 127.0.0.1 is taken" in sentence
    assert "PUBLIC_URL=http://127.0.0.1:" in sentence
    assert embedded.status(local) == mail
