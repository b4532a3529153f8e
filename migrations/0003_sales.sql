-- +goose Up
CREATE TABLE currencies (
  code VARCHAR(3) NOT NULL PRIMARY KEY,
  exponent BIGINT NOT NULL,
  step_minor BIGINT NOT NULL,
  active BOOLEAN NOT NULL
){{tail}};

CREATE TABLE exchange_rates (
  id VARCHAR(30) NOT NULL PRIMARY KEY,
  currency VARCHAR(3) NOT NULL,
  base VARCHAR(3) NOT NULL,
  rate_pico BIGINT NOT NULL,
  valid_from {{instant}} NOT NULL,
  source VARCHAR(40) NOT NULL
){{tail}};
CREATE UNIQUE INDEX exchange_rates_once ON exchange_rates (currency, base, valid_from);

CREATE TABLE product_groups (
  id VARCHAR(30) NOT NULL PRIMARY KEY,
  slug VARCHAR(60) NOT NULL,
  kind VARCHAR(12) NOT NULL,
  name {{text 80}} NOT NULL,
  headline {{text 190}} NOT NULL,
  body {{longtext}} NOT NULL,
  sort_no BIGINT NOT NULL,
  hidden BOOLEAN NOT NULL
){{tail}};
CREATE UNIQUE INDEX product_groups_slug ON product_groups (slug);

CREATE TABLE products (
  id VARCHAR(30) NOT NULL PRIMARY KEY,
  group_id VARCHAR(30) NOT NULL,
  slug VARCHAR(60) NOT NULL,
  name {{text 80}} NOT NULL,
  tagline {{text 190}} NOT NULL,
  features {{longtext}} NOT NULL,
  status VARCHAR(10) NOT NULL,
  sort_no BIGINT NOT NULL,
  marked BOOLEAN NOT NULL,
  free_stock BIGINT,
  customer_limit BIGINT NOT NULL,
  tax_class VARCHAR(40) NOT NULL,
  setup_policy VARCHAR(10) NOT NULL,
  change_policy VARCHAR(16) NOT NULL,
  trial_days BIGINT NOT NULL,
  anchored_day BIGINT NOT NULL,
  join_days BIGINT NOT NULL,
  panel VARCHAR(30) NOT NULL,
  panel_values {{longtext}} NOT NULL,
  ladder_id VARCHAR(30),
  created_at {{instant}} NOT NULL,
  updated_at {{instant}} NOT NULL,
  version BIGINT NOT NULL
){{tail}};
CREATE UNIQUE INDEX products_slug ON products (slug);
CREATE INDEX products_group ON products (group_id, sort_no);

CREATE TABLE options (
  id VARCHAR(30) NOT NULL PRIMARY KEY,
  product_id VARCHAR(30) NOT NULL,
  field VARCHAR(60) NOT NULL,
  kind VARCHAR(10) NOT NULL,
  label {{text 80}} NOT NULL,
  help {{text 300}} NOT NULL,
  unit {{text 20}} NOT NULL,
  least BIGINT NOT NULL,
  most BIGINT NOT NULL,
  step BIGINT NOT NULL,
  changeable BOOLEAN NOT NULL,
  needed BOOLEAN NOT NULL,
  sort_no BIGINT NOT NULL
){{tail}};
CREATE INDEX options_product ON options (product_id, sort_no);

CREATE TABLE option_choices (
  id VARCHAR(30) NOT NULL PRIMARY KEY,
  option_id VARCHAR(30) NOT NULL,
  value {{text 120}} NOT NULL,
  label {{text 120}} NOT NULL,
  sort_no BIGINT NOT NULL
){{tail}};
CREATE INDEX option_choices_option ON option_choices (option_id, sort_no);

CREATE TABLE price_versions (
  id VARCHAR(30) NOT NULL PRIMARY KEY,
  owner_id VARCHAR(30) NOT NULL,
  cycle_n BIGINT NOT NULL,
  cycle_unit VARCHAR(6) NOT NULL,
  currency VARCHAR(3) NOT NULL,
  amount_minor BIGINT NOT NULL,
  per BIGINT NOT NULL,
  setup_minor BIGINT NOT NULL,
  first_minor BIGINT,
  first_terms BIGINT NOT NULL,
  inclusive BOOLEAN NOT NULL,
  valid_from {{instant}} NOT NULL,
  valid_to {{instant}}
){{tail}};
CREATE UNIQUE INDEX price_versions_once ON price_versions (owner_id, cycle_n, cycle_unit, currency, valid_from);

