"""One session: 24 hours from its last request, a week from its sign-in, whichever ends first."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY as USER_KEY
from django.contrib.sessions.backends.base import CreateError, SessionBase, UpdateError
from django.contrib.sessions.exceptions import SessionInterrupted
from django.utils import timezone

from iam.sessions import scripts
from iam.sessions.keys import StoreUnreachable, index_of, name_of, public_id, redis
from iam.sessions.visitors import Visitor
from prospectflow.tenancy.middleware import SIGNED_IN_KEY

__all__ = ["SessionStore", "StoreUnreachable", "require_store"]
SEEN_KEY, AGENT_KEY, ADDRESS_KEY = "seen_at", "agent", "address"


def require_store() -> None:
    """StoreUnreachable unless the store answers now."""
    with redis() as server:
        server.ping()


class SessionStore(SessionBase):
    """Reads with one command, saves with one, and stays in the index of its person.

    Saving never brings back a session that was ended meanwhile; it raises UpdateError.
    """

    clock = staticmethod(timezone.now)
    visitor: Visitor | None = None

    @property
    def public_id(self) -> str | None:
        """What this session is called where people read it; None before it is kept."""
        return public_id(self.session_key) if self.session_key else None

    @property
    def signed_in_at(self) -> datetime | None:
        """When its person last proved who they are; None for nobody's session."""
        moment = self.get(SIGNED_IN_KEY)
        return datetime.fromisoformat(moment) if moment else None

    def __setitem__(self, key: str, value: Any) -> None:
        super().__setitem__(key, value)
        if key == USER_KEY:  # whoever signs in, be it once more, begins a new week
            super().__setitem__(SIGNED_IN_KEY, self.clock().isoformat())

    def load(self) -> dict[str, Any]:
        """What is kept, or nothing and no key where there is none, or its week is over."""
        with redis() as server:
            kept = server.get(name_of(self.public_id or ""))
        if kept is None:
            self._session_key = None
            return {}
        self._session_cache = self.decode(kept.decode())
        if self._last_moment() <= self.clock():
            self.flush()
        return self._session_cache

    def exists(self, session_key: str) -> bool:
        with redis() as server:
            return bool(server.exists(name_of(public_id(session_key))))

    def create(self) -> None:
        """Keep what is here under a new key."""
        self._session_key = self._get_new_session_key()
        self.save(must_create=True)
        self.modified = True

    def save(self, must_create: bool = False) -> None:
        """Keep what is here; UpdateError if the session has ended since it was read."""
        if self.session_key is None:
            return self.create()
        session = self._get_session(no_load=must_create)
        self._note_visit(session)
        owned = [index_of(session[USER_KEY])] if USER_KEY in session else []
        with redis() as server:
            saved = server.register_script(scripts.SAVE)(
                keys=[name_of(self.public_id or ""), *owned],
                args=[
                    self.encode(session),
                    self.get_expiry_age(),
                    "NX" if must_create else "XX",
                    self.public_id,
                    int(self._last_moment().timestamp()),
                    int(self.clock().timestamp()),
                    settings.SESSION_ABSOLUTE_AGE,
                ],
            )
        if not saved:
            raise CreateError if must_create else UpdateError
        return None

    def delete(self, session_key: str | None = None) -> None:
        """End the session at once."""
        key = session_key or self.session_key
        if key is None:
            return
        ended = public_id(key)
        with redis() as server, server.pipeline(transaction=True) as steps:
            steps.delete(name_of(ended))
            steps.zrem(index_of(self.get(USER_KEY)), ended)
            steps.execute()

    def flush(self) -> None:
        """End the session and forget what it knew."""
        self.delete()  # before clear(): the index is found by what the session knows
        self.clear()
        self._session_key = None

    def cycle_key(self) -> None:
        """Go on under a new key; SessionInterrupted if the session has ended meanwhile."""
        owner, old = self.get(USER_KEY), self.public_id
        if old is None:
            return self.create()
        self._session_key = self._get_new_session_key()
        with redis() as server:
            renamed = server.register_script(scripts.RENAME)(
                keys=[name_of(old), name_of(self.public_id or ""), index_of(owner)],
                args=[old, self.public_id],
            )
        if not renamed:
            self.clear()
            self._session_key = None
            raise SessionInterrupted("This session has ended: sign in again.")
        self.modified = True
        return None

    def get_expiry_age(self, **known: Any) -> int:
        """Seconds until the session ends if nobody comes back: never past its week."""
        left = int((self._last_moment() - self.clock()).total_seconds())
        return max(1, min(super().get_expiry_age(**known), left))

    @classmethod
    def clear_expired(cls) -> None:
        """Nothing is left to do: Redis forgets by itself."""

    def _last_moment(self) -> datetime:
        begun = self.signed_in_at or self.clock()
        return begun + timedelta(seconds=settings.SESSION_ABSOLUTE_AGE)

    def _note_visit(self, session: dict[str, Any]) -> None:
        if USER_KEY in session and self.visitor is not None:
            session[SEEN_KEY] = self.clock().isoformat()
            session[AGENT_KEY], session[ADDRESS_KEY] = self.visitor.agent, self.visitor.address
