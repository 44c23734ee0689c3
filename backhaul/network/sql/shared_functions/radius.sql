-- The only contract with FreeRADIUS: three functions that find the cell of a packet by its source address (nas_directory), put it
-- on the path until the transaction ends, and call its own function: plans are kept from call to call while the cell stays the
-- same. They run as the radius role, which may execute those functions and no more.

-- Per login what authorize_login answers: the clear-text password, a reason to refuse ('' = none), attributes to reply.
CREATE OR REPLACE FUNCTION radius_authorize(p_source text, p_username text, p_mac text) RETURNS text[]
LANGUAGE plpgsql AS $$
DECLARE
    v_source inet := p_source;
    v_isp_id bigint;
    v_cell text;
BEGIN
    SELECT d.isp_id, d.cell INTO v_isp_id, v_cell FROM public.nas_directory d WHERE d.source_address = v_source;
    IF NOT FOUND THEN
        RETURN ARRAY['', 'unknown router', '', '0', '0', '', '', ''];
    END IF;
    v_cell := set_config('search_path', v_cell, true);
    RETURN authorize_login(v_isp_id, v_source, p_username, p_mac);
END $$;

-- Books one accounting record; says what came of it. p_record: the values as FreeRADIUS has them, '' where absent.
CREATE OR REPLACE FUNCTION radius_account(p_source text, p_status text, VARIADIC p_record text[]) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    v_source inet := p_source;
    v_isp_id bigint;
    v_cell text;
BEGIN
    SELECT d.isp_id, d.cell INTO v_isp_id, v_cell FROM public.nas_directory d WHERE d.source_address = v_source;
    IF NOT FOUND THEN
        RETURN 'unknown router';
    END IF;
    v_cell := set_config('search_path', v_cell, true);
    RETURN account_session(v_isp_id, v_source, p_status, jsonb_object(p_record));
END $$;

-- The shared secret of a NAS, NULL where the address is unknown or the NAS disabled.
CREATE OR REPLACE FUNCTION radius_nas_secret(p_source text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    v_source inet := p_source;
    v_cell text;
BEGIN
    SELECT d.cell INTO v_cell FROM public.nas_directory d WHERE d.source_address = v_source;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    v_cell := set_config('search_path', v_cell, true);
    RETURN nas_secret(v_source);
END $$;

REVOKE ALL ON FUNCTION radius_authorize, radius_account, radius_nas_secret FROM PUBLIC;
GRANT EXECUTE ON FUNCTION radius_authorize, radius_account, radius_nas_secret TO backhaul_radius;
GRANT SELECT ON nas_directory TO backhaul_radius;
