"""Pages for which nobody signs in, as blueprints: where readers of mail end what they do not want,
and where providers tell about mail.

from flask_outbox import public_pages

app.register_blueprint(public_pages.unsubscribe_blueprint(), url_prefix="/unsubscribe")
app.register_blueprint(public_pages.webhooks_blueprint())
"""

from __future__ import annotations

from flask_outbox.public_pages.unsubscribe import unsubscribe_blueprint
from flask_outbox.public_pages.webhooks import webhooks_blueprint

__all__ = ["unsubscribe_blueprint", "webhooks_blueprint"]
