-- When an unpaid service is cut, what spares it, and what brings it back (SPEC 2.5, B15).

-- cut_on(due day, days of grace, own date): the day on which a service is cut for a bill: the day after due + grace, or a person's
-- own date for the bills that are due by then; later bills follow the profile again.
CREATE OR REPLACE FUNCTION cut_on(p_due_on date, p_grace_days integer, p_suspend_on date) RETURNS date
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN p_suspend_on >= p_due_on THEN p_suspend_on ELSE p_due_on + p_grace_days + 1 END
$$;

-- due_of: all that a customer still owes.
CREATE OR REPLACE FUNCTION due_of(p_operator bigint, p_customer bigint) RETURNS bigint
LANGUAGE sql STABLE AS $$
    SELECT COALESCE(sum(open_minor), 0)::bigint FROM invoice_open WHERE operator_id = p_operator AND customer_id = p_customer
$$;

-- spared_from_cut: an unpaid service is not cut on a day that its customer promised to pay by, nor while the customer owes no more
-- than the profile's suspend_if_due_over.
CREATE OR REPLACE FUNCTION spared_from_cut(p_operator bigint, p_subscription bigint, p_on date) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT 1 FROM promise WHERE operator_id = p_operator AND subscription_id = p_subscription
                   AND withdrawn_at IS NULL AND until_on >= p_on)
        OR EXISTS (SELECT 1 FROM subscription s
                   JOIN billing_profile bp ON bp.operator_id = s.profile_operator_id AND bp.id = s.profile_id
                   WHERE s.operator_id = p_operator AND s.id = p_subscription AND bp.suspend_if_due_over_minor > 0
                     AND due_of(s.operator_id, s.customer_id) <= bp.suspend_if_due_over_minor)
$$;

-- may_come_back: whether a service that is cut as unpaid may come back now: its customer promised to pay later, or paid what the
-- profile's reactivate_when asks for: all (full), all that is overdue (overdue), or a share of what was overdue since the cut.
CREATE OR REPLACE FUNCTION may_come_back(p_operator bigint, p_customer bigint, p_subscription bigint, p_on date) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT due_of(p_operator, p_customer) = 0
        OR EXISTS (SELECT 1 FROM promise WHERE operator_id = p_operator AND subscription_id = p_subscription
                   AND withdrawn_at IS NULL AND until_on >= p_on)
        OR (SELECT CASE bp.reactivate_when
                   WHEN 'full' THEN false
                   WHEN 'overdue' THEN overdue.open_minor = 0
                   ELSE overdue.open_minor = 0 OR paid.minor::numeric * 10000
                        >= bp.reactivate_share_bp::numeric * (overdue.open_minor + paid.minor) END
            FROM subscription s
            JOIN billing_profile bp ON bp.operator_id = s.profile_operator_id AND bp.id = s.profile_id
            CROSS JOIN LATERAL (SELECT COALESCE(sum(open_minor), 0)::bigint AS open_minor FROM invoice_open
                                WHERE operator_id = p_operator AND customer_id = p_customer AND due_on < p_on) AS overdue
            CROSS JOIN LATERAL (SELECT COALESCE(sum(a.amount_minor), 0)::bigint AS minor
                                FROM allocation a JOIN invoice i ON i.operator_id = a.operator_id AND i.id = a.invoice_id
                                WHERE i.operator_id = p_operator AND i.customer_id = p_customer AND i.due_on < p_on
                                  AND a.allocated_on >= (SELECT max(from_on) FROM block b WHERE b.operator_id = p_operator
                                                         AND b.subscription_id = p_subscription AND b.reason = 'unpaid'
                                                         AND b.to_at IS NULL)) AS paid
            WHERE s.operator_id = p_operator AND s.id = p_subscription)
$$;
