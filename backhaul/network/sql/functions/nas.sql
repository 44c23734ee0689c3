-- Contract: the shared secret of an enabled NAS by the source address of its packets, NULL if there is none. For FreeRADIUS only.
CREATE OR REPLACE FUNCTION nas_secret(p_source inet) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER AS $$ SELECT secret FROM nas WHERE source_address = p_source AND enabled $$;
