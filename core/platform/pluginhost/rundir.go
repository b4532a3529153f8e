package pluginhost

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// runDir is the folder of one running host: checked copies of the programs, their work folders and sockets. A lock on a
// file in it says that the host lives; the next host ends what a dead one left and removes its folder.
type runDir struct {
	path    string
	sockets string
	lock    *os.File
	count   atomic.Int64 // of sockets
}

// socketRoom is the longest folder in which go-plugin can make its own folder and socket: a socket's path has 108 bytes.
const socketRoom = 60

func openRunDir(dir string) (*runDir, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil { // as the kernel names what runs in it
		return nil, err
	}
	path, err := os.MkdirTemp(dir, "new-")
	if err != nil {
		return nil, err
	}
	r := &runDir{}
	if r.lock, err = lock(filepath.Join(path, "lock")); err != nil {
		return nil, errors.Join(err, os.RemoveAll(path))
	}
	r.path = filepath.Join(dir, "run-"+strings.TrimPrefix(filepath.Base(path), "new-"))
	if err := os.Rename(path, r.path); err != nil { // locked before another host can see it
		return nil, errors.Join(err, r.lock.Close(), os.RemoveAll(path))
	}
	path, r.sockets = r.path, r.path
	if len(path) > socketRoom {
		if r.sockets, err = os.MkdirTemp("", "bursar-"); err == nil {
			err = os.Symlink(r.sockets, filepath.Join(path, "sockets"))
		}
		if err != nil {
			r.close()
			return nil, err
		}
	}
	if err := r.sweep(dir); err != nil {
		r.close()
		return nil, fmt.Errorf("what an older host left: %w", err)
	}
	return r, nil
}

// lock takes a lock that ends with the process. Error: another has it.
func lock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// sweep ends the programs of hosts that are gone, so that none acts beside ours, and removes their folders.
func (r *runDir) sweep(dir string) error {
	old, err := filepath.Glob(filepath.Join(dir, "run-*"))
	if err != nil {
		return err
	}
	for _, path := range old {
		info, err := os.Stat(path)
		if path == r.path || err != nil || !info.IsDir() {
			continue
		}
		held, err := lock(filepath.Join(path, "lock"))
		if err != nil { // its host lives
			continue
		}
		err = endAll(path)
		if err == nil {
			removeRunDir(path)
		}
		if err := errors.Join(err, held.Close()); err != nil {
			return err
		}
	}
	return nil
}

func removeRunDir(path string) {
	if sockets, err := os.Readlink(filepath.Join(path, "sockets")); err == nil && strings.HasPrefix(filepath.Base(sockets), "bursar-") {
		_ = os.RemoveAll(sockets)
	}
	_ = os.RemoveAll(path) // what cannot be removed is tried again by the next host
}

// endAll kills what runs from a folder and waits until it is gone.
func endAll(folder string) error {
	for try := 0; ; try++ {
		pids := runningFrom(folder)
		if len(pids) == 0 {
			return nil
		}
		if try == 100 {
			return fmt.Errorf("processes %v of a host that is gone do not end", pids)
		}
		for _, pid := range pids {
			_ = syscall.Kill(-pid, syscall.SIGKILL)
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// runningFrom lists the processes whose program is in a folder.
func runningFrom(folder string) (pids []int) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if exe, err := os.Readlink("/proc/" + e.Name() + "/exe"); err == nil && strings.HasPrefix(exe, folder+string(filepath.Separator)) {
			pids = append(pids, pid)
		}
	}
	return pids
}

func (r *runDir) close() {
	removeRunDir(r.path)
	_ = r.lock.Close()
}

// install copies a program into the folder and answers the copy and its checksum: what is checked is what is started.
func (r *runDir) install(from, name string) (path, sum string, err error) {
	in, err := os.Open(from)
	if err != nil {
		return "", "", err
	}
	defer in.Close()
	if info, err := in.Stat(); err != nil || !info.Mode().IsRegular() {
		return "", "", errors.Join(err, fs.ErrInvalid)
	}
	path = filepath.Join(r.path, "bin", name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", "", err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", "", err
	}
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o500)
	if err != nil {
		return "", "", err
	}
	hash := sha256.New()
	_, err = io.Copy(io.MultiWriter(out, hash), in)
	if err := errors.Join(err, out.Close()); err != nil {
		return "", "", err
	}
	return path, hex.EncodeToString(hash.Sum(nil)), nil
}

// socket is the path of a new socket of the host itself.
func (r *runDir) socket() string {
	return filepath.Join(r.sockets, "e"+strconv.FormatInt(r.count.Add(1), 10))
}

// work is a program's own folder, empty.
func (r *runDir) work(name string) (string, error) {
	path := filepath.Join(r.path, "work", name)
	if err := os.RemoveAll(path); err != nil {
		return "", err
	}
	return path, os.MkdirAll(path, 0o700)
}
