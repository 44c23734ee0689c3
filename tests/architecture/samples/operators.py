"""Rows of the tree."""

from tests.architecture.samples import Check, Sample, edge, own

SAMPLES = [
    Sample(
        "operator",
        {
            "id": "{n}", "isp_id": "{isp}", "parent_id": "{parent}", "depth": "{depth}", "path": "ARRAY[{path}{n}]",
            "kind": "'{kind}'", "slug": "'slug-{n}'", "name": "'Operator'",
        },
        uniques={
            "isp_id, slug": {},
            "isp_id, id": {},
            "parent_id, id": {},
            "id": {"id": "{parent} + 5000000", "path": "ARRAY[{path}{parent} + 5000000]"},
        },
        along={"operator_isp_id_parent_id_fkey": {"path": "ARRAY[{isp}, {to}, {n}]"}},
        checks={
            "operator_depth_check": Check(
                {"depth": "16", "path": "{isp}::bigint || array_fill({parent}::bigint, ARRAY[15]) || {n}::bigint"},
                but={"depth": "15", "path": "{isp}::bigint || array_fill({parent}::bigint, ARRAY[14]) || {n}::bigint"},
            ),
            "operator_parent_on_path": Check({"path": "ARRAY[{isp}, {n}, {n}]"}),
            "operator_kind_check": Check({"kind": "'vendor'"}),
            "operator_slug_check": Check({"slug": "'Big Letters'"}, but={"slug": "'small-letters-2'"}),
            "operator_name_check": Check({"name": "''"}, but={"name": "'x'"}),
            "operator_check": Check({"parent_id": "NULL"}),
            "operator_check1": Check({"kind": "'isp'"}),
            "operator_check2": Check({"path": "ARRAY[{path}{n}, {n}]"}),
        },
    ),
    own(
        "brand",
        {"display_name": "'Brand'"},
        checks={
            "brand_colour_check": Check({"colour": "'red'"}, but={"colour": "'#ff0000'"}),
            "brand_display_name_check": Check({"display_name": "''"}, but={"display_name": "'x'"}),
            "brand_logo": Check({"logo": "'x'"}, but={"logo": "'x'", "logo_digest": "'d'"}),
            "brand_mark": Check({"mark_digest": "'d'"}, but={"mark": "'x'", "mark_digest": "'d'"}),
            "brand_sender": Check({"sender_name": "E'a\\nBcc: b'"}, but={"sender_name": "'a Bcc: b'"}),
        },
        one_each=True,
    ),
    own(
        "sign_in_rule",
        {"second_factor_of": "'owners'"},
        checks={
            "sign_in_rule_second_factor_of_check": Check(
                {"second_factor_of": "'some'"}, but={"second_factor_of": "'nobody'"}
            )
        },
        one_each=True,
    ),
    own(
        "module_grant",
        {"permission": "'staff.edit'", "isp_id": "{isp}", "parent_id": "{parent}"},
        along={
            "module_grant_operator_id_fkey": {"parent_id": "{parent}"},
            "module_grant_isp_id_operator_id_fkey": {"parent_id": "{parent}"},
            # granted by the parent, who has no such permission itself
            "module_grant_parent_id_permission_fkey": {"parent_id": "{parent}", "permission": "'none.such'"},
        },
        checks={
            "module_grant_permission_check": Check({"permission": "'All'"}),
            "module_grant_check": Check({"parent_id": "NULL"}),
        },
        one_each=True,
    ),
    own(
        "role",
        {"id": "{n}", "key": "CASE {k} WHEN 1 THEN 'owner' ELSE 'own-{k}' END", "name": "'Role {n}'"},
        uniques={"operator_id, key": {"key": "'same'"}, "operator_id, name": {"name": "'Same'"}},
        checks={
            "role_key_check": Check({"key": "'Big Letters'"}, but={"key": "'small'"}),
            "role_name_check": Check({"name": "''"}, but={"name": "'x'"}),
            "role_own_is_named": Check({"key": "'own-9'", "name": "NULL"}, but={"key": "'noc'", "name": "NULL"}),
        },
    ),
    own(
        "role_permission",
        {"role_id": "{n}", "permission": "'dashboard.view'"},
        checks={"role_permission_permission_check": Check({"permission": "'All'"}, but={"permission": "'a.b'"})},
    ),
    own(
        "membership",
        {"id": "{n}", "user_id": "{n}", "role": "'owner'"},
        uniques={"user_id, operator_id": {}},
    ),
    own(
        "member_permission",
        {"membership_id": "{n}", "permission": "'dashboard.view'"},
        checks={"member_permission_permission_check": Check({"permission": "'All'"}, but={"permission": "'a.b'"})},
    ),
    own(
        "operator_block",
        {"id": "{n}", "reason": "'reason {n}'", "effect": "'walled'", "from_on": "current_date", "from_at": "now()"},
        uniques={"operator_id, reason": {}},
        checks={
            "operator_block_effect_check": Check({"effect": "'none'"}, but={"effect": "'reject'"}),
            "operator_block_check": Check(
                {"to_on": "current_date", "to_at": "now() - interval '1 s'"},
                but={"to_on": "current_date", "to_at": "now()"},
            ),
            "operator_block_ends": Check({"to_at": "now()"}, but={"to_on": "current_date", "to_at": "now()"}),
        },
    ),
    own(
        "impersonation",
        {
            "id": "{n}", "isp_id": "{isp}", "actor_id": "1", "reason": "'router'", "from_at": "now()",
            "actor_operator_id": "{parent}", "until_at": "now() + interval '4 hours'",
        },
        checks={
            "impersonation_reason_check": Check({"reason": "''"}, but={"reason": "'x'"}),
            "impersonation_check": Check(
                {"stepped_up_at": "now() - interval '1 s'", "changes_until": "now() + interval '1 s'"},
                but={"stepped_up_at": "now()", "changes_until": "now() + interval '1 s'"},
            ),
            "impersonation_changes": Check({"stepped_up_at": "now()", "changes_until": "now()"}),
            "impersonation_check1": Check({"ended_at": "now() - interval '1 s'"}, but={"ended_at": "now()"}),
            "impersonation_check2": Check({"actor_operator_id": "{me}"}),
            "impersonation_lasts": Check({"until_at": "now() + interval '4 hours 1 s'"}),
        },
        edge=True,
    ),
    own(
        "audit_event",
        {"id": "{n}", "at": "now()", "actor_id": "0", "verb": "'saw'", "subject_type": "'customer'", "subject_id": "1"},
    ),
    own(
        "onboarding_draft",
        {"id": "{n}", "request_key": "'key {n}'", "answers": "'{{}}'", "actor_id": "1", "changed_at": "now()"},
        uniques={"operator_id, request_key": {"request_key": "'same'"}},
        checks={
            "onboarding_draft_request_key_check": Check({"request_key": "''"}, but={"request_key": "'x'"}),
            "onboarding_draft_answers_check": Check({"answers": "'[]'"}, but={"answers": "'{{}}'"}),
        },
    ),
    own("first_steps_done", {"dismissed_at": "now()"}, one_each=True),
    own(
        "job_progress",
        {"id": "{n}", "user_id": "{n}", "task": "'verify'", "label": "'All books'", "started_at": "now()"},
        checks={
            "job_progress_task_check": Check({"task": "'Big Letters'"}, but={"task": "'two_words'"}),
            "job_progress_link_check": Check({"link": "'//elsewhere'"}, but={"link": "'/here/'"}),
            "job_progress_done_check": Check({"done": "-1"}, but={"done": "0"}),
            "job_progress_total_check": Check({"total": "0"}, but={"total": "1"}),
            "job_progress_outcome_check": Check(
                {"outcome": "'maybe'", "finished_at": "now()"}, but={"outcome": "'failed'", "finished_at": "now()"}
            ),
            "job_progress_ends": Check({"outcome": "'done'"}, but={"outcome": "'done'", "finished_at": "now()"}),
        },
    ),
    edge(
        "edge_grant",
        {"what": "(ARRAY['network', 'customers', 'totals'])[{k}]"},
        checks={"edge_grant_what_check": Check({"what": "'books'"})},
    ),
]  # fmt: skip
