"""The addresses of people, roles and modules."""

from __future__ import annotations

from backhaul.web.console import modules, roles, staff, staff_sign_in
from backhaul.web.console.addresses import at

urlpatterns = [
    at("staff/", staff.staff, "staff"),
    at("staff/add/", staff.add_person, "add-staff"),
    at("staff/<id:pk>/", staff.person, "person"),
    at("staff/<id:pk>/access/", staff.access, "change-access"),
    at("staff/<id:pk>/password/", staff.reset_password, "reset-staff-password"),
    at("staff/<id:pk>/sign-out/", staff_sign_in.sign_out_person, "sign-out-person"),
    at("staff/<id:pk>/second-factor/", staff_sign_in.reset_second_factor, "reset-second-factor"),
    at("staff/<id:pk>/end/", staff.end_access, "end-access"),
    at("staff/<id:pk>/return/", staff.return_access, "return-access"),
    at("my-access/", staff.my_access, "my-access"),
    at("roles/", roles.roles, "roles"),
    at("roles/add/", roles.add_a_role, "add-role"),
    at("roles/<id:pk>/", roles.role, "role"),
    at("resellers/<id:pk>/modules/", modules.modules, "modules"),
]
