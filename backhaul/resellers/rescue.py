"""Back in for who has nobody to ask: the only owner of a company, without the password or the second factor."""

from __future__ import annotations

import secrets
from datetime import datetime

from backhaul.common.errors import NotFound
from backhaul.identity.queries import find_person, get_isp
from backhaul.identity.second_factor import remove_second_factor
from backhaul.identity.services import set_first_password
from backhaul.identity.sign_in import lift_locks
from backhaul.operators.scope import unit_of_work
from backhaul.operators.services import record_audit


def let_in(login: str, *, at: datetime) -> str:
    """Give NAME@ISP a new first password, which is returned and kept nowhere, and take the second factor, sessions and
    locks away. For whoever runs the server: the company's audit log tells it. Raises NotFound."""
    user = find_person(login, "")
    if user is None:
        raise NotFound("Nobody signs in as “%(name)s”; write it NAME@ISP.", name=login)
    password = secrets.token_urlsafe(12)
    with unit_of_work(get_isp(user.isp_id), user.home_operator_id):
        set_first_password(user_id=user.pk, password=password)
        remove_second_factor(user.pk)
        lift_locks(user.pk)
        record_audit(verb="let_in_by_server", subject_type="user", subject_id=user.pk, at=at)
    return password
