"""Config → Django settings. REDIS_URL absent: one process does everything; present: web and workers apart."""

import os
import sys
from typing import Any
from urllib.parse import urlsplit

import dj_database_url
from csp.constants import NONCE, NONE, SELF

from vibe.config import ROOT, BadConfig, Config

try:
    CONFIG = Config.read(os.environ)
except BadConfig as problem:
    sys.exit(str(problem))

BASE_DIR = ROOT
VAR = CONFIG.var
EMBEDDED = CONFIG.embedded
SECRET_KEY = CONFIG.secret_key
DEBUG = False

VIBE_ORIGIN = CONFIG.origin
VIBE_CONTENT_ORIGIN = CONFIG.content_origin
SINGLE_ORIGIN = CONFIG.single_origin
# True only while the server is bound to this machine alone: then the person at it may connect a model.
LOCAL_ONLY = CONFIG.local_only

_app_host = urlsplit(VIBE_ORIGIN).hostname or "localhost"
_content_host = (urlsplit(VIBE_CONTENT_ORIGIN.replace("{card}", "card")).hostname or "").partition("card")[2]
ALLOWED_HOSTS = [_app_host, "127.0.0.1", "[::1]", *([_content_host] if _content_host else [])]
CSRF_TRUSTED_ORIGINS = [VIBE_ORIGIN]

INSTALLED_APPS = [
    "daphne",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "channels",
    "csp",
    "django_htmx",
    "vibe",
]

MIDDLEWARE = [
    "vibe.views.counting.RequestMiddleware",  # around all others: it counts, and names the request in the log
    "vibe.views.hosts.HostsMiddleware",  # before all that answer: the content host has no session, no cookie, no other view
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "vibe.views.privacy.PrivateMiddleware",
    "csp.middleware.CSPMiddleware",
    "vibe.admin.policy.AdminScriptsMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "vibe.views.uploads.UploadsMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "vibe.views.privacy.LoginMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "vibe.views.errors.DataErrorMiddleware",
    "vibe.views.patience.PatienceMiddleware",
]

ROOT_URLCONF = "vibe.urls"
ASGI_APPLICATION = "vibe.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

DATABASES: dict[str, Any] = {"default": dj_database_url.parse(CONFIG.database_url)}
if "sqlite" in DATABASES["default"]["ENGINE"]:
    # To open it and to set all this takes longer than most of what is asked.
    DATABASES["default"]["CONN_MAX_AGE"] = 60
    # Measured at 200 jobs in one worker and a web process reading: no "database is locked" with these.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "init_command": (
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA busy_timeout=20000;"
            "PRAGMA wal_autocheckpoint=8000;"  # pages: housekeeping.checkpoint comes before
            "PRAGMA mmap_size=134217728; PRAGMA journal_size_limit=27103364; PRAGMA cache_size=-16000;"
        ),
    }
else:
    # A database that was restarted is asked before it is used. Threads of workers keep theirs; that of a page ends with it.
    DATABASES["default"] |= {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}
    _options = DATABASES["default"].setdefault("OPTIONS", {})
    _options.setdefault("connect_timeout", 5)  # seconds; else for ever
    # A host that vanished without a word is given up after ten; else after a quarter of an hour, or two hours.
    _soon = {"keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3, "tcp_user_timeout": 10_000}
    DATABASES["default"]["OPTIONS"] = _soon | _options

if EMBEDDED:
    CELERY_BROKER_URL = "memory://"
    CELERY_BROKER_TRANSPORT_OPTIONS = {"polling_interval": 0.02}
else:
    CELERY_BROKER_URL = CONFIG.redis_url
    # A Celery message is only a wake-up; the leased database row recovers work, never the broker.
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "visibility_timeout": 12 * 3600,
        "socket_connect_timeout": 1,
        "socket_timeout": 10,  # longer than the broker's own polling
    }
CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TASK_DEFAULT_QUEUE = "making"

# One door per dependency, named by path so that tests and benchmarks swap it without patching.
SANDBOX_ENGINE = "sandbox.pool.Pool"
LLM_CLIENT = "vibe.llm.client.OpenAIClient"

SESSION_COOKIE_AGE = 365 * 24 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = VIBE_ORIGIN.startswith("https:")
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
# Browsers heed it only where the connection can be trusted, and complain about it elsewhere (phones at home).
_trusted = VIBE_ORIGIN.startswith("https:") or _app_host == "localhost"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin" if _trusted else None
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "vibe.views.errors.csrf"

_frame_source = VIBE_CONTENT_ORIGIN.replace("{card}", "*")
_socket_source = VIBE_ORIGIN.replace("http", "ws", 1)
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [NONCE, "'strict-dynamic'"],
        "style-src": [SELF],
        "img-src": [SELF, "data:", "blob:"],
        "font-src": [SELF],
        "connect-src": [SELF, _socket_source],
        "frame-src": [SELF if SINGLE_ORIGIN else _frame_source],
        "form-action": [SELF],
        "base-uri": [NONE],
        "object-src": [NONE],
        "frame-ancestors": [NONE],
    }
}

STATIC_URL = "static/"
STATIC_ROOT = None  # nothing is collected: static files are few and served from where they lie
STATICFILES_DIRS = [ROOT / "static"]
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False

DATA_UPLOAD_MAX_MEMORY_SIZE = 2_500_000
DATA_UPLOAD_MAX_NUMBER_FIELDS = 400
DATA_UPLOAD_MAX_NUMBER_FILES = 2000  # more than we take, so that the form can say so itself
FILE_UPLOAD_PERMISSIONS = 0o600

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "vibe.logs.JsonLine" if CONFIG.log_json else "vibe.logs.Line"}},
    "handlers": {"err": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["err"], "level": CONFIG.log_level or "WARNING"},
    "loggers": {"kombu": {"level": "ERROR"}, "vibe": {"level": CONFIG.log_level or "INFO"}},
}
