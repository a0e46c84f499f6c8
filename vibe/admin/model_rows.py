"""The models that may be asked: their tier, prices, limits and what they were seen to do."""

import json
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from vibe import models_in_use
from vibe.llm import connect, prices
from vibe.llm.capabilities import ABILITIES, PARAMETERS
from vibe.models import ModelRow

Tier = ModelRow.Tier


TIERS = (
    "strong writes programs, quick plans, writes checks and what is to be quick. vision: where somebody attaches a picture and the "
    "model that writes was not seen to see, this one writes first, at its own price and under the same limits; what has "
    "to be mended is written by the usual model. A row that was tested and did not see is not asked. "
    "image: kept for later. Nothing draws pictures yet, so such a row is never asked."
)


class ModelRowForm(forms.ModelForm):
    new_key = forms.CharField(
        required=False,
        widget=forms.PasswordInput,
        help_text="Kept encrypted and never shown again. Empty: the key stays as it is.",
    )

    class Meta:
        model = ModelRow
        fields = (
            "name", "base_url", "new_key", "tier", "local", "enabled", "context", "max_out",
            "price_in", "price_out", "price_cached", "capabilities", "shutdown_date",
        )  # fmt: skip
        help_texts = {"tier": TIERS}

    def clean_capabilities(self) -> dict[str, bool | None]:
        given = self.cleaned_data["capabilities"] or {}
        known = {*ABILITIES, *PARAMETERS}
        if not isinstance(given, dict) or not all(v is None or isinstance(v, bool) for v in given.values()):
            raise forms.ValidationError('Use names with true, false or null, like {"vision": true}.')
        if strange := sorted(given.keys() - known):
            raise forms.ValidationError(
                f"Use these names: {', '.join(sorted(known))}. Not {', '.join(strange)}."
            )
        return given

    def clean(self) -> dict[str, Any]:
        """A key was given for one address: it never goes to another one that somebody puts in its place."""
        data = super().clean() or {}
        if "base_url" in self.changed_data and self.instance.sealed_key and not data.get("new_key"):
            self.add_error("new_key", "The address is another one: enter the key that belongs to it.")
        return data

    def save(self, commit: bool = True) -> ModelRow:
        if key := self.cleaned_data.get("new_key"):
            self.instance.set_key(key)
        return super().save(commit)


class PricesForm(forms.Form):
    text = forms.CharField(
        required=False,
        strip=True,
        label="Paste it here",
        widget=forms.Textarea(attrs={"rows": 12, "cols": 100}),
    )
    file = forms.FileField(required=False, label="or choose the file")

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        text, file = data.get("text", ""), data.get("file")
        if file:
            if file.size > prices.MOST_BYTES:
                raise forms.ValidationError(
                    "That is more than 16 MB. Use the part of the file with your models."
                )
            text = file.read().decode("utf-8", "replace")
        try:
            data["prices"] = prices.read(text)
        except prices.BadPrices as bad:
            raise forms.ValidationError(bad.sentence) from bad
        return data


