"""The door of the admin: who tries password after password from one network is let try no more for the rest of the hour.

Only wrong ones count, by address and not by name: else anybody could shut an admin out by typing nonsense.
"""

from typing import Any

from django.contrib import admin
from django.contrib.admin.forms import AdminAuthenticationForm
from django.core.exceptions import ValidationError

from vibe import limits


class DoorForm(AdminAuthenticationForm):
    def clean(self) -> dict[str, Any]:
        address = limits.address_of(self.request)
        try:
            limits.count_password(address)
        except limits.Enough as said:
            raise ValidationError(said.sentence, code="enough") from said
        cleaned = super().clean()  # raises where it is wrong: it stays counted
        limits.forget_password(address)
        return cleaned


admin.site.login_form = DoorForm
