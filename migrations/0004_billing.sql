-- +goose Up
CREATE TABLE customer_balances (
  customer_id VARCHAR(30) NOT NULL,
  currency VARCHAR(3) NOT NULL,
  balance_minor BIGINT NOT NULL,
  updated_at {{instant}} NOT NULL,
  PRIMARY KEY (customer_id, currency)
){{tail}};

CREATE TABLE obligations (
  id VARCHAR(30) NOT NULL PRIMARY KEY,
  subscription_id VARCHAR(30) NOT NULL,
  lane VARCHAR(6) NOT NULL,
  period_from DATE NOT NULL,
  period_to DATE NOT NULL,
  period_no BIGINT NOT NULL,
  kind VARCHAR(8) NOT NULL,
  revision BIGINT NOT NULL,
  currency VARCHAR(3) NOT NULL,
  net_minor BIGINT NOT NULL,
  invoice_id VARCHAR(30),
  redemption_id VARCHAR(30),
  next_bill_on DATE,
  run_id VARCHAR(30),
  fingerprint VARCHAR(32) NOT NULL,
  paid_at {{instant}},
  closed_on DATE
){{tail}};
CREATE UNIQUE INDEX obligations_once ON obligations (subscription_id, lane, period_from);
CREATE INDEX obligations_invoice ON obligations (invoice_id);

CREATE TABLE invoices (
  id VARCHAR(30) NOT NULL PRIMARY KEY,
  customer_id VARCHAR(30) NOT NULL,
  kind VARCHAR(10) NOT NULL,
  status VARCHAR(14) NOT NULL,
  currency VARCHAR(3) NOT NULL,
  series_id VARCHAR(30),
  bucket VARCHAR(10),
  number_no BIGINT,
  number VARCHAR(40),
  issued_on DATE,
  due_on DATE,
  ladder_id VARCHAR(30),
  net_minor BIGINT NOT NULL,
  tax_minor BIGINT NOT NULL,
  rounding_minor BIGINT NOT NULL,
  total_minor BIGINT NOT NULL,
  base_currency VARCHAR(3),
  rate_pico BIGINT,
  seller_snap VARCHAR(64),
  buyer_snap VARCHAR(64),
  frozen_hash VARCHAR(64),
  paid_minor BIGINT NOT NULL,
  credited_minor BIGINT NOT NULL,
  written_off_minor BIGINT NOT NULL,
  disputed_minor BIGINT NOT NULL,
  settled_at {{instant}},
  pay_token_hash VARCHAR(64),
  created_at {{instant}} NOT NULL,
  version BIGINT NOT NULL
){{tail}};
CREATE UNIQUE INDEX invoices_number_no ON invoices (series_id, bucket, number_no);
CREATE UNIQUE INDEX invoices_number ON invoices (number);
CREATE INDEX invoices_customer ON invoices (customer_id, created_at);
CREATE INDEX invoices_status ON invoices (status, due_on);

CREATE TABLE snapshots (
  hash VARCHAR(64) NOT NULL PRIMARY KEY,
  body {{longtext}} NOT NULL
){{tail}};

CREATE TABLE invoice_lines (
  id VARCHAR(30) NOT NULL PRIMARY KEY,
  invoice_id VARCHAR(30) NOT NULL,
  no BIGINT NOT NULL,
  kind VARCHAR(12) NOT NULL,
  text {{text 500}} NOT NULL,
  subscription_id VARCHAR(30),
  obligation_id VARCHAR(30),
  owner_id VARCHAR(30),
  service_from DATE,
  service_to DATE,
  qty_micro BIGINT NOT NULL,
  unit_minor BIGINT NOT NULL,
  per BIGINT NOT NULL,
  list_minor BIGINT NOT NULL,
  discount_minor BIGINT NOT NULL,
  net_minor BIGINT NOT NULL,
  tax_minor BIGINT NOT NULL,
  tax_group VARCHAR(40) NOT NULL,
  defer BOOLEAN NOT NULL,
  explain_json {{longtext}} NOT NULL,
  live_to DATE,
  credited_minor BIGINT NOT NULL,
  credited_tax_minor BIGINT NOT NULL
){{tail}};
CREATE UNIQUE INDEX invoice_lines_no ON invoice_lines (invoice_id, no);
CREATE INDEX invoice_lines_subscription ON invoice_lines (subscription_id, service_to);

