"""The outreach engine, for programs."""
