-- The floor of a billing run: INSERT … SELECT of the very rows that a run wrote into identically indexed tables without guards
-- (no foreign keys, checks, policies), and the same updates. `capture` copies a run's rows aside; `floor` is what is timed.
-- :capture
CREATE UNLOGGED TABLE floor.c_invoice AS SELECT * FROM invoice WHERE run_id = {run};
CREATE UNLOGGED TABLE floor.c_charge AS SELECT c.* FROM charge c JOIN floor.c_invoice i ON c.owner_id = i.operator_id AND c.invoice_id = i.id;
CREATE UNLOGGED TABLE floor.c_entry AS SELECT * FROM entry WHERE id >= {first_entry};
CREATE UNLOGGED TABLE floor.c_posting AS SELECT * FROM posting WHERE entry_id >= {first_entry};
CREATE UNLOGGED TABLE floor.c_open AS SELECT o.* FROM invoice_open o JOIN floor.c_invoice i ON o.operator_id = i.operator_id AND o.customer_id = i.customer_id AND o.due_on = i.due_on AND o.number = i.number;
CREATE UNLOGGED TABLE floor.c_movement AS SELECT * FROM fund_movement WHERE request_key LIKE 'run:{run}:%';
ANALYZE floor.c_invoice, floor.c_charge, floor.c_entry, floor.c_posting, floor.c_open, floor.c_movement;
-- :floor
INSERT INTO floor.invoice SELECT * FROM floor.c_invoice;
INSERT INTO floor.charge SELECT * FROM floor.c_charge;
INSERT INTO floor.entry SELECT * FROM floor.c_entry;
INSERT INTO floor.posting SELECT * FROM floor.c_posting;
INSERT INTO floor.invoice_open SELECT * FROM floor.c_open;
INSERT INTO floor.fund_movement SELECT * FROM floor.c_movement;
UPDATE floor.billing_state s SET billed_until = i.ends_on FROM floor.c_invoice i WHERE s.operator_id = i.operator_id AND s.subscription_id = i.subscription_id;
-- :drop
DROP TABLE floor.c_invoice, floor.c_charge, floor.c_entry, floor.c_posting, floor.c_open, floor.c_movement;
