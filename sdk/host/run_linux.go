package host

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"unsafe"
)

// Numbers of the kernel that package syscall does not name.
const (
	prSetNoNewPrivs = 38
	prCapBsetDrop   = 24
	capabilities    = 64
	idPID           = 1         // P_PID
	waitEnded       = 0x4       // WEXITED
	waitNoReap      = 0x1000000 // WNOWAIT
)

// confine makes the child a group of its own that dies with the thread that starts it, has no capabilities even if we are
// root, can gain no rights by what it starts, and inherits no file but the three standard ones.
func confine(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	for c := range uintptr(capabilities) { // of this thread, and so of the child; refused to all but root, who alone needs it
		_, _, _ = syscall.RawSyscall6(syscall.SYS_PRCTL, prCapBsetDrop, c, 0, 0, 0, 0)
	}
	_, _, _ = syscall.RawSyscall6(syscall.SYS_PRCTL, prSetNoNewPrivs, 1, 0, 0, 0, 0)
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return
	}
	for _, e := range entries { // ours are closed at exec already; these may come from whoever started us
		if fd, err := strconv.Atoi(e.Name()); err == nil && fd > 2 {
			syscall.CloseOnExec(fd)
		}
	}
}

// waitUntilEnded waits without reaping, so that the process ID stays ours.
func waitUntilEnded(pid int) {
	var info [128]byte // siginfo_t
	for {
		_, _, e := syscall.Syscall6(syscall.SYS_WAITID, idPID, uintptr(pid), uintptr(unsafe.Pointer(&info)), waitEnded|waitNoReap, 0, 0)
		if e != syscall.EINTR {
			return
		}
	}
}

func killGroup(cmd *exec.Cmd) { killPID(cmd.Process.Pid) }

func killPID(pid int) { _ = syscall.Kill(-pid, syscall.SIGKILL) }

func isMainThread() bool { return syscall.Gettid() == syscall.Getpid() }

func isBusy(err error) bool { return errors.Is(err, syscall.ETXTBSY) }
