"""Socket addresses."""

from django.urls import path

from vibe.live.consumers import JobConsumer

websocket_urlpatterns = [path("live/jobs/<int:job_id>/", JobConsumer.as_asgi())]
