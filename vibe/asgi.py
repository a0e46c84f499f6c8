"""The two protocols: pages through Django, sockets through Channels."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "vibe.settings")
pages = get_asgi_application()

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402  after Django's set-up
from channels.sessions import SessionMiddlewareStack  # noqa: E402

from vibe.live.routing import websocket_urlpatterns  # noqa: E402

application = ProtocolTypeRouter(
    {"http": pages, "websocket": SessionMiddlewareStack(URLRouter(websocket_urlpatterns))}
)
