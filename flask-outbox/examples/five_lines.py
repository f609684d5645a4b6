"""A view whose mail is kept until a mail server has it."""

from flask import Flask, request
from flask_sqlalchemy import SQLAlchemy

from flask_outbox import FlaskOutbox

app = Flask(__name__)
app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite:///orders.db"
app.config["MAIL_DEFAULT_SENDER"] = "shop@example.com"
app.config.from_prefixed_env()  # FLASK_MAIL_SERVER=… and so on

db = SQLAlchemy(app)
outbox = FlaskOutbox(app, db)  # reads MAIL_SERVER and the other settings
with app.app_context():
    db.create_all()  # its tables, beside yours


@app.post("/orders")
def order() -> str:
    outbox.send_email("Your order", None, [request.form["address"]], "Thank you.\n")
    return "Ordered.\n"
