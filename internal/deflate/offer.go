package deflate

import "strconv"

// Choose is the server's part of the negotiation (RFC 7692 section 5.1): it takes the values of the
// Sec-WebSocket-Extensions headers in a client's request, several headers being one list, and chooses the first offer
// of permessage-deflate that can be accepted. ok says whether there is one; Params.Extension is then the answer to the
// client.
//
// takeover says whether messages of each side may refer to earlier ones, unless the client's offer forbids it. Without
// takeover they may not.
//
// Other extensions are skipped, and so is an offer with a parameter that is unknown, occurs twice, or has a value
// that RFC 7692 section 7.1 does not allow in an offer. An error says that a value is not in the grammar (RFC 6455
// section 9.1), which fails the handshake. Empty elements of the list are no error (RFC 9110 section 5.6.1.2).
func Choose(values []string, takeover bool) (p Params, ok bool, err error) {
	for _, value := range values {
		s := extensionScanner{rest: value}
		s.space()
		for s.rest != "" {
			if s.skip(',') {
				continue
			}
			offered, acceptable, err := s.offer(takeover)
			if err != nil {
				return Params{}, false, refused(value, err)
			}
			if acceptable && !ok {
				p, ok = offered, true
			}
			if s.rest != "" && !s.skip(',') {
				return Params{}, false, refused(value, s.fault("comma"))
			}
		}
	}
	return p, ok, nil
}

// offer reads an element of a client's list. acceptable says that it is an offer of permessage-deflate that can be
// accepted, with p.
func (s *extensionScanner) offer(takeover bool) (p Params, acceptable bool, err error) {
	name := s.token()
	if name == "" {
		return Params{}, false, s.fault("extension name")
	}
	acceptable = name == "permessage-deflate"
	p = Params{
		ServerNoContextTakeover: !takeover, ClientNoContextTakeover: !takeover,
		ServerMaxWindowBits: maxWindowBits, ClientMaxWindowBits: maxWindowBits,
	}
	var seen [4]bool
	for s.skip(';') {
		name, value, hasValue, err := s.param()
		if err != nil {
			return Params{}, false, err
		}
		number, valid := p.offered(name, value, hasValue)
		acceptable = acceptable && valid && !seen[number]
		seen[number] = true
	}
	return p, acceptable, nil
}

// offered takes a parameter of an offer into what is answered, and returns its number. It reports false if the offer
// has to be declined.
func (p *Params) offered(name, value string, hasValue bool) (number int, valid bool) {
	switch name {
	case "server_no_context_takeover":
		p.ServerNoContextTakeover = true
		return 0, !hasValue
	case "client_no_context_takeover":
		// A hint. Using it saves the memory for what the client does not refer to.
		p.ClientNoContextTakeover = true
		return 1, !hasValue
	case "server_max_window_bits":
		p.ServerMaxWindowBits, valid = windowBits(value)
		return 2, valid
	case "client_max_window_bits":
		// It allows a server to ask for a smaller window, which we do not need: an Inflater handles the full 32 KiB.
		_, valid = windowBits(value)
		return 3, valid || !hasValue
	}
	return 0, false
}

// Extension is the Sec-WebSocket-Extensions value by which a server says that it has chosen p.
func (p Params) Extension() string {
	s := "permessage-deflate"
	if p.ServerNoContextTakeover {
		s += "; server_no_context_takeover"
	}
	if p.ClientNoContextTakeover {
		s += "; client_no_context_takeover"
	}
	if p.ServerMaxWindowBits != maxWindowBits {
		s += "; server_max_window_bits=" + strconv.Itoa(p.ServerMaxWindowBits)
	}
	if p.ClientMaxWindowBits != maxWindowBits {
		s += "; client_max_window_bits=" + strconv.Itoa(p.ClientMaxWindowBits)
	}
	return s
}
