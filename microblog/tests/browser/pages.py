"""Every page of the site, and how it is reached: for tests that walk all of them.

`test_pages.py` holds the list against the site's addresses, so that no page is forgotten.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tests.visitor import PASSWORD

STRANGER, FORGETFUL = "stranger", "forgetful"
"""A browser in which nobody is signed in; in the second, somebody asked for a reset."""

MEMBER, CHANGING, ADMIN = "bob", "carol", "alice"
NEWCOMER, REFUSED, LEAVER = "newcomer", "refused", "leaver"
"""People: the second changes her address, the third is an administrator. The address of the
newcomer is not confirmed, no mail reaches the next, and the last one's account will be deleted."""

UNPROTECTED, PROTECTED, CODES, WAITING = "frida", "greta", "hanna", "ingrid"
"""All have just proved who they are. The second has passkeys and an app, the last two an app alone,
and the last one's is about to be removed."""

HALFWAY, HALFWAY_WITHOUT, HALFWAY_WAITING = "halfway", "halfway-without", "halfway-waiting"
"""Browsers in which the password of the last three was given, and the second step is asked for."""

LONG_NAME = "somebody.with.a.name.of.forty-one.letters"


@dataclass(frozen=True)
class SitePage:
    """A page in one state.

    `rule` is its rule in the URL map, empty for an address that has none. `path` is what is opened,
    by default the rule, and `before` what is opened before it; names in braces stand for what
    `filled_site` has made. `sent` are the fields of a form that is sent, whose answer is the page;
    the first form is sent as it is if there are none, or the one whose action is `ends`. `ends` is
    the path that the browser ends at, where it is another.
    """

    name: str
    rule: str
    reader: str = STRANGER
    path: str = ""
    sent: Mapping[str, str] | None = None
    before: str = ""
    ends: str = ""
    status: int = 200

    @property
    def opened(self) -> str:
        return self.path or self.rule


def _behind(kind: str, reader: str) -> tuple[SitePage, SitePage]:
    """The page behind a link of this kind that was mailed to this person, and behind a bad one."""
    rule = f"/{kind}/<token>"
    return (
        SitePage(kind, rule, path=f"/{kind}/{{{kind}_of_{reader}}}", ends=f"/{kind}/choose"),
        SitePage(f"{kind}-bad", rule, path=f"/{kind}/bad"),
    )


