"""Diagnosis: the step at which mail fails, the server's answer, and what to try next."""

from __future__ import annotations

from collections.abc import Callable

from flask_outbox.message.addresses import Address
from flask_outbox.smtp.account_refusals import AccountTrouble, account_refusal
from flask_outbox.smtp.client import SmtpServer
from flask_outbox.smtp.errors import BETWEEN_MESSAGES, SmtpError, Step
from flask_outbox.smtp.submission import Accepted, Envelope, open_connection, transmit
from flask_outbox.translation import gettext as _
from flask_outbox.translation import gettext_noop


def send_test(server: SmtpServer, envelope: Envelope, progress: Callable[[str], None]) -> Accepted:
    """Send one message; `progress` gets a line for each step that succeeds. Raises SmtpError."""
    client = open_connection(server, progress)
    try:
        accepted = transmit(client, envelope)
    finally:
        client.quit()
    progress(_("The server accepted the message: {answer}").format(answer=accepted.answer))
    return accepted


def try_sender(server: SmtpServer, sender: Address, progress: Callable[[str], None]) -> None:
    """Connect, log in and name the sender, but send nothing. Raises SmtpError."""
    client = open_connection(server, progress)
    try:
        option = " SMTPUTF8" if sender.needs_smtputf8 else ""
        client.expect(Step.MAIL, f"MAIL FROM:<{sender.mailbox}>{option}")
        client.expect(Step.RESET, "RSET")
    finally:
        client.quit()
    progress(_("The server accepts mail from {address}.").format(address=sender.mailbox))


def advice(error: SmtpError, server: SmtpServer, *, has_return_path: bool = False) -> str:
    """What to try next, in one or two sentences."""
    if has_return_path and error.step is Step.MAIL:
        return _(
            "The server may insist on an address of the account: make MAIL_RETURN_PATH one, or"
            " set MAIL_RETURN_PATH_DELIMITER=none, so that the token is in a header only."
        )
    words = error.answer.lower()
    for applies, hint in _HINTS:
        if applies(error, server, words):
            return _(hint).format(host=server.host, port=server.port)
    step = Step.EHLO if error.step is Step.GREETING and error.code else error.step
    if step in BETWEEN_MESSAGES:
        return _(
            "The server closed the connection between messages; the next message opens a new one."
        )
    return _(_BY_STEP[step]).format(host=server.host, port=server.port)


def _is_tls_mismatch(error: SmtpError, server: SmtpServer, words: str) -> bool:
    if not server.use_ssl or error.step not in {Step.TLS, Step.CONNECT, Step.GREETING}:
        return False
    return "wrong_version" in words.replace(" ", "_") or server.port in {25, 587}


def _greeted_by_tls(error: SmtpError, server: SmtpServer, words: str) -> bool:
    silent = error.step is Step.GREETING and ("no answer" in words or "not smtp" in words)
    return silent and server.port == 465 and not server.use_ssl


def _is_unencrypted_login(error: SmtpError, server: SmtpServer, words: str) -> bool:
    offered_nothing = "not encrypted" in words or "offers no log-in" in words
    encrypted = server.use_tls or server.use_ssl
    return error.step is Step.AUTH and error.code is None and offered_nothing and not encrypted


def _dislikes_our_name(error: SmtpError, _server: SmtpServer, words: str) -> bool:
    if error.step is not Step.EHLO or error.code is None:
        return False
    return error.code in {421, 501, 504} or "helo" in words or "ehlo" in words


def _account(trouble: AccountTrouble) -> _Applies:
    def applies(error: SmtpError, _server: SmtpServer, _words: str) -> bool:
        refusal = account_refusal(error.code, error.answer)
        return refusal is not None and refusal.means is trouble

    return applies


_Applies = Callable[[SmtpError, SmtpServer, str], bool]

_SENDER = gettext_noop(
    "The server doesn't let this account send from that address. Set ADMINS or"
    " MAIL_DEFAULT_SENDER to an address that belongs to the account and is verified there."
)

