-- The only contract with FreeRADIUS: three functions that find the cell of a packet by its source address (nas_directory) and
-- hand over to the cell's own function with one dynamic call. They run as the radius role, which may execute those and no more.

-- One row per login: the clear-text password, a reason to refuse ('' = none), the attributes to reply separated by "|".
CREATE OR REPLACE FUNCTION radius_authorize(
    p_source text, p_username text, p_mac text, OUT password text, OUT reason text, OUT reply text)
LANGUAGE plpgsql AS $$
DECLARE
    v_source inet := p_source;
    v_isp_id bigint;
    v_cell text;
BEGIN
    SELECT d.isp_id, d.cell INTO v_isp_id, v_cell FROM public.nas_directory d WHERE d.source_address = v_source;
    IF NOT FOUND THEN
        SELECT '', 'unknown router', '' INTO password, reason, reply;
        RETURN;
    END IF;
    EXECUTE format('SELECT * FROM %I.authorize_login($1, $2, $3, $4)', v_cell)
    INTO password, reason, reply USING v_isp_id, v_source, p_username, p_mac;
END $$;

-- Books one accounting record; says what came of it. p_record: the values as FreeRADIUS has them, '' where absent.
CREATE OR REPLACE FUNCTION radius_account(p_source text, p_status text, VARIADIC p_record text[]) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    v_source inet := p_source;
    v_isp_id bigint;
    v_cell text;
    v_answer text;
BEGIN
    SELECT d.isp_id, d.cell INTO v_isp_id, v_cell FROM public.nas_directory d WHERE d.source_address = v_source;
    IF NOT FOUND THEN
        RETURN 'unknown router';
    END IF;
    EXECUTE format('SELECT %I.account_session($1, $2, $3, $4)', v_cell)
    INTO v_answer USING v_isp_id, v_source, p_status, jsonb_object(p_record);
    RETURN v_answer;
END $$;

-- The shared secret of a NAS, NULL where the address is unknown or the NAS disabled.
CREATE OR REPLACE FUNCTION radius_nas_secret(p_source text) RETURNS text
LANGUAGE plpgsql STABLE AS $$
DECLARE
    v_source inet := p_source;
    v_cell text;
    v_secret text;
BEGIN
    SELECT d.cell INTO v_cell FROM public.nas_directory d WHERE d.source_address = v_source;
    IF FOUND THEN
        EXECUTE format('SELECT %I.nas_secret($1)', v_cell) INTO v_secret USING v_source;
    END IF;
    RETURN v_secret;
END $$;

REVOKE ALL ON FUNCTION radius_authorize, radius_account, radius_nas_secret FROM PUBLIC;
GRANT EXECUTE ON FUNCTION radius_authorize, radius_account, radius_nas_secret TO backhaul_radius;
GRANT SELECT ON nas_directory TO backhaul_radius;
