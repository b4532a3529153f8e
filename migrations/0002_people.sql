-- +goose Up
CREATE TABLE counters (
  name VARCHAR(30) NOT NULL PRIMARY KEY,
  last_no BIGINT NOT NULL
){{tail}};

CREATE TABLE customers (
  id VARCHAR(30) NOT NULL PRIMARY KEY,
  number_no BIGINT NOT NULL,
  kind VARCHAR(10) NOT NULL,
  first_name {{text 80}} NOT NULL,
  last_name {{text 80}} NOT NULL,
  company {{text 120}} NOT NULL,
  email VARCHAR(190) NOT NULL,
  phone VARCHAR(30) NOT NULL,
  line1 {{text 120}} NOT NULL,
  line2 {{text 120}} NOT NULL,
  city {{text 80}} NOT NULL,
  region VARCHAR(10) NOT NULL,
  postcode VARCHAR(20) NOT NULL,
  country VARCHAR(2) NOT NULL,
  tax_id VARCHAR(30) NOT NULL,
  tax_id_checked BOOLEAN NOT NULL,
  tax_exempt BOOLEAN NOT NULL,
  currency VARCHAR(3) NOT NULL,
  locale VARCHAR(12) NOT NULL,
  status VARCHAR(12) NOT NULL,
  combine_invoices BOOLEAN NOT NULL,
  auto_apply BOOLEAN NOT NULL,
  terms_days BIGINT NOT NULL,
  notes {{longtext}} NOT NULL,
  search_text {{text 500}} NOT NULL,
  created_at {{instant}} NOT NULL,
  updated_at {{instant}} NOT NULL,
  version BIGINT NOT NULL
){{tail}};
CREATE UNIQUE INDEX customers_number ON customers (number_no);
CREATE INDEX customers_email ON customers (email);
CREATE INDEX customers_created ON customers (created_at, id);
CREATE INDEX customers_search ON customers (search_text);

CREATE TABLE users (
  id VARCHAR(30) NOT NULL PRIMARY KEY,
  email VARCHAR(190) NOT NULL,
  name {{text 160}} NOT NULL,
  password_hash VARCHAR(190) NOT NULL,
  verified_at {{instant}},
  status VARCHAR(12) NOT NULL,
  created_at {{instant}} NOT NULL,
  updated_at {{instant}} NOT NULL,
  last_seen_at {{instant}}
){{tail}};
CREATE UNIQUE INDEX users_email ON users (email);

CREATE TABLE memberships (
  user_id VARCHAR(30) NOT NULL,
  customer_id VARCHAR(30) NOT NULL,
  role VARCHAR(12) NOT NULL,
  created_at {{instant}} NOT NULL,
  PRIMARY KEY (user_id, customer_id)
){{tail}};
CREATE INDEX memberships_customer ON memberships (customer_id);

CREATE TABLE staff (
  id VARCHAR(30) NOT NULL PRIMARY KEY,
  email VARCHAR(190) NOT NULL,
  name {{text 160}} NOT NULL,
  password_hash VARCHAR(190) NOT NULL,
  role VARCHAR(30) NOT NULL,
  status VARCHAR(12) NOT NULL,
  created_at {{instant}} NOT NULL,
  last_seen_at {{instant}}
){{tail}};
CREATE UNIQUE INDEX staff_email ON staff (email);

CREATE TABLE sessions (
  token VARCHAR(64) NOT NULL PRIMARY KEY,
  data {{bytes}} NOT NULL,
  person VARCHAR(30) NOT NULL,
  expires_at {{instant}} NOT NULL
){{tail}};
CREATE INDEX sessions_person ON sessions (person);
CREATE INDEX sessions_expiry ON sessions (expires_at);

CREATE TABLE tokens (
  id VARCHAR(30) NOT NULL PRIMARY KEY,
  purpose VARCHAR(12) NOT NULL,
  owner VARCHAR(30) NOT NULL,
  customer_id VARCHAR(30),
  label {{text 190}} NOT NULL,
  hash VARCHAR(64) NOT NULL,
  scopes {{text 1500}} NOT NULL,
  created_at {{instant}} NOT NULL,
  expires_at {{instant}},
  used_at {{instant}},
  revoked_at {{instant}}
){{tail}};
CREATE UNIQUE INDEX tokens_hash ON tokens (hash);
CREATE INDEX tokens_owner ON tokens (owner, purpose);

CREATE TABLE throttles (
  bucket VARCHAR(190) NOT NULL PRIMARY KEY,
  hits BIGINT NOT NULL,
  window_from {{instant}} NOT NULL
){{tail}};

-- +goose Down
DROP TABLE throttles;
DROP TABLE tokens;
DROP TABLE sessions;
DROP TABLE staff;
DROP TABLE memberships;
DROP TABLE users;
DROP TABLE customers;
DROP TABLE counters;
