ALTER TABLE environments ADD COLUMN on_leak TEXT NOT NULL DEFAULT 'end' CHECK (on_leak IN ('record', 'end', 'suspend'));

-- One row for each thing that has leaked, however often it is seen.
CREATE TABLE incidents (
    id             {bytes} NOT NULL PRIMARY KEY,
    subject        TEXT NOT NULL UNIQUE,
    kind           TEXT NOT NULL,
    environment_id {bytes} REFERENCES environments (id),
    tenant_id      {bytes} REFERENCES tenants (id),
    app_id         {bytes} REFERENCES apps (id),
    last_four      TEXT NOT NULL,
    source         TEXT NOT NULL,
    place          TEXT,
    reporter       TEXT NOT NULL,
    measures       TEXT NOT NULL,
    sightings      {int} NOT NULL,
    first_seen_at  {int} NOT NULL,
    last_seen_at   {int} NOT NULL,
    resolved_by    TEXT,
    resolved_at    {int},
    comment        TEXT
) {strict};

-- Signed messages that were worked off: none is taken twice.
CREATE TABLE leak_messages (
    hash {bytes} NOT NULL PRIMARY KEY,
    at   {int} NOT NULL
) {strict};

CREATE INDEX leak_messages_by_time ON leak_messages (at);
