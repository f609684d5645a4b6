"""The forms of the account's settings. Each asks for the current password."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from wtforms import SubmitField

from microblog.accounts.models import User
from microblog.accounts.pages.current_password import current_password_field
from microblog.accounts.pages.forms import ResetPasswordForm, email_field
from microblog.web.forms import Form


class ChangeEmailForm(Form):
    email = email_field(_l("New email address"))
    current_password = current_password_field()
    submit = SubmitField(_l("Change address"))


class ChangePasswordForm(ResetPasswordForm):
    """The fields and rules of a reset, and the current password."""

    current_password = current_password_field()

    def __init__(self, user: User) -> None:
        super().__init__(user)
        self.password.label.text = _l("New password")


class ExportForm(Form):
    current_password = current_password_field()
    submit = SubmitField(_l("Download my data"))


class DeleteAccountForm(Form):
    current_password = current_password_field()
    submit = SubmitField(_l("Delete my account"))
