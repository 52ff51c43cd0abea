"""Who takes part: two organisations, their people and mailboxes, and one campaign."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from crm.choices import ConsentPurpose, ConsentState
from crm.models import Consent, Position
from iam.models import Membership, Organisation, Role, User
from iam.services import found_organisation
from outreach.models import Campaign, Mailbox, StepExperiment, Variant, WorkflowStep
from outreach.services.mailboxes import set_password
from prospectflow.operations.embedded import MailSettings
from prospectflow.operations.embedded.mail import SENDERS
from prospectflow.operations.embedded.oidc import PEOPLE, Person
from prospectflow.tenancy.context import tenant

OWNER, COLLEAGUE = PEOPLE
ORGANISATIONS = (
    {
        "name": "Studio Lumière",
        "slug": "studio-lumiere",
        "legal_name": "Studio Lumière SAS",
        "legal_form": "SAS au capital de 10 000 €",
        "siren": "732829320",
        "legal_address": "12 rue Sainte\n13001 Marseille",
    },
    {
        "name": "Agence Calanque",
        "slug": "agence-calanque",
        "legal_name": "Agence Calanque SARL",
        "legal_form": "SARL",
        "siren": "552100554",
        "legal_address": "4 quai de Rive Neuve\n13007 Marseille",
    },
)
SIGNATURES = (
    ("Camille Durand", "Camille Durand\nStudio Lumière, films courts à Marseille"),
    ("Sofia Marchetti", "Sofia Marchetti\nAgence Calanque"),
)
SUBJECT_A = "Un film de trente secondes pour votre salle"
SUBJECT_B = "Montrer votre salle en vidéo, {{ first_name }} ?"
FIRST = """Bonjour {{ first_name }},

Je filme des bars et des restaurants de la région de Marseille, et {opening}

L’idée est simple : une demi-journée de tournage chez vous, sans déranger le service, et trois \
vidéos de trente secondes prêtes pour Instagram et pour votre fiche Google. Vous choisissez ce \
que l’on montre : la salle, la terrasse, un plat, l’équipe.

Les établissements avec qui j’ai travaillé s’en servent surtout pour remplir les soirs calmes, \
et gardent tous les droits sur les images.

Auriez-vous quinze minutes cette semaine ou la suivante pour en parler ?

Bien à vous,"""
OPENING_A = (
    "j’ai pensé à {{ company }}{% if city %} en préparant mes tournages à {{ city }}{% endif %}."
)
OPENING_B = "je me demande si {{ company }} a déjà des images récentes de sa salle."
SECOND = """Bonjour {{ first_name }},

Je me permets de revenir vers vous au sujet de {{ company }}. Pour vous donner une idée concrète : \
la dernière journée que j’ai tournée dans un bar du Vieux-Port a donné quatre vidéos, prêtes en \
une semaine, et le patron les publie lui-même depuis son téléphone.

Je peux vous envoyer deux exemples, proches de votre établissement par la taille et par le style, \
avec le prix exact et le déroulé de la demi-journée. Vous jugerez sur pièces, sans engagement, et \
vous me direz si cela mérite un café.

Souhaitez-vous que je vous les envoie ?

Bien à vous,"""
THIRD = """Bonjour {{ first_name }},

C’est mon dernier message à ce sujet. Si des vidéos courtes de {{ company }} ne sont pas une \
priorité en ce moment, je le comprends très bien, et je ne vous relancerai pas.

Si le sujet revient au printemps, avec les terrasses et les touristes, gardez simplement mon \
adresse : une demi-journée suffit, et je bloque volontiers une date à l’avance pour les \
établissements de la région qui me le demandent assez tôt.

Préférez-vous que je vous recontacte à ce moment-là ?

Bien à vous,"""


@dataclass(frozen=True)
class Stage:
    """What the play needs to know of its cast."""

    first: Organisation
    second: Organisation
    password: str


def gather(mail: MailSettings) -> Stage:
    """Make the cast anew; what an earlier demo left behind goes first."""
    for left in Organisation.objects.filter(slug__in=[each["slug"] for each in ORGANISATIONS]):
        with tenant(left.pk):
            left.delete()
    User.objects.filter(email__in=[each.email for each in PEOPLE]).delete()
    password = secrets.token_urlsafe(9)
    owner, colleague = _account(OWNER, password), _account(COLLEAGUE)
    first, second = (found_organisation(owner=owner, **each) for each in ORGANISATIONS)
    for organisation, address, (name, signature) in zip(
        (first, second), SENDERS, SIGNATURES, strict=True
    ):
        with tenant(organisation.pk, user_id=owner.pk):
            Membership.objects.create(user=colleague, role=Role.MEMBER)
            _mailbox(address, name, signature, mail)
    return Stage(first, second, password)


def _account(person: Person, password: str | None = None) -> User:
    return User.objects.create_user(
        person.email, password, first_name=person.first_name, last_name=person.last_name
    )


def _mailbox(address: str, name: str, signature: str, mail: MailSettings) -> Mailbox:
    mailbox = Mailbox(
        address=address,
        display_name=name,
        signature=signature,
        username=address,
        smtp_host=mail.host,
        smtp_port=mail.smtp_port,
        smtp_security=Mailbox.Security.PLAIN,
        imap_host=mail.host,
        imap_port=mail.imap_port,
        imap_security=Mailbox.Security.PLAIN,
    )
    set_password(mailbox, mail.password)
    mailbox.save()
    return mailbox


def compose_campaign() -> Campaign:
    """Three steps, day 0, +4 and +5 working days; two variants of the first are compared."""
    campaign = Campaign.objects.create(
        name="Vidéos courtes pour les bars et restaurants",
        value_prop="Trois vidéos de trente secondes en une demi-journée de tournage.",
        justification="Gérants et directeurs d’établissements décident de leur communication.",
        from_mailbox=Mailbox.objects.get(),
        track_opens=True,
    )
    steps = [
        WorkflowStep.objects.create(
            campaign=campaign,
            step_index=index,
            delay_days=delay,
            subject_template=subject,
            body_template=body,
        )
        for index, (delay, subject, body) in enumerate(
            [(0, SUBJECT_A, FIRST.replace("{opening}", OPENING_A)), (4, "", SECOND), (5, "", THIRD)]
        )
    ]
    experiment = StepExperiment.objects.create(workflow_step=steps[0], name="Ouverture")
    for key, subject, opening in (("A", SUBJECT_A, OPENING_A), ("B", SUBJECT_B, OPENING_B)):
        Variant.objects.create(
            step_experiment=experiment,
            key=key,
            subject_template=subject,
            body_template=FIRST.replace("{opening}", opening),
        )
    return campaign


def gather_consents(*, at: datetime) -> int:
    """Every eighth person once said yes to being measured, in a form at a trade fair."""
    people = list(
        Position.objects.sendable().order_by("email").values_list("person_id", flat=True)
    )[::8]
    Consent.objects.bulk_create(
        Consent(
            person_id=person,
            purpose=ConsentPurpose.OPEN_TRACKING,
            state=ConsentState.GIVEN,
            at=at - timedelta(days=30),
            source="form at a trade fair",
            text_version="2026-04",
        )
        for person in dict.fromkeys(people)
    )
    return len(people)
