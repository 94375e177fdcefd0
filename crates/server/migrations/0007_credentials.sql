ALTER TABLE api_keys ADD COLUMN addresses TEXT;
ALTER TABLE api_keys ADD COLUMN quota TEXT NOT NULL DEFAULT 'unlimited';
ALTER TABLE api_keys ADD COLUMN signed_by TEXT;
ALTER TABLE api_keys ADD COLUMN replaced_by {bytes};
ALTER TABLE api_keys ADD COLUMN revision {int} NOT NULL DEFAULT 0;
ALTER TABLE api_keys ADD COLUMN remind_at {int};

-- 30 days in milliseconds: what is due is found by an index, and the nearest threshold is chosen then.
UPDATE api_keys SET remind_at = expires_at - 2592000000 WHERE status <> 'closed';

CREATE INDEX api_keys_to_remind ON api_keys (remind_at) WHERE remind_at IS NOT NULL;
CREATE INDEX api_keys_signed ON api_keys (environment_id, signed_by, expires_at) WHERE signed_by IS NOT NULL;

ALTER TABLE app_secrets ADD COLUMN end_set_by {int};
ALTER TABLE app_secrets ADD COLUMN end_before {int};
ALTER TABLE app_secrets ADD COLUMN remind_at {int};

UPDATE app_secrets SET remind_at = expires_at - 2592000000 WHERE expires_at IS NOT NULL AND ended_at IS NULL;

CREATE INDEX app_secrets_to_remind ON app_secrets (remind_at) WHERE remind_at IS NOT NULL;

CREATE TABLE cases (
    id             {bytes} NOT NULL PRIMARY KEY,
    environment_id {bytes} NOT NULL REFERENCES environments (id),
    tenant_id      {bytes} NOT NULL REFERENCES tenants (id),
    kind           TEXT NOT NULL CHECK (kind IN ('invalidate_key', 'other')),
    key_id         {bytes},
    text           TEXT NOT NULL,
    state          TEXT NOT NULL CHECK (state IN ('open', 'done', 'declined')),
    opened_by      TEXT NOT NULL,
    opened_at      {int} NOT NULL,
    closed_by      TEXT,
    closed_at      {int},
    answer         TEXT
) {strict};

CREATE INDEX cases_of_environment ON cases (environment_id, id);
CREATE INDEX cases_of_tenant ON cases (tenant_id, environment_id, id);
CREATE UNIQUE INDEX cases_one_open_per_key ON cases (environment_id, key_id) WHERE state = 'open' AND key_id IS NOT NULL;
