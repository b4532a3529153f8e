package db

import (
	"context"
	"database/sql"
	"slices"
	"sync"
)

type counterKey struct{}

// Counter notes the statements that were run with one context. Tests hold pages to a constant number.
type Counter struct {
	mu   sync.Mutex
	list []string
}

// CountQueries makes a context whose statements are counted.
func CountQueries(ctx context.Context) (context.Context, *Counter) {
	c := &Counter{}
	return context.WithValue(ctx, counterKey{}, c), c
}

// N is how many statements ran.
func (c *Counter) N() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.list)
}

// Statements are the texts of the statements, in order.
func (c *Counter) Statements() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.list)
}

func (c *Counter) add(query string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.list = append(c.list, query)
}

// counted runs statements and counts them.
type counted struct {
	Executor
	counter *Counter
}

func (c counted) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	c.counter.add(query)
	return c.Executor.ExecContext(ctx, query, args...)
}

func (c counted) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	c.counter.add(query)
	return c.Executor.QueryContext(ctx, query, args...)
}

func (c counted) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	c.counter.add(query)
	return c.Executor.QueryRowContext(ctx, query, args...)
}
