"""Every setting of ProspectFlow, read from the environment; .env.example lists each one.

Without DATABASE_URL the project runs on embedded servers under .local/ (a laptop);
with it, nothing embedded starts and every secret must be given.
"""

import os
from ipaddress import ip_network
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from django.utils.csp import CSP

from iam.auth import AuthConfiguration, ConfigurationError
from prospectflow.environment import REQUIRED, Environment, database_from, replica_from
from prospectflow.operations import embedded
from prospectflow.operations.embedded.secrets import local_secret

BASE_DIR = Path(__file__).resolve().parent.parent
env = Environment(BASE_DIR / ".env")

LOCAL_DIRECTORY = Path(env.text("LOCAL_DIRECTORY", str(BASE_DIR / ".local")))
_database = env.database("DATABASE_URL", None)
EMBEDDED = _database is None
DEBUG = env.boolean("DEBUG", EMBEDDED)
if EMBEDDED and not DEBUG:
    raise ImproperlyConfigured(
        "DATABASE_URL is not set: the embedded servers are for a laptop and refuse to run"
        " with DEBUG off; set DATABASE_URL and REDIS_URL to real servers."
    )


def _secret(name: str) -> str:
    """A secret has no default, except on a laptop, where it is made once and kept."""
    return env.text(name, local_secret(LOCAL_DIRECTORY, name)) if EMBEDDED else env.text(name)


def _secrets(name: str) -> list[str]:
    return env.words(name, [local_secret(LOCAL_DIRECTORY, name)]) if EMBEDDED else env.words(name)


SECRET_KEY = _secret("SECRET_KEY")
TOKEN_KEYS = _secrets("TOKEN_KEYS")
CREDENTIAL_KEYS = env.sealing_keys(
    "CREDENTIAL_KEYS", [local_secret(LOCAL_DIRECTORY, "CREDENTIAL_KEYS")] if EMBEDDED else REQUIRED
)

# Databases ------------------------------------------------------------------------------------
DATABASE_ROLE = env.choice("DATABASE_ROLE", ["app", "owner"], "app")
if EMBEDDED:
    _database = database_from(embedded.database_url(LOCAL_DIRECTORY, role=DATABASE_ROLE))
DATABASES = {
    "default": _database
    | {
        "ENGINE": "prospectflow.tenancy.postgres",
        "ATOMIC_REQUESTS": True,
        "CONN_MAX_AGE": env.integer("DATABASE_CONNECTION_SECONDS", 60),
        "CONN_HEALTH_CHECKS": True,  # a pooler that was restarted costs nobody an error
        "DISABLE_SERVER_SIDE_CURSORS": True,  # a pooler in transaction mode cannot keep them
    }
}
# What only reads may read a copy that streams behind; whoever owns the tables has no use for it.
_replica = env.database("REPLICA_DATABASE_URL", None)
REPLICA_MAX_LAG_SECONDS = env.integer("REPLICA_MAX_LAG_SECONDS", 10, most=86_400)
DATABASE_ROUTERS = ["prospectflow.tenancy.replica.Router"]
if _replica and DATABASE_ROLE == "app":
    DATABASES["replica"] = replica_from(_replica, like=DATABASES["default"])
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# Workers hold sessions, which a pooler would hand to others.
WORKER_DATABASE = env.database("WORKER_DATABASE_URL", _database)
WORKER_STALLED_SECONDS = env.integer("WORKER_STALLED_SECONDS", 30, least=2, most=3600)
PROCRASTINATE_IMPORT_PATHS = ["prospectflow.tasks"]
WORKER_TICK_SECONDS = env.integer("WORKER_TICK_SECONDS", 5, least=0, most=300)
WORKER_JOBS_AT_ONCE = env.integer("WORKER_JOBS_AT_ONCE", 2, least=1, most=32)
REDIS_URL = env.url(
    "REDIS_URL",
    "redis://:password@host:6379/0",
    embedded.redis_url(LOCAL_DIRECTORY) if EMBEDDED else REQUIRED,
)
CACHES = {
    "default": {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": REDIS_URL,
        "OPTIONS": {"SOCKET_CONNECT_TIMEOUT": 2, "SOCKET_TIMEOUT": 2},  # silence is an answer too
    }
}

