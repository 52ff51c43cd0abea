"""Names that stand for nobody: what the DNS says of them tells nothing."""

from outreach.domain_records.asking import Finding

NAMES = ("example", "test", "invalid", "localhost", "example.com", "example.net", "example.org")
RESERVED = Finding("unknown", "The name is reserved for examples and tests: nothing was asked.")


def is_reserved(domain: str) -> bool:
    """Whether the name, or one above it, is kept for documentation and tests (RFC 2606, 6761)."""
    name = domain.rstrip(".").lower()
    return any(name == each or name.endswith(f".{each}") for each in NAMES)
