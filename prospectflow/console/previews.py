"""Mails of others on our pages: only ever inside a sandboxed frame."""

POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def as_document(html: str) -> str:
    """The HTML of a mail as a document for `<iframe sandbox srcdoc>`.

    Nothing in it is fetched: neither a stranger's picture nor our own pixel, which would count
    the operator's look as an opening.
    """
    return (
        f'<!doctype html><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        "<style>body{font:15px/1.5 system-ui,sans-serif;margin:16px;color:#111;"
        f"background:#fff;overflow-wrap:anywhere}}</style>{html}"
    )
