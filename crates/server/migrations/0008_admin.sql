ALTER TABLE operators ADD COLUMN role TEXT NOT NULL DEFAULT 'admin' CHECK (role IN ('admin', 'support', 'auditor'));
ALTER TABLE operators ADD COLUMN ended_at {int};
-- The audit names operators: a name is never given twice.
CREATE UNIQUE INDEX operators_by_name ON operators (name);

-- The admin API is an API without a row; the column api_id refers to rows.
ALTER TABLE grants ADD COLUMN management {int} NOT NULL DEFAULT 0 CHECK (management IN (0, 1));

CREATE TABLE claimed_requests (
    key        {bytes} NOT NULL PRIMARY KEY,
    body       {bytes} NOT NULL,
    sealed     {bytes},
    claimed_at {int} NOT NULL
) {strict};

CREATE INDEX claimed_requests_by_age ON claimed_requests (claimed_at);

-- Pages of one tenant are read in their order, however many rows the tenant has.
DROP INDEX apps_by_tenant;
CREATE INDEX apps_by_tenant ON apps (tenant_id, environment_id, client_id);
DROP INDEX api_keys_by_tenant;
CREATE INDEX api_keys_by_tenant ON api_keys (tenant_id, environment_id, id);
DROP INDEX memberships_by_tenant;
CREATE INDEX memberships_by_tenant ON memberships (tenant_id, user_id);
