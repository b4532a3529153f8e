package sim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"sync"
	"time"
)

// keeper writes what a simulator remembers into a file.
type keeper struct {
	path string

	mu      sync.Mutex
	asked   int           // changes that want to be in the file
	written int           // how many of them are
	running chan struct{} // closed when the writing that runs has ended; nil: none runs
	err     error         // of the last writing
	next    time.Time     // when a large memory is written again
	later   bool          // it will be, without anybody asking
}

// kept is the file.
type kept struct {
	Ahead  time.Duration   `json:"ahead"`
	Memory json.RawMessage `json:"memory"`
}

// costly is how long one writing may take before only one is done each second.
const costly = 250 * time.Millisecond

// KeepIn has the simulator go on where one with the same file ended, however it ended: each change is in the file before
// it is answered, changes of the same moment by one writing. Call it before the first request. What a memory of more than
// some ten megabytes loses is a second.
func (s *Sim) KeepIn(path string) error {
	if s.vendor.Memory == nil {
		return errors.New("this simulator cannot be kept")
	}
	text, err := os.ReadFile(path)
	switch {
	case err == nil:
		if err := s.wake(text); err != nil {
			return fmt.Errorf("%s is of no use, delete it: %w", path, err)
		}
	case !os.IsNotExist(err):
		return err
	}
	s.keeper = &keeper{path: path}
	return s.keeper.write(s)
}

func (s *Sim) wake(text []byte) error {
	var k kept
	if err := json.Unmarshal(text, &k); err != nil {
		return err
	}
	lock, memory := s.vendor.Memory()
	s.AddClock(k.Ahead)
	lock.Lock()
	defer lock.Unlock()
	if err := recall(k.Memory, memory); err != nil {
		return err
	}
	if s.vendor.Woken != nil {
		s.vendor.Woken()
	}
	return nil
}

// keep writes the file, if there is one.
func (s *Sim) keep() {
	if s.keeper == nil {
		return
	}
	if err := s.keeper.save(s); err != nil {
		log.Printf("simulator: %s is not written: %v", s.keeper.path, err)
	}
}

// save answers when what its caller changed is in the file: by a writing that began after it was called.
func (k *keeper) save(s *Sim) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if wait := time.Until(k.next); wait > 0 {
		if !k.later {
			k.later = true
			time.AfterFunc(wait, func() {
				k.mu.Lock()
				k.later, k.next = false, time.Time{}
				k.mu.Unlock()
				s.keep()
			})
		}
		return nil
	}
	k.asked++
	for mine := k.asked; k.written < mine; {
		if running := k.running; running != nil {
			k.mu.Unlock()
			<-running
			k.mu.Lock()
			continue
		}
		ended, upTo, began := make(chan struct{}), k.asked, time.Now()
		k.running = ended
		k.mu.Unlock()
		err := k.write(s)
		k.mu.Lock()
		k.running, k.written, k.err = nil, upTo, err
		if time.Since(began) > costly {
			k.next = time.Now().Add(time.Second)
		}
		close(ended)
	}
	return k.err
}

func (k *keeper) write(s *Sim) error {
	lock, memory := s.vendor.Memory()
	s.mu.Lock()
	out := kept{Ahead: s.ahead}
	s.mu.Unlock()
	lock.Lock()
	text, err := remember(memory)
	lock.Unlock()
	if err != nil {
		return err
	}
	out.Memory = text
	var file bytes.Buffer
	if err := json.NewEncoder(&file).Encode(out); err != nil {
		return err
	}
	if err := os.WriteFile(k.path+".new", file.Bytes(), 0o600); err != nil {
		return err
	}
	return os.Rename(k.path+".new", k.path)
}
