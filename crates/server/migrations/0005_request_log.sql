-- What apps and keys have done. A subject is the id of an app or of an API key. Nothing here decides anything.
CREATE TABLE usage_counts (
    subject {bytes} NOT NULL,
    span    TEXT NOT NULL CHECK (span IN ('minute', 'hour', 'day')),
    starts  {int} NOT NULL,
    kind    TEXT NOT NULL,
    count   {int} NOT NULL,
    PRIMARY KEY (subject, span, starts, kind)
) {strict};

CREATE INDEX usage_counts_by_start ON usage_counts (span, starts);

INSERT INTO usage_counts (subject, span, starts, kind, count)
SELECT app_id, 'minute', minute, 'issued', count FROM issued_counts;

DROP TABLE issued_counts;

-- Each ring is a fixed number of slots that are written over, so the table is bounded and never pruned.
CREATE TABLE request_log (
    subject    {bytes} NOT NULL,
    ring       TEXT NOT NULL CHECK (ring IN ('refused', 'unproven', 'good')),
    slot       {int} NOT NULL,
    sequence   {int} NOT NULL,
    at         {int} NOT NULL,
    door       TEXT NOT NULL,
    status     {int} NOT NULL,
    error      TEXT,
    reason     TEXT,
    credential TEXT,
    address    TEXT NOT NULL,
    request_id TEXT NOT NULL,
    api        TEXT,
    grant_type TEXT,
    took       TEXT NOT NULL,
    count      {int} NOT NULL,
    PRIMARY KEY (subject, ring, slot)
) {strict};

CREATE TABLE request_log_heads (
    subject {bytes} NOT NULL,
    ring    TEXT NOT NULL,
    next    {int} NOT NULL,
    PRIMARY KEY (subject, ring)
) {strict};

-- `version` is that of a secret, or 0 for an API key.
CREATE TABLE last_uses (
    subject {bytes} NOT NULL,
    version {int} NOT NULL,
    at      {int} NOT NULL,
    address TEXT,
    PRIMARY KEY (subject, version)
) {strict};

CREATE TABLE notices (
    subject       {bytes} NOT NULL,
    kind          TEXT NOT NULL,
    day           {int} NOT NULL,
    presented_in  {bytes} NOT NULL REFERENCES environments (id),
    belongs_to    {bytes} NOT NULL REFERENCES environments (id),
    first_seen_at {int} NOT NULL,
    last_seen_at  {int} NOT NULL,
    count         {int} NOT NULL,
    address       TEXT NOT NULL,
    PRIMARY KEY (subject, kind, day, presented_in, belongs_to)
) {strict};

CREATE INDEX notices_by_day ON notices (day);

-- A secret of another environment is looked for by its keyed hash.
CREATE INDEX app_secrets_by_mac ON app_secrets (mac);
