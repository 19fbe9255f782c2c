package interop

import (
	"os"
	"os/exec"
	"syscall"
)

// endWithParent makes the process of cmd end when the thread that starts it does, so also if this process is killed.
// The system forgets that of a process that changes its user, as servers do that root starts: asNobody makes root start
// it as a user without rights.
func endWithParent(cmd *exec.Cmd, asNobody bool) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if asNobody && os.Getuid() == 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	}
}

const nobody = 65534
