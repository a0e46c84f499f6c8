#!/usr/bin/env python3
"""kept: look, with its Chromium started before there is a page to look at (image.toml, [warm]).

It says that it is ready and waits for the word on descriptor 3; only then is the job there to be read. Starting Chromium,
its driver and a first renderer is most of what a short look takes.
"""

import os

from chrome import launch
from playwright.sync_api import sync_playwright


def main() -> None:
    playwright = sync_playwright().start()
    browser = launch(playwright)
    page = browser.new_page()  # the first renderer, and what Chromium loads with it
    page.goto("data:text/html,<button>x</button>")
    page.screenshot()
    page.close()
    os.write(3, b"r")
    if os.read(3, 1) != b"g":
        os._exit(1)
    os.close(3)
    import look  # it reads the job

    look.BROWSER = browser
    look.main(playwright)


if __name__ == "__main__":
    main()
