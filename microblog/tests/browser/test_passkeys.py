"""Passkeys in a real browser, with the authenticators that Chromium's protocol simulates."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import pyotp
import pytest
from playwright.sync_api import Browser, CDPSession, Page, Route, expect

from tests.browser.conftest import PHONE, opened_page
from tests.browser.people import assert_accessible, assert_fits
from tests.browser.test_keyboard import fill, press, signed_in, tab_to
from tests.demonstration import Demonstration

pytestmark = pytest.mark.browser

PASSWORD = "an uncommon password"
OPTIONS = "**/login/passkey/options"
SETTINGS = "/settings/two_step"


@dataclass
class Authenticator:
    """A simulated authenticator of this page's browser."""

    protocol: CDPSession
    id: str
    is_offered: bool
    """Whether Chromium offers its passkeys where a name is typed: those that are built in."""

    def wait_for_its_owner(self, *, waits: bool = True) -> None:
        """Answer what is asked from now on only when touched, or at once again."""
        self._send("setAutomaticPresenceSimulation", enabled=not waits)

    def credential(self) -> dict[str, Any]:
        """The one passkey that it has."""
        [found] = self._send("getCredentials")["credentials"]
        return dict(found)

    def put(self, credential: dict[str, Any]) -> None:
        """Replace its passkey by this one, as a copy of another authenticator would have it."""
        self._send("clearCredentials")
        self._send("addCredential", credential=credential)

    def _send(self, method: str, **about: Any) -> dict[str, Any]:
        answer = self.protocol.send(f"WebAuthn.{method}", {"authenticatorId": self.id, **about})
        return dict(answer or {})


def authenticator(
    page: Page, *, platform: bool = True, resident: bool = True, verifies: bool = True
) -> Authenticator:
    """Give the page's browser an authenticator: built in, or one that is plugged in."""
    protocol = page.context.new_cdp_session(page)
    protocol.send("WebAuthn.enable", {"enableUI": False})
    made = protocol.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal" if platform else "usb",
                "hasResidentKey": resident,
                "hasUserVerification": verifies,
                "isUserVerified": verifies,
                "automaticPresenceSimulation": True,
            }
        },
    )
    return Authenticator(protocol, made["authenticatorId"], is_offered=platform)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    yield from opened_page(browser, viewport=PHONE, reduced_motion="reduce")


def joined(page: Page, demo: Demonstration) -> str:
    name = f"key{secrets.token_hex(3)}"
    page.goto(f"{demo.address}/register")
    for field, value in {
        "username": name,
        "email": f"{name}@example.com",
        "password": PASSWORD,
        "password2": PASSWORD,
    }.items():
        page.locator(f"main [name={field}]").fill(value)
    with page.expect_navigation():
        page.locator("main form [type=submit]").first.click()
    signed_in(page, name)
    return name


def confirm_password(page: Page) -> None:
    expect(page.locator("[name=current_password]")).to_be_visible()
    page.locator("[name=current_password]").fill(PASSWORD)
    with page.expect_navigation():
        page.get_by_role("button", name="Continue").click()


def add_passkey(page: Page, demo: Demonstration, name: str = "Test key") -> None:
    page.goto(f"{demo.address}{SETTINGS}/passkeys")
    if "/settings/confirm" in page.url:
        confirm_password(page)
    page.locator("[name=name]").fill(name)
    page.get_by_role("button", name="Add passkey").click()
    expect(page.get_by_text("The passkey was added.")).to_be_visible()


def sign_out(page: Page) -> None:
    with page.expect_navigation():
        page.locator(".foot [type=submit]").click()


def offered(page: Page, demo: Demonstration, key: Authenticator) -> None:
    """Open the page to sign in, whose browser offers passkeys; the person takes none of them."""
    key.wait_for_its_owner()
    with page.expect_response(OPTIONS) if key.is_offered else nullcontext():
        page.goto(f"{demo.address}/login")


def touch_when_pressed(page: Page, key: Authenticator) -> None:
    """Let the authenticator be touched once a button asks for it, when the offer has ended.

    It is not touched again for what the next page offers.
    """

    def touch(route: Route) -> None:
        key.wait_for_its_owner(waits=False)
        route.continue_()

    def let_go(route: Route) -> None:
        key.wait_for_its_owner()
        route.continue_()

    page.route(OPTIONS, touch, times=1)
    page.route("**/login/passkey", let_go, times=1)


def use_passkey(page: Page, demo: Demonstration, key: Authenticator) -> None:
    """Press the button of the page to sign in, with the box ticked to be remembered."""
    offered(page, demo, key)
    touch_when_pressed(page, key)
    page.get_by_label("Remember me").check()
    page.get_by_role("button", name="Sign in with a passkey").click()


@pytest.mark.parametrize("platform", [True, False], ids=["built in", "plugged in"])
def test_a_passkey_signs_in_alone(page: Page, demo: Demonstration, platform: bool) -> None:
    key = authenticator(page, platform=platform)
    name = joined(page, demo)
    add_passkey(page, demo)
    expect(page.locator(".codes li")).to_have_count(10)
    assert_accessible(page)
    assert_fits(page)
    assert key.credential()["rpId"] == "localhost"
    sign_out(page)
    use_passkey(page, demo, key)
    signed_in(page, name)
    assert key.credential()["signCount"] >= 2
    assert any("remember" in one["name"] for one in page.context.cookies())


def test_the_browser_offers_passkeys_where_the_name_is_typed(
    page: Page, demo: Demonstration
) -> None:
    authenticator(page)
    name = joined(page, demo)
    add_passkey(page, demo)
    sign_out(page)
    page.goto(f"{demo.address}/login")
    # The simulated person takes what the browser offers beside the field.
    signed_in(page, name)