CREATE TABLE invoice_taxes (
  invoice_id VARCHAR(30) NOT NULL,
  tax_group VARCHAR(40) NOT NULL,
  code VARCHAR(40) NOT NULL,
  category VARCHAR(2) NOT NULL,
  rate_ppm BIGINT NOT NULL,
  compound BOOLEAN NOT NULL,
  base_minor BIGINT NOT NULL,
  tax_minor BIGINT NOT NULL,
  PRIMARY KEY (invoice_id, tax_group, code)
){{tail}};

CREATE TABLE revenue_segments (
  id VARCHAR(30) NOT NULL PRIMARY KEY,
  invoice_line_id VARCHAR(30) NOT NULL,
  no BIGINT NOT NULL,
  from_on DATE NOT NULL,
  to_on DATE NOT NULL,
  amount_minor BIGINT NOT NULL,
  closed_on DATE
){{tail}};
CREATE UNIQUE INDEX revenue_segments_no ON revenue_segments (invoice_line_id, no);

CREATE TABLE credit_notes (
  id VARCHAR(30) NOT NULL PRIMARY KEY,
  invoice_id VARCHAR(30) NOT NULL,
  customer_id VARCHAR(30) NOT NULL,
  currency VARCHAR(3) NOT NULL,
  series_id VARCHAR(30) NOT NULL,
  bucket VARCHAR(10) NOT NULL,
  number_no BIGINT NOT NULL,
  number VARCHAR(40) NOT NULL,
  issued_on DATE NOT NULL,
  reason {{text 40}} NOT NULL,
  net_minor BIGINT NOT NULL,
  tax_minor BIGINT NOT NULL,
  total_minor BIGINT NOT NULL,
  to_receivable_minor BIGINT NOT NULL,
  to_balance_minor BIGINT NOT NULL,
  cause_key VARCHAR(80) NOT NULL,
  frozen_hash VARCHAR(64) NOT NULL
){{tail}};
CREATE UNIQUE INDEX credit_notes_cause ON credit_notes (cause_key);
CREATE UNIQUE INDEX credit_notes_number ON credit_notes (series_id, bucket, number_no);
CREATE INDEX credit_notes_invoice ON credit_notes (invoice_id);
CREATE INDEX credit_notes_customer ON credit_notes (customer_id, issued_on);

CREATE TABLE credit_note_lines (
  id VARCHAR(30) NOT NULL PRIMARY KEY,
  credit_note_id VARCHAR(30) NOT NULL,
  no BIGINT NOT NULL,
  invoice_line_id VARCHAR(30) NOT NULL,
  net_minor BIGINT NOT NULL,
  tax_minor BIGINT NOT NULL,
  from_deferred_minor BIGINT NOT NULL,
  service_from DATE,
  service_to DATE,
  explain_json {{longtext}} NOT NULL
){{tail}};
CREATE UNIQUE INDEX credit_note_lines_no ON credit_note_lines (credit_note_id, no);
CREATE INDEX credit_note_lines_line ON credit_note_lines (invoice_line_id);

CREATE TABLE payment_methods (
  id VARCHAR(30) NOT NULL PRIMARY KEY,
  customer_id VARCHAR(30) NOT NULL,
  gateway VARCHAR(40) NOT NULL,
  account_key VARCHAR(120) NOT NULL,
  token_sealed {{longtext}} NOT NULL,
  token_hash VARCHAR(64) NOT NULL,
  kind VARCHAR(20) NOT NULL,
  brand VARCHAR(20) NOT NULL,
  last4 VARCHAR(4) NOT NULL,
  label {{text 80}} NOT NULL,
  expires_on DATE,
  status VARCHAR(12) NOT NULL,
  is_default BOOLEAN NOT NULL,
  blocked_class VARCHAR(12),
  created_at {{instant}} NOT NULL
){{tail}};
CREATE UNIQUE INDEX payment_methods_once ON payment_methods (account_key, token_hash);
CREATE INDEX payment_methods_customer ON payment_methods (customer_id);
CREATE INDEX payment_methods_expiry ON payment_methods (expires_on);

