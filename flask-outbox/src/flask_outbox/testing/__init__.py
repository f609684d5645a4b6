"""For the tests of an application: what is queued, and what it says when it is delivered.

With pytest, take the fixture `outbox`; elsewhere, `with OutboxTester(app) as outbox:`.
"""

from flask_outbox.testing.messages import MessageRecord
from flask_outbox.testing.tester import OutboxTester

__all__ = ["MessageRecord", "OutboxTester"]
