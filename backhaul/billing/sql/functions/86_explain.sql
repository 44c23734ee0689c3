-- What an explanation may know beyond the tables that its reader sees.

-- Contract: the VAT rate, in hundredths of a percent, at which an edge of the acting operator was charged on a day: that of its upper
-- end; NULL on an edge of others.
CREATE OR REPLACE FUNCTION edge_vat_rate(p_child bigint, p_day date) RETURNS integer
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    RETURN (SELECT vat_rate_on(f.parent_id, p_day) FROM fund f
            WHERE f.child_id = p_child AND acting_operator() IN (f.child_id, f.parent_id));
END $$;