@admin.register(ModelRow)
class ModelRowAdmin(admin.ModelAdmin):
    form = ModelRowForm
    list_display = (
        "name", "tier", "enabled", "can", "tested", "ends", "price_in", "price_out", "context", "max_out", "local",
        "key", "base_url",
    )  # fmt: skip
    list_filter = ("enabled", "tier", "local")
    search_fields = ("name", "base_url")
    readonly_fields = ("tested",)
    actions = ("test_now",)
    change_list_template = "admin/vibe/modelrow/change_list.html"

    @admin.display(description="key")
    def key(self, row: ModelRow) -> str:
        if row.key is None:
            return "cannot be read with this SECRET_KEY: enter it again"
        return f"…{row.key_end}" if row.key_end else "set" if row.sealed_key else "none"

    @admin.display(description="can")
    def can(self, row: ModelRow) -> str:
        if not row.tested:
            return "not tested"
        return ", ".join(name for name in ABILITIES if row.capabilities.get(name)) or "answer"

    @admin.display(description="ends", ordering="shutdown_date")
    def ends(self, row: ModelRow) -> str:
        near = row.end_is_near(timezone.now().date())
        return f"{row.shutdown_date} ⚠" if near else str(row.shutdown_date or "–")

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        if request.method == "GET":
            for row, near in models_in_use.ending(timezone.now().date()):
                messages.warning(request, f"“{row.name}”: {near}")
            if settings.CONFIG.model_key or settings.CONFIG.model_url:
                messages.info(request, _environment())
        return super().changelist_view(request, extra_context)

    @admin.action(permissions=["change"], description="Test what it can do (about four short calls each)")
    def test_now(self, request: HttpRequest, chosen: QuerySet[ModelRow]) -> None:
        for row in chosen:
            if row.tier == Tier.IMAGE:
                messages.warning(request, f"“{row.name}” draws pictures: it cannot be tested by asking it.")
            elif trouble := connect.trouble_with(row.base_url):
                messages.error(request, f"“{row.name}”: {trouble}")
            else:
                report = models_in_use.try_out(row.as_model(), row)
                level = messages.SUCCESS if report.ok else messages.ERROR
                messages.add_message(request, level, f"“{row.name}”: {report.sentence}")

    # --- prices from a file -------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        mine = path("prices/", self.admin_site.admin_view(self.prices_page), name="vibe_modelrow_prices")
        return [mine, *super().get_urls()]

    def prices_page(self, request: HttpRequest) -> HttpResponse:
        """Paste or upload, then see what would change, then change it."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        form = PricesForm(request.POST or None, request.FILES or None)
        found: list[tuple[ModelRow, prices.Price]] = []
        rows = list(ModelRow.objects.filter(local=False))
        if request.method == "POST" and form.is_valid():
            pairs = [(row, prices.match(row.name, form.cleaned_data["prices"])) for row in rows]
            found = [(row, price) for row, price in pairs if price]
            if "apply" in request.POST:
                return self._apply(request, found)
        context = {
            **self.admin_site.each_context(request),
            "title": "Prices from a file",
            "opts": self.opts,
            "form": form,
            "read": len(form.cleaned_data["prices"]) if form.is_bound and form.is_valid() else 0,
            "changes": [(row, _changes(row, price)) for row, price in found],
            "missing": [row for row in rows if row not in [r for r, _ in found]],
            "kept": json.dumps(prices.write({row.name: price for row, price in found})),
        }
        return TemplateResponse(request, "admin/vibe/modelrow/prices.html", context)

    def _apply(self, request: HttpRequest, found: list[tuple[ModelRow, prices.Price]]) -> HttpResponse:
        changed = []
        for row, price in found:
            if changes := _changes(row, price):
                for name, value in price.known().items():
                    setattr(row, name, value)
                row.save(update_fields=list(price.known()))
                self.log_change(request, row, f"Prices from a file: {'; '.join(changes)}")
                changed.append(row.name)
        said = f"Prices from the file: {', '.join(changed)}." if changed else "Nothing had to be changed."
        messages.success(request, said)
        return HttpResponseRedirect(reverse("admin:vibe_modelrow_changelist"))


def _changes(row: ModelRow, price: prices.Price) -> list[str]:
    """What a price would change in a row, as "price_in: not known → 2.5"."""
    lines = []
    for name, new in price.known().items():
        old = getattr(row, name)
        if old is None or float(old) != float(new) if isinstance(new, int | float) else old != new:
            label = ModelRow._meta.get_field(name).verbose_name  # type: ignore[union-attr]
            before = f"{old.normalize():f}" if hasattr(old, "normalize") else old
            lines.append(f"{label}: {'not known' if old is None else before} → {new}")
    return lines


def _environment() -> str:
    config = settings.CONFIG
    named = [n for n in (config.model, config.quick_model) if n]
    which = " and ".join(named) if named else "the first model that its server lists"
    return f"The environment of this server names {which}, which goes before the rows here."
