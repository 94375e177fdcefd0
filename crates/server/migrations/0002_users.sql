ALTER TABLE apps ADD COLUMN metadata TEXT NOT NULL DEFAULT '{}';

CREATE TABLE users (
    id                {bytes} NOT NULL PRIMARY KEY,
    environment_id    {bytes} NOT NULL REFERENCES environments (id),
    email             TEXT NOT NULL,
    email_key         TEXT NOT NULL,
    email_verified_at {int},
    name              TEXT,
    password          TEXT,
    status            TEXT NOT NULL CHECK (status IN ('active', 'suspended', 'closed')),
    epoch             {int} NOT NULL,
    created_at        {int} NOT NULL,
    updated_at        {int} NOT NULL,
    UNIQUE (environment_id, email_key)
) {strict};

CREATE TABLE memberships (
    user_id   {bytes} NOT NULL REFERENCES users (id),
    tenant_id {bytes} NOT NULL REFERENCES tenants (id),
    roles     TEXT NOT NULL,
    PRIMARY KEY (user_id, tenant_id)
) {strict};

CREATE INDEX memberships_by_tenant ON memberships (tenant_id);

CREATE TABLE sessions (
    id             {bytes} NOT NULL PRIMARY KEY,
    environment_id {bytes} NOT NULL REFERENCES environments (id),
    pepper         {int} NOT NULL,
    mac            {bytes} NOT NULL,
    user_id        {bytes} NOT NULL REFERENCES users (id),
    user_epoch     {int} NOT NULL,
    sid            TEXT NOT NULL,
    auth_time      {int} NOT NULL,
    amr            TEXT NOT NULL,
    seen_at        {int} NOT NULL,
    ends_at        {int} NOT NULL,
    ended_at       {int},
    UNIQUE (environment_id, mac)
) {strict};

CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_end ON sessions (ends_at);

CREATE TABLE interactions (
    id             {bytes} NOT NULL PRIMARY KEY,
    environment_id {bytes} NOT NULL REFERENCES environments (id),
    handle_pepper  {int} NOT NULL,
    handle_mac     {bytes} NOT NULL,
    browser_pepper {int} NOT NULL,
    browser_mac    {bytes} NOT NULL,
    version        {int} NOT NULL,
    request        TEXT,
    progress       TEXT NOT NULL,
    created_at     {int} NOT NULL,
    expires_at     {int} NOT NULL,
    UNIQUE (environment_id, handle_mac)
) {strict};

CREATE INDEX interactions_by_end ON interactions (expires_at);

CREATE TABLE consents (
    user_id    {bytes} NOT NULL REFERENCES users (id),
    app_id     {bytes} NOT NULL REFERENCES apps (id),
    tenant_id  {bytes} NOT NULL REFERENCES tenants (id),
    scopes     TEXT NOT NULL,
    granted_at {int} NOT NULL,
    PRIMARY KEY (user_id, app_id, tenant_id)
) {strict};

-- One row per authorization for its whole life; `id` is time-ordered, so the table grows at its end.
CREATE TABLE grants (
    id             {int} NOT NULL PRIMARY KEY,
    environment_id {bytes} NOT NULL REFERENCES environments (id),
    app_id         {bytes} NOT NULL REFERENCES apps (id),
    tenant_id      {bytes} NOT NULL REFERENCES tenants (id),
    user_id        {bytes} NOT NULL REFERENCES users (id),
    api_id         {bytes} REFERENCES apis (id),
    origin         TEXT NOT NULL,
    scopes         TEXT NOT NULL,
    state          TEXT NOT NULL CHECK (state IN ('code', 'active', 'ended')),
    epoch          {int} NOT NULL,
    generation     {int} NOT NULL,
    rotated_at     {int} NOT NULL,
    nonce          {bytes} NOT NULL,
    ends_at        {int} NOT NULL,
    code_pepper    {int},
    code_mac       {bytes},
    code           TEXT,
    login          TEXT NOT NULL,
    session_id     {bytes},
    with_session   {int} NOT NULL CHECK (with_session IN (0, 1)),
    created_at     {int} NOT NULL,
    ended_at       {int},
    ended_reason   TEXT
) {strict};

CREATE UNIQUE INDEX grants_by_code ON grants (code_mac) WHERE code_mac IS NOT NULL;
CREATE INDEX grants_by_user ON grants (user_id, app_id);
CREATE INDEX grants_by_session ON grants (session_id) WHERE with_session = 1;
CREATE INDEX grants_by_end ON grants (ends_at);
CREATE INDEX grants_waiting ON grants (created_at) WHERE state = 'code';

CREATE TABLE documents (
    id        {bytes} NOT NULL PRIMARY KEY,
    tenant_id {bytes} REFERENCES tenants (id),
    kind      TEXT NOT NULL
) {strict};

CREATE UNIQUE INDEX documents_of_provider ON documents (kind) WHERE tenant_id IS NULL;
CREATE UNIQUE INDEX documents_of_tenant ON documents (tenant_id, kind) WHERE tenant_id IS NOT NULL;

CREATE TABLE document_versions (
    document_id   {bytes} NOT NULL REFERENCES documents (id),
    number        {int} NOT NULL,
    effective_at  {int} NOT NULL,
    grace_seconds {int} NOT NULL,
    texts         TEXT NOT NULL,
    hash          TEXT NOT NULL,
    PRIMARY KEY (document_id, number)
) {strict};

-- `tenant` is the id of a tenant, or empty bytes where a sign-in belonged to none: NULL would not be unique.
CREATE TABLE acceptances (
    user_id     {bytes} NOT NULL REFERENCES users (id),
    tenant      {bytes} NOT NULL,
    document_id {bytes} NOT NULL REFERENCES documents (id),
    version     {int} NOT NULL,
    hash        TEXT NOT NULL,
    accepted_at {int} NOT NULL,
    address     TEXT NOT NULL,
    PRIMARY KEY (user_id, tenant, document_id, version)
) {strict};

CREATE TABLE signups (
    id             {bytes} NOT NULL PRIMARY KEY,
    environment_id {bytes} NOT NULL REFERENCES environments (id),
    link_pepper    {int} NOT NULL,
    link_mac       {bytes} NOT NULL,
    browser_pepper {int} NOT NULL,
    browser_mac    {bytes} NOT NULL,
    email          TEXT NOT NULL,
    name           TEXT,
    password       TEXT NOT NULL,
    created_at     {int} NOT NULL,
    expires_at     {int} NOT NULL,
    UNIQUE (environment_id, link_mac)
) {strict};

CREATE INDEX signups_by_end ON signups (expires_at);

CREATE TABLE outbox (
    id             {bytes} NOT NULL PRIMARY KEY,
    environment_id {bytes} NOT NULL REFERENCES environments (id),
    recipient      TEXT NOT NULL,
    kind           TEXT NOT NULL,
    content        TEXT NOT NULL,
    attempts       {int} NOT NULL,
    next_at        {int}
) {strict};

CREATE INDEX outbox_by_time ON outbox (next_at) WHERE next_at IS NOT NULL;

CREATE TABLE login_failures (
    environment_id {bytes} NOT NULL REFERENCES environments (id),
    account        {bytes} NOT NULL,
    count          {int} NOT NULL,
    blocked_until  {int} NOT NULL,
    last_at        {int} NOT NULL,
    PRIMARY KEY (environment_id, account)
) {strict};

CREATE INDEX login_failures_by_time ON login_failures (last_at);
