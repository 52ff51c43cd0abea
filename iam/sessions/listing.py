"""The sessions of one person: seen, and ended one by one or together."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings

from iam.sessions import scripts
from iam.sessions.keys import index_of, name_of, redis
from iam.sessions.store import ADDRESS_KEY, AGENT_KEY, SEEN_KEY, SessionStore
from iam.sessions.visitors import device
from prospectflow.tenancy.middleware import SESSION_KEY, SIGNED_IN_KEY


@dataclass(frozen=True)
class SessionInfo:
    """One signed-in browser; `id` names it to people and never opens it."""

    id: str
    signed_in_at: datetime
    seen_at: datetime
    device: str
    ip: str
    organisation_id: UUID | None


def sessions_of(user_id: UUID, *, now: datetime) -> list[SessionInfo]:
    """The person's sessions that still open a door, the last seen first."""
    oldest = now - timedelta(seconds=settings.SESSION_ABSOLUTE_AGE)
    found = [_info(session_id, session) for session_id, session in _kept(user_id)]
    alive = [session for session in found if session.signed_in_at > oldest]
    return sorted(alive, key=lambda session: session.seen_at, reverse=True)


def end_session(user_id: UUID, session_id: str) -> bool:
    """End one of the person's sessions; False if it is none of theirs."""
    with redis() as server:
        ended = server.register_script(scripts.END_ONE)(
            keys=[name_of(session_id), index_of(user_id)], args=[session_id]
        )
    return bool(ended)


def end_sessions(user_id: UUID, *, keep: str | None = None) -> int:
    """End all of the person's sessions but the one to keep; returns how many ended."""
    with redis() as server:
        ended = server.register_script(scripts.END_ALL)(
            keys=[index_of(user_id)], args=[name_of(""), keep or ""]
        )
    return int(ended)


def end_sessions_in(user_id: UUID, organisation_id: UUID) -> int:
    """End those of the person's sessions that stand in this organisation; returns how many."""
    return sum(
        end_session(user_id, session_id)
        for session_id, session in _kept(user_id)
        if session.get(SESSION_KEY) == str(organisation_id)
    )


def _kept(user_id: UUID) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each session of the index that is still kept; those that ran out leave the index."""
    index = index_of(user_id)
    with redis() as server:
        ids = [each.decode() for each in server.zrange(index, 0, -1)]
        values = server.mget([name_of(each) for each in ids]) if ids else []
        kept = dict(zip(ids, values, strict=True))
        if gone := [session_id for session_id, value in kept.items() if value is None]:
            server.zrem(index, *gone)
    for session_id, value in kept.items():
        session = SessionStore().decode(value.decode()) if value is not None else {}
        if SIGNED_IN_KEY in session:
            yield session_id, session


def _info(session_id: str, session: dict[str, Any]) -> SessionInfo:
    entered = session.get(SESSION_KEY)
    signed_in_at = session[SIGNED_IN_KEY]
    return SessionInfo(
        id=session_id,
        signed_in_at=datetime.fromisoformat(signed_in_at),
        seen_at=datetime.fromisoformat(session.get(SEEN_KEY, signed_in_at)),
        device=device(session.get(AGENT_KEY, "")),
        ip=session.get(ADDRESS_KEY, ""),
        organisation_id=UUID(entered) if entered else None,
    )
