"""Hearing the answers: read, understand and match what comes back; no database in here."""
