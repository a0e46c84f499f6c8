"""What people send until a limit stops them, and what they are told."""

import html

from django.core.files.uploadedfile import SimpleUploadedFile


def send(browser, words="A tea timer", **more):
    return browser.post("/programs/", {"description": words, "once": words, **more})


def says(reply):
    return html.unescape(reply.content.decode())


def files(megabytes):
    return [SimpleUploadedFile("a.csv", b"x" * int(megabytes * 1_000_000))]


def run(browser, card, n=3, **more):
    return browser.post(f"/c/{card.token}/run/", {"n": str(n), **more})