CREATE TABLE payment_attempts (
  id VARCHAR(30) NOT NULL PRIMARY KEY,
  customer_id VARCHAR(30) NOT NULL,
  gateway VARCHAR(40) NOT NULL,
  account_key VARCHAR(120) NOT NULL,
  method_id VARCHAR(30),
  purpose VARCHAR(10) NOT NULL,
  currency VARCHAR(3) NOT NULL,
  amount_minor BIGINT NOT NULL,
  status VARCHAR(12) NOT NULL,
  request_key VARCHAR(64) NOT NULL,
  gateway_ref VARCHAR(190),
  save_method BOOLEAN NOT NULL,
  notes_sealed {{longtext}} NOT NULL,
  page_url {{longtext}} NOT NULL,
  page_until {{instant}},
  return_path VARCHAR(190) NOT NULL,
  decline_class VARCHAR(12),
  decline_code VARCHAR(80),
  decline_text {{text 300}},
  created_at {{instant}} NOT NULL,
  sent_at {{instant}},
  ask_at {{instant}},
  asks BIGINT NOT NULL,
  version BIGINT NOT NULL
){{tail}};
CREATE UNIQUE INDEX payment_attempts_key ON payment_attempts (request_key);
CREATE INDEX payment_attempts_ask ON payment_attempts (status, ask_at);
CREATE INDEX payment_attempts_ref ON payment_attempts (account_key, gateway_ref);
CREATE INDEX payment_attempts_customer ON payment_attempts (customer_id, created_at);

CREATE TABLE attempt_targets (
  attempt_id VARCHAR(30) NOT NULL,
  invoice_id VARCHAR(30) NOT NULL,
  no BIGINT NOT NULL,
  open_key VARCHAR(30),
  PRIMARY KEY (attempt_id, invoice_id)
){{tail}};
CREATE UNIQUE INDEX attempt_targets_open ON attempt_targets (open_key);
CREATE INDEX attempt_targets_invoice ON attempt_targets (invoice_id);

CREATE TABLE payments (
  id VARCHAR(30) NOT NULL PRIMARY KEY,
  customer_id VARCHAR(30),
  attempt_id VARCHAR(30),
  source VARCHAR(12) NOT NULL,
  gateway VARCHAR(40) NOT NULL,
  account_key VARCHAR(120) NOT NULL,
  gateway_ref VARCHAR(190) NOT NULL,
  status VARCHAR(12) NOT NULL,
  currency VARCHAR(3) NOT NULL,
  amount_minor BIGINT NOT NULL,
  fee_minor BIGINT NOT NULL,
  applied_minor BIGINT NOT NULL,
  refunded_minor BIGINT NOT NULL,
  refunding_minor BIGINT NOT NULL,
  disputed_minor BIGINT NOT NULL,
  received_on DATE NOT NULL,
  notes_sealed {{longtext}} NOT NULL,
  memo {{text 190}} NOT NULL,
  hold_reason {{text 80}},
  created_at {{instant}} NOT NULL,
  version BIGINT NOT NULL
){{tail}};
CREATE UNIQUE INDEX payments_once ON payments (account_key, gateway_ref);
CREATE INDEX payments_customer ON payments (customer_id, created_at);
CREATE INDEX payments_status ON payments (status);
CREATE INDEX payments_attempt ON payments (attempt_id);

CREATE TABLE payment_allocations (
  id VARCHAR(30) NOT NULL PRIMARY KEY,
  payment_id VARCHAR(30) NOT NULL,
  invoice_id VARCHAR(30),
  kind VARCHAR(12) NOT NULL,
  amount_minor BIGINT NOT NULL,
  at {{instant}} NOT NULL
){{tail}};
CREATE INDEX payment_allocations_payment ON payment_allocations (payment_id);
CREATE INDEX payment_allocations_invoice ON payment_allocations (invoice_id);

