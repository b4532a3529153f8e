package wire

import (
	"io"
	"sync"

	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/form"
)

// Instances are the open instances of a running plugin. One opens on its first call and anew when its settings differ from
// those of the call before; the old one is closed when its last call ended.
type Instances struct {
	open    func(label string, v form.Values) (any, error)
	secrets func(v form.Values) []string
	bug     func(label, message string, args ...any)

	// Overdue is World.Overdue.
	Overdue func(label string)

	mu      sync.Mutex
	byLabel map[string]*instance
}

type instance struct {
	settings form.Values
	value    any
	secrets  []string
	users    int
	stale    bool
}

// NewInstances takes how one opens, which texts of its settings are secret, and where bugs are logged.
func NewInstances(open func(string, form.Values) (any, error), secrets func(form.Values) []string, bug func(label, message string, args ...any)) *Instances {
	return &Instances{open: open, secrets: secrets, bug: bug, byLabel: map[string]*instance{}}
}

// use finds or opens an instance. release must be called once.
func (i *Instances) use(label string, settings form.Values) (at *instance, release func(), err error) {
	if label == "" {
		return nil, nil, fault.New(fault.Internal, "no_instance", "").Because(errNoLabel)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	at = i.byLabel[label]
	if at == nil || !at.settings.Equal(settings) {
		value, err := i.open(label, settings)
		if err != nil {
			return nil, nil, err
		}
		if at != nil {
			i.retire(at)
		}
		at = &instance{settings: settings.Clone(), value: value, secrets: i.secrets(settings)}
		i.byLabel[label] = at
	}
	at.users++
	return at, func() {
		i.mu.Lock()
		defer i.mu.Unlock()
		if at.users--; at.users == 0 && at.stale {
			i.close(at)
		}
	}, nil
}

func (i *Instances) retire(at *instance) {
	if at.stale = true; at.users == 0 {
		i.close(at)
	}
}

func (i *Instances) close(at *instance) {
	if c, ok := at.value.(io.Closer); ok {
		_ = c.Close() // nobody is left to tell
	}
}

// Close retires all instances.
func (i *Instances) Close() {
	i.mu.Lock()
	defer i.mu.Unlock()
	for label, at := range i.byLabel {
		i.retire(at)
		delete(i.byLabel, label)
	}
}
