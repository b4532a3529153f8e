-- +goose Up
CREATE TABLE subscriptions (
  id VARCHAR(30) NOT NULL PRIMARY KEY,
  customer_id VARCHAR(30) NOT NULL,
  parent_id VARCHAR(30),
  order_id VARCHAR(30),
  product_id VARCHAR(30) NOT NULL,
  label {{text 120}} NOT NULL,
  status VARCHAR(12) NOT NULL,
  currency VARCHAR(3) NOT NULL,
  cycle_n BIGINT NOT NULL,
  cycle_unit VARCHAR(6) NOT NULL,
  anchor_on DATE,
  anchor_dom BIGINT NOT NULL,
  period_no BIGINT NOT NULL,
  billed_to DATE,
  paid_to DATE,
  bill_on DATE,
  cancel_on DATE,
  ended_on DATE,
  end_reason VARCHAR(20),
  high_minor BIGINT NOT NULL,
  checkout_values {{longtext}} NOT NULL,
  created_at {{instant}} NOT NULL,
  version BIGINT NOT NULL
){{tail}};
CREATE INDEX subscriptions_bill ON subscriptions (bill_on, customer_id, id);
CREATE INDEX subscriptions_customer ON subscriptions (customer_id, status);
CREATE INDEX subscriptions_parent ON subscriptions (parent_id);
CREATE INDEX subscriptions_cancel ON subscriptions (cancel_on);
CREATE INDEX subscriptions_order ON subscriptions (order_id);

CREATE TABLE subscription_items (
  id VARCHAR(30) NOT NULL PRIMARY KEY,
  subscription_id VARCHAR(30) NOT NULL,
  kind VARCHAR(12) NOT NULL,
  owner_id VARCHAR(30) NOT NULL,
  text {{text 190}} NOT NULL,
  price_version_id VARCHAR(30) NOT NULL,
  qty_micro BIGINT NOT NULL,
  override_minor BIGINT,
  override_reason {{text 190}},
  override_discountable BOOLEAN NOT NULL,
  tax_class VARCHAR(40) NOT NULL,
  ended_on DATE
){{tail}};
CREATE INDEX subscription_items_subscription ON subscription_items (subscription_id);

CREATE TABLE subscription_changes (
  id VARCHAR(30) NOT NULL PRIMARY KEY,
  subscription_id VARCHAR(30) NOT NULL,
  policy VARCHAR(16) NOT NULL,
  state VARCHAR(16) NOT NULL,
  to_items {{longtext}} NOT NULL,
  quote {{longtext}} NOT NULL,
  effective_on DATE,
  valid_to {{instant}},
  invoice_id VARCHAR(30),
  credit_note_id VARCHAR(30),
  active_key VARCHAR(40)
){{tail}};
CREATE UNIQUE INDEX subscription_changes_active ON subscription_changes (active_key);
CREATE INDEX subscription_changes_subscription ON subscription_changes (subscription_id);
CREATE INDEX subscription_changes_state ON subscription_changes (state, effective_on);

CREATE TABLE suspensions (
  id VARCHAR(30) NOT NULL PRIMARY KEY,
  subscription_id VARCHAR(30) NOT NULL,
  cause VARCHAR(12) NOT NULL,
  ref_id VARCHAR(30),
  reason {{text 190}} NOT NULL,
  actor VARCHAR(60) NOT NULL,
  opened_at {{instant}} NOT NULL,
  closed_at {{instant}},
  open_key VARCHAR(90)
){{tail}};
CREATE UNIQUE INDEX suspensions_open ON suspensions (open_key);
CREATE INDEX suspensions_subscription ON suspensions (subscription_id);

CREATE TABLE accounts (
  subscription_id VARCHAR(30) NOT NULL PRIMARY KEY,
  customer_id VARCHAR(30) NOT NULL,
  instance VARCHAR(30) NOT NULL,
  remote_id VARCHAR(120) NOT NULL,
  username VARCHAR(32) NOT NULL,
  hostname {{text 190}} NOT NULL,
  notes_sealed {{longtext}} NOT NULL,
  credentials_sealed {{longtext}} NOT NULL,
  status VARCHAR(12) NOT NULL,
  power VARCHAR(12) NOT NULL,
  addresses {{longtext}} NOT NULL,
  details {{longtext}} NOT NULL,
  url {{longtext}} NOT NULL,
  seen_at {{instant}},
  created_at {{instant}} NOT NULL,
  version BIGINT NOT NULL
){{tail}};
CREATE UNIQUE INDEX accounts_username ON accounts (instance, username);
CREATE INDEX accounts_customer ON accounts (customer_id, instance);

CREATE TABLE operations (
  id VARCHAR(30) NOT NULL PRIMARY KEY,
  subscription_id VARCHAR(30) NOT NULL,
  customer_id VARCHAR(30) NOT NULL,
  instance VARCHAR(30) NOT NULL,
  kind VARCHAR(14) NOT NULL,
  state VARCHAR(10) NOT NULL,
  cause_key VARCHAR(120) NOT NULL,
  request_sealed {{longtext}} NOT NULL,
  actor VARCHAR(60) NOT NULL,
  calls BIGINT NOT NULL,
  percent BIGINT NOT NULL,
  progress {{text 300}} NOT NULL,
  fault_kind VARCHAR(20) NOT NULL,
  fault_code VARCHAR(60) NOT NULL,
  fault_text {{text 300}} NOT NULL,
  fault_detail {{longtext}} NOT NULL,
  warnings {{longtext}} NOT NULL,
  created_at {{instant}} NOT NULL,
  first_at {{instant}},
  next_at {{instant}},
  done_at {{instant}},
  version BIGINT NOT NULL
){{tail}};
CREATE UNIQUE INDEX operations_cause ON operations (cause_key);
CREATE INDEX operations_subscription ON operations (subscription_id, created_at);
CREATE INDEX operations_state ON operations (state, next_at);

CREATE TABLE panel_calls (
  id {{autoid}},
  operation_id VARCHAR(30) NOT NULL,
  subscription_id VARCHAR(30) NOT NULL,
  instance VARCHAR(30) NOT NULL,
  method VARCHAR(30) NOT NULL,
  attempt BIGINT NOT NULL,
  at {{instant}} NOT NULL,
  micros BIGINT NOT NULL,
  outcome VARCHAR(20) NOT NULL,
  detail {{text 1000}} NOT NULL
){{tail}};
CREATE INDEX panel_calls_operation ON panel_calls (operation_id, id);
CREATE INDEX panel_calls_subscription ON panel_calls (subscription_id, id);

-- +goose Down
DROP TABLE panel_calls;
DROP TABLE operations;
DROP TABLE accounts;
DROP TABLE suspensions;
DROP TABLE subscription_changes;
DROP TABLE subscription_items;
DROP TABLE subscriptions;
