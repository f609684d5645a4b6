"""An application of a few lines, which the tests run in processes: a mail for each visit."""

from __future__ import annotations

import os
from fcntl import LOCK_EX, flock
from pathlib import Path

from flask import Flask
from flask_sqlalchemy import SQLAlchemy

from flask_outbox import FlaskOutbox, run_dispatcher

app = Flask(__name__)
app.config["SQLALCHEMY_DATABASE_URI"] = os.environ["GREETER_DATABASE"]
app.config["MAIL_DEFAULT_SENDER"] = "greeter@example.com"
app.config.from_prefixed_env("GREETER")

db = SQLAlchemy(app)
outbox = FlaskOutbox(app, db)

# Two workers of gunicorn import this at once, and only one of them can make the tables.
with Path(f"{os.environ['GREETER_FOLDER']}/tables.lock").open("w") as lock, app.app_context():
    flock(lock, LOCK_EX)
    db.create_all()

if os.environ.get("GREETER_IN_THREAD"):
    run_dispatcher(app, in_thread=True)


@app.get("/<int:number>")
def greet(number: int) -> str:
    """Greet the visitor with this number by mail; say which process did."""
    outbox.send_email("Hello", None, [f"visitor{number}@example.com"], "Hello.\n")
    db.session.commit()
    return str(os.getpid())
