ALTER TABLE audit ADD COLUMN number {int};
ALTER TABLE audit ADD COLUMN link {bytes};

-- Both are partial: an entry that is written enters the small one of what waits, and the large one in the background.
CREATE INDEX audit_unlinked ON audit (id) WHERE number IS NULL;
CREATE UNIQUE INDEX audit_by_number ON audit (number) WHERE number IS NOT NULL;

CREATE TABLE audit_checkpoints (
    number {int} NOT NULL PRIMARY KEY,
    link   {bytes} NOT NULL,
    at     {int} NOT NULL,
    kid    TEXT NOT NULL,
    jws    TEXT NOT NULL
) {strict};

-- What one process at a time may do. Whoever holds a lease prolongs it by the unit that it permits.
CREATE TABLE leases (
    name       TEXT NOT NULL PRIMARY KEY,
    holder     {bytes} NOT NULL,
    taken_at   {int} NOT NULL,
    expires_at {int} NOT NULL
) {strict};