CREATE TABLE refunds (
  id VARCHAR(30) NOT NULL PRIMARY KEY,
  payment_id VARCHAR(30),
  customer_id VARCHAR(30) NOT NULL,
  way VARCHAR(10) NOT NULL,
  currency VARCHAR(3) NOT NULL,
  amount_minor BIGINT NOT NULL,
  status VARCHAR(12) NOT NULL,
  request_key VARCHAR(64) NOT NULL,
  gateway_ref VARCHAR(190),
  credit_note_id VARCHAR(30),
  reason {{text 190}} NOT NULL,
  created_at {{instant}} NOT NULL,
  sent_at {{instant}},
  ask_at {{instant}},
  asks BIGINT NOT NULL,
  version BIGINT NOT NULL
){{tail}};
CREATE UNIQUE INDEX refunds_key ON refunds (request_key);
CREATE INDEX refunds_payment ON refunds (payment_id);
CREATE INDEX refunds_ask ON refunds (status, ask_at);

CREATE TABLE disputes (
  id VARCHAR(30) NOT NULL PRIMARY KEY,
  payment_id VARCHAR(30) NOT NULL,
  account_key VARCHAR(120) NOT NULL,
  gateway_ref VARCHAR(190) NOT NULL,
  status VARCHAR(12) NOT NULL,
  currency VARCHAR(3) NOT NULL,
  amount_minor BIGINT NOT NULL,
  fee_minor BIGINT NOT NULL,
  reason {{text 80}} NOT NULL,
  answer_url {{longtext}} NOT NULL,
  respond_by {{instant}},
  opened_at {{instant}} NOT NULL,
  closed_at {{instant}},
  version BIGINT NOT NULL
){{tail}};
CREATE UNIQUE INDEX disputes_once ON disputes (account_key, gateway_ref);
CREATE INDEX disputes_payment ON disputes (payment_id);
CREATE INDEX disputes_status ON disputes (status);

CREATE TABLE ledger_postings (
  id VARCHAR(30) NOT NULL PRIMARY KEY,
  event VARCHAR(40) NOT NULL,
  cause_key VARCHAR(90) NOT NULL,
  on_day DATE NOT NULL,
  period VARCHAR(7) NOT NULL,
  base_currency VARCHAR(3) NOT NULL,
  rate_pico BIGINT NOT NULL,
  memo {{text 190}} NOT NULL,
  actor VARCHAR(60) NOT NULL,
  at {{instant}} NOT NULL
){{tail}};
CREATE UNIQUE INDEX ledger_postings_cause ON ledger_postings (cause_key);
CREATE INDEX ledger_postings_day ON ledger_postings (on_day);

CREATE TABLE ledger_entries (
  posting_id VARCHAR(30) NOT NULL,
  no BIGINT NOT NULL,
  account VARCHAR(32) NOT NULL,
  of_id VARCHAR(60) NOT NULL,
  currency VARCHAR(3) NOT NULL,
  amount_minor BIGINT NOT NULL,
  base_minor BIGINT NOT NULL,
  customer_id VARCHAR(30),
  product_id VARCHAR(30),
  PRIMARY KEY (posting_id, no)
){{tail}};
CREATE INDEX ledger_entries_account ON ledger_entries (account, of_id, currency);

CREATE TABLE ledger_books (
  name VARCHAR(20) NOT NULL PRIMARY KEY,
  closed_to DATE NOT NULL,
  recognised_to DATE NOT NULL,
  base_currency VARCHAR(3) NOT NULL
){{tail}};

CREATE TABLE ledger_months (
  period VARCHAR(7) NOT NULL,
  account VARCHAR(32) NOT NULL,
  currency VARCHAR(3) NOT NULL,
  amount_minor BIGINT NOT NULL,
  base_minor BIGINT NOT NULL,
  PRIMARY KEY (period, account, currency)
){{tail}};

CREATE TABLE number_series (
  id VARCHAR(30) NOT NULL PRIMARY KEY,
  kind VARCHAR(12) NOT NULL,
  template VARCHAR(80) NOT NULL,
  reset VARCHAR(8) NOT NULL,
  active BOOLEAN NOT NULL
){{tail}};

CREATE TABLE number_counters (
  series_id VARCHAR(30) NOT NULL,
  bucket VARCHAR(10) NOT NULL,
  next_no BIGINT NOT NULL,
  last_on DATE NOT NULL,
  PRIMARY KEY (series_id, bucket)
){{tail}};

