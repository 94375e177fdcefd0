-- An access has more states than the CHECK of its first table knew.
CREATE TABLE accesses_with_onboarding (
    tenant_id             {bytes} NOT NULL REFERENCES tenants (id),
    api_id                {bytes} NOT NULL REFERENCES apis (id),
    status                TEXT NOT NULL CHECK (status IN ('applied', 'refused', 'approved', 'suspended', 'closed')),
    epoch                 {int} NOT NULL,
    scopes                TEXT NOT NULL,
    client_token_lifetime {int},
    user_token_lifetime   {int},
    quota                 TEXT NOT NULL,
    contract              TEXT,
    created_at            {int} NOT NULL,
    PRIMARY KEY (tenant_id, api_id)
) {strict};

INSERT INTO accesses_with_onboarding (tenant_id, api_id, status, epoch, scopes, client_token_lifetime, user_token_lifetime, quota, contract, created_at)
SELECT tenant_id, api_id, CASE status WHEN 'active' THEN 'approved' ELSE status END, epoch, scopes, client_token_lifetime, user_token_lifetime, quota, NULL, created_at
FROM accesses;

DROP TABLE accesses;

ALTER TABLE accesses_with_onboarding RENAME TO accesses;

CREATE INDEX accesses_waiting ON accesses (api_id, tenant_id) WHERE status = 'applied';

-- The history of an access: never changed, never erased. `id` is time-ordered.
CREATE TABLE access_steps (
    id        {bytes} NOT NULL PRIMARY KEY,
    tenant_id {bytes} NOT NULL REFERENCES tenants (id),
    api_id    {bytes} NOT NULL REFERENCES apis (id),
    step      TEXT NOT NULL,
    at        {int} NOT NULL,
    actor     TEXT NOT NULL,
    comment   TEXT NOT NULL,
    evidence  TEXT
) {strict};

CREATE INDEX access_steps_by_access ON access_steps (tenant_id, api_id, id);

-- What was accepted in the name of a tenant, for what acts without a user.
CREATE TABLE tenant_acceptances (
    tenant_id   {bytes} NOT NULL REFERENCES tenants (id),
    document_id {bytes} NOT NULL REFERENCES documents (id),
    version     {int} NOT NULL,
    hash        TEXT NOT NULL,
    accepted_at {int} NOT NULL,
    actor       TEXT NOT NULL,
    address     TEXT NOT NULL,
    PRIMARY KEY (tenant_id, document_id, version)
) {strict};
