package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// resident is the memory of a process that is in RAM, in bytes.
func resident(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	_, rest, ok := bytes.Cut(text, []byte("VmRSS:"))
	fields := bytes.Fields(rest)
	if !ok || len(fields) == 0 {
		return 0, fmt.Errorf("process %d tells no VmRSS", pid)
	}
	kb, err := strconv.ParseInt(string(fields[0]), 10, 64)
	return kb << 10, err
}

// sample is how much memory there was, so long after the beginning.
type sample struct {
	after time.Duration
	bytes int64
}

// watch looks at the memory of a process until it is ended.
type watch struct {
	end  chan struct{}
	done sync.WaitGroup
	list []sample
}

func watchMemory(pid int) *watch {
	w := &watch{end: make(chan struct{})}
	began := time.Now()
	w.done.Go(func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			if n, err := resident(pid); err == nil {
				w.list = append(w.list, sample{time.Since(began), n})
			}
			select {
			case <-w.end:
				return
			case <-tick.C:
			}
		}
	})
	return w
}

// stop answers the most, what there was after a tenth of the time, and the last.
func (w *watch) stop() (most, tenth, last int64) {
	close(w.end)
	w.done.Wait()
	if len(w.list) == 0 {
		return 0, 0, 0
	}
	end := w.list[len(w.list)-1]
	for _, s := range w.list {
		most = max(most, s.bytes)
		if s.after <= end.after/10 {
			tenth = s.bytes
		}
	}
	return most, tenth, end.bytes
}

func mebibytes(n int64) float64 { return float64(n) / (1 << 20) }

// usedCPU is how many seconds this process has computed since it began, on all cores.
func usedCPU() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}
