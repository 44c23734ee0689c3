"""What the audit log calls what was done: what each address that takes a POST does, and the domain's own words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


@dataclass(frozen=True)
class Deed:
    """What a POST does; `subject`: what kind of object the id in its address is, "" where there is none."""

    label: Any
    subject: str = ""


DEEDS: dict[str, Deed] = {
    "password": Deed(_("Changed the own password")),
    "confirm-password": Deed(_("Gave the own password once more")),
    "own-profile": Deed(_("Changed the own profile")),
    "own-email": Deed(_("Asked for another e-mail address")),
    "second-factor": Deed(_("Turned codes at the sign-in on")),
    "second-factor-off": Deed(_("Turned codes at the sign-in off")),
    "recovery-codes": Deed(_("Made new recovery codes")),
    "add-passkey": Deed(_("Added a passkey")),
    "name-passkey": Deed(_("Renamed a passkey")),
    "remove-passkey": Deed(_("Removed a passkey")),
    "end-session": Deed(_("Ended an own session")),
    "end-other-sessions": Deed(_("Ended all other own sessions")),
    "sign-in-rules": Deed(_("Changed who needs a second factor")),
    "add-customer": Deed(_("Added a customer")),
    "edit-customer": Deed(_("Changed a customer"), "customer"),
    "suspend": Deed(_("Suspended a customer"), "customer"),
    "disable": Deed(_("Disabled a customer"), "customer"),
    "leave": Deed(_("Marked a customer as left"), "customer"),
    "lift-block": Deed(_("Lifted a block"), "customer"),
    "reset-password": Deed(_("Set a customer's password"), "customer"),
    "change-package": Deed(_("Changed a package"), "customer"),
    "cancel-change": Deed(_("Cancelled a change of package"), "customer"),
    "pay-back": Deed(_("Paid a customer back"), "customer"),
    "bill-now": Deed(_("Made a bill"), "customer"),
    "one-off": Deed(_("Billed something once"), "customer"),
    "own-price": Deed(_("Set a customer's own price"), "customer"),
    "give-discount": Deed(_("Gave a discount"), "customer"),
    "end-discount": Deed(_("Ended a discount"), "customer"),
    "promise": Deed(_("Accepted a promise to pay"), "customer"),
    "withdraw-promise": Deed(_("Withdrew a promise to pay"), "customer"),
    "suspend-date": Deed(_("Set the day of a suspension"), "customer"),
    "write-off-customer": Deed(_("Wrote off what a customer owes"), "customer"),
    "tax-withheld": Deed(_("Recorded tax that was withheld"), "customer"),
    "deposit-act": Deed(_("Moved a deposit"), "customer"),
    "take-back-deposit": Deed(_("Took a movement of a deposit back"), "deposit"),
    "discount-bill": Deed(_("Took something off a bill"), "bill"),
    "write-off": Deed(_("Wrote a bill off"), "bill"),
    "recover": Deed(_("Recovered what was written off"), "bill"),
    "collect-from": Deed(_("Took a payment"), "customer"),
    "reverse-payment": Deed(_("Took a payment back"), "payment"),
    "hand-over": Deed(_("Handed cash over")),
    "close-my-drawer": Deed(_("Closed the own drawer's day")),
    "drawer-rules": Deed(_("Changed how drawers work")),
    "receive-hand-over": Deed(_("Received cash"), "hand_over"),
    "send-back-hand-over": Deed(_("Sent cash back to be counted"), "hand_over"),
    "drawer-limit": Deed(_("Set how much a person may hold"), "drawer"),
    "drawer-days": Deed(_("Closed or opened a drawer's days"), "drawer"),
    "settle-shortage": Deed(_("Settled what was missing"), "drawer"),
    "add-package": Deed(_("Added a package")),
    "edit-package": Deed(_("Changed a package of the catalogue"), "package"),
    "package-price": Deed(_("Set a package's price"), "package"),
    "withdraw-package": Deed(_("Withdrew a package"), "package"),
    "add-profile": Deed(_("Added a billing profile")),
    "profile": Deed(_("Changed a billing profile"), "profile"),
    "add-plan": Deed(_("Added a plan")),
    "withdraw-plan": Deed(_("Withdrew a plan"), "plan"),
    "band": Deed(_("Set between which prices a plan may be sold")),
    "vat": Deed(_("Changed VAT")),
    "set-cuts": Deed(_("Changed when services are cut")),
    "add-holiday": Deed(_("Added a holiday")),
    "remove-holiday": Deed(_("Removed a holiday")),
    "ask-recharge": Deed(_("Asked for a recharge")),
    "emergency": Deed(_("Took an emergency loan")),
    "fund-statement": Deed(_("Prepared a fund statement"), "edge"),
    "confirm-statement": Deed(_("Confirmed a fund statement"), "edge"),
    "dispute": Deed(_("Disputed a movement of a fund"), "movement"),
    "settle-dispute": Deed(_("Settled a dispute about a fund"), "dispute"),
    "slabs": Deed(_("Set volume slabs"), "reseller"),
    "onboard": Deed(_("Took on a reseller")),
    "recharge": Deed(_("Recharged a fund"), "reseller"),
    "deduct": Deed(_("Deducted from a fund"), "reseller"),
    "transfer": Deed(_("Moved money between funds"), "reseller"),
    "pay-back-fund": Deed(_("Paid a fund back"), "reseller"),
    "start-edge": Deed(_("Started to charge a reseller"), "reseller"),
    "limits": Deed(_("Set a reseller's limits"), "reseller"),
    "set-price": Deed(_("Set what a reseller pays"), "reseller"),
    "take-back": Deed(_("Took a movement of a fund back"), "reseller"),
    "add-outage": Deed(_("Recorded an outage")),
    "billing-run": Deed(_("Asked for a dry run")),
    "run-plan": Deed(_("Decided on a dry run"), "run_plan"),
    "add-router": Deed(_("Added a router")),
    "edit-router": Deed(_("Changed a router"), "router"),
    "record-event": Deed(_("Recorded something in the books")),
    "take-back-event": Deed(_("Took back what was recorded in the books"), "own_event"),
    "post-entry": Deed(_("Posted an entry")),
    "reverse-entry": Deed(_("Reversed an entry"), "entry"),
    "add-account": Deed(_("Added an account")),
    "edit-account": Deed(_("Changed an account")),
    "close-account": Deed(_("Closed an account")),
    "open-account": Deed(_("Opened an account again")),
    "close-books": Deed(_("Closed months of the books")),
    "year-start": Deed(_("Set when years of the books begin")),
    "reopen-books": Deed(_("Opened closed months again")),
    "close-year": Deed(_("Closed a year of the books")),
    "verify": Deed(_("Asked for a verification")),
    "heads": Deed(_("Set where the heads of the books are mailed to")),
    "enter-operator": Deed(_("Went into an operator"), "below"),
    "step-up": Deed(_("Stepped up to change things")),
    "leave-operator": Deed(_("Went back to the own console")),
}

# Which page shows an object of a kind, by its id.
PAGES = {
    "customer": "customer",
    "bill": "bill",
    "payment": "payment",
    "drawer": "drawer",
    "package": "package",
    "profile": "profile",
    "reseller": "reseller",
    "router": "router",
    "entry": "entry",
    "run": "run",
    "run_plan": "run-plan",
    "verify_run": "verify-run",
}
# What the domain calls such objects in its own rows.
SAME_AS = {"nas": "router", "billing_profile": "profile", "invoice": "bill"}

SUBJECTS: dict[str, Any] = {
    "operator": _("Own company"),
    "below": _("Operator below"),
    "impersonation": _("Visit from above"),
    "customer": _("Customer"),
    "subscription": _("Service"),
    "radius_password": _("Login"),
    "zone": _("Zone"),
    "custom_field": _("Custom field"),
    "customer_template": _("Template"),
    "bill": _("Bill"),
    "payment": _("Payment"),
    "deposit": _("Deposit"),
    "drawer": _("Drawer"),
    "hand_over": _("Hand-over"),
    "package": _("Package"),
    "plan": pgettext_lazy("speed and volume", "Plan"),
    "profile": _("Billing profile"),
    "reseller": _("Reseller"),
    "edge": _("Fund"),
    "movement": _("Movement of a fund"),
    "dispute": _("Dispute"),
    "outage": _("Outage"),
    "run": _("Billing run"),
    "run_plan": _("Dry run"),
    "router": _("Router"),
    "books": _("Books"),
    "account": _("Account"),
    "entry": _("Entry"),
    "own_event": _("Own entry"),
    "verify_run": _("Verification"),
    "role": _("Role"),
    "member": _("Member of staff"),
    "user": _("Person"),
}

# What the domain writes beside the pages, whoever asked for it: a command, an import, a night.
VERBS: dict[str, Any] = {
    "added": _("Added"),
    "changed": _("Changed"),
    "moved": _("Moved"),
    "merged": _("Merged"),
    "removed": _("Removed"),
    "saved": _("Saved"),
    "archived": _("Archived"),
    "ended": _("Ended"),
    "imported": _("Imported"),
    "withdrawn": _("Withdrawn"),
    "suspended": _("Suspended"),
    "disabled": _("Disabled"),
    "left": _("Left"),
    "activated": _("Activated"),
    "restored": _("Brought back"),
    "revealed": _("Password shown"),
    "password_reset": _("Password set"),
    "price_set": _("Price set"),
    "price_band_set": _("Prices limited"),
    "discount_given": _("Discount given"),
    "discount_ended": _("Discount ended"),
    "promise_made": _("Promise accepted"),
    "promise_withdrawn": _("Promise withdrawn"),
    "suspend_date_set": _("Day of suspension set"),
    "outage": _("Outage recorded"),
    "numbering_set": _("Numbering of customers set"),
    "document_added": _("Document added"),
    "document_withdrawn": _("Document withdrawn"),
    "cut_window_set": _("Time of cuts set"),
    "terms_changed": _("Terms changed"),
    "modules": _("Modules granted"),
    "set_drawer_rules": _("Rules of drawers set"),
    "set_float_limit": _("Limit of a drawer set"),
    "books.stopped": _("Books stopped"),
    "books.released": _("Books released"),
    "books.head_address": _("Address for heads set"),
    "signed-in": _("Signed in"),
    "locked-out": _("Locked out after too many tries"),
    "email-proved": _("Proved an e-mail address"),
    "password-by-mail": _("Set a new password by mail"),
    "entered": _("Somebody from above came in"),
}


def deed_named(verb: str) -> str:
    """What the audit log calls a verb; the word itself where nobody has named it."""
    deed = DEEDS.get(verb)
    label = deed.label if deed else VERBS.get(verb)
    return str(label) if label else verb.replace("_", " ").replace("-", " ").capitalize()


def kind_of(subject_type: str) -> str:
    """The kind of object under which a row stands, whoever wrote it."""
    return SAME_AS.get(subject_type, subject_type)
