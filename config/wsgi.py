"""WSGI entry point; refuses to serve with rights that make isolation void."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()

from backhaul.operators.database import refuse_unsafe_roles  # noqa: E402  settings first
from backhaul.web.warm import warm_up  # noqa: E402

refuse_unsafe_roles()
warm_up()