CREATE TABLE ladders (
  id VARCHAR(30) NOT NULL PRIMARY KEY,
  name {{text 80}} NOT NULL,
  version BIGINT NOT NULL,
  rules {{longtext}} NOT NULL,
  active BOOLEAN NOT NULL
){{tail}};

CREATE TABLE dunning_steps (
  invoice_id VARCHAR(30) NOT NULL,
  step VARCHAR(20) NOT NULL,
  result VARCHAR(12) NOT NULL,
  on_day DATE NOT NULL,
  attempt_id VARCHAR(30),
  PRIMARY KEY (invoice_id, step)
){{tail}};

CREATE TABLE holds (
  id VARCHAR(30) NOT NULL PRIMARY KEY,
  subject_id VARCHAR(30) NOT NULL,
  what VARCHAR(12) NOT NULL,
  from_on DATE NOT NULL,
  until_on DATE,
  reason {{text 190}} NOT NULL,
  actor VARCHAR(60) NOT NULL,
  released_at {{instant}}
){{tail}};
CREATE INDEX holds_subject ON holds (subject_id);

CREATE TABLE billing_runs (
  id VARCHAR(30) NOT NULL PRIMARY KEY,
  for_day DATE NOT NULL,
  plan_id VARCHAR(30),
  state VARCHAR(10) NOT NULL,
  done BIGINT NOT NULL,
  failed BIGINT NOT NULL,
  started_at {{instant}} NOT NULL,
  ended_at {{instant}}
){{tail}};
CREATE INDEX billing_runs_day ON billing_runs (for_day);

CREATE TABLE run_failures (
  run_id VARCHAR(30) NOT NULL,
  item_key VARCHAR(120) NOT NULL,
  error {{text 500}} NOT NULL,
  at {{instant}} NOT NULL,
  PRIMARY KEY (run_id, item_key)
){{tail}};

CREATE TABLE plans (
  id VARCHAR(30) NOT NULL PRIMARY KEY,
  for_day DATE NOT NULL,
  state VARCHAR(10) NOT NULL,
  items BIGINT NOT NULL,
  totals {{longtext}} NOT NULL,
  digest VARCHAR(64) NOT NULL,
  settings_hash VARCHAR(64) NOT NULL,
  created_at {{instant}} NOT NULL,
  actor VARCHAR(60) NOT NULL
){{tail}};
CREATE INDEX plans_day ON plans (for_day);

CREATE TABLE plan_items (
  plan_id VARCHAR(30) NOT NULL,
  item_key VARCHAR(120) NOT NULL,
  customer_id VARCHAR(30) NOT NULL,
  action VARCHAR(12) NOT NULL,
  currency VARCHAR(3) NOT NULL,
  amount_minor BIGINT NOT NULL,
  fingerprint VARCHAR(32) NOT NULL,
  held BOOLEAN NOT NULL,
  reasons {{longtext}} NOT NULL,
  PRIMARY KEY (plan_id, item_key)
){{tail}};
CREATE INDEX plan_items_customer ON plan_items (plan_id, customer_id);

-- +goose Down
DROP TABLE plan_items;
DROP TABLE plans;
DROP TABLE run_failures;
DROP TABLE billing_runs;
DROP TABLE holds;
DROP TABLE dunning_steps;
DROP TABLE ladders;
DROP TABLE number_counters;
DROP TABLE number_series;
DROP TABLE ledger_months;
DROP TABLE ledger_books;
DROP TABLE ledger_entries;
DROP TABLE ledger_postings;
DROP TABLE disputes;
DROP TABLE refunds;
DROP TABLE payment_allocations;
DROP TABLE payments;
DROP TABLE attempt_targets;
DROP TABLE payment_attempts;
DROP TABLE payment_methods;
DROP TABLE credit_note_lines;
DROP TABLE credit_notes;
DROP TABLE revenue_segments;
DROP TABLE invoice_taxes;
DROP TABLE invoice_lines;
DROP TABLE snapshots;
DROP TABLE invoices;
DROP TABLE obligations;
DROP TABLE customer_balances;
