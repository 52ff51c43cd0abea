"""The root of every refusal."""


class DomainError(Exception):
    """The request makes sense, but cannot be granted as things stand."""

    def __str__(self) -> str:
        return super().__str__() or (type(self).__doc__ or "").strip()
