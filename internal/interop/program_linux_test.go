package interop

import (
	"os/exec"
	"syscall"
)

// endWithParent makes the process of cmd end when the thread that starts it does, so also if this process is killed.
func endWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
}
