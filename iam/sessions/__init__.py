"""Signed-in browsers: kept in Redis, seen and ended by the person or by an organisation's admin."""

from iam.sessions.listing import (
    SessionInfo,
    end_session,
    end_sessions,
    end_sessions_in,
    sessions_of,
)
from iam.sessions.store import SessionStore, StoreUnreachable, require_store

__all__ = [
    "SessionInfo",
    "SessionStore",
    "StoreUnreachable",
    "end_session",
    "end_sessions",
    "end_sessions_in",
    "require_store",
    "sessions_of",
]
