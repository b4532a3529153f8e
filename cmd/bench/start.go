package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// fivePlugins are those that the start is measured with. Nothing is at these addresses: a start calls no vendor.
const fivePlugins = `
plugin "panel" "virtfusion" {
  instance "vps" {
    title    = "VPS"
    settings = { url = "https://vps.example.com", token = env("BENCH_SECRET") }
  }
}
plugin "panel" "pterodactyl" {
  instance "games" {
    title    = "Games"
    settings = { url = "https://games.example.com", application_key = env("BENCH_SECRET"), client_key = env("BENCH_SECRET") }
  }
}
plugin "gateway" "stripe" {
  instance "card" {
    title    = "Card"
    settings = { mode = "test", key = env("BENCH_STRIPE") }
  }
}
plugin "notifier" "mailgun" {
  instance "mail" {
    title    = "Mail"
    settings = { region = "eu", domain = "mg.example.com", key = env("BENCH_SECRET"), signing_key = env("BENCH_SECRET") }
  }
}
plugin "notifier" "discord" {
  instance "staff" {
    title    = "Staff"
    settings = { webhook = env("BENCH_DISCORD") }
  }
}
`

// startRounds is how often a start is measured.
const startRounds = 7

// atRest is how long a host is left alone before its memory is looked at.
const atRest = 10 * time.Second

// starts measures the program that `make build` made: from its start to the first answer that it is ready, and its memory
// after a rest.
func starts(ctx context.Context, b *bench) error {
	for _, plugins := range []int{0, 5} {
		if err := b.startWith(ctx, plugins); err != nil {
			b.fail(fmt.Sprintf("start n=%d", plugins), err)
		}
	}
	return ctx.Err()
}

func (b *bench) startWith(ctx context.Context, plugins int) error {
	p, gone, err := b.fresh(ctx, "sqlite")
	if err != nil {
		return err
	}
	defer gone()
	program := filepath.Join(b.build, "bursar")
	at, err := freePort(ctx)
	if err != nil {
		return err
	}
	text := ""
	if plugins > 0 {
		text = fivePlugins
	}
	file := filepath.Join(p.Dir, "bursar.hcl")
	err = errors.Join(
		os.WriteFile(filepath.Join(p.Dir, "plugins.hcl"), []byte(fmt.Sprintf("directory = %q\n%s", filepath.Join(b.build, "plugins"), text)), 0o600),
		os.WriteFile(file, []byte(fmt.Sprintf("listen = %q\ndata = \"data\"\nplugins = \"plugins.hcl\"\n", at)), 0o600))
	if err != nil {
		return err
	}
	command := func(args ...string) *exec.Cmd {
		c := exec.CommandContext(ctx, program, append([]string{"--config", file}, args...)...)
		c.Env = append(os.Environ(), "BENCH_SECRET=0123456789abcdef0123456789abcdef", "BENCH_STRIPE=sk_test_0123456789abcdef01234567", "BENCH_DISCORD=https://discord.com/api/webhooks/123456789012345678/abcdefghijklmnopqrstuvwxyz0123456789")
		return c
	}
	if out, err := command("migrate").CombinedOutput(); err != nil {
		return fmt.Errorf("migrate: %w: %s", err, out)
	}
	if plugins > 0 {
		if out, err := command("plugin", "pin").CombinedOutput(); err != nil {
			return fmt.Errorf("pin: %w: %s", err, out)
		}
	}
	var took []float64
	for round := range startRounds {
		ms, host, err := start(ctx, command("serve"), at)
		if err != nil {
			return err
		}
		took = append(took, ms)
		if round == startRounds-1 {
			err = b.rest(ctx, host.Process.Pid, plugins)
		}
		if err := errors.Join(err, end(host)); err != nil {
			return err
		}
	}
	limit := 300.0
	if plugins > 0 {
		limit = 1500
	}
	b.put(figure{Name: "start_to_ready", N: plugins, Value: median(took), Unit: "ms, n plugins", Database: "sqlite"}, atMost(limit))
	return nil
}

// start starts a host and waits until it says that it is ready.
func start(ctx context.Context, c *exec.Cmd, at string) (ms float64, _ *exec.Cmd, err error) {
	var said bytes.Buffer
	c.Stdout, c.Stderr = &said, &said
	began := time.Now()
	if err := c.Start(); err != nil {
		return 0, nil, err
	}
	gone := make(chan error, 1)
	client := http.Client{Timeout: time.Second}
	for time.Since(began) < 30*time.Second && ctx.Err() == nil {
		res, err := client.Get("http://" + at + "/readyz")
		if err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return float64(time.Since(began).Microseconds()) / 1000, c, nil
			}
		}
		time.Sleep(2 * time.Millisecond)
	}
	c.Process.Kill() //nolint:errcheck // it is waited for
	gone <- c.Wait()
	return 0, nil, fmt.Errorf("it does not get ready: %w: %s", <-gone, said.String())
}

// end asks a host to stop and waits for it.
func end(c *exec.Cmd) error {
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return c.Wait()
}

// rest looks at the memory of a host and of its plugins after they were left alone.
func (b *bench) rest(ctx context.Context, pid, plugins int) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(atRest):
	}
	n, err := resident(pid)
	if err != nil {
		return err
	}
	b.put(figure{Name: "memory_at_rest_host", N: plugins, Value: mebibytes(n), Unit: "MiB, n plugins", Database: "sqlite"}, atMost(80))
	if plugins == 0 {
		return nil
	}
	list, err := children(pid)
	if err != nil {
		return err
	}
	if len(list) != plugins {
		return fmt.Errorf("the host runs %d programs, not %d", len(list), plugins)
	}
	most := int64(0)
	for _, child := range list {
		n, err := resident(child)
		if err != nil {
			return err
		}
		most = max(most, n)
	}
	b.put(figure{Name: "memory_at_rest_plugin", N: plugins, Value: mebibytes(most), Unit: "MiB, the largest of n", Database: ""}, atMost(25))
	return nil
}

// children are the processes that a process has started and that run.
func children(pid int) (out []int, err error) {
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			continue // a thread that has ended
		}
		for _, word := range strings.Fields(string(text)) {
			child, err := strconv.Atoi(word)
			if err != nil {
				return nil, err
			}
			out = append(out, child)
		}
	}
	return out, nil
}

// freePort is an address of this machine that nobody listens on.
func freePort(ctx context.Context) (string, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}
