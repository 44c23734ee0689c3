-- cluster_identifier(): which database cluster this is; 0 where a managed server does not say.
CREATE OR REPLACE FUNCTION cluster_identifier() RETURNS bigint
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT system_identifier FROM pg_control_system());
EXCEPTION WHEN insufficient_privilege THEN
    RETURN 0;
END $$;

-- xid_after(xid, n): n transactions later.
CREATE OR REPLACE FUNCTION xid_after(p_xid xid8, p_count bigint) RETURNS xid8
LANGUAGE sql IMMUTABLE AS $$ SELECT (p_xid::text::bigint + p_count)::text::xid8 $$;

-- finished_before(): every transaction below it has ended; comparable with entry.xid. Refuses on a cluster that set-up has not met.
CREATE OR REPLACE FUNCTION finished_before() RETURNS xid8
LANGUAGE plpgsql STABLE AS $$
DECLARE v_epoch xid_epoch%ROWTYPE;
BEGIN
    SELECT * INTO v_epoch FROM xid_epoch ORDER BY no DESC LIMIT 1;
    IF v_epoch.system_identifier IS DISTINCT FROM cluster_identifier() THEN
        PERFORM refuse('moved_database', 'This database was moved to another server; run backhaul setup-database, then try again.');
    END IF;
    RETURN xid_after(pg_snapshot_xmin(pg_current_snapshot()), v_epoch.xid_offset);
END $$;

-- current_stamp(): what entries of this transaction are stamped with.
CREATE OR REPLACE FUNCTION current_stamp() RETURNS xid8
LANGUAGE sql AS $$ SELECT xid_after(pg_current_xact_id(), (SELECT xid_offset FROM xid_epoch ORDER BY no DESC LIMIT 1)) $$;

-- At every set-up: on a cluster that is new to this cell, entries are stamped from above the highest stamp so far.
DO $$
DECLARE
    v_last xid_epoch%ROWTYPE;
    v_offset bigint;
BEGIN
    SELECT * INTO v_last FROM xid_epoch ORDER BY no DESC LIMIT 1;
    IF v_last.system_identifier IS NOT DISTINCT FROM cluster_identifier() THEN
        RETURN;
    END IF;
    SELECT GREATEST(0, COALESCE(max(xid::text::bigint), 0) + 1 - pg_current_xact_id()::text::bigint) INTO v_offset FROM entry;
    INSERT INTO xid_epoch VALUES (COALESCE(v_last.no, 0) + 1, cluster_identifier(), v_offset, now());
    EXECUTE CASE v_offset WHEN 0 THEN 'ALTER TABLE entry ALTER COLUMN xid SET DEFAULT pg_current_xact_id()'
        ELSE format('ALTER TABLE entry ALTER COLUMN xid SET DEFAULT xid_after(pg_current_xact_id(), %s)', v_offset) END;
END $$;
