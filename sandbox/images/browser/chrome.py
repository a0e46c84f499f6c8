"""chrome: how Chromium is started in a box. The box is the sandbox: user namespaces, which Chromium's needs, are shut."""

import os

os.environ["HOME"] = os.environ["XDG_CONFIG_HOME"] = os.environ["XDG_CACHE_HOME"] = "/tmp"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--disable-extensions",
    "--force-color-profile=srgb", "--font-render-hinting=none",
]  # fmt: skip


def launch(playwright):
    """A browser, driven by this Playwright."""
    return playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
