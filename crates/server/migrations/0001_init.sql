CREATE TABLE meta (
    name  TEXT NOT NULL PRIMARY KEY,
    value {bytes} NOT NULL
) {strict};

CREATE TABLE environments (
    id           {bytes} NOT NULL PRIMARY KEY,
    name         TEXT NOT NULL UNIQUE,
    issuer       TEXT NOT NULL UNIQUE,
    stage        TEXT NOT NULL CHECK (stage IN ('live', 'test')),
    scope_prefix TEXT NOT NULL
) {strict};

CREATE TABLE profiles (
    name     TEXT NOT NULL PRIMARY KEY,
    document TEXT NOT NULL
) {strict};

CREATE TABLE apis (
    id             {bytes} NOT NULL PRIMARY KEY,
    environment_id {bytes} NOT NULL REFERENCES environments (id),
    name           TEXT NOT NULL,
    title          TEXT NOT NULL,
    audience       TEXT NOT NULL,
    scopes         TEXT NOT NULL,
    profile        TEXT NOT NULL REFERENCES profiles (name),
    openapi        TEXT,
    UNIQUE (environment_id, name),
    UNIQUE (environment_id, audience)
) {strict};

CREATE TABLE tenants (
    id         {bytes} NOT NULL PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE,
    title      TEXT NOT NULL,
    status     TEXT NOT NULL CHECK (status IN ('active', 'suspended', 'closed')),
    epoch      {int} NOT NULL,
    created_at {int} NOT NULL
) {strict};

CREATE TABLE accesses (
    tenant_id             {bytes} NOT NULL REFERENCES tenants (id),
    api_id                {bytes} NOT NULL REFERENCES apis (id),
    status                TEXT NOT NULL CHECK (status IN ('active', 'suspended', 'closed')),
    epoch                 {int} NOT NULL,
    scopes                TEXT NOT NULL,
    client_token_lifetime {int},
    user_token_lifetime   {int},
    quota                 TEXT NOT NULL,
    created_at            {int} NOT NULL,
    PRIMARY KEY (tenant_id, api_id)
) {strict};

CREATE TABLE apps (
    id             {bytes} NOT NULL PRIMARY KEY,
    environment_id {bytes} NOT NULL REFERENCES environments (id),
    tenant_id      {bytes} NOT NULL REFERENCES tenants (id),
    client_id      TEXT NOT NULL,
    skeleton       TEXT NOT NULL,
    name           TEXT NOT NULL,
    status         TEXT NOT NULL CHECK (status IN ('active', 'suspended', 'closed')),
    epoch          {int} NOT NULL,
    auth_method    TEXT,
    grants         TEXT NOT NULL,
    apis           TEXT NOT NULL,
    scopes         TEXT NOT NULL,
    introspects    TEXT NOT NULL,
    exposed_at     {int},
    created_at     {int} NOT NULL,
    UNIQUE (environment_id, client_id),
    UNIQUE (environment_id, skeleton)
) {strict};

CREATE INDEX apps_by_tenant ON apps (tenant_id, environment_id);

CREATE TABLE app_secrets (
    app_id     {bytes} NOT NULL REFERENCES apps (id),
    version    {int} NOT NULL,
    pepper     {int} NOT NULL,
    mac        {bytes} NOT NULL,
    last_four  TEXT NOT NULL,
    not_before {int} NOT NULL,
    expires_at {int},
    ended_at   {int},
    created_at {int} NOT NULL,
    PRIMARY KEY (app_id, version)
) {strict};

CREATE TABLE api_keys (
    id             {bytes} NOT NULL PRIMARY KEY,
    environment_id {bytes} NOT NULL REFERENCES environments (id),
    tenant_id      {bytes} NOT NULL REFERENCES tenants (id),
    name           TEXT NOT NULL,
    pepper         {int} NOT NULL,
    mac            {bytes} NOT NULL,
    apis           TEXT NOT NULL,
    scopes         TEXT NOT NULL,
    status         TEXT NOT NULL CHECK (status IN ('active', 'suspended', 'closed')),
    epoch          {int} NOT NULL,
    last_four      TEXT NOT NULL,
    created_at     {int} NOT NULL,
    expires_at     {int} NOT NULL,
    revoked_reason TEXT,
    UNIQUE (environment_id, mac)
) {strict};

CREATE INDEX api_keys_by_tenant ON api_keys (tenant_id, environment_id);

CREATE TABLE revoked_tokens (
    environment_id {bytes} NOT NULL REFERENCES environments (id),
    jti            TEXT NOT NULL,
    expires_at     {int} NOT NULL,
    PRIMARY KEY (environment_id, jti)
) {strict};

CREATE INDEX revoked_tokens_by_end ON revoked_tokens (expires_at);

CREATE TABLE key_ring (
    environment_id {bytes} NOT NULL REFERENCES environments (id),
    kid            TEXT NOT NULL,
    usage          TEXT NOT NULL CHECK (usage IN ('sign', 'seal', 'pepper')),
    algorithm      TEXT NOT NULL,
    state          TEXT NOT NULL CHECK (state IN ('next', 'active', 'retiring', 'retired')),
    public         TEXT,
    sealed         {bytes} NOT NULL,
    created_at     {int} NOT NULL,
    activated_at   {int},
    retires_at     {int},
    uses           {int} NOT NULL,
    PRIMARY KEY (environment_id, usage, kid)
) {strict};

CREATE UNIQUE INDEX key_ring_one_active ON key_ring (environment_id, usage, algorithm) WHERE state = 'active';

CREATE TABLE operators (
    id         {bytes} NOT NULL PRIMARY KEY,
    name       TEXT NOT NULL,
    pepper     {int} NOT NULL,
    mac        {bytes} NOT NULL UNIQUE,
    created_at {int} NOT NULL
) {strict};

CREATE TABLE issued_counts (
    app_id {bytes} NOT NULL,
    minute {int} NOT NULL,
    count  {int} NOT NULL,
    PRIMARY KEY (app_id, minute)
) {strict};

CREATE INDEX issued_counts_by_minute ON issued_counts (minute);

CREATE TABLE audit (
    id             {bytes} NOT NULL PRIMARY KEY,
    at             {int} NOT NULL,
    environment_id {bytes},
    actor          TEXT NOT NULL,
    action         TEXT NOT NULL,
    target         TEXT NOT NULL,
    detail         TEXT NOT NULL,
    request_id     TEXT NOT NULL,
    address        TEXT NOT NULL
) {strict};
