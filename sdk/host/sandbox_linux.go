package host

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"unsafe"
)

// The sandbox is Landlock's: it needs no root, holds for one thread and what that thread starts, and cannot be taken off.
// Source: Linux, Documentation/userspace-api/landlock.rst (kernel 6.18).

// System calls, the same number on every machine.
const (
	sysLandlockCreate   = 444
	sysLandlockAdd      = 445
	sysLandlockRestrict = 446
)

// Rights on files, from bit 0.
const (
	fsExecute = 1 << iota
	fsWriteFile
	fsReadFile
	fsReadDir
	fsRemoveDir
	fsRemoveFile
	fsMakeChar
	fsMakeDir
	fsMakeReg
	fsMakeSock
	fsMakeFifo
	fsMakeBlock
	fsMakeSym
	fsRefer    // version 2
	fsTruncate // version 3
	fsIoctl    // version 5
)

const (
	fsOfFiles = fsExecute | fsWriteFile | fsReadFile | fsTruncate | fsIoctl
	fsLook    = fsReadFile | fsReadDir
	fsOwn     = fsLook | fsWriteFile | fsTruncate | fsRemoveDir | fsRemoveFile | fsMakeDir | fsMakeReg | fsMakeSock
)

const (
	netTCP      = 1<<0 | 1<<1 // bind and connect; version 4
	scopeOthers = 1<<0 | 1<<1 // abstract sockets of others, and signals to them; version 6
)

// systemFiles are what programs of any language need to run, to resolve names and to trust certificates. /etc as a whole
// is not among them: keys may lie there.
var systemFiles = map[string]uint64{
	"/usr": fsLook | fsExecute, "/lib": fsLook | fsExecute, "/lib64": fsLook | fsExecute, "/bin": fsLook | fsExecute,
	"/etc/ssl": fsLook, "/etc/pki": fsLook, "/etc/ca-certificates": fsLook, "/etc/resolv.conf": fsLook, "/etc/hosts": fsLook, "/etc/nsswitch.conf": fsLook,
	"/etc/localtime": fsLook, "/etc/mime.types": fsLook, "/etc/ld.so.cache": fsLook, "/etc/gai.conf": fsLook,
	"/proc": fsLook, "/sys/fs/cgroup": fsLook, "/sys/kernel/mm/transparent_hugepage": fsLook,
	"/dev/null": fsReadFile | fsWriteFile, "/dev/zero": fsReadFile, "/dev/urandom": fsReadFile, "/dev/random": fsReadFile,
}

// sandbox closes the calling thread in, for good: what it starts may read the system's files, write in its own folder, and
// with a way to the network of its own make no other connection. Error: this kernel cannot.
func sandbox(p Program, sockets string) error {
	version, _, e := syscall.Syscall(sysLandlockCreate, 0, 0, 1)
	if e != 0 {
		return fmt.Errorf("this kernel has no Landlock: %w", e)
	}
	attr := struct{ fs, net, scope uint64 }{fs: 1<<13 - 1}
	size := uintptr(8)
	if version >= 2 {
		attr.fs |= fsRefer
	}
	if version >= 3 {
		attr.fs |= fsTruncate
	}
	if version >= 4 {
		if size = 16; p.Egress != "" {
			attr.net = netTCP
		}
	}
	if version >= 5 {
		attr.fs |= fsIoctl
	}
	if version >= 6 {
		size, attr.scope = 24, scopeOthers
	}
	rules, _, e := syscall.Syscall(sysLandlockCreate, uintptr(unsafe.Pointer(&attr)), size, 0)
	if e != 0 {
		return fmt.Errorf("sandbox: %w", e)
	}
	defer syscall.Close(int(rules))
	allow := func(path string, rights uint64) error { return allowPath(int(rules), path, rights&attr.fs) }
	for path, rights := range systemFiles {
		if err := allow(path, rights); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	if err := errors.Join(allow(p.Path, fsReadFile|fsExecute), allow(p.Dir, fsOwn), allow(sockets, fsOwn)); err != nil {
		return err
	}
	if p.Egress != "" {
		if err := allow(p.Egress, fsReadFile|fsWriteFile); err != nil {
			return err
		}
	}
	if _, _, e := syscall.Syscall(sysLandlockRestrict, rules, 0, 0); e != 0 {
		return fmt.Errorf("sandbox: %w", e)
	}
	return nil
}

func allowPath(rules int, path string, rights uint64) error {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		rights &= fsOfFiles
	}
	const oPath = 0x200000 // O_PATH
	fd, err := syscall.Open(path, oPath|syscall.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("sandbox: %s: %w", path, err)
	}
	defer syscall.Close(fd)
	var rule [12]byte // landlock_path_beneath_attr, packed
	*(*uint64)(unsafe.Pointer(&rule[0])) = rights
	*(*int32)(unsafe.Pointer(&rule[8])) = int32(fd)
	if _, _, e := syscall.Syscall6(sysLandlockAdd, uintptr(rules), 1, uintptr(unsafe.Pointer(&rule)), 0, 0, 0); e != 0 {
		return fmt.Errorf("sandbox: %s: %w", path, e)
	}
	return nil
}

// limit bounds what a process that has just started may use.
func limit(pid int, p Program) error {
	const rlimitData, rlimitCore, rlimitFiles = 2, 4, 7
	for what, most := range map[int]int64{rlimitData: p.Memory, rlimitFiles: p.Files, rlimitCore: 0} {
		if most == 0 && what != rlimitCore {
			continue
		}
		both := syscall.Rlimit{Cur: uint64(most), Max: uint64(most)}
		if _, _, e := syscall.RawSyscall6(syscall.SYS_PRLIMIT64, uintptr(pid), uintptr(what), uintptr(unsafe.Pointer(&both)), 0, 0, 0); e != 0 {
			return fmt.Errorf("limit: %w", e)
		}
	}
	return nil
}
