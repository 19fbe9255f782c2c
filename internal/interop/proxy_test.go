package interop

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// kind is a program that is a proxy.
type kind struct {
	name     string // of the program, and of its Debian package
	reverse  bool   // it stands in front of the servers, not in front of the client
	switches bool   // it becomes another user if root starts it
	config   string // in testdata
	args     func(p *proxy, config string) []string
}

// kinds are the proxies that the tests start.
var kinds = []kind{
	{"nginx", true, false, "nginx.conf", func(_ *proxy, config string) []string {
		return []string{"-e", "stderr", "-c", config}
	}},
	{"haproxy", true, false, "haproxy.cfg", func(_ *proxy, config string) []string {
		return []string{"-db", "-f", config}
	}},
	{"squid", false, true, "squid.conf", func(p *proxy, config string) []string {
		// Its shared memory is named by the service, and must not be another squid's.
		return []string{"-N", "-d", "1", "-n", fmt.Sprintf("interop%dx%s", os.Getpid(), p.Port()), "-f", config}
	}},
	{"tinyproxy", false, false, "tinyproxy.conf", func(_ *proxy, config string) []string {
		return []string{"-d", "-c", config}
	}},
}

// site is what the proxies lead to.
type site struct {
	cert    *certificate
	servers []*server
	away    string // an address where nobody listens
}

// startSite starts a server of each implementation.
func startSite(t testing.TB, implementations ...implementation) *site {
	t.Helper()
	s := &site{cert: newCertificate(t), away: freeAddresses(t, 1)[0]}
	for _, i := range implementations {
		s.servers = append(s.servers, startServer(t, i, s.cert))
	}
	return s
}

// patient is an idle time that is longer than any test.
const patient = 10 * time.Minute

// proxy is a proxy that runs. Its fields and methods without arguments are what the configurations are filled in with.
type proxy struct {
	kind
	site          *site
	Dir           string // for its files
	Plain, Secure string // the addresses on which it listens, without and with TLS
	Users         string // a file with the users, as nginx wants it
	Idle          int    // seconds for which it keeps a connection on which nothing happens
}

func (p *proxy) Host() string        { return host() }
func (p *proxy) Port() string        { return p.Plain[len(host())+1:] }
func (p *proxy) Certificate() string { return p.site.cert.file }
func (p *proxy) Away() string        { return p.site.away }
func (p *proxy) Username() string    { return username }
func (p *proxy) Password() string    { return password }

// Servers are the names and addresses of the servers.
func (p *proxy) Servers() map[string]string {
	servers := make(map[string]string)
	for _, s := range p.site.servers {
		servers[s.name] = s.plain
	}
	return servers
}

// Username and password are what the forward proxies ask for.
const username, password = "me", "secret"

// start starts a proxy until the test ends.
func (k kind) start(t testing.TB, site *site, idle time.Duration) *proxy {
	t.Helper()
	path := find(t, k.name)
	addresses := freeAddresses(t, 2)
	p := &proxy{
		kind: k, site: site,
		Dir:   t.TempDir(),
		Plain: addresses[0], Secure: addresses[1],
		Idle: int(idle.Seconds()),
	}
	p.Users = configure(t, p.Dir, "nginx.users", p)
	if !k.reverse {
		addresses = addresses[:1]
	}
	if k.switches { // the other user is to find the configuration
		if err := os.Chmod(filepath.Dir(p.Dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), path, k.args(p, configure(t, p.Dir, k.config, p))...)
	endWithParent(cmd, k.switches)
	start(t, cmd, addresses)
	return p
}

// way describes how a client reaches a server.
type way struct {
	server *server
	base   string // the URL below which the server's paths are
	client *http.Client
}

// way returns the one to a server. To the client a reverse proxy is the server, which does its TLS; through a forward
// proxy it sees the server itself.
func (p *proxy) way(s *server, secure bool) *way {
	w := &way{server: s, client: p.client(url.UserPassword(username, password))}
	switch {
	case p.reverse && secure:
		w.base = "wss://" + p.Secure + "/" + s.name + "/"
	case p.reverse:
		w.base = "ws://" + p.Plain + "/" + s.name + "/"
	case secure:
		w.base = "wss://" + s.secure + "/"
	default:
		w.base = "ws://" + s.plain + "/"
	}
	return w
}

// client returns one that trusts the certificate and uses the proxy, if that is a forward proxy, as user.
func (p *proxy) client(user *url.Userinfo) *http.Client {
	transport := &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: p.site.cert.pool},
		ForceAttemptHTTP2: true, // nginx and haproxy speak it, and a WebSocket must not get it
	}
	if !p.reverse {
		transport.Proxy = http.ProxyURL(&url.URL{Scheme: "http", Host: p.Plain, User: user})
	}
	return &http.Client{Transport: transport}
}

func kindNamed(t testing.TB, name string) kind {
	t.Helper()
	i := slices.IndexFunc(kinds, func(k kind) bool { return k.name == name })
	if i < 0 {
		t.Fatalf("no proxy is called %q", name)
	}
	return kinds[i]
}
