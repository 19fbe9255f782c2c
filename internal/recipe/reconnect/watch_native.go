//go:build !js

package reconnect

// watch does nothing: natively no event says that the network is back.
func watch(chan<- struct{}) (stop func()) { return func() {} }
