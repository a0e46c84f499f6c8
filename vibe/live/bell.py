"""The bell: says that a Job has more events, and carries them. It may be lost, late or doubled without harm.

Control messages (Stop) go the other way, from a view to the worker. Two wirings with the same functions: one process
that does everything, or web and workers apart with Redis between them (DESIGN §9).
"""

from django.conf import settings

from vibe.live.local_bell import Listener, LocalBell, LocalControl, Rung
from vibe.live.redis_bell import RedisBell, RedisControl

__all__ = ["Listener", "Rung", "bell", "control"]

bell: LocalBell | RedisBell = LocalBell() if settings.EMBEDDED else RedisBell(settings.CONFIG.redis_url)
control: LocalControl = LocalControl() if settings.EMBEDDED else RedisControl(settings.CONFIG.redis_url)
