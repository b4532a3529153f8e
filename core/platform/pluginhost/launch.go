package pluginhost

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/hashicorp/go-hclog"

	"github.com/ezscale/bursar/sdk/host"
)

// refusal is why a program must not be started, and where the file says so.
type refusal struct {
	line  int
	text  string
	alarm bool // somebody may have changed the program
}

func (r *refusal) Error() string { return r.text }

// launch copies the program, checks the copy, starts it and hears what it is. Error: a refusal, or why it did not start.
func (p *plugin) launch(ctx context.Context) (*host.Process, error) {
	path, sum, err := p.host.run.install(p.config.Path, p.config.Type+"-"+p.config.Name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, &refusal{line: p.config.Line, text: fmt.Sprintf("there is no program %s: build it (`make plugins`) or set path.", p.config.Path)}
	case err != nil:
		return nil, &refusal{line: p.config.Line, text: fmt.Sprintf("the program %s cannot be read: %v.", p.config.Path, err)}
	case sum != p.config.Sum:
		return nil, &refusal{line: p.config.PinLine, alarm: true, text: fmt.Sprintf("checksum differs: have sha256:%s, pinned sha256:%s; not started.", short(sum), short(p.config.Sum))}
	}
	work, err := p.host.run.work(p.config.Type + "-" + p.config.Name)
	if err != nil {
		return nil, err
	}
	process, err := host.Start(ctx, host.Program{
		Name: p.title(), Path: path, Dir: work, Sockets: p.host.run.sockets, Egress: p.egress.listener.Addr().String(),
		Within: p.host.pace.start, Log: p.heard,
		Memory: p.config.Limits.Memory << 20, Files: p.config.Limits.Files, Strict: p.config.Limits.Strict,
	})
	if err != nil {
		return nil, err
	}
	d, err := host.Describe(ctx, process.Conn())
	if err != nil {
		process.Kill()
		return nil, err
	}
	if d.Type != p.config.Type || d.Name != p.config.Name || d.Version != p.config.Version {
		process.Kill()
		return nil, &refusal{line: p.config.PinLine, text: fmt.Sprintf("the program says that it is %s %q %s, pinned is %s %q %s; not started.",
			d.Type, d.Name, d.Version, p.config.Type, p.config.Name, p.config.Version)}
	}
	p.mu.Lock()
	p.described = d
	p.mu.Unlock()
	p.fillAll()
	if process.Open() != nil {
		p.mu.Lock()
		p.found = append(p.found, Problem{
			File: p.host.deps.Config, Line: p.config.Line, Where: p.where(), Plug: p.title(), Warn: true,
			Text: fmt.Sprintf("it runs without its sandbox: %v.", process.Open()),
		})
		p.mu.Unlock()
	}
	for _, i := range p.instances {
		if err := i.keepAccount(ctx); err != nil {
			p.host.deps.Log.Error("an instance's account was not kept", "instance", i.config.Label, "error", err)
		}
	}
	return process, nil
}

func short(sum string) string { return sum[:min(len(sum), 12)] + "…" }

// refused marks it as failed, and raises the alarm if its program is not what it was.
func (p *plugin) refused(ctx context.Context, no *refusal) {
	p.mu.Lock()
	p.found = []Problem{{File: p.host.deps.Config, Line: no.line, Where: p.where(), Text: no.text, Plug: p.title()}}
	p.mu.Unlock()
	p.to(refuse, nil, no.text)
	if no.alarm {
		p.host.tell(ctx, "plugin.refused", p.title(), map[string]string{"why": no.text})
	}
}

// heard takes a line of its log.
func (p *plugin) heard(l host.Line) {
	l = p.mask(l)
	p.tail.add(p.host.deps.Clock.Now(), l)
	args := []any{"plugin", p.title()}
	if l.Instance != "" {
		args = append(args, "instance", l.Instance)
	}
	p.host.deps.Log.Log(max(l.Level, hclog.Debug), l.Message, append(args, l.Args...)...)
}

// mask takes out secrets of its settings that it printed past its logger.
func (p *plugin) mask(l host.Line) host.Line {
	secrets := p.secrets()
	l.Message = host.Mask(l.Message, secrets)
	for n, arg := range l.Args {
		if text, ok := arg.(string); ok {
			l.Args[n] = host.Mask(text, secrets)
		}
	}
	return l
}

func (p *plugin) secrets() (out []string) {
	d, _ := p.said()
	for _, i := range p.instances {
		i.mu.Lock()
		values := i.values
		i.mu.Unlock()
		out = append(out, d.Secrets(values)...)
	}
	return out
}
