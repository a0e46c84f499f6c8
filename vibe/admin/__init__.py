"""Django admin. Everything can be found, nothing secret is shown, and no page takes a query per row."""

from django.contrib import admin

from vibe.admin import door, handed, making, model_rows, spending  # noqa: F401  importing registers

admin.site.site_header = "Vibe"
admin.site.site_title = "Vibe admin"
admin.site.index_title = "Behind the desk"
