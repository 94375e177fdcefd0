CREATE TABLE webhooks (
    id              {bytes} NOT NULL PRIMARY KEY,
    environment_id  {bytes} NOT NULL REFERENCES environments (id),
    tenant_id       {bytes} REFERENCES tenants (id),
    url             TEXT NOT NULL,
    description     TEXT NOT NULL,
    topics          TEXT NOT NULL,
    status          TEXT NOT NULL CHECK (status IN ('active', 'suspended')),
    version         {int} NOT NULL,
    secret          {bytes} NOT NULL,
    previous_secret {bytes},
    previous_until  {int},
    failing_since   {int},
    created_at      {int} NOT NULL
) {strict};

CREATE INDEX webhooks_by_environment ON webhooks (environment_id, id);

CREATE TABLE webhook_messages (
    id    {bytes} NOT NULL PRIMARY KEY,
    event TEXT NOT NULL,
    body  TEXT NOT NULL,
    at    {int} NOT NULL
) {strict};

-- No reference to webhooks: that one is being deleted must not make the change fail that is told of.
CREATE TABLE webhook_deliveries (
    webhook_id {bytes} NOT NULL,
    message_id {bytes} NOT NULL REFERENCES webhook_messages (id),
    state      TEXT NOT NULL CHECK (state IN ('waiting', 'delivered', 'given_up')),
    attempts   {int} NOT NULL,
    step       {int} NOT NULL,
    next_at    {int},
    log        TEXT NOT NULL,
    PRIMARY KEY (webhook_id, message_id)
) {strict};

CREATE INDEX webhook_deliveries_by_message ON webhook_deliveries (message_id);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (next_at, webhook_id) WHERE next_at IS NOT NULL;
CREATE INDEX webhook_deliveries_of_one ON webhook_deliveries (webhook_id, next_at) WHERE next_at IS NOT NULL;
