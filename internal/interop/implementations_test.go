package interop

// implementations are the servers that the tests talk to.
var implementations = []implementation{
	{"coder", serveCoder},
	{"gorilla", serveGorilla},
	{"gws", serveGWS},
}
