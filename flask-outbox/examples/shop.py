"""A shop with an outbox: an order and the mail about it are written together, or neither is."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from flask import Flask, request
from flask_babel import Babel, gettext
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from flask_outbox import (
    AddressError,
    Attachment,
    Discard,
    Email,
    FlaskOutbox,
    Priority,
    schema,
)


class Model(DeclarativeBase):
    pass


class Order(Model):
    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    address: Mapped[str]
    goods: Mapped[str]


app = Flask(__name__, instance_path=str(Path.cwd()))  # shop.db is in the current folder
app.config.update(
    SQLALCHEMY_ENGINES={"default": "sqlite:///shop.db"},
    MAIL_SERVER="localhost",
    MAIL_PORT=8025,
    MAIL_DEFAULT_SENDER="shop@example.com",
)
app.config.from_prefixed_env("SHOP")  # SHOP_MAIL_SERVER=… and so on

Babel(app, locale_selector=lambda: request.accept_languages.best_match(["en", "de"]))
db = SQLAlchemy(app)
outbox = FlaskOutbox(app, db)
with app.app_context():
    Model.metadata.create_all(db.engine)
    schema.create_all(db.engine)


@outbox.email("shop.confirmation", priority=Priority.HIGH)
def confirmation(session: Session, *, order_id: int) -> Email | Discard:
    """Composed when it is sent, in the buyer's language, from what the database holds then."""
    order = session.get(Order, order_id)
    if order is None:
        return Discard("The order was withdrawn.")
    words = gettext("Thank you for ordering: %(goods)s", goods=order.goods)
    receipt = Attachment.of("receipt.csv", f"order,goods\n{order.id},{order.goods}\n")
    return Email(gettext("Your order"), f"{words}\n", attachments=(receipt,))


@outbox.email("shop.question", priority=Priority.LOW, expires_after=timedelta(days=7))
def question(_session: Session) -> Email:
    words = gettext("Write to us how you like it.")
    return Email(gettext("Are you content?"), f"{words}\n")


@app.post("/orders")
def place_order() -> str:
    order = Order(address=request.form["address"], goods=request.form["goods"])
    db.session.add(order)
    db.session.flush()
    outbox.enqueue(confirmation, to=order.address, order_id=order.id)
    outbox.enqueue(
        question,
        to=order.address,
        key=f"question to {order.address}",  # one for each buyer, however often they order
        send_at=datetime.now(UTC) + timedelta(days=14),
    )
    db.session.commit()
    return f"{gettext('Ordered.')}\n"


@app.errorhandler(AddressError)
def bad_address(error: AddressError) -> tuple[str, int]:
    return f"{error}\n", 400
