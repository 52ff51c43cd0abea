"""The web process. It refuses to start with a role that could slip past the policies."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "prospectflow.settings")
application = get_wsgi_application()

from prospectflow.tenancy.roles import refuse_powerful_role  # noqa: E402  (needs the settings)

refuse_powerful_role()
