-- One portable source for SQLite and MySQL/MariaDB. Words that differ are rendered for each:
--   {{autoid}}    an ascending BIGINT key of rows that nobody names
--   {{instant}}   UTC, microseconds
--   {{longtext}}  text or JSON of any length
--   {{bytes}}     raw bytes
--   {{text N}}    human text of at most N characters; SQLite gets a CHECK, MySQL knows by itself
--   {{tail}}      engine, character set and collation of a table
-- No column has a default: the program sets every value. No foreign keys: `bursar verify` proves
-- that nothing is orphaned, and sets of rows go in without a look-up each.

-- +goose Up
CREATE TABLE events (
  id {{autoid}},
  kind VARCHAR(60) NOT NULL,
  subject VARCHAR(40) NOT NULL,
  payload {{longtext}} NOT NULL,
  at {{instant}} NOT NULL,
  pending BOOLEAN
){{tail}};
CREATE INDEX events_pending ON events (pending, id);

CREATE TABLE deliveries (
  id {{autoid}},
  event_id BIGINT NOT NULL,
  step VARCHAR(40) NOT NULL,
  state VARCHAR(10) NOT NULL,
  run_at {{instant}} NOT NULL,
  attempt BIGINT NOT NULL,
  deaths BIGINT NOT NULL,
  max_attempts BIGINT NOT NULL,
  lease_owner VARCHAR(40),
  lease_until {{instant}},
  last_error {{text 1000}},
  done_at {{instant}}
){{tail}};
CREATE UNIQUE INDEX deliveries_once ON deliveries (event_id, step);
CREATE INDEX deliveries_due ON deliveries (state, run_at, id);

CREATE TABLE jobs (
  id {{autoid}},
  queue VARCHAR(30) NOT NULL,
  kind VARCHAR(60) NOT NULL,
  lane VARCHAR(120),
  payload {{longtext}} NOT NULL,
  state VARCHAR(10) NOT NULL,
  run_at {{instant}} NOT NULL,
  attempt BIGINT NOT NULL,
  deaths BIGINT NOT NULL,
  max_attempts BIGINT NOT NULL,
  unique_key VARCHAR(190),
  lease_owner VARCHAR(40),
  lease_until {{instant}},
  last_error {{text 1000}},
  created_at {{instant}} NOT NULL,
  done_at {{instant}}
){{tail}};
CREATE UNIQUE INDEX jobs_unique ON jobs (unique_key);
CREATE INDEX jobs_due ON jobs (queue, state, run_at, id);
CREATE INDEX jobs_lane ON jobs (lane, state);

CREATE TABLE leases (
  name VARCHAR(60) NOT NULL PRIMARY KEY,
  owner VARCHAR(40) NOT NULL,
  fence BIGINT NOT NULL,
  until_at {{instant}} NOT NULL
){{tail}};

CREATE TABLE settings (
  name VARCHAR(80) NOT NULL PRIMARY KEY,
  value {{longtext}} NOT NULL,
  version BIGINT NOT NULL,
  updated_at {{instant}} NOT NULL,
  updated_by VARCHAR(60) NOT NULL
){{tail}};

CREATE TABLE audit (
  id {{autoid}},
  at {{instant}} NOT NULL,
  actor VARCHAR(60) NOT NULL,
  on_behalf VARCHAR(60),
  address VARCHAR(60) NOT NULL,
  request_id VARCHAR(60) NOT NULL,
  action VARCHAR(60) NOT NULL,
  subject VARCHAR(60) NOT NULL,
  customer_id VARCHAR(30),
  before_json {{longtext}} NOT NULL,
  after_json {{longtext}} NOT NULL,
  prev_hash VARCHAR(64) NOT NULL,
  hash VARCHAR(64) NOT NULL
){{tail}};
CREATE UNIQUE INDEX audit_chain ON audit (prev_hash);
CREATE INDEX audit_subject ON audit (subject, id);
CREATE INDEX audit_customer ON audit (customer_id, id);

CREATE TABLE idempotency_keys (
  caller VARCHAR(60) NOT NULL,
  route VARCHAR(120) NOT NULL,
  idem_key VARCHAR(100) NOT NULL,
  body_hash VARCHAR(64) NOT NULL,
  state VARCHAR(10) NOT NULL,
  status BIGINT NOT NULL,
  answer {{longtext}} NOT NULL,
  created_at {{instant}} NOT NULL,
  PRIMARY KEY (caller, route, idem_key)
){{tail}};
CREATE INDEX idempotency_age ON idempotency_keys (created_at);

CREATE TABLE plugin_instances (
  label VARCHAR(30) NOT NULL PRIMARY KEY,
  type VARCHAR(20) NOT NULL,
  name VARCHAR(30) NOT NULL,
  hook_secret_sealed {{longtext}} NOT NULL,
  learned_sealed {{longtext}} NOT NULL,
  account_key VARCHAR(120) NOT NULL,
  created_at {{instant}} NOT NULL,
  updated_at {{instant}} NOT NULL
){{tail}};

CREATE TABLE plugin_customers (
  instance VARCHAR(30) NOT NULL,
  customer_id VARCHAR(30) NOT NULL,
  notes_sealed {{longtext}} NOT NULL,
  updated_at {{instant}} NOT NULL,
  PRIMARY KEY (instance, customer_id)
){{tail}};

CREATE TABLE webhook_inbox (
  id {{autoid}},
  instance VARCHAR(30) NOT NULL,
  event_id VARCHAR(190) NOT NULL,
  raw {{bytes}} NOT NULL,
  meaning {{longtext}} NOT NULL,
  state VARCHAR(10) NOT NULL,
  note {{text 500}},
  received_at {{instant}} NOT NULL,
  applied_at {{instant}}
){{tail}};
CREATE UNIQUE INDEX webhook_once ON webhook_inbox (instance, event_id);
CREATE INDEX webhook_state ON webhook_inbox (state, id);

-- +goose Down
DROP TABLE webhook_inbox;
DROP TABLE plugin_customers;
DROP TABLE plugin_instances;
DROP TABLE idempotency_keys;
DROP TABLE audit;
DROP TABLE settings;
DROP TABLE leases;
DROP TABLE jobs;
DROP TABLE deliveries;
DROP TABLE events;
