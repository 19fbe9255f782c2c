//go:build !js

package ws_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/seed2c7e30c3/ws/internal/scenario"
)

// startScenarioServer starts a server for the test and returns the URL of its control API.
func startScenarioServer(t *testing.T, scenarios []*scenario.Scenario) string {
	t.Helper()
	server, err := scenario.NewServer(scenarios)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	return server.URL()
}

// fetchControl gets a page of the control API.
func fetchControl(ctx context.Context, url string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", response.Status, body)
	}
	return body, err
}