CREATE TABLE tax_rules (
  id VARCHAR(30) NOT NULL PRIMARY KEY,
  class VARCHAR(40) NOT NULL,
  country VARCHAR(2) NOT NULL,
  region VARCHAR(10) NOT NULL,
  level BIGINT NOT NULL,
  code VARCHAR(40) NOT NULL,
  category VARCHAR(2) NOT NULL,
  rate_ppm BIGINT NOT NULL,
  compound BOOLEAN NOT NULL,
  valid_from DATE NOT NULL,
  valid_to DATE
){{tail}};
CREATE INDEX tax_rules_place ON tax_rules (country, class, valid_from);

CREATE TABLE coupons (
  id VARCHAR(30) NOT NULL PRIMARY KEY,
  code_fold VARCHAR(80) NOT NULL,
  kind VARCHAR(12) NOT NULL,
  rate_ppm BIGINT NOT NULL,
  amount_minor BIGINT NOT NULL,
  currency VARCHAR(3),
  terms BIGINT NOT NULL,
  rules {{longtext}} NOT NULL,
  max_uses BIGINT,
  used BIGINT NOT NULL,
  per_customer_once BOOLEAN NOT NULL,
  valid_from {{instant}} NOT NULL,
  valid_to {{instant}},
  version BIGINT NOT NULL
){{tail}};
CREATE UNIQUE INDEX coupons_code ON coupons (code_fold);

CREATE TABLE coupon_redemptions (
  id VARCHAR(30) NOT NULL PRIMARY KEY,
  coupon_id VARCHAR(30) NOT NULL,
  customer_id VARCHAR(30) NOT NULL,
  order_id VARCHAR(30) NOT NULL,
  subscription_id VARCHAR(30),
  state VARCHAR(12) NOT NULL,
  once_key VARCHAR(70),
  share_minor BIGINT NOT NULL,
  terms_left BIGINT NOT NULL,
  at {{instant}} NOT NULL
){{tail}};
CREATE UNIQUE INDEX redemptions_once ON coupon_redemptions (once_key);
CREATE INDEX redemptions_subscription ON coupon_redemptions (subscription_id);
CREATE INDEX redemptions_coupon ON coupon_redemptions (coupon_id, at);
CREATE INDEX redemptions_order ON coupon_redemptions (order_id);

CREATE TABLE carts (
  id VARCHAR(30) NOT NULL PRIMARY KEY,
  token_hash VARCHAR(64) NOT NULL,
  customer_id VARCHAR(30),
  currency VARCHAR(3) NOT NULL,
  content {{longtext}} NOT NULL,
  updated_at {{instant}} NOT NULL
){{tail}};
CREATE UNIQUE INDEX carts_token ON carts (token_hash);
CREATE INDEX carts_age ON carts (updated_at);

CREATE TABLE orders (
  id VARCHAR(30) NOT NULL PRIMARY KEY,
  number_no BIGINT NOT NULL,
  customer_id VARCHAR(30) NOT NULL,
  status VARCHAR(12) NOT NULL,
  currency VARCHAR(3) NOT NULL,
  quote {{longtext}} NOT NULL,
  total_minor BIGINT NOT NULL,
  invoice_id VARCHAR(30),
  expires_on DATE,
  placed_at {{instant}} NOT NULL,
  placed_by VARCHAR(60) NOT NULL,
  address VARCHAR(60) NOT NULL,
  request_key VARCHAR(100) NOT NULL,
  terms_version VARCHAR(40) NOT NULL
){{tail}};
CREATE UNIQUE INDEX orders_request ON orders (request_key);
CREATE UNIQUE INDEX orders_number ON orders (number_no);
CREATE INDEX orders_customer ON orders (customer_id, placed_at);
CREATE INDEX orders_status ON orders (status, expires_on);
CREATE INDEX orders_invoice ON orders (invoice_id);

-- +goose Down
DROP TABLE orders;
DROP TABLE carts;
DROP TABLE coupon_redemptions;
DROP TABLE coupons;
DROP TABLE tax_rules;
DROP TABLE price_versions;
DROP TABLE option_choices;
DROP TABLE options;
DROP TABLE products;
DROP TABLE product_groups;
DROP TABLE exchange_rates;
DROP TABLE currencies;
