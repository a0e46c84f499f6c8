"""The product as one Django app: its packages are the stages of the path (docs/architecture.md)."""

from django.apps import AppConfig


class VibeConfig(AppConfig):
    name = "vibe"
    verbose_name = "Vibe"
