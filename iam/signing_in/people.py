"""Which person an identity of the provider is: by its subject, and by nothing else."""

from django.db import IntegrityError, transaction

from iam.auth import Identity
from iam.models import User
from iam.signing_in.refusals import AccountClosed, AddressTaken


@transaction.atomic
def person_of(identity: Identity) -> tuple[User, bool]:
    """The user with this subject, who may have no place anywhere, and whether they are new here.

    The first verified sign-in with an address claims the row that was made for it beforehand,
    once. Raises AddressTaken and AccountClosed.
    """
    known = User.objects.filter(cognito_sub=identity.subject)
    found = known.first()
    user = found or _claimed(identity)
    if not user.is_active:
        raise AccountClosed
    _follow(user, identity)
    return user, found is None


def _claimed(identity: Identity) -> User:
    # Both statements wait for a sign-in that does the same at the same time, then do nothing.
    waiting = User.objects.filter(email=identity.email, cognito_sub=None)
    if not waiting.update(cognito_sub=identity.subject):
        new = User(email=identity.email, cognito_sub=identity.subject)
        new.set_unusable_password()
        User.objects.bulk_create([new], ignore_conflicts=True)
    user = User.objects.filter(cognito_sub=identity.subject).first()
    if user is None:
        raise AddressTaken
    return user


def _follow(user: User, identity: Identity) -> None:
    """Take over the provider's address and names; an address of another row stays theirs."""
    names = {"first_name": identity.first_name, "last_name": identity.last_name}
    _change(user, {name: value for name, value in names.items() if value})
    try:
        with transaction.atomic():
            _change(user, {"email": identity.email})
    except IntegrityError:
        user.refresh_from_db(fields=["email"])


def _change(user: User, values: dict[str, str]) -> None:
    changed = [name for name, value in values.items() if getattr(user, name) != value]
    if changed:
        for name in changed:
            setattr(user, name, values[name])
        user.save(update_fields=changed)
