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
        checks={"brand_colour_check": Check({"colour": "'red'"}, but={"colour": "'#ff0000'"})},
        one_each=True,
    ),
    own(
        "membership",
        {"id": "{n}", "user_id": "{n}", "role": "'owner'"},
        uniques={"user_id, operator_id": {}},
        checks={"membership_role_check": Check({"role": "'wizard'"}, but={"role": "'collector'"})},
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
        "audit_event",
        {"id": "{n}", "at": "now()", "actor_id": "0", "verb": "'saw'", "subject_type": "'customer'", "subject_id": "1"},
    ),
    edge(
        "edge_grant",
        {"what": "(ARRAY['network', 'customers', 'totals'])[{k}]"},
        checks={"edge_grant_what_check": Check({"what": "'books'"})},
    ),
]  # fmt: skip
