"""The same visitors as in the journeys."""

from tests.journeys.conftest import visitor

__all__ = ["visitor"]
