-- The same subscribers and sessions in FreeRADIUS's own schema, with the index that it lacks for its count of open sessions.
INSERT INTO nas (nasname, shortname, secret) VALUES ('127.0.0.1', 'core', '{secret}');
INSERT INTO radcheck (username, attribute, op, value)
SELECT 'user' || n, 'Cleartext-Password', ':=', 'pw-' || n FROM generate_series(1, {customers}) AS n;
INSERT INTO radusergroup (username, groupname, priority)
SELECT 'user' || n, 'plan', 1 FROM generate_series(1, {customers}) AS n;
INSERT INTO radgroupcheck (groupname, attribute, op, value) VALUES ('plan', 'Simultaneous-Use', ':=', '1');
INSERT INTO radgroupreply (groupname, attribute, op, value)
VALUES ('plan', 'Mikrotik-Rate-Limit', ':=', '10240k/20480k'), ('plan', 'Framed-Pool', ':=', 'clients'),
       ('plan', 'Session-Timeout', ':=', '86400'), ('plan', 'Acct-Interim-Interval', ':=', '300');
INSERT INTO radacct (acctsessionid, acctuniqueid, username, nasipaddress, acctstarttime, acctupdatetime, acctsessiontime,
                     acctinputoctets, acctoutputoctets, callingstationid, framedipaddress)
SELECT 's-' || n, md5('s-' || n), 'user' || n, '127.0.0.1', now() - interval '1 hour', now(), 3600, 1000000, 20000000,
       lpad(to_hex(n), 12, '0'), '10.0.0.0'::inet + n
FROM generate_series(1, {sessions}) AS n;
INSERT INTO radacct (acctsessionid, acctuniqueid, username, nasipaddress, acctstarttime, acctupdatetime, acctstoptime,
                     acctsessiontime, acctinputoctets, acctoutputoctets, callingstationid, framedipaddress, acctterminatecause)
SELECT 'h-' || n, md5('h-' || n), 'user' || 1 + n % {customers}, '127.0.0.1', now() - n * interval '10 seconds' - interval '1 day',
       now() - n * interval '10 seconds', now() - n * interval '10 seconds', 86400, 1000000, 20000000,
       lpad(to_hex(1 + n % {customers}), 12, '0'), '10.0.0.0'::inet + (1 + n % {customers}), 'User-Request'
FROM generate_series(1, {closed}) AS n;
CREATE INDEX radacct_open_by_user ON radacct (username) WHERE acctstoptime IS NULL;
