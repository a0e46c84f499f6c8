"""In a real browser: what a model, its program and a file say arrives as words, live, after a reload and on the card."""

import pytest
from playwright.sync_api import expect

from tests import modelserver as play

pytestmark = [pytest.mark.docker, pytest.mark.browser]

HOSTILE = "Tea <img data-pwned src=x onerror=alert(1)></template><script data-pwned>alert(2)</script>"
PLAN = f"TITLE {HOSTILE}\nSTEP {HOSTILE} step\nCHECK {HOSTILE} check\n"
MAIN = f"""import sys
print({HOSTILE!r})
print({HOSTILE!r}, file=sys.stderr)
open("out/<img data-pwned src=x onerror=alert(3)>.txt", "w").write({HOSTILE!r})
open("out/table.csv", "w").write("Name,Value\\n" + {HOSTILE!r}.replace(",", ";") + ",1\\n")
"""
REPLY = (
    f"{HOSTILE} prose\n\nFILE tool.toml\n```toml\ntitle = '''{HOSTILE}'''\nrun = [\"python3\", \"main.py\"]\n"
    f"[[inputs]]\nname = \"n\"\nlabel = '''{HOSTILE} label'''\ntype = \"number\"\ndefault = 3\n```\n"
    f"FILE main.py\n```python\n{MAIN}```\nDONE\n"
)


def nothing_of_it(page):
    assert page.locator("[data-pwned]").count() == 0
    assert page.locator("script:not([nonce]):not([src])").count() == 0


def test_hostile_words_stay_words_wherever_they_are_shown(played, visitor):
    served, model = played
    model.plan(PLAN)
    model.always(play.say(REPLY, piece=40))
    ada, bo = visitor(), visitor()
    alerts: list[str] = []
    for one in (ada, bo):
        one.page.on("dialog", lambda dialog: (alerts.append(dialog.message), dialog.dismiss()))
    ada.describe(served.url, f"Print a number {HOSTILE}", shape="tool", autonomy="plan")
    ada.page.wait_for_selector("form[data-plan]")  # brought by the socket
    expect(ada.page.locator("form[data-plan] textarea").first).to_have_value(f"{HOSTILE} step")
    nothing_of_it(ada.page)
    ada.page.click("text=Go, make it")
    expect(ada.page.locator("#part-said")).to_contain_text(f"{HOSTILE} prose")
    ada.finished()
    expect(ada.page.locator("#part-files")).to_contain_text("data-pwned")
    nothing_of_it(ada.page)
    ada.page.reload()
    expect(ada.page.locator("#part-said")).to_contain_text(f"{HOSTILE} prose")
    nothing_of_it(ada.page)

    link = ada.page.input_value("#share-link")
    bo.page.goto(link)
    nothing_of_it(bo.page)
    bo.page.click("form button.big")
    bo.page.wait_for_url("**/runs/**")
    expect(bo.page.locator("#part-run")).to_contain_text("<img data-pwned")
    nothing_of_it(bo.page)
    bo.page.reload()
    expect(bo.page.locator("#printed")).to_contain_text(HOSTILE)
    nothing_of_it(bo.page)
    assert alerts == []
