package db

import (
	"database/sql"
	"fmt"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/ezscale/bursar/migrations"
)

// openMySQL opens a pool. Isolation is not set here but where a transaction begins: its variable has
// another name on each server.
func openMySQL(dsn string, conns int) (*DB, error) {
	c, err := mysql.ParseDSN(dsn)
	if err != nil {
		return nil, fmt.Errorf("read the DSN: %w", err)
	}
	if c.DBName == "" {
		return nil, fmt.Errorf("the DSN names no database")
	}
	c.ParseTime = true
	c.Loc = time.UTC
	c.Collation = "utf8mb4_bin"
	c.ClientFoundRows = true   // an UPDATE that found its row and changed nothing counts it, as on SQLite
	c.InterpolateParams = true // one round trip less per statement
	if c.Params == nil {
		c.Params = map[string]string{}
	}
	c.Params["time_zone"] = "'+00:00'"
	c.Params["sql_mode"] = "'STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'"
	c.Params["innodb_lock_wait_timeout"] = "10"
	if err := c.Apply(mysql.TimeTruncate(time.Microsecond)); err != nil {
		return nil, err
	}
	connector, err := mysql.NewConnector(c)
	if err != nil {
		return nil, err
	}
	if conns <= 0 {
		conns = 16
	}
	pool := sql.OpenDB(connector)
	pool.SetMaxOpenConns(conns)
	pool.SetMaxIdleConns(conns)
	pool.SetConnMaxIdleTime(3 * time.Minute) // below the wait_timeout of any server
	return &DB{dialect: migrations.MySQL, write: pool, read: pool, name: c.DBName}, nil
}
