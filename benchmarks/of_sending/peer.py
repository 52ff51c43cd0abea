"""django-post_office sends mails that wait in its own tables; prints the seconds that it took.

Arguments: the sink's port, how many mails, the text and HTML of one of them as it was sent to Ada;
PEER_DATABASE_URL leads to an empty database.
"""

import logging
import os
import re
import sys
import time
from urllib.parse import urlsplit

import django
from django.conf import settings
from django.core.management import call_command


def configure(url: str, port: int) -> None:
    """The settings of a project that holds nothing else."""
    found = urlsplit(url)
    settings.configure(
        INSTALLED_APPS=["django.contrib.contenttypes", "post_office"],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.postgresql",
                "NAME": found.path[1:],
                "USER": found.username,
                "PASSWORD": found.password,
                "HOST": found.hostname,
                "PORT": found.port,
            }
        },
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        SECRET_KEY="benchmark",  # noqa: S106
        USE_TZ=True,
        EMAIL_HOST="127.0.0.1",
        EMAIL_PORT=port,
        POST_OFFICE={
            "BACKENDS": {"default": "django.core.mail.backends.smtp.EmailBackend"},
        },
    )
    django.setup()
    logging.disable(logging.WARNING)


def queue(mails: int, text: str, html: str) -> None:
    """Mails of one campaign: a template that names each recipient, and the headers that we send."""
    from post_office import mail
    from post_office.models import EmailTemplate

    template = EmailTemplate.objects.create(
        name="first mail",
        subject="Une idée courte pour {{ company }}",
        content=_template_of(text),
        html_content=_template_of(html),
    )
    mail.send_many(
        [
            {
                "sender": "Camille Durand <camille@acme.example.com>",
                "recipients": [f"ada{number}@client.example.com"],
                "template": template,
                "context": {
                    "first_name": "Ada",
                    "company": f"Société {number}",
                    "mark": f"{number:022}",
                },
                "render_on_delivery": True,
                "headers": {
                    "List-Unsubscribe": f"<https://acme.example.com/u/{number}>",
                    "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
                    "Feedback-ID": f"{number}:step0:cold:acme",
                },
            }
            for number in range(mails)
        ]
    )


def _template_of(sent: str) -> str:
    """What was sent to one, for everyone: the name, and the mark at the end of the way out."""
    named = sent.replace("Ada", "{{ first_name }}")
    return re.sub(r"(/u/)[\w-]+", r"\1{{ mark }}", named)


def measure(mails: int) -> float:
    """The seconds for so many mails, all of them queued before."""
    from post_office import mail
    from post_office.models import STATUS, Email

    began = time.perf_counter()
    while Email.objects.filter(status=STATUS.queued).exists():
        mail.send_queued(processes=1)
    took = time.perf_counter() - began
    if Email.objects.filter(status=STATUS.sent).count() != mails:
        raise AssertionError("The peer did not send every mail.")
    return took


if __name__ == "__main__":
    port, mails, text, html = sys.argv[1:]
    configure(os.environ["PEER_DATABASE_URL"], int(port))
    call_command("migrate", verbosity=0)
    queue(int(mails), text, html)
    sys.stdout.write(f"{measure(int(mails))}\n")
