"""What Amazon SES tells, in the shapes that it documents."""

from __future__ import annotations

from typing import Any

import pytest

from flask_outbox.feedback.meanings import Meaning
from flask_outbox.feedback.provider_events import NotUnderstoodError, ProviderEvent
from flask_outbox.feedback.providers import EVENTS, ses
from flask_outbox.feedback.webhooks import NotAuthenticError, UnavailableError, Webhook
from tests.feedback.amazon import (
    NOW,
    TOPIC,
    URL,
    Amazon,
    body,
    confirmation,
    notification,
    ses_event,
)

NO_USER = "smtp; 550 5.1.1 <jane@example.org>... User unknown"
BLOCKED = "smtp; 550 5.7.1 Service unavailable; client host blocked using a list"


def read(event: Any) -> list[ProviderEvent]:
    return EVENTS["ses"](body(notification(event)))


def bounce(kind: str, subtype: str = "General", *recipients: dict[str, str]) -> dict[str, Any]:
    return ses_event(
        "Bounce",
        bounce={
            "bounceType": kind,
            "bounceSubType": subtype,
            "bouncedRecipients": list(recipients) or [{"emailAddress": "jane@example.org"}],
            "timestamp": "2026-09-21T13:33:21.000Z",
            "feedbackId": "0102018f-1111-1111-1111-111111111111-000000",
        },
    )


def recipient(status: str, words: str) -> dict[str, str]:
    address = "jane@example.org"
    return {"emailAddress": address, "action": "failed", "status": status, "diagnosticCode": words}


def test_a_bounce_names_its_message_and_its_recipient() -> None:
    assert read(bounce("Permanent", "General", recipient("5.1.1", NO_USER))) == [
        ProviderEvent(
            event_id="19ba9823-d7f2-53c1-860e-cb10e0d13dfc",
            recipient="jane@example.org",
            meaning=Meaning.DEAD,
            code="5.1.1",
            words="550 5.1.1 <jane@example.org>... User unknown",
            token="abcdefghijklmnopqrstuvwxyz234567",
            message_id="<1.2@example.com>",
        )
    ]


@pytest.mark.parametrize(
    ("event", "meaning"),
    [
        # The server's words count more than Amazon's class.
        (bounce("Permanent", "General", recipient("5.7.1", BLOCKED)), Meaning.POLICY),
        (
            bounce("Permanent", "General", recipient("5.2.2", "smtp; 552 5.2.2 Over quota")),
            Meaning.FULL,
        ),
        (bounce("Permanent"), Meaning.AMBIGUOUS),
        (bounce("Permanent", "NoEmail"), Meaning.AMBIGUOUS),
        (bounce("Permanent", "Suppressed", recipient("5.1.1", NO_USER)), Meaning.PROVIDER),
        (bounce("Permanent", "OnAccountSuppressionList"), Meaning.PROVIDER),
        # What passes does not condemn, whatever the server said.
        (bounce("Transient", "General", recipient("5.1.1", NO_USER)), Meaning.AMBIGUOUS),
        (bounce("Transient", "MailboxFull"), Meaning.FULL),
        (bounce("Transient", "MessageTooLarge"), Meaning.MESSAGE),
        (bounce("Transient", "ContentRejected"), Meaning.MESSAGE),
        (bounce("Transient", "AttachmentRejected"), Meaning.MESSAGE),
        (bounce("Transient", "CustomTimeoutExceeded"), Meaning.PATH),
        (bounce("Undetermined", "Undetermined"), Meaning.AMBIGUOUS),
        (
            ses_event("Delivery", delivery={"recipients": ["jane@example.org"]}),
            Meaning.DELIVERED,
        ),
        (
            ses_event(
                "DeliveryDelay",
                deliveryDelay={
                    "delayType": "MailboxFull",
                    "delayedRecipients": [recipient("4.2.2", "smtp; 452 4.2.2 Full")],
                },
            ),
            Meaning.DELAYED,
        ),
        (ses_event("Reject", reject={"reason": "Bad content"}), Meaning.MESSAGE),
        (
            ses_event(
                "Subscription", subscription={"newTopicPreferences": {"unsubscribeAll": True}}
            ),
            Meaning.UNSUBSCRIBED,
        ),
    ],
)
def test_what_each_event_means(event: dict[str, Any], meaning: Meaning) -> None:
    (found,) = read(event)
    assert (found.recipient, found.meaning) == ("jane@example.org", meaning)


def complaint(*recipients: str, **other: str) -> dict[str, Any]:
    complained = [{"emailAddress": one} for one in recipients]
    return ses_event("Complaint", complaint={"complainedRecipients": complained, **other})


