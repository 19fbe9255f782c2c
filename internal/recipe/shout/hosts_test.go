//go:build !js

package shout

import (
	"testing"

	"github.com/seed2c7e30c3/ws/testbrowser/hosttest"
)

func TestHosts(t *testing.T) { hosttest.Run(t, hosttest.Config{}) }
