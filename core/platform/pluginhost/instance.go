package pluginhost

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/ezscale/bursar/core/data/db"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/host"
)

// instance is one instance block and what became of it.
type instance struct {
	host    *Host
	plugin  *plugin
	config  InstanceConfig
	breaker *breaker

	mu      sync.Mutex
	off     string      // why its calls are refused; "" when they are not
	given   form.Values // of the file, with the plugin's shared ones
	learned form.Values
	read    time.Time   // when learned was read
	values  form.Values // handed with each call
	row     row
	checked time.Time // last Check
	checkIs string    // what it said; "" for good
}

// learnedFor is how long learned settings are believed before another process's are looked for.
const learnedFor = 5 * time.Second

// client is the instance as the typed clients reach it.
func (i *instance) client() *host.Instance {
	d, _ := i.plugin.said()
	return &host.Instance{
		Label: i.config.Label, Powers: d.Powers, Settings: i.settings, Conn: i.plugin.conn,
		Around: i.around, World: i.plugin.host.deps.World,
	}
}

// around encloses each call: what refuses it before anything is sent, and what is noted about it.
func (i *instance) around(ctx context.Context, method string, _ host.Effect, call func(context.Context) error) error {
	if db.InTx(ctx) {
		return errInTx.Because(fmt.Errorf("%s of instance %q within a transaction", method, i.config.Label))
	}
	if err := i.relearn(ctx); err != nil {
		return fault.New(fault.Unavailable, "settings", "").Because(err)
	}
	if _, err := i.plugin.conn(ctx); err != nil { // before the settings: they are known once it has answered
		return err
	}
	if err := i.ready(); err != nil {
		return err
	}
	done, err := i.breaker.enter(method)
	if err != nil {
		return err
	}
	if err := i.plugin.queue.enter(ctx); err != nil {
		done(context.Canceled) // it tells nothing about the vendor
		return err
	}
	defer i.plugin.queue.leave()
	began := i.host.deps.Clock.Now()
	err = call(ctx)
	done(err)
	_, short, _ := strings.Cut(strings.TrimPrefix(method, "/"), "/")
	took := i.host.deps.Clock.Now().Sub(began)
	i.plugin.stats.add(short, took, err)
	if err != nil {
		i.host.deps.Log.Debug("plugin call", "plugin", i.plugin.title(), "instance", i.config.Label, "method", short, "took", took, "error", err)
	}
	return err
}

// ready says why an instance is not called at all.
func (i *instance) ready() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.off != "" {
		return errOff.Because(fmt.Errorf("instance %q: %s", i.config.Label, i.off))
	}
	return nil
}

// settings are handed with a call.
func (i *instance) settings(context.Context) (form.Values, error) {
	if err := i.ready(); err != nil {
		return nil, err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.values, nil
}

// relearn looks whether another process learned something.
func (i *instance) relearn(ctx context.Context) error {
	now := i.host.deps.Clock.Now()
	i.mu.Lock()
	fresh := i.host.deps.DB == nil || now.Sub(i.read) < learnedFor
	i.mu.Unlock()
	if fresh {
		return nil
	}
	learned, err := i.host.store.learned(ctx, i.config.Label)
	if err != nil {
		return err
	}
	i.mu.Lock()
	i.read = now
	changed := !i.learned.Equal(learned)
	i.learned = learned
	i.mu.Unlock()
	if changed {
		i.plugin.refill(i)
	}
	return nil
}

// merged is what the file and the vendor say together: the file wins.
func (i *instance) merged() form.Values {
	i.mu.Lock()
	defer i.mu.Unlock()
	out := form.Values{}
	maps.Copy(out, i.learned)
	maps.Copy(out, i.given)
	return out
}