def test_an_offer_ends_when_another_form_is_sent(page: Page, demo: Demonstration) -> None:
    key = authenticator(page)
    joined(page, demo)
    add_passkey(page, demo)
    sign_out(page)
    held: list[Route] = []
    sent: list[str] = []

    def hold_two(route: Route) -> None:
        if len(held) == 2:
            route.continue_()
        else:
            held.append(route)

    page.route(OPTIONS, hold_two)
    page.on("request", lambda request: sent.append(f"{request.method} {request.url}"))
    page.goto(f"{demo.address}/login")
    page.route("**/login", hold_two)
    page.locator("#sign-in [type=submit]").click(no_wait_after=True)
    while len(held) < 2:
        page.wait_for_timeout(10)
    # The browser would take a passkey now, while the answer to the form is awaited.
    options, form = held
    with page.expect_response(OPTIONS):
        options.continue_()
    # Time for what must not happen.
    page.wait_for_timeout(200)
    key.wait_for_its_owner()
    with page.expect_navigation():
        form.continue_()
    assert f"POST {demo.address}/login" in sent
    assert f"POST {demo.address}/login/passkey" not in sent


def test_an_offer_is_renewed_before_it_is_too_old(page: Page, demo: Demonstration) -> None:
    key = authenticator(page)
    page.clock.install()
    offered(page, demo, key)
    with page.expect_response(OPTIONS):
        page.clock.run_for("04:01")


def test_one_that_cannot_tell_who_is_there_is_a_second_step_alone(
    page: Page, demo: Demonstration
) -> None:
    key = authenticator(page, platform=False, resident=False, verifies=False)
    name = joined(page, demo)
    add_passkey(page, demo)
    sign_out(page)
    use_passkey(page, demo, key)
    expect(page.get_by_text("The passkey wasn't used.")).to_be_visible()
    fill(page, username=name, password=PASSWORD)
    expect(page.get_by_role("heading", name="Confirm it's you")).to_be_visible()
    assert_accessible(page)
    assert_fits(page)
    page.get_by_label("Trust this browser").check()
    page.get_by_role("button", name="Use a passkey").click()
    signed_in(page, name)
    sign_out(page)
    page.goto(f"{demo.address}/login")
    fill(page, username=name, password=PASSWORD)
    signed_in(page, name)


def test_a_copied_passkey_is_refused(page: Page, demo: Demonstration) -> None:
    key = authenticator(page)
    joined(page, demo)
    add_passkey(page, demo)
    copy = key.credential()
    for _ in range(2):
        sign_out(page)
        use_passkey(page, demo, key)
        page.wait_for_url(f"{demo.address}/")
    sign_out(page)
    key.put({**copy, "signCount": 1})
    use_passkey(page, demo, key)
    expect(page.get_by_text("That passkey wasn't accepted.")).to_be_visible()


def test_the_whole_way_works_without_a_mouse(page: Page, demo: Demonstration) -> None:
    key = authenticator(page)
    name = joined(page, demo)
    page.goto(f"{demo.address}{SETTINGS}")
    press(page, page.locator(f"a[href='{SETTINGS}/passkeys']"))
    expect(page.locator("[name=current_password]")).to_be_visible()
    fill(page, current_password=PASSWORD)
    fill(page, name="Keyboard")
    expect(page.locator(".codes li")).to_have_count(10)
    press(page, page.get_by_role("link", name="I've saved them"))
    page.wait_for_url(f"**{SETTINGS}")
    with page.expect_navigation():
        press(page, page.locator(".foot [type=submit]"))
    offered(page, demo, key)
    touch_when_pressed(page, key)
    with page.expect_navigation(url=f"{demo.address}/"):
        press(page, page.get_by_role("button", name="Sign in with a passkey"))
    signed_in(page, name)
    tab_to(page, page.locator(".foot [type=submit]"))


def test_without_scripts_the_pages_say_what_works(
    browser: Browser, page: Page, demo: Demonstration
) -> None:
    authenticator(page)
    name = joined(page, demo)
    add_passkey(page, demo)
    codes = page.locator(".codes li").all_inner_texts()
    with browser.new_context(java_script_enabled=False, viewport=PHONE) as plain:
        without = plain.new_page()
        without.goto(f"{demo.address}/login")
        expect(without.get_by_role("button", name="Sign in with a passkey")).to_be_hidden()
        fill(without, username=name, password=PASSWORD)
        expect(without.locator("[data-without-passkeys]")).to_be_visible()
        assert_fits(without)
        fill(without, code=codes[0])
        signed_in(without, name)
        without.goto(f"{demo.address}{SETTINGS}/passkeys")
        confirm_password(without)
        expect(without.get_by_role("link", name="Set up an app")).to_be_visible()
        assert_fits(without)


def test_an_app_is_set_up_and_used(page: Page, demo: Demonstration) -> None:
    name = joined(page, demo)
    page.goto(f"{demo.address}{SETTINGS}/app")
    confirm_password(page)
    expect(page.get_by_role("img", name="QR code for your authenticator app")).to_be_visible()
    assert_accessible(page)
    assert_fits(page)
    app = pyotp.TOTP(page.locator("code.secret").inner_text().replace(" ", ""))
    fill(page, code=app.now())
    expect(page.locator(".codes li")).to_have_count(10)
    sign_out(page)
    page.goto(f"{demo.address}/login")
    fill(page, username=name, password=PASSWORD)
    fill(page, code=app.at(int(time.time()) + 30))
    signed_in(page, name)
