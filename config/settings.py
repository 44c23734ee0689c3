"""The one settings file, driven by the environment."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

from backhaul.common.home import Home

BASE_DIR = Path(__file__).resolve().parent.parent
HOME = Home.from_environment()

SECRET_KEY = HOME.secret("django")
DEBUG = os.environ.get("BACKHAUL_DEBUG") == "1"
ALLOWED_HOSTS = os.environ.get("BACKHAUL_HOSTS", "*").split(",")
# Behind a proxy that ends TLS, it says from whom and how a request came; anyone else's word on that is not taken.
BEHIND_PROXY = os.environ.get("BACKHAUL_BEHIND_PROXY") == "1"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

# Contexts in the order of ARCHITECTURE §2, lowest first. Cell contexts have their tables in every cell schema.
SHARED_CONTEXTS = ["identity"]
CELL_CONTEXTS = ["operators", "ledger", "network", "catalog", "funds", "subscribers", "billing", "payments"]

INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_cotton",
    "procrastinate.contrib.django",
    *(f"backhaul.{context}" for context in SHARED_CONTEXTS + CELL_CONTEXTS),
    "backhaul.resellers",
    "backhaul.web",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "backhaul.web.middleware.secure_cookies",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "backhaul.web.middleware.CompressPages",
    "backhaul.web.middleware.keep_private",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "backhaul.web.middleware.refuse_floods",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",
                "backhaul.web.context_processors.frame",
            ],
            "builtins": [
                "django.templatetags.i18n",
                "django.templatetags.static",
                "backhaul.web.templatetags.console",
                "backhaul.web.templatetags.pieces",
            ],
        },
    }
]


def _database(role: str) -> dict[str, object]:
    """Connection of one role; the address comes from DATABASE_URL or from the embedded server of this home."""
    url = urlsplit(HOME.database_url())
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(url.path.lstrip("/")),
        "HOST": url.hostname or "",
        "PORT": str(url.port or 5432),
        "USER": f"backhaul_{role}",
        "PASSWORD": HOME.secret(f"role_{role}"),
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
        "DISABLE_SERVER_SIDE_CURSORS": True,
        "OPTIONS": {"application_name": f"backhaul-{role}"},
    }


DATABASES = {
    "default": _database("app"),
    "batch": _database("batch"),
    "owner": _database("owner"),
}
DATABASE_ROUTERS = ["backhaul.operators.database.CellRouter"]
CELLS = [f"cell{n}" for n in range(1, int(os.environ.get("BACKHAUL_CELLS", "1")) + 1)]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "identity.User"
AUTHENTICATION_BACKENDS = ["backhaul.identity.backends.NameAtIsp"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
LOGIN_URL = "/sign-in/"
LOGIN_REDIRECT_URL = "/"
SESSION_ENGINE = "backhaul.identity.sessions"
SESSION_COOKIE_AGE = 12 * 3600  # since it was last used
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_NAME = f"backhaul_{HOME.web_port}"
CSRF_COOKIE_NAME = f"backhaul_csrf_{HOME.web_port}"
CSRF_COOKIE_HTTPONLY = True
DEVICE_COOKIE_NAME = f"backhaul_device_{HOME.web_port}"  # in which browsers people have signed in before
CSRF_FAILURE_VIEW = "backhaul.web.console.errors.csrf_refused"
PASSWORD_RESET_TIMEOUT = 3600
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"

# Without a mail server mails wait in their outbox.
EMAIL_HOST = os.environ.get("BACKHAUL_SMTP_HOST", "")
EMAIL_PORT = int(os.environ.get("BACKHAUL_SMTP_PORT", "587"))
EMAIL_HOST_USER = os.environ.get("BACKHAUL_SMTP_USER", "")
EMAIL_HOST_PASSWORD = os.environ.get("BACKHAUL_SMTP_PASSWORD", "")
EMAIL_USE_TLS = os.environ.get("BACKHAUL_SMTP_SECURITY", "starttls") == "starttls"
EMAIL_USE_SSL = os.environ.get("BACKHAUL_SMTP_SECURITY") == "tls"
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = os.environ.get("BACKHAUL_MAIL_FROM", f"backhaul@{EMAIL_HOST or 'localhost'}")

# Where a claimed host name is asked whether it leads here: a proxy's ports, and our own. Addresses inside private
# networks are asked only where the host names of this server lead to such.
HOST_CHECK_PLACES = (("http", 80), ("https", 443), ("http", HOME.web_port))
HOST_CHECK_PRIVATE = os.environ.get("BACKHAUL_PRIVATE_HOSTS") == "1"

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("bn", "বাংলা")]
LOCALE_PATHS = [BASE_DIR / "backhaul" / "web" / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
COLLECTED = (STATIC_ROOT / "staticfiles.json").exists() or sys.argv[1:2] == ["collectstatic"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if COLLECTED
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = not COLLECTED

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "object-src": ["'none'"],
        "base-uri": ["'self'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": os.environ.get("BACKHAUL_LOG_LEVEL", "INFO")},
    "loggers": {"procrastinate": {"level": "WARNING"}},
}
