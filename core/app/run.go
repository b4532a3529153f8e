package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/ezscale/bursar/core/base/clock"
	"github.com/ezscale/bursar/core/platform/jobs"
	"github.com/ezscale/bursar/core/web/route"
)

// stopIn is how long requests and work in flight have when the program stops.
const stopIn = 25 * time.Second

// StartPlugins starts the plugins. What is wrong with a plugin is
// said on its page and in the log, and keeps nothing else from running.
func (a *App) StartPlugins(ctx context.Context) error {
	if err := a.Plugins.Start(ctx); err != nil {
		return err
	}
	for _, p := range a.Plugins.Problems() {
		if p.Warn {
			a.Log.Warn(p.String())
		} else {
			a.Log.Error(p.String())
		}
	}
	return nil
}

// Work delivers events and does jobs until ctx is over, and has each day's work done.
func (a *App) Work(ctx context.Context) {
	var all sync.WaitGroup
	all.Go(func() { a.Outbox.Run(ctx) })
	all.Go(func() { a.Jobs.Run(ctx) })
	all.Go(func() { a.tick(ctx) })
	all.Wait()
}

// tick asks for the daily run, and cleans up once a day. The database keeps nodes from doing it twice.
func (a *App) tick(ctx context.Context) {
	for wait := time.Duration(0); ; wait = time.Minute {
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		if err := a.Flow.EnqueueDaily(ctx); err != nil && ctx.Err() == nil {
			a.Log.Error("the daily run is not enqueued", "error", err)
		}
		day := a.Clock.Now().Format(time.DateOnly)
		if err := a.Jobs.Enqueue(ctx, jobs.New{Kind: jobPurge, UniqueKey: "purge:" + day, MaxAttempts: 3}); err != nil && ctx.Err() == nil {
			a.Log.Error("cleaning up is not enqueued", "error", err)
		}
	}
}

const jobPurge = "purge"

// keepFor is how long what is over stays to be looked at.
const keepFor = 60 * 24 * time.Hour

// purge forgets what is long over.
func (a *App) purge(ctx context.Context, _ jobs.Job) error {
	before := a.Clock.Now().Add(-keepFor)
	_, err := a.Outbox.Purge(ctx, before)
	if err != nil {
		return err
	}
	if _, err := a.Jobs.Purge(ctx, before); err != nil {
		return err
	}
	if _, err := a.Orders.PurgeCarts(ctx, before); err != nil {
		return err
	}
	if _, err := a.Keys.Purge(ctx, clock.System{}.Now().Add(-keepFor)); err != nil {
		return err
	}
	return a.Auth.Purge(ctx)
}

// Serve listens, works and answers until ctx is over, then lets what is in flight end. ready is called with the address
// once requests are answered.
func (a *App) Serve(ctx context.Context, ready func(net.Addr)) error {
	web, err := a.Web(ctx)
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", a.Config.Listen)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", a.Config.Listen, err)
	}
	working, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	var all sync.WaitGroup
	all.Go(func() { a.Work(working) })
	server := route.Server(web)
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	if ready != nil {
		ready(listener.Addr())
	}
	select {
	case err = <-failed:
	case <-ctx.Done():
		ending, stop := context.WithTimeout(context.WithoutCancel(ctx), stopIn)
		err = server.Shutdown(ending)
		stop()
	}
	stopWork()
	all.Wait()
	a.Plugins.Stop()
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return err
}

// probes answer on every host: is the process alive, can it do its work.
func (a *App) probes() map[string]http.Handler {
	tell := func(w http.ResponseWriter, status int, what map[string]any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(what) // whoever asked has gone: there is nobody to tell
	}
	return map[string]http.Handler{
		"/healthz": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { tell(w, http.StatusOK, map[string]any{"alive": true}) }),
		"/readyz": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ctx, stop := context.WithTimeout(r.Context(), 2*time.Second)
			defer stop()
			if err := a.DB.Ping(ctx); err != nil {
				tell(w, http.StatusServiceUnavailable, map[string]any{"ready": false, "why": "the database does not answer"})
				return
			}
			tell(w, http.StatusOK, map[string]any{"ready": true})
		}),
	}
}
