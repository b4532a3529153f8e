-- +goose Up
CREATE TABLE messages (
  id VARCHAR(30) NOT NULL PRIMARY KEY,
  once_key VARCHAR(190) NOT NULL,
  customer_id VARCHAR(30),
  channel VARCHAR(10) NOT NULL,
  instance VARCHAR(30) NOT NULL,
  template VARCHAR(60) NOT NULL,
  subject_id VARCHAR(40) NOT NULL,
  to_name {{text 160}} NOT NULL,
  to_address VARCHAR(190) NOT NULL,
  title {{text 300}} NOT NULL,
  body_text {{longtext}} NOT NULL,
  body_html {{longtext}} NOT NULL,
  level VARCHAR(10) NOT NULL,
  fields {{longtext}} NOT NULL,
  state VARCHAR(10) NOT NULL,
  attempts BIGINT NOT NULL,
  receipt VARCHAR(190) NOT NULL,
  error {{text 500}} NOT NULL,
  created_at {{instant}} NOT NULL,
  tried_at {{instant}},
  sent_at {{instant}},
  version BIGINT NOT NULL
){{tail}};
CREATE UNIQUE INDEX messages_once ON messages (once_key);
CREATE INDEX messages_customer ON messages (customer_id, id);
CREATE INDEX messages_state ON messages (state, id);

CREATE TABLE undeliverable (
  address VARCHAR(190) NOT NULL PRIMARY KEY,
  reason {{text 300}} NOT NULL,
  at {{instant}} NOT NULL
){{tail}};

-- +goose Down
DROP TABLE undeliverable;
DROP TABLE messages;