# What an operator's programs are told -----------------------------------------------------------
ENVIRONMENT = env.text("ENVIRONMENT", "laptop" if EMBEDDED else "production")
METRICS_TOKEN = env.text("METRICS_TOKEN", "")
METRICS_ALLOWED = env.networks("METRICS_ALLOWED", [ip_network("127.0.0.1")] if EMBEDDED else [])
WORKER_METRICS = env.listening("WORKER_METRICS", None)
PGBOUNCER_STATS = env.database("PGBOUNCER_STATS_URL", None)
# Its library looks into the environment by itself, and takes a blank for the present folder.
METRICS_DIRECTORY = env.text("PROMETHEUS_MULTIPROC_DIR", "")
if METRICS_DIRECTORY:
    Path(METRICS_DIRECTORY).mkdir(parents=True, exist_ok=True)
else:
    os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)

# Backups --------------------------------------------------------------------------------------
BACKUP_DIRECTORY = Path(env.text("BACKUP_DIRECTORY", str(LOCAL_DIRECTORY / "backups")))
BACKUP_RETENTION_DAYS = env.integer("BACKUP_RETENTION_DAYS", 30, least=1, most=36_500)
BACKUP_RECIPIENTS = env.words("BACKUP_RECIPIENTS", [])
BACKUP_IDENTITY = env.text("BACKUP_IDENTITY", "")
BACKUP_COPY_TO = env.text("BACKUP_COPY_TO", "")
BACKUP_S3 = {
    "endpoint_url": env.text("BACKUP_S3_ENDPOINT", None),
    "aws_access_key_id": env.text("AWS_ACCESS_KEY_ID", None),
    "aws_secret_access_key": env.text("AWS_SECRET_ACCESS_KEY", None),
    "region_name": env.text("AWS_DEFAULT_REGION", None),
}

# Applications ---------------------------------------------------------------------------------
INSTALLED_APPS = [
    "prospectflow.logs.apps.LogsConfig",
    "prospectflow.tenancy",
    "prospectflow.console.apps.ConsoleConfig",
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "prospectflow.console.apps.ConsoleAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "mozilla_django_oidc",
    "procrastinate.contrib.django",
    "iam",
    "crm",
    "outreach",
    "tracking",
    "prospectflow.operations",
    "prospectflow.monitoring",
]
MIDDLEWARE = [
    "prospectflow.monitoring.middleware.MonitoringMiddleware",
    "prospectflow.correlation.RequestIdMiddleware",
    "prospectflow.logs.requests.RequestLogMiddleware",
    "prospectflow.api.middleware.ProblemsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "iam.bearer.BearerMiddleware",
    "iam.sessions.middleware.GuardedSessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "prospectflow.tenancy.middleware.TenantMiddleware",
]
ROOT_URLCONF = "prospectflow.urls"
WSGI_APPLICATION = "prospectflow.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.csp",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# People ---------------------------------------------------------------------------------------
AUTH_USER_MODEL = "iam.User"
PASSWORD_SIGN_IN = env.boolean("PASSWORD_SIGN_IN", EMBEDDED)
if PASSWORD_SIGN_IN and not DEBUG:
    raise ImproperlyConfigured(
        "PASSWORD_SIGN_IN is on although DEBUG is off: passwords are for a laptop;"
        " on a server people sign in with the organisation's provider."
    )
AUTHENTICATION_BACKENDS = ["iam.signing_in.backend.ProviderBackend"]
if PASSWORD_SIGN_IN:
    AUTHENTICATION_BACKENDS.append("django.contrib.auth.backends.ModelBackend")
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "console:login"
LOGIN_REDIRECT_URL = "/"
_provider = {name: env.text(name, "") for name in AuthConfiguration.VARIABLES}
try:
    AUTH = AuthConfiguration.from_environment(_provider)
except ConfigurationError as error:
    raise ImproperlyConfigured(f"{error} .env.example says what it is for.") from error
EMBEDDED_PROVIDER = EMBEDDED and not AUTH.configured
if EMBEDDED_PROVIDER:
    AUTH = AuthConfiguration.from_environment(embedded.provider_settings(LOCAL_DIRECTORY))
if not (AUTH.configured or DEBUG):
    raise ImproperlyConfigured(
        "No sign-in provider is set: give COGNITO_USER_POOL_ID and COGNITO_CLIENT_ID,"
        " or OIDC_ISSUER and OIDC_CLIENT_ID; docs/configuration.md says how."
    )
