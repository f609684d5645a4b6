"""What browsers and the `webauthn` package say to each other, in terms of ours.

This module alone imports the package: it takes 6 MiB and 80 ms, which a process spends once it
meets a passkey. What a browser sent may be anything; what is no answer raises PasskeyError.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import webauthn
from webauthn.helpers import base64url_to_bytes
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    CredentialDeviceType,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from microblog.accounts.models import Passkey, User
from microblog.accounts.second_factors.relying_party import PasskeyError, RelyingParty

ANSWER_MAXIMUM = 20_000
"""Characters of a browser's answer; passkeys are below 2,000, with attestations 10,000."""

TIMEOUT_MILLISECONDS = 300_000
"""As long as a challenge is good."""

Parsed = TypeVar("Parsed")


@dataclass(frozen=True)
class Answer:
    """What a browser's answer says of itself, before anything is checked."""

    text: str
    challenge: bytes
    credential_id: bytes
    handle: bytes | None
    transports: Sequence[str]


@dataclass(frozen=True)
class NewCredential:
    """The public half of a passkey that was made."""

    id: bytes
    public_key: bytes
    sign_count: int
    is_synced: bool


@dataclass(frozen=True)
class Assertion:
    """A signature that was checked: the counter, and whether the device checked who is there."""

    sign_count: int
    user_verified: bool


def creation_options(
    site: RelyingParty, user: User, existing: Sequence[Passkey], *, challenge: bytes, handle: bytes
) -> str:
    """Return what a browser needs to make a passkey for this account, as JSON."""
    options = webauthn.generate_registration_options(
        rp_id=site.id,
        rp_name=site.name,
        user_id=handle,
        user_name=user.username,
        user_display_name=user.display_name or user.username,
        challenge=challenge,
        timeout=TIMEOUT_MILLISECONDS,
        exclude_credentials=_descriptors(existing),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED,
            user_verification=UserVerificationRequirement.PREFERRED,
        ),
    )
    return webauthn.options_to_json(options)


def request_options(
    site: RelyingParty, allowed: Sequence[Passkey], *, challenge: bytes, user_verified: bool
) -> str:
    """Return what a browser needs to use a passkey, as JSON; one of `allowed`, or any if empty."""
    needed, wished = UserVerificationRequirement.REQUIRED, UserVerificationRequirement.PREFERRED
    options = webauthn.generate_authentication_options(
        rp_id=site.id,
        challenge=challenge,
        timeout=TIMEOUT_MILLISECONDS,
        allow_credentials=_descriptors(allowed),
        user_verification=needed if user_verified else wished,
    )
    return webauthn.options_to_json(options)


def read_answer(text: str) -> Answer:
    """Read what a browser sent; nothing of it is checked yet."""
    if len(text) > ANSWER_MAXIMUM:
        raise PasskeyError
    return _parsed(lambda: _answer(text, json.loads(text)))


def verify_creation(answer: Answer, site: RelyingParty) -> NewCredential:
    """Check the answer to `creation_options`."""
    verified = _parsed(
        lambda: webauthn.verify_registration_response(
            credential=answer.text,
            expected_challenge=answer.challenge,
            expected_rp_id=site.id,
            expected_origin=site.origin,
        )
    )
    return NewCredential(
        verified.credential_id,
        verified.credential_public_key,
        verified.sign_count,
        verified.credential_device_type is CredentialDeviceType.MULTI_DEVICE,
    )


def verify_assertion(
    answer: Answer, site: RelyingParty, public_key: bytes, *, user_verified: bool
) -> Assertion:
    """Check the answer to `request_options` by the passkey's public key."""
    verified = _parsed(
        lambda: webauthn.verify_authentication_response(
            credential=answer.text,
            expected_challenge=answer.challenge,
            expected_rp_id=site.id,
            expected_origin=site.origin,
            credential_public_key=public_key,
            # The counter is compared where it is stored.
            credential_current_sign_count=0,
            require_user_verification=user_verified,
        )
    )
    return Assertion(verified.new_sign_count, verified.user_verified)


def _answer(text: str, given: Any) -> Answer:
    response = given["response"]
    client = json.loads(base64url_to_bytes(response["clientDataJSON"]))
    handle, transports = response.get("userHandle"), response.get("transports")
    known = {one.value for one in AuthenticatorTransport}
    named = [one for one in transports or () if isinstance(one, str)]
    return Answer(
        text,
        base64url_to_bytes(client["challenge"]),
        base64url_to_bytes(given["id"]),
        base64url_to_bytes(handle) if handle else None,
        sorted(known.intersection(named)),
    )


def _descriptors(passkeys: Sequence[Passkey]) -> list[PublicKeyCredentialDescriptor]:
    return [
        PublicKeyCredentialDescriptor(
            id=one.credential_id,
            transports=[AuthenticatorTransport(way) for way in one.transports],
        )
        for one in passkeys
    ]


def _parsed(parse: Callable[[], Parsed]) -> Parsed:
    try:
        return parse()
    except (WebAuthnException, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise PasskeyError from None