_HINTS: list[tuple[_Applies, str]] = [
    (
        _account(AccountTrouble.LIMIT),
        gettext_noop(
            "The account has reached its provider's sending limit. Wait, ask the provider"
            " for a higher limit, or slow down with MAIL_RATE_LIMIT."
        ),
    ),
    (
        _account(AccountTrouble.STOPPED),
        gettext_noop(
            "The provider has stopped this account from sending. Log in at the provider's"
            " site to see what it requires."
        ),
    ),
    (_account(AccountTrouble.SENDER), _SENDER),
    (
        _dislikes_our_name,
        gettext_noop(
            "The server rejects the name this machine introduces itself with. Set"
            " MAIL_EHLO_NAME to the machine's full name, such as www.example.com."
        ),
    ),
    (
        _is_tls_mismatch,
        gettext_noop(
            "Port {port} doesn't use TLS from the start. Set MAIL_USE_SSL=0 and"
            " MAIL_USE_TLS=1, or MAIL_PORT=465."
        ),
    ),
    (
        _greeted_by_tls,
        gettext_noop(
            "Port 465 uses TLS from the start. Set MAIL_USE_SSL=1 and MAIL_USE_TLS=0, or"
            " MAIL_PORT=587."
        ),
    ),
    (
        lambda error, _server, words: error.step is Step.TLS and "expired" in words,
        gettext_noop("The server's certificate has expired. Its administrator must renew it."),
    ),
    (
        lambda error, _server, words: error.step is Step.TLS and "mismatch" in words,
        gettext_noop(
            "The certificate is for another name. Set MAIL_SERVER to the name in the certificate."
        ),
    ),
    (
        lambda error, _server, words: (
            error.step is Step.TLS and ("self-signed" in words or "issuer" in words)
        ),
        gettext_noop(
            "The certificate isn't signed by anyone this machine trusts. If the server is"
            " your own, set MAIL_CA_FILE to its authority's certificate; otherwise, you may"
            " be talking to someone else."
        ),
    ),
    (
        lambda error, _server, words: error.step is Step.AUTH and "token server" in words,
        gettext_noop(
            "The token server gave no token. Check MAIL_OAUTH_TOKEN_URL,"
            " MAIL_OAUTH_CLIENT_ID, MAIL_OAUTH_CLIENT_SECRET, MAIL_OAUTH_REFRESH_TOKEN and"
            " MAIL_OAUTH_SCOPE."
        ),
    ),
    (
        lambda error, server, words: (
            error.step is Step.AUTH
            and error.code is not None
            and error.code >= 500
            and server.tokens is not None
            and "5.7.139" not in words
        ),
        gettext_noop(
            "The server rejects the token. It must come from the account MAIL_USERNAME or"
            " from one that may send for it, and MAIL_OAUTH_SCOPE must be the scope for"
            " SMTP."
        ),
    ),
    (
        lambda error, _server, words: (
            error.step is Step.AUTH
            and ("5.7.9" in words or "application-specific" in words or "google" in words)
        ),
        gettext_noop(
            "Google wants an app password here, not the account's own. Turn on 2-Step"
            " Verification, create an app password, and put it into MAIL_PASSWORD."
        ),
    ),
    (
        lambda error, _server, words: (
            error.step is Step.AUTH
            and ("5.7.139" in words or "smtpclientauthentication" in words or "basic auth" in words)
        ),
        gettext_noop(
            "Microsoft has switched off passwords for this account. Allow authenticated SMTP"
            " for the mailbox and log in with OAuth (MAIL_OAUTH_TOKEN_URL), or use another"
            " provider's server."
        ),
    ),
    (
        _is_unencrypted_login,
        gettext_noop(
            "Set MAIL_USE_TLS=1 (port 587) or MAIL_USE_SSL=1 (port 465): many servers let"
            " you log in only over an encrypted connection."
        ),
    ),
    (
        lambda error, _server, words: (
            error.step is Step.AUTH
            and "offers no log-in with a password" in words
            and "oauth" in words
        ),
        gettext_noop(
            "The server accepts tokens, not passwords. Set MAIL_OAUTH_TOKEN_URL and the"
            " settings that go with it instead of MAIL_PASSWORD."
        ),
    ),
    (
        lambda error, _server, words: (
            error.step is Step.AUTH and "offers no log-in with a token" in words
        ),
        gettext_noop(
            "The server doesn't accept tokens (XOAUTH2). Set MAIL_PASSWORD instead of"
            " MAIL_OAUTH_TOKEN_URL."
        ),
    ),
    (
        lambda error, _server, words: (
            error.code == 530 or (error.code is not None and "starttls" in words)
        ),
        gettext_noop(
            "The server requires encryption or a log-in first. Set MAIL_USE_TLS=1,"
            " MAIL_USERNAME and MAIL_PASSWORD."
        ),
    ),
    (
        lambda error, _server, words: (
            error.step in {Step.MAIL, Step.ACCEPTANCE}
            and ("not verified" in words or "from address" in words or "sender identity" in words)
        ),
        _SENDER,
    ),
    (
        lambda error, _server, words: error.step is Step.RCPT and "relay" in words,
        gettext_noop(
            "The server delivers to other domains only after a log-in. Set MAIL_USERNAME and"
            " MAIL_PASSWORD."
        ),
    ),
    (
        lambda error, _server, _words: error.code is not None and 400 <= error.code < 500,
        gettext_noop(
            "The server asks you to try again later. New senders often have to wait a few minutes."
        ),
    ),
]

_BY_STEP = {
    Step.LOOKUP: gettext_noop("No machine is named {host!r}. Check MAIL_SERVER for a typo."),
    Step.CONNECT: gettext_noop(
        "Nothing answers at {host}, port {port}. Check MAIL_SERVER and MAIL_PORT. Many"
        " networks block port 25, so try 587."
    ),
    Step.TLS: gettext_noop(
        "Encryption failed. Use MAIL_USE_TLS with port 587 and MAIL_USE_SSL with port 465."
    ),
    Step.GREETING: gettext_noop(
        "Something answers at {host}, port {port}, but it isn't a mail server. Check"
        " MAIL_PORT: 587 with MAIL_USE_TLS, 465 with MAIL_USE_SSL."
    ),
    Step.EHLO: gettext_noop("The server refuses this machine. Ask its administrator why."),
    Step.STARTTLS: gettext_noop(
        "The server can't encrypt on this port. Try port 587 with MAIL_USE_TLS=1 or 465 with"
        " MAIL_USE_SSL=1."
    ),
    Step.AUTH: gettext_noop(
        "The username or the password is wrong, or the provider wants an app password."
    ),
    Step.MAIL: _SENDER,
    Step.RCPT: gettext_noop(
        "The server doesn't accept mail for that address. Check it for a typo."
    ),
    Step.DATA: gettext_noop("The server doesn't want a message now. Its answer says why."),
    Step.CONTENT: gettext_noop("The connection broke while the message was being sent. Try again."),
    Step.ACCEPTANCE: gettext_noop(
        "The server rejected the message. Its answer says why: often, the sender's domain"
        " lacks SPF or DKIM records."
    ),
}
