package db

import (
	"errors"

	"github.com/go-sql-driver/mysql"
	"github.com/mattn/go-sqlite3"
)

// Numbers of MySQL's errors. Source: MariaDB Knowledge Base, "MariaDB Error Codes", read 2026-11-23.
const (
	mysqlDuplicate       = 1062
	mysqlDuplicateNamed  = 1586
	mysqlChangedSince    = 1020
	mysqlLockWaitTimeout = 1205
	mysqlDeadlock        = 1213
)

// IsDuplicate says whether a row was refused because its key or a unique index has that value already.
// The transaction can go on.
func IsDuplicate(err error) bool {
	if my, ok := errors.AsType[*mysql.MySQLError](err); ok {
		return my.Number == mysqlDuplicate || my.Number == mysqlDuplicateNamed
	}
	if lite, ok := errors.AsType[sqlite3.Error](err); ok {
		return lite.ExtendedCode == sqlite3.ErrConstraintUnique || lite.ExtendedCode == sqlite3.ErrConstraintPrimaryKey
	}
	return false
}

// IsConflict says whether a transaction was undone for the sake of another and can be run again: a
// deadlock, a lock that was not free in time, a busy database. Tx has done so several times already.
func IsConflict(err error) bool {
	if my, ok := errors.AsType[*mysql.MySQLError](err); ok {
		return my.Number == mysqlDeadlock || my.Number == mysqlLockWaitTimeout || my.Number == mysqlChangedSince
	}
	if lite, ok := errors.AsType[sqlite3.Error](err); ok {
		return lite.Code == sqlite3.ErrBusy || lite.Code == sqlite3.ErrLocked
	}
	return false
}
