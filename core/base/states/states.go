// Package states owns the form of life-cycle tables: what may happen in which status, and where it leads.
// The tables themselves are in the domains, in files named states.go.
package states

import (
	"fmt"
	"maps"
	"slices"

	"github.com/ezscale/bursar/sdk/fault"
)

// ErrRefused: what was asked is not in the table for the present status. Nothing was changed.
var ErrRefused = fault.New(fault.Conflict, "not_now", "That is not possible in the present state.")

// Table gives for each status the actions that are possible and the status that each leads to.
// A status that ends everything has an empty row. What is not in the table cannot happen.
type Table[S, A ~string] map[S]map[A]S

// Next is the status after an action. Error: ErrRefused, with the status unchanged.
func (t Table[S, A]) Next(status S, action A) (S, error) {
	next, ok := t[status][action]
	if !ok {
		return status, fmt.Errorf("%s while %s: %w", action, status, ErrRefused)
	}
	return next, nil
}

// Allows says whether an action is possible in a status. Pages draw their buttons by it.
func (t Table[S, A]) Allows(status S, action A) bool {
	_, ok := t[status][action]
	return ok
}

// Actions lists what is possible in a status, sorted.
func (t Table[S, A]) Actions(status S) []A {
	return slices.Sorted(maps.Keys(t[status]))
}

// Statuses lists every status that has a row, sorted.
func (t Table[S, A]) Statuses() []S {
	return slices.Sorted(maps.Keys(t))
}

// Check finds what is wrong with a table: a status that is led to but has no row, or one that cannot
// be reached from start. A test of every table calls it.
func (t Table[S, A]) Check(start ...S) error {
	reached := map[S]bool{}
	todo := slices.Clone(start)
	for len(todo) > 0 {
		status := todo[0]
		todo = todo[1:]
		if reached[status] {
			continue
		}
		reached[status] = true
		row, ok := t[status]
		if !ok {
			return fmt.Errorf("status %q has no row", status)
		}
		for _, action := range t.Actions(status) {
			todo = append(todo, row[action])
		}
	}
	for _, status := range t.Statuses() {
		if !reached[status] {
			return fmt.Errorf("status %q is never reached", status)
		}
	}
	return nil
}

// Walk visits every status with every action that any row names, in order, with the answer of Next:
// one test per table compares it with what the trade expects.
func (t Table[S, A]) Walk(visit func(status S, action A, next S, ok bool)) {
	actions := map[A]bool{}
	for _, row := range t {
		for action := range row {
			actions[action] = true
		}
	}
	for _, status := range t.Statuses() {
		for _, action := range slices.Sorted(maps.Keys(actions)) {
			next, err := t.Next(status, action)
			visit(status, action, next, err == nil)
		}
	}
}