SESSION_ENGINE = "iam.sessions"
SESSION_COOKIE_AGE = 24 * 60 * 60  # from the last request
SESSION_ABSOLUTE_AGE = 7 * SESSION_COOKIE_AGE  # from the sign-in
SESSION_SAVE_EVERY_REQUEST = True

# The web --------------------------------------------------------------------------------------
PUBLIC_URL = env.url(
    "PUBLIC_URL", "https://mail.example.com", "http://127.0.0.1:8000" if EMBEDDED else REQUIRED
)
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", ["127.0.0.1", "localhost"] if EMBEDDED else REQUIRED)
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS", [])
APPEND_SLASH = True
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "static-collected"
WHITENOISE_AUTOREFRESH = WHITENOISE_USE_FINDERS = DEBUG  # a laptop collects nothing
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if not DEBUG:
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-session", "__Host-csrf"
    SECURE_SSL_REDIRECT = env.boolean("SECURE_SSL_REDIRECT", True)
    SECURE_HSTS_SECONDS = env.integer("SECURE_HSTS_SECONDS", 31_536_000)
    SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = True
    SECURE_REDIRECT_EXEMPT = [r"^u/", r"^t/"]  # a one-click POST must never be redirected
    if env.boolean("TRUST_PROXY_HEADERS", False):
        SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_CSP = {  # console/content_policy.py says what the console's pages may besides
    "default-src": [CSP.SELF],
    "script-src": [CSP.SELF, CSP.NONCE],
    "style-src": [CSP.SELF, CSP.NONCE],
    "img-src": [CSP.SELF, "data:"],
    "object-src": [CSP.NONE],
    "base-uri": [CSP.SELF],
    "form-action": [CSP.SELF],
    "frame-ancestors": [CSP.NONE],
}

# On a laptop receivers stand on the same machine; on a server they never do.
WEBHOOKS_TO_PRIVATE_NETWORKS = env.boolean("WEBHOOKS_TO_PRIVATE_NETWORKS", EMBEDDED)

# The API --------------------------------------------------------------------------------------
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1_100  # one for each column of a file, of which it may have 1,000
IMPORT_MAX_BYTES = env.integer("IMPORT_MAX_BYTES", 2**30, least=1, most=2**40)
IMPORT_MAX_UNPACKED_BYTES = env.integer("IMPORT_MAX_UNPACKED_BYTES", 2**32, least=1, most=2**42)
IMPORT_MAX_ROWS = env.integer("IMPORT_MAX_ROWS", 5_000_000, least=1, most=2_000_000_000)
IMPORT_PROCESSES = env.integer("IMPORT_PROCESSES", 2, most=64)
IMPORT_FILE_DAYS = env.integer("IMPORT_FILE_DAYS", 30, least=1, most=36_500)
VERIFICATION_DNS_SECONDS = env.integer("VERIFICATION_DNS_SECONDS", 5, least=1, most=60)
VERIFICATION_NAMESERVERS = env.nameservers("VERIFICATION_NAMESERVERS", [])
RATES = {
    "person": env.rate("API_RATE_PER_PERSON", "600/minute"),
    "writes": env.rate("API_WRITES_PER_PERSON", "300/minute"),
    "organisation": env.rate("API_RATE_PER_ORGANISATION", "3000/minute"),
    "invitations": env.rate("API_INVITATIONS", "20/hour"),
    "imports": env.rate("API_IMPORTS", "10/minute"),
    "mailbox_checks": env.rate("API_MAILBOX_CHECKS", "10/minute"),
    "exports": env.rate("API_EXPORTS", "10/minute"),
    "refused_tokens": env.rate("REFUSED_TOKENS_PER_ADDRESS", "30/minute"),
    "refused_sign_ins": env.rate("REFUSED_SIGN_INS_PER_ADDRESS", "30/minute"),
}
THROTTLE_PREFIX = "throttle"
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["prospectflow.api.authentication.BearerOrSession"],
    "DEFAULT_PERMISSION_CLASSES": ["prospectflow.api.permissions.ByRole"],
    "DEFAULT_THROTTLE_CLASSES": ["prospectflow.api.throttling.PerCaller"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["prospectflow.api.parsers.StrictJSONParser"],
    "DEFAULT_FILTER_BACKENDS": ["prospectflow.api.filtering.Filters"],
    "DEFAULT_SCHEMA_CLASS": "prospectflow.api.openapi.Schema",
    "DEFAULT_METADATA_CLASS": None,
    "URL_FORMAT_OVERRIDE": None,  # ?format= is the export's
    "EXCEPTION_HANDLER": "prospectflow.api.errors.exception_handler",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "ProspectFlow",
    "VERSION": "1",
    "DESCRIPTION": "Outreach that people approve: prospects, campaigns, drafts, mails, answers."
    " docs/api.md says how to begin.",
    "OAS_VERSION": "3.1.1",
    "SCHEMA_PATH_PREFIX": "/api/v1/",
    "COMPONENT_SPLIT_REQUEST": True,
    "POSTPROCESSING_HOOKS": ["prospectflow.api.openapi.complete"],
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["prospectflow.api.permissions.SignedIn"],
    "SWAGGER_UI_SETTINGS": {
        "deepLinking": True,
        "docExpansion": "none",
        "filter": True,
        "defaultModelsExpandDepth": -1,
    },
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}

