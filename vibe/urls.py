"""The app's addresses (DESIGN §4). The content origin has none of them: see views/hosts.py."""

from django.contrib import admin
from django.urls import path

from vibe.views import cards, connect, content, films, health, home, looks, metrics, runs, studio, versions

urlpatterns = [
    path("", home.home, name="home"),
    path("recipes/", home.all_recipes, name="recipes"),
    path("programs/", home.describe, name="describe"),
    path("programs/<str:pk>/", studio.workbench, name="program"),
    path("programs/<str:pk>/jobs/", studio.change, name="change"),
    path("programs/<str:pk>/run/", studio.try_tool, name="try-tool"),
    path("programs/<str:pk>/shot.png", studio.shot, name="program-shot"),
    path("programs/<str:pk>/throw/", cards.throw_program, name="throw-program"),
    path("programs/<str:pk>/restore/", cards.bring_back_program, name="bring-back-program"),
    path("programs/<str:pk>/edit/", versions.edit, name="edit"),
    path("programs/<str:pk>/versions/", versions.keep, name="keep-files"),
    path("programs/<str:pk>/versions/<int:number>/restore/", versions.restore, name="restore-version"),
    path("programs/<str:pk>/versions/<int:number>/use/", versions.use, name="use-version"),
    path("programs/<str:pk>/versions/<int:number>/settle/", versions.settle, name="settle"),
    path("programs/<str:pk>/versions/<int:number>/difference/", versions.compare, name="difference"),
    path(
        "programs/<str:pk>/versions/<int:number>/film/<str:run>/<int:frame>.jpg", films.of_version, name="film"
    ),
    path("programs/<str:pk>/versions/<int:number>/", looks.of_version, name="version"),
    path("programs/<str:pk>/versions/<int:number>/shot.png", looks.shot_of_version, name="version-shot"),
    path("jobs/<int:pk>/looks/<int:number>/", looks.of_job, name="look"),
    path("jobs/<int:pk>/looks/<int:number>/shot.png", looks.shot_of_job, name="look-shot"),
    path("jobs/<int:pk>/answer/", studio.answer, name="answer"),
    path("jobs/<int:pk>/stop/", studio.stop, name="stop"),
    path("jobs/<int:pk>/autonomy/", studio.autonomy, name="autonomy"),
    path("cards/<str:pk>/", cards.mine, name="my-card"),
    path("cards/<str:pk>/keep/", cards.keep, name="keep"),
    path("cards/<str:pk>/throw/", cards.throw, name="throw"),
    path("cards/<str:pk>/restore/", cards.bring_back, name="bring-back"),
    path("cards/<str:pk>/revoke/", cards.revoke, name="revoke"),
    path("cards/<str:pk>/rename/", cards.rename, name="rename"),
    path("cards/<str:pk>/show-version/", cards.show_version, name="show-version"),
    path("cards/<str:pk>/shot.png", cards.shot, name="card-shot"),
    path("c/<str:token>/", cards.open_card, name="card"),
    path("c/<str:token>/run/", cards.run, name="run-card"),
    path("c/<str:token>/remix/", cards.remix, name="remix"),
    path("c/<str:token>/download", cards.download, name="download"),
    path("c/<str:token>/film/<str:run>/<int:frame>.jpg", films.of_card, name="card-film"),
    path("c/<str:token>/qr.svg", cards.qr, name="qr"),
    path("runs/<str:pk>/", runs.show, name="run"),
    path("runs/<str:pk>/files/<int:number>/", runs.file, name="run-file"),
    path("shelf/", cards.shelf, name="shelf"),
    path("connect/", connect.connect, name="connect"),
    path("sealed/<slug:seal>/", content.sealed_page, name="sealed"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", metrics.metrics, name="metrics"),
    path("admin/", admin.site.urls),
]

handler400 = "vibe.views.errors.bad_request"
handler403 = "vibe.views.errors.forbidden"
handler404 = "vibe.views.errors.not_found"
handler500 = "vibe.views.errors.broken"
