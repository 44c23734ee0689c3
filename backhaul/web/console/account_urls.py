"""The addresses of signing in and of one's own account."""

from __future__ import annotations

from backhaul.web.console import access, confirm, forgotten, own_account, own_factors
from backhaul.web.console.addresses import at

urlpatterns = [
    at("sign-in/", access.sign_in, "sign-in"),
    at("sign-in/code/", access.second_step, "second-step"),
    at("sign-in/passkey/", access.passkey_sign_in, "passkey-sign-in"),
    at("sign-in/forgot/", forgotten.forgot, "forgot"),
    at("sign-in/forgot/<id:pk>/<str:key>/", forgotten.new_password, "new-password"),
    at("sign-in/email/<str:key>/", forgotten.prove_email, "prove-email"),
    at("sign-out/", access.sign_out, "sign-out"),
    at("confirm/", confirm.confirm, "confirm-password"),
    at("password/", own_account.password, "password"),
    at("profile/", own_account.profile, "own-profile"),
    at("profile/email/", own_account.email, "own-email"),
    at("profile/second-factor/", own_factors.set_up, "second-factor"),
    at("profile/second-factor/qr.svg", own_factors.qr_code, "second-factor-qr"),
    at("profile/second-factor/off/", own_factors.turn_off, "second-factor-off"),
    at("profile/recovery-codes/", own_factors.recovery_codes, "recovery-codes"),
    at("profile/passkeys/add/", own_factors.new_passkey, "add-passkey"),
    at("profile/passkeys/<id:pk>/name/", own_factors.name_passkey, "name-passkey"),
    at("profile/passkeys/<id:pk>/remove/", own_factors.drop_passkey, "remove-passkey"),
    at("profile/sessions/end/", own_account.end_others, "end-other-sessions"),
    at("profile/sessions/<slug:handle>/end/", own_account.end_one_session, "end-session"),
    at("settings/sign-in/", own_account.sign_in_rules, "sign-in-rules"),
]