PAGES = (
    SitePage("welcome", "/"),
    SitePage("explore-stranger", "/explore"),
    SitePage("register", "/register"),
    SitePage(
        "register-errors",
        "/register",
        sent={"username": "a b", "email": "?", "password": "x", "password2": "y"},
    ),
    SitePage("sign-in", "/login"),
    SitePage("sign-in-refused", "/login", sent={"username": "nobody", "password": "wrong"}),
    SitePage("sign-in-empty", "/login", sent={"username": ""}),
    SitePage("check-your-email", "/login", FORGETFUL),
    SitePage("code-wrong", "", FORGETFUL, "/login", {"code": "?"}, ends="/reset_password_code"),
    SitePage("reset-request", "/reset_password_request"),
    SitePage("reset-request-error", "/reset_password_request", sent={"email": "?"}),
    *_behind("reset_password", MEMBER),
    SitePage(
        "reset_password-errors",
        "/reset_password/<token>",
        path="/reset_password/choose",
        sent={"password": "x", "password2": "y"},
        before="/reset_password/{reset_password_of_bob}",
    ),
    SitePage(
        "reset_password-ended",
        "/reset_password/<token>",
        path="/reset_password/{reset_password_of_erin}",
    ),
    *_behind("verify_email", NEWCOMER),
    SitePage(
        "verify_email-not-mine",
        "/verify_email/<token>",
        path="/verify_email/choose?remove",
        before="/verify_email/{verify_email_of_newcomer}",
    ),
    *_behind("confirm_email_change", CHANGING),
    *_behind("undo_email_change", CHANGING),
    *_behind("not_me", ADMIN),
    SitePage("unsubscribe", "/unsubscribe/<token>", path="/unsubscribe/{unsubscribe_of_bob}"),
    SitePage("unsubscribe-bad", "/unsubscribe/<token>", path="/unsubscribe/bad"),
    SitePage(
        "unsubscribe-done",
        "/unsubscribe/<token>",
        path="/unsubscribe/{unsubscribe_of_bob}",
        sent={},
    ),
    SitePage(
        "not_me-done",
        "/not_me/<token>",
        path="/not_me/choose",
        sent={},
        before="/not_me/{not_me_of_dora}",
    ),
    *_behind("keep_account", LEAVER),
    SitePage(
        "keep_account-offered",
        "",
        path="/login",
        sent={"username": LEAVER, "password": PASSWORD},
        ends="/keep_account/choose",
    ),
    SitePage("second-step", "/login/second_step", HALFWAY),
    SitePage("second-step-without-passkey", "/login/second_step", HALFWAY_WITHOUT),
    SitePage("second-step-wrong", "/login/second_step", HALFWAY_WITHOUT, sent={"code": "123456"}),
    SitePage("second-factor-lost", "/login/second_step/lost", HALFWAY_WITHOUT),
    SitePage("second-factor-lost-asked", "/login/second_step/lost", HALFWAY, sent={}),
    SitePage("second-factor-lost-waiting", "/login/second_step/lost", HALFWAY_WAITING),
    *_behind("remove_second_factor", PROTECTED),
    *_behind("keep_second_factor", WAITING),
    SitePage("home-removal-waits", "/", WAITING),
    SitePage("not-found-stranger", "", path="/nothing", status=404),
    SitePage("not-found", "", MEMBER, "/nothing", status=404),
    SitePage("not-by-link", "", path="/logout", status=405),
    SitePage("form-expired", "", path="/login", sent={"csrf_token": "?"}, status=400),
    SitePage("home", "/", MEMBER),
    SitePage("home-index", "/index", MEMBER),
    SitePage("home-to-write", "/", MEMBER, "/?write=1"),
    SitePage("home-error", "/", MEMBER, sent={"post": "x" * 501}),
    SitePage("home-newcomer", "/", NEWCOMER),
    SitePage("home-newcomer-draft", "/", NEWCOMER, sent={"post": "My first post"}),
    SitePage("people-newcomer", "/people", NEWCOMER),
    SitePage("home-refused-mail", "/", REFUSED),
    SitePage("explore", "/explore", MEMBER),
    SitePage("people", "/people", MEMBER),
    SitePage("tag", "/tag/<tag>", MEMBER, "/tag/garden"),
    SitePage("search", "/search", MEMBER),
    SitePage("search-all", "/search", MEMBER, "/search?q=garden+number"),
    SitePage("search-posts", "/search", MEMBER, "/search?q=garden&kind=posts&page=2"),
    SitePage("search-people", "/search", MEMBER, "/search?q=somebody&kind=people"),
    SitePage("search-tags", "/search", MEMBER, "/search?q=gar&kind=tags"),
    SitePage("search-nothing", "/search", path="/search?q=zyzzyva"),
    SitePage("search-stranger", "/search"),
    SitePage("tag-empty", "/tag/<tag>", path="/tag/nothing"),
    SitePage("post", "/post/<int:post_id>", path="/post/{long_post}"),
    SitePage("post-own", "/post/<int:post_id>", MEMBER, "/post/{own_post}"),
    SitePage("thread", "/post/<int:post_id>", MEMBER, "/post/{thread}"),
    SitePage("thread-stranger", "/post/<int:post_id>", path="/post/{thread}"),
    SitePage("thread-reply", "/post/<int:post_id>", MEMBER, "/post/{reply}"),
    SitePage("thread-error", "/post/<int:post_id>", MEMBER, "/post/{thread}", {"post": "x" * 501}),
    SitePage("post-edit", "/post/<int:post_id>/edit", MEMBER, "/post/{own_post}/edit"),
    SitePage(
        "post-edit-error",
        "/post/<int:post_id>/edit",
        MEMBER,
        "/post/{own_post}/edit",
        {"post": "x" * 501},
    ),
    SitePage("post-delete", "/post/<int:post_id>/delete", MEMBER, "/post/{own_post}/delete"),
    SitePage("profile-stranger", "/user/<username>", path="/user/alice"),
    SitePage("profile-own", "/user/<username>", MEMBER, "/user/bob"),
    SitePage("profile-other", "/user/<username>", MEMBER, "/user/alice"),
    SitePage("profile-long-name", "/user/<username>", MEMBER, f"/user/{LONG_NAME}"),
    SitePage("profile-replies", "/user/<username>/replies", MEMBER, "/user/alice/replies"),
    SitePage("profile-no-replies", "/user/<username>/replies", path="/user/carol/replies"),
    SitePage("followers", "/user/<username>/followers", MEMBER, "/user/alice/followers"),
    SitePage("following", "/user/<username>/following", MEMBER, "/user/carol/following"),
    SitePage("messages", "/messages", MEMBER),
    SitePage("messages-none", "/messages", CHANGING),
    SitePage("conversation", "/messages/<username>", MEMBER, "/messages/alice"),
    SitePage("conversation-none", "/messages/<username>", MEMBER, "/messages/dora"),
    SitePage("conversation-blocked", "/messages/<username>", MEMBER, "/messages/erin"),
    SitePage("conversation-long-name", "/messages/<username>", MEMBER, f"/messages/{LONG_NAME}"),
    SitePage(
        "conversation-error",
        "/messages/<username>",
        MEMBER,
        "/messages/alice",
        {"message": "x" * 2001},
    ),
    SitePage(
        "conversation-delete", "/messages/<username>/delete", MEMBER, "/messages/alice/delete"
    ),
    SitePage("profile-edit", "/edit_profile", MEMBER),
    SitePage("profile-edit-error", "/edit_profile", MEMBER, sent={"username": "a b"}),
    SitePage(
        "profile-edit-picture-error",
        "",
        MEMBER,
        "/edit_profile",
        {"picture": ""},
        ends="/edit_profile/picture",
    ),
    SitePage("notifications", "/notifications", MEMBER),
    SitePage("notifications-none", "/notifications", CHANGING),
    SitePage("notifications-mentions", "/notifications/mentions", MEMBER),
    SitePage("settings", "/settings/", MEMBER),
    SitePage("settings-blocked", "/settings/blocked", MEMBER),
    SitePage("settings-muted", "/settings/muted", MEMBER),
    SitePage("settings-nobody-muted", "/settings/muted", CHANGING),
    SitePage("settings-messages", "/settings/messages", MEMBER),
    SitePage("settings-notifications", "/settings/notifications", MEMBER),
    SitePage("settings-emails", "/settings/emails", MEMBER),
    SitePage("settings-language", "/settings/language", MEMBER),
    SitePage("settings-email", "/settings/email", MEMBER),
    SitePage("settings-email-error", "/settings/email", MEMBER, sent={"email": "?"}),
    SitePage("settings-email-pending", "/settings/email", CHANGING),
    SitePage("settings-password", "/settings/password", MEMBER),
    SitePage("settings-password-error", "/settings/password", MEMBER, sent={"password": "x"}),
    SitePage("settings-two-step", "/settings/two_step", PROTECTED),
    SitePage("settings-two-step-none", "/settings/two_step", UNPROTECTED),
    SitePage("settings-two-step-app-alone", "/settings/two_step", CODES),
    SitePage(
        "settings-two-step-codes",
        "",
        CODES,
        "/settings/two_step",
        {},
        ends="/settings/two_step/codes",
    ),
    SitePage("settings-app", "/settings/two_step/app", UNPROTECTED),
    SitePage(
        "settings-app-wrong-code", "/settings/two_step/app", UNPROTECTED, sent={"code": "123456"}
    ),
    SitePage("settings-passkey", "/settings/two_step/passkeys", UNPROTECTED),
    SitePage("settings-confirm", "/settings/confirm", PROTECTED),
    SitePage("settings-confirm-without-passkey", "/settings/confirm", MEMBER),
    SitePage(
        "settings-confirm-refused", "/settings/confirm", MEMBER, sent={"current_password": "x"}
    ),
    SitePage("settings-sessions", "/settings/sessions", MEMBER),
    SitePage("settings-security", "/settings/security", MEMBER),
    SitePage(
        "settings-security-mail", "/settings/security", MEMBER, "/settings/security?show=mail"
    ),
    SitePage("settings-export", "/settings/export", MEMBER),
    SitePage("settings-export-error", "/settings/export", MEMBER, sent={"current_password": "x"}),
    SitePage("settings-delete", "/settings/delete", MEMBER),
    SitePage("settings-delete-error", "/settings/delete", MEMBER, sent={"current_password": "x"}),
    SitePage("admin-mail", "/admin/mail", ADMIN),
    SitePage(
        "admin-mail-search", "/admin/mail", ADMIN, "/admin/mail?address=nobody&since=nonsense"
    ),
    SitePage("admin-message", "/admin/mail/<int:message_id>", ADMIN, "/admin/mail/{sent}"),
    SitePage("admin-message-waiting", "/admin/mail/<int:message_id>", ADMIN, "/admin/mail/{waits}"),
    SitePage(
        "admin-retry", "/admin/mail/<int:message_id>/retry", ADMIN, "/admin/mail/{waits}/retry"
    ),
    SitePage(
        "admin-cancel", "/admin/mail/<int:message_id>/cancel", ADMIN, "/admin/mail/{waits}/cancel"
    ),
    SitePage("admin-suppressed", "/admin/mail/suppressed", ADMIN),
    SitePage("admin-suppress", "/admin/mail/suppressed/add", ADMIN),
    SitePage("admin-suppress-error", "/admin/mail/suppressed/add", ADMIN, sent={"address": "x"}),
    SitePage("admin-feedback", "/admin/mail/feedback", ADMIN),
    SitePage(
        "admin-report", "/admin/mail/feedback/<int:report_id>", ADMIN, "/admin/mail/feedback/1"
    ),
    SitePage(
        "admin-lift",
        "/admin/mail/suppressed/lift",
        ADMIN,
        "/admin/mail/suppressed/lift?address={suppressed}",
    ),
    SitePage("admin-users", "/admin/users", ADMIN),
    SitePage("admin-users-none", "/admin/users", ADMIN, "/admin/users?text=nobody-at-all"),
    SitePage("admin-users-error", "/admin/users", ADMIN, "/admin/users?text=%00"),
    SitePage("admin-user", "/admin/users/<int:user_id>", ADMIN, "/admin/users/{bob}"),
    SitePage("admin-user-disabled", "/admin/users/<int:user_id>", ADMIN, "/admin/users/{disabled}"),
    SitePage(
        "admin-disable", "/admin/users/<int:user_id>/disable", ADMIN, "/admin/users/{bob}/disable"
    ),
    SitePage(
        "admin-enable", "/admin/users/<int:user_id>/enable", ADMIN, "/admin/users/{disabled}/enable"
    ),
    SitePage("admin-reset", "/admin/users/<int:user_id>/reset", ADMIN, "/admin/users/{bob}/reset"),
    SitePage("admin-user-protected", "/admin/users/<int:user_id>", ADMIN, "/admin/users/{greta}"),
    SitePage(
        "admin-second-factor",
        "/admin/users/<int:user_id>/second_factor",
        ADMIN,
        "/admin/users/{greta}/second_factor",
    ),
    SitePage("join", "/join/<token>", path="/join/{join}", ends="/join/choose"),
    SitePage("join-bad", "/join/<token>", path="/join/bad"),
    SitePage("report-post", "/report/post/<int:post_id>", MEMBER, "/report/post/{long_post}"),
    SitePage(
        "report-post-error",
        "/report/post/<int:post_id>",
        CHANGING,
        "/report/post/{long_post}",
        {"comment": "x" * 501},
    ),
    SitePage(
        "report-message", "/report/message/<int:message_id>", MEMBER, "/report/message/{message}"
    ),
    SitePage("admin-reports", "/admin/reports", ADMIN),
    SitePage("admin-reports-resolved", "/admin/reports", ADMIN, "/admin/reports?show=resolved"),
    SitePage(
        "admin-remove-post",
        "/admin/reports/<int:report_id>/remove",
        ADMIN,
        "/admin/reports/{report_of_post}/remove",
    ),
    SitePage(
        "admin-remove-post-error",
        "/admin/reports/<int:report_id>/remove",
        ADMIN,
        "/admin/reports/{report_of_post}/remove",
        {"reason": ""},
    ),
    SitePage(
        "admin-remove-message",
        "/admin/reports/<int:report_id>/remove",
        ADMIN,
        "/admin/reports/{report_of_message}/remove",
    ),
    SitePage("admin-invitations", "/admin/invitations", ADMIN),
    SitePage("admin-invitations-error", "/admin/invitations", ADMIN, sent={"uses": "0"}),
    SitePage("admin-invitations-made", "/admin/invitations", ADMIN, sent={"note": "x" * 80}),
    SitePage("inbox", "/dev/inbox"),
    SitePage("inbox-slash", "/dev/inbox/"),
    SitePage("inbox-mail", "/dev/inbox/<number>", path="/dev/inbox/{mail}"),
    SitePage("inbox-html", "/dev/inbox/<number>/html", path="/dev/inbox/{mail}/html"),
    SitePage("emails", "/dev/emails"),
    SitePage("emails-slash", "/dev/emails/"),
    SitePage(
        "email", "/dev/emails/<kind>/<language>", path="/dev/emails/accounts.reset_password/en"
    ),
    SitePage(
        "email-html",
        "/dev/emails/<kind>/<language>/html",
        path="/dev/emails/accounts.reset_password/en/html",
    ),
)

NOT_PAGES = {
    "/.well-known/change-password",
    "/admin/",
    "/admin/mail/static/<path:filename>",
    "/dev/emails/static/<path:filename>",
    "/dev/inbox/<number>/source",
    "/dev/inbox/static/<path:filename>",
    "/edit_profile/picture",
    "/explore.atom",
    "/favicon.ico",
    "/healthz",
    "/language/<language>",
    "/login/passkey/options",
    "/messages/<username>/newer",
    "/metrics",
    "/newer_posts/<int:post_id>",
    "/people/names",
    "/notifications/unread",
    "/picture/<int:user_id>/<digest>",
    "/readyz",
    "/reset_password_code",
    "/robots.txt",
    "/settings/two_step/codes",
    "/static/<path:filename>",
    "/tag/<tag>.atom",
    "/unsubscribe/static/<path:filename>",
    "/user/<username>.atom",
    "/user/<username>/card",
    "/verify_email",
}
"""The rules that answer a GET with something else: a redirect, a feed, a file, a figure,
a part of a page."""
