-- Contract: starts the bill and receipt numbers of the acting operator, or of a direct child of it, at 1. Idempotent.
CREATE OR REPLACE FUNCTION open_numbering(p_operator bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    PERFORM 1 FROM operator WHERE id = p_operator AND (id = acting_operator() OR parent_id = acting_operator()) FOR KEY SHARE;
    IF NOT FOUND THEN
        PERFORM refuse('not_found', 'There is no such operator below you.');
    END IF;
    INSERT INTO invoice_numbering (operator_id) VALUES (p_operator) ON CONFLICT DO NOTHING;
    INSERT INTO receipt_numbering (operator_id) VALUES (p_operator) ON CONFLICT DO NOTHING;
END $$;
