-- refresh_access: brings the logins of these subscriptions (pairs of operator and subscription) to what their open blocks say,
-- and queues the end of sessions that began otherwise. Online = no open block; a stop by a person, a customer that has left and
-- one not activated yet are rejected; the rest is walled in or rejected as the billing profile says. Runs as its caller: for one
-- customer or a night's run. Returns how many logins changed.
CREATE OR REPLACE FUNCTION refresh_access(p_operator_ids bigint[], p_subscription_ids bigint[], p_reason text, p_at timestamptz)
RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    v_group record;
    v_changed integer := 0;
BEGIN
    FOR v_group IN
        SELECT w.access, w.reject_reason, array_agg(w.operator_id) AS operator_ids, array_agg(w.id) AS subscription_ids
        FROM (
            SELECT s.operator_id, s.id,
                   CASE WHEN b.reasons IS NULL THEN 'open'
                        WHEN b.reasons && ARRAY['disabled', 'left', 'not_activated'] THEN 'reject'
                        ELSE COALESCE(p.on_suspend, 'walled') END AS access,
                   CASE WHEN b.reasons IS NULL THEN NULL
                        WHEN 'left' = ANY (b.reasons) THEN 'left'
                        WHEN 'disabled' = ANY (b.reasons) THEN 'disabled'
                        WHEN 'not_activated' = ANY (b.reasons) THEN 'not activated'
                        WHEN p.on_suspend = 'reject' THEN 'suspended' END AS reject_reason
            FROM unnest(p_operator_ids, p_subscription_ids) AS k (operator_id, id)
            JOIN subscription s ON s.operator_id = k.operator_id AND s.id = k.id
            LEFT JOIN billing_profile p ON p.operator_id = s.profile_operator_id AND p.id = s.profile_id
            LEFT JOIN LATERAL (SELECT array_agg(reason) AS reasons FROM block
                               WHERE operator_id = s.operator_id AND subscription_id = s.id AND to_at IS NULL) b ON true
        ) w
        GROUP BY w.access, w.reject_reason
    LOOP
        v_changed := v_changed + set_login_access(v_group.operator_ids, v_group.subscription_ids, v_group.access,
                                                  v_group.reject_reason, p_reason, p_at);
    END LOOP;
    RETURN v_changed;
END $$;

-- service_status(open reasons): one word for a service; the most lasting block says it. Online = no open block.
CREATE OR REPLACE FUNCTION service_status(p_open_reasons text[]) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN cardinality(p_open_reasons) IS NULL OR cardinality(p_open_reasons) = 0 THEN 'active'
                WHEN 'left' = ANY (p_open_reasons) THEN 'left'
                WHEN 'disabled' = ANY (p_open_reasons) THEN 'disabled'
                WHEN 'not_activated' = ANY (p_open_reasons) THEN 'not_activated'
                WHEN p_open_reasons && ARRAY['by_hand', 'unpaid'] THEN 'suspended'
                WHEN 'expired' = ANY (p_open_reasons) THEN 'expired'
                ELSE 'short' END
$$;
