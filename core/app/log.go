package app

import (
	"context"
	"log/slog"

	"github.com/hashicorp/go-hclog"
)

// slogOf is the log of packages that write to slog.
func slogOf(l hclog.Logger) *slog.Logger { return slog.New(bridge{log: l}) }

// bridge hands records of slog to the host's log, with their level and their fields.
type bridge struct {
	log    hclog.Logger
	prefix string // of fields in a group
}

func (b bridge) Enabled(_ context.Context, level slog.Level) bool {
	return levelOf(level) >= b.log.GetLevel()
}

func (b bridge) Handle(_ context.Context, r slog.Record) error {
	args := make([]any, 0, 2*r.NumAttrs())
	r.Attrs(func(a slog.Attr) bool {
		args = append(args, b.prefix+a.Key, a.Value.Resolve().Any())
		return true
	})
	b.log.Log(levelOf(r.Level), r.Message, args...)
	return nil
}

func (b bridge) WithAttrs(attrs []slog.Attr) slog.Handler {
	args := make([]any, 0, 2*len(attrs))
	for _, a := range attrs {
		args = append(args, b.prefix+a.Key, a.Value.Resolve().Any())
	}
	return bridge{b.log.With(args...), b.prefix}
}

func (b bridge) WithGroup(name string) slog.Handler {
	if name == "" {
		return b
	}
	return bridge{b.log, b.prefix + name + "."}
}

func levelOf(l slog.Level) hclog.Level {
	switch {
	case l < slog.LevelInfo:
		return hclog.Debug
	case l < slog.LevelWarn:
		return hclog.Info
	case l < slog.LevelError:
		return hclog.Warn
	}
	return hclog.Error
}
