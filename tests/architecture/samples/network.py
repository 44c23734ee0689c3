"""Rows of the network."""

from tests.architecture.samples import Check, own

_SPEED = {"down_kbps": "1000", "up_kbps": "1000"}
_BURST = {**_SPEED, "burst_down_kbps": "1000", "burst_up_kbps": "1000", "burst_seconds": "1"}
_SESSION = {
    "id": "{n}", "nas_operator_id": "{me}", "nas_id": "{n}", "username": "'user-{n}'", "acct_session_id": "'s-{n}'",
    "nonce": "''", "login_id": "{n}", "mac": "''", "nas_port": "''", "started_at": "now()", "session_seconds": "0",
    "input_bytes": "0", "output_bytes": "0",
}  # fmt: skip
_POOL_NAME = Check({"framed_pool": "'two words'"}, but={"framed_pool": "'one-word'"})

SAMPLES = [
    own(
        "pool",
        {"id": "{n}", "name": "'Pool {n}'", "framed_pool": "'pool'"},
        uniques={"operator_id, name": {}},
        checks={"pool_name_check": Check({"name": "''"}), "pool_framed_pool_check": _POOL_NAME},
    ),
    own(
        "nas",
        {
            "id": "{n}", "name": "'NAS {n}'", "source_address": "'10.0.0.0'::inet + {n} % 16000000",
            "secret": "'secret-1'",
        },
        uniques={"operator_id, name": {}, "source_address": {}},
        checks={
            "nas_name_check": Check({"name": "''"}),
            "nas_secret_check": Check({"secret": "'has %% sign'"}, but={"secret": "'has-no-space'"}),
            "nas_change_of_authorization_port_check": Check(
                {"change_of_authorization_port": "65536"}, but={"change_of_authorization_port": "65535"}
            ),
            "nas_interim_seconds_check": Check({"interim_seconds": "59"}, but={"interim_seconds": "60"}),
            "nas_walled_pool_check": Check({"walled_pool": "'two words'"}),
            "nas_walled_address_list_check": Check({"walled_address_list": "'two words'"}),
        },
    ),
    own(
        "radius_login",
        {
            "id": "{n}", "isp_id": "{isp}", "username": "'user-{n}'", "subscription_id": "{n}",
            "pool_operator_id": "{me}", "pool_id": "{n}", "static_address": "'100.0.0.0'::inet + {n} % 16000000",
        },
        uniques={"isp_id, username": {}, "isp_id, static_address": {}},
        checks={
            "radius_login_username_check": Check({"username": "' padded'"}, but={"username": "'in side-{n}'"}),
            "radius_login_connection_type_check": Check(
                {"connection_type": "'fax'"}, but={"connection_type": "'other'"}
            ),
            "radius_login_connection_of_plan": Check(
                {"plan_connections": "ARRAY['static']"}, but={"plan_connections": "ARRAY['static', 'pppoe']"}
            ),
            "radius_login_access_check": Check({"access": "'ajar'"}, but={"access": "'walled'"}),
            "radius_login_reject_reason_check": Check({"reject_reason": "''"}, but={"reject_reason": "'x'"}),
            "radius_login_down_kbps_check": Check({**_SPEED, "down_kbps": "0"}, but=_SPEED),
            "radius_login_up_kbps_check": Check({**_SPEED, "up_kbps": "0"}, but=_SPEED),
            "radius_login_check": Check({**_BURST, "burst_down_kbps": "999"}, but=_BURST),
            "radius_login_check1": Check({**_BURST, "burst_up_kbps": "999"}, but=_BURST),
            "radius_login_burst_seconds_check": Check({**_BURST, "burst_seconds": "0"}, but=_BURST),
            "radius_login_static_address_check": Check(
                {"static_address": "'10.1.0.0/16'"}, but={"static_address": "NULL"}
            ),
            "radius_login_mac_check": Check({"mac": "'AA:BB:CC:DD:EE:FF'"}, but={"mac": "'aabbccddeeff'"}),
            "radius_login_simultaneous_use_check": Check({"simultaneous_use": "0"}, but={"simultaneous_use": "2"}),
            "radius_login_expired_access_check": Check(
                {"expired_access": "'open'"}, but={"expired_access": "'reject'"}
            ),
            "radius_login_check2": Check({"down_kbps": "1"}),
            "radius_login_check3": Check({**_SPEED, "burst_seconds": "1"}),
            "radius_login_check4": Check({**_BURST, "down_kbps": "NULL", "up_kbps": "NULL"}),
            "radius_login_check5": Check({"pool_id": "NULL"}, but={"pool_id": "NULL", "pool_operator_id": "NULL"}),
        },
    ),
    own(
        "radius_password",
        {"login_id": "{n}", "password": "'secret'"},
        checks={"radius_password_password_check": Check({"password": "''"}, but={"password": "'x'"})},
    ),
    own(
        "radius_session_live",
        {**_SESSION, "updated_at": "now()", "interim_seconds": "300"},
        uniques={"nas_operator_id, nas_id, username, acct_session_id": {}},
    ),
    own(
        "radius_session_history",
        {**_SESSION, "stopped_at": "now()", "ended_by": "'stop'", "terminate_cause": "''"},
        checks={"radius_session_history_ended_by_check": Check({"ended_by": "'fate'"}, but={"ended_by": "'silence'"})},
    ),
    own(
        "radius_accounting_error",
        {"id": "{n}", "at": "now()", "nas_operator_id": "{me}", "nas_id": "{n}", "message": "'m'", "record": "'{{}}'"},
    ),
    own(
        "online_hour",
        {"hour_at": "now() + {k} * interval '1 hour'", "online": "1", "peak": "1", "counted_at": "now()"},
    ),
    own(
        "disconnect_request",
        {
            "id": "{n}", "login_id": "{n}", "version": "1", "kind": "'disconnect'", "reason": "'test'",
            "requested_at": "now()", "next_try_at": "now()",
        },
        uniques={"operator_id, login_id, kind": {}},
        checks={
            "disconnect_request_kind_check": Check({"kind": "'shout'"}, but={"kind": "'change_of_authorization'"}),
        },
    ),
]  # fmt: skip
