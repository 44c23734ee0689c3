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

-- share_is_paid: whether since a service was cut last as unpaid its customer paid the profile's share of what was overdue until it came
-- back, or is now. False where it was never cut.
CREATE OR REPLACE FUNCTION share_is_paid(p_operator bigint, p_customer bigint, p_subscription bigint, p_on date) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT COALESCE((
        SELECT paid.minor::numeric * 10000 >= bp.reactivate_share_bp::numeric * (overdue.minor + paid.minor)
        FROM (SELECT from_on, COALESCE(to_on, p_on) AS until_on FROM block
              WHERE operator_id = p_operator AND subscription_id = p_subscription AND reason = 'unpaid'
              ORDER BY from_at DESC, id DESC LIMIT 1) AS cut
        CROSS JOIN (SELECT f.reactivate_share_bp FROM subscription s
                    JOIN billing_profile f ON f.operator_id = s.profile_operator_id AND f.id = s.profile_id
                    WHERE s.operator_id = p_operator AND s.id = p_subscription) AS bp
        CROSS JOIN LATERAL (SELECT COALESCE(sum(open_minor), 0)::bigint AS minor FROM invoice_open
                            WHERE operator_id = p_operator AND customer_id = p_customer AND due_on < cut.until_on) AS overdue
        CROSS JOIN LATERAL (SELECT COALESCE(sum(a.amount_minor), 0)::bigint AS minor
                            FROM invoice i JOIN allocation a ON a.operator_id = i.operator_id AND a.invoice_id = i.id
                            WHERE i.operator_id = p_operator AND i.customer_id = p_customer AND i.due_on < cut.until_on
                              AND a.allocated_on >= cut.from_on) AS paid), false)
$$;

-- spared_from_cut: an unpaid service is not cut on a day that its customer promised to pay by; nor while the customer owes no more than
-- the profile's suspend_if_due_over; nor, having come back for a share, for what was overdue then: only for a bill that fell due later.
CREATE OR REPLACE FUNCTION spared_from_cut(p_operator bigint, p_subscription bigint, p_on date) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT 1 FROM promise WHERE operator_id = p_operator AND subscription_id = p_subscription
                   AND withdrawn_at IS NULL AND until_on >= p_on)
        OR EXISTS (SELECT 1 FROM subscription s
                   JOIN billing_profile bp ON bp.operator_id = s.profile_operator_id AND bp.id = s.profile_id
                   WHERE s.operator_id = p_operator AND s.id = p_subscription
                     AND (bp.suspend_if_due_over_minor > 0 AND due_of(s.operator_id, s.customer_id) <= bp.suspend_if_due_over_minor
                          OR bp.reactivate_when = 'share' AND share_is_paid(s.operator_id, s.customer_id, s.id, p_on)
                             AND NOT EXISTS (
                                SELECT 1 FROM invoice_open o WHERE o.operator_id = s.operator_id AND o.customer_id = s.customer_id
                                  AND cut_on(o.due_on, bp.grace_days, s.suspend_on) <= p_on
                                  AND o.due_on >= (SELECT max(b.to_on) FROM block b WHERE b.operator_id = s.operator_id
                                                   AND b.subscription_id = s.id AND b.reason = 'unpaid'))))
$$;

-- may_come_back: whether a service that is cut as unpaid may come back now: its customer promised to pay later, or paid what the
-- profile's reactivate_when asks for: all (full), all that is overdue (overdue), or a share of what was overdue since the cut.
CREATE OR REPLACE FUNCTION may_come_back(p_operator bigint, p_customer bigint, p_subscription bigint, p_on date) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT due_of(p_operator, p_customer) = 0
        OR EXISTS (SELECT 1 FROM promise WHERE operator_id = p_operator AND subscription_id = p_subscription
                   AND withdrawn_at IS NULL AND until_on >= p_on)
        OR EXISTS (SELECT 1 FROM subscription s
                   JOIN billing_profile bp ON bp.operator_id = s.profile_operator_id AND bp.id = s.profile_id
                   WHERE s.operator_id = p_operator AND s.id = p_subscription AND bp.reactivate_when <> 'full'
                     AND (NOT EXISTS (SELECT 1 FROM invoice_open
                                      WHERE operator_id = p_operator AND customer_id = p_customer AND due_on < p_on)
                          OR bp.reactivate_when = 'share' AND share_is_paid(p_operator, p_customer, p_subscription, p_on)))
$$;