# The console ----------------------------------------------------------------------------------
UNFOLD = {
    "SITE_TITLE": "ProspectFlow",
    "SITE_HEADER": "ProspectFlow",
    "SITE_SYMBOL": "outgoing_mail",
    "SITE_URL": None,
    "SITE_FAVICONS": [{"rel": "icon", "href": "prospectflow.console.navigation.icon"}],
    "SHOW_VIEW_ON_SITE": False,
    "STYLES": ["prospectflow.console.navigation.stylesheet"],
    "SCRIPTS": ["prospectflow.console.site.fresh_pages"],
    "LOGIN": {"form": "prospectflow.console.forms.SignInForm"},
    "ACCOUNT": {"navigation": "prospectflow.console.navigation.account"},
    "SIDEBAR": {"navigation": "prospectflow.console.navigation.navigation"},
    "COLORS": {
        "primary": {
            "50": "#eff6ff",
            "100": "#dbeafe",
            "200": "#bfdbfe",
            "300": "#93c5fd",
            "400": "#60a5fa",
            "500": "#3b82f6",
            "600": "#2563eb",
            "700": "#1d4ed8",
            "800": "#1e40af",
            "900": "#1e3a8a",
            "950": "#172554",
        }
    },
}

# The trail ------------------------------------------------------------------------------------
AUDIT_RETENTION_DAYS = env.integer("AUDIT_RETENTION_DAYS", 730, least=90, most=36_500)

# Language, time, logs -------------------------------------------------------------------------
LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True
FORMAT_MODULE_PATH = "prospectflow.formats"  # hours from 0 to 23
LOG_FORMAT = env.choice("LOG_FORMAT", ["plain", "json"], "plain" if EMBEDDED else "json")
LOG_LEVEL = env.choice(
    "LOG_LEVEL",
    ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"],
    "WARNING" if EMBEDDED else "INFO",
)
SLOW_REQUEST_MS = env.integer("SLOW_REQUEST_MS", 1000)
SLOW_QUERY_MS = env.integer("SLOW_QUERY_MS", 100)
SENTRY_DSN = env.text("SENTRY_DSN", "")
DJANGO_STRUCTLOG_STATUS_START_LOG_LEVEL = 10  # DEBUG: how a request ended tells it all
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"context": {"()": "prospectflow.logs.lines.Context"}},
    "formatters": {
        "plain": {
            "()": "prospectflow.logs.lines.PlainLines",
            "format": "%(asctime)s %(levelname)s %(name)s [%(request_id)s] %(message)s",
        },
        "json": {"()": "prospectflow.logs.lines.JsonLines", "environment": ENVIRONMENT},
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": LOG_FORMAT,
            "filters": ["context"],
        }
    },
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        "django": {"handlers": [], "level": "NOTSET"},  # root's: Django would add its own
        "django.request": {"level": "CRITICAL"},  # told by the line of the request
        "procrastinate": {"level": "WARNING"},  # it tells of every job several times
        "prospectflow.operations.backups": {"level": "INFO"},  # one line a run
    },
}
