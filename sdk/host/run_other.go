//go:build !linux

package host

import (
	"os"
	"os/exec"
)

// Elsewhere a program ends with us by the end of its input, which the SDK watches.

func confine(*exec.Cmd) {}

func waitUntilEnded(int) {}

func killGroup(*exec.Cmd) {}

func killPID(pid int) {
	if p, err := os.FindProcess(pid); err == nil {
		_ = p.Kill() // it has ended already
	}
}

func isBusy(error) bool { return false }