@pytest.mark.parametrize(
    ("event", "meanings"),
    [
        (complaint("jane@example.org", complaintFeedbackType="abuse"), [Meaning.COMPLAINT]),
        (complaint("jane@example.org"), [Meaning.COMPLAINT]),
        (complaint("jane@example.org", complaintFeedbackType="not-spam"), []),
        (
            complaint("jane@example.org", complaintSubType="OnAccountSuppressionList"),
            [Meaning.PROVIDER],
        ),
        # Amazon names all who may have been it.
        (complaint("jane@example.org", "mary@example.org"), [Meaning.UNKNOWN] * 2),
    ],
)
def test_what_each_complaint_means(event: dict[str, Any], meanings: list[Meaning]) -> None:
    assert [one.meaning for one in read(event)] == meanings


@pytest.mark.parametrize("kind", ["Send", "Open", "Click"])
def test_what_does_not_matter_says_nothing(kind: str) -> None:
    assert read(ses_event(kind)) == []


def test_each_recipient_of_a_bounce_has_an_event() -> None:
    mary = {"emailAddress": "mary@example.org", "status": "5.2.2", "diagnosticCode": "552 5.2.2"}
    found = read(bounce("Permanent", "General", recipient("5.1.1", NO_USER), mary))

    assert [(one.recipient, one.meaning) for one in found] == [
        ("jane@example.org", Meaning.DEAD),
        ("mary@example.org", Meaning.FULL),
    ]
    assert len({one.event_id for one in found}) == 1


def test_the_older_shape_is_understood() -> None:
    event = bounce("Permanent", "General", recipient("5.1.1", NO_USER))
    event["notificationType"] = event.pop("eventType")

    assert [one.meaning for one in read(event)] == [Meaning.DEAD]


def test_without_headers_the_message_is_known_by_the_common_ones() -> None:
    event = bounce("Permanent")
    del event["mail"]["headers"]
    (found,) = read(event)

    assert (found.token, found.message_id) == ("", "<1.2@example.com>")


@pytest.mark.parametrize(
    "event",
    [{}, [], "x", None, {"eventType": "Rendering Failure"}, {"eventType": 7}, {"eventType": {}}],
)
def test_what_is_not_known_is_for_an_operator(event: Any) -> None:
    with pytest.raises(NotUnderstoodError):
        read(event)


@pytest.mark.parametrize("content", [b"", b"[]", b'{"Message": 7}', b'{"Message": "\\ud800"}'])
def test_nonsense_is_for_an_operator(content: bytes) -> None:
    with pytest.raises(NotUnderstoodError):
        ses.events(content)


@pytest.mark.parametrize(
    "part",
    [
        None,
        7,
        [],
        {"bouncedRecipients": None},
        {"bouncedRecipients": {"emailAddress": "x"}},
        {"bouncedRecipients": [None, 7, "jane@example.org"]},
    ],
)
def test_a_bounce_without_recipients_says_nothing(part: Any) -> None:
    assert read({"eventType": "Bounce", "bounce": part, "mail": part}) == []


def test_hostile_texts_become_ones_that_columns_hold() -> None:
    event = bounce("Permanent", "General", recipient("9" * 99, "a\0b\ud800\r\n" + "x" * 9999))
    event["bounce"]["bouncedRecipients"][0]["emailAddress"] = "jane\0@example.org" * 99
    event["mail"]["headers"] = [
        {"name": "X-Outbox", "value": "a\0b"},
        {"name": "Message-ID", "value": "<" + "x" * 999 + ">"},
    ]
    (found,) = read(event)

    assert (found.recipient, found.code, found.token, found.message_id) == ("", "", "", "")
    assert found.words.isprintable()
    assert len(found.words) <= 500


def taken(message: dict[str, str], amazon: Amazon) -> Webhook | None:
    certificates = amazon.certificates()
    return ses.authenticate(body(message), {TOPIC}, now=NOW, certificates=certificates)


def test_a_message_is_stored_as_it_came_under_its_id() -> None:
    message = notification(ses_event("Send"))

    assert taken(message, Amazon()) == Webhook(message["MessageId"], body(message))


def test_a_subscription_is_confirmed_and_not_stored() -> None:
    amazon = Amazon()
    message = confirmation()

    assert taken(message, amazon) is None
    assert amazon.visited == [URL, message["SubscribeURL"]]


def test_a_subscription_to_another_topic_is_not_confirmed() -> None:
    amazon = Amazon()
    theirs = "arn:aws:sns:eu-west-1:999999999999:mail-events"
    url = f"https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={theirs}"

    with pytest.raises(NotAuthenticError):
        taken(confirmation(TopicArn=theirs, SubscribeURL=url), amazon)
    assert amazon.visited == []


def test_a_subscription_is_confirmed_later_if_amazon_does_not_answer() -> None:
    amazon = Amazon()
    certificates = amazon.certificates()
    certificates.get(URL)
    amazon.away = True

    with pytest.raises(UnavailableError):
        ses.authenticate(body(confirmation()), {TOPIC}, now=NOW, certificates=certificates)


def test_the_end_of_a_subscription_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    assert taken(confirmation(type="UnsubscribeConfirmation"), Amazon()) is None
    assert f"the topic {TOPIC} do not come any more" in caplog.text
