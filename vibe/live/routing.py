"""Socket addresses."""

from django.urls import path, re_path

from vibe.live.consumers import JobConsumer, Nowhere

websocket_urlpatterns = [
    path("live/jobs/<int:job_id>/", JobConsumer.as_asgi()),
    re_path(r"", Nowhere.as_asgi()),
]
