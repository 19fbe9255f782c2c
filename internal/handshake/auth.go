//go:build !js

package handshake

import (
	"encoding/base64"
	"strings"
)

// basicAuth returns the value of an Authorization or Proxy-Authorization field (RFC 7617 section 2).
func basicAuth(username, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(username+":"+password))
}

// offersBasic reports whether one of the challenges in the values of WWW-Authenticate is of the scheme Basic. Commas
// separate challenges as well as the parameters of one (RFC 9110 section 11.6.1): an element with a "=" after its first
// token is a parameter.
func offersBasic(values []string) bool {
	for _, value := range values {
		for value != "" {
			var element string
			element, value = cutElement(value)
			scheme, rest := cutToken(strings.Trim(element, " \t"))
			isParameter := strings.HasPrefix(strings.TrimLeft(rest, " \t"), "=")
			if strings.EqualFold(scheme, "Basic") && !isParameter {
				return true
			}
		}
	}
	return false
}

// cutElement splits a list at its first comma outside of a quoted string.
func cutElement(list string) (element, rest string) {
	quoted := false
	for i := 0; i < len(list); i++ {
		switch c := list[i]; {
		case c == '"':
			quoted = !quoted
		case c == '\\' && quoted:
			i++
		case c == ',' && !quoted:
			return list[:i], list[i+1:]
		}
	}
	return list, ""
}

// cutToken splits s after the token that it begins with.
func cutToken(s string) (token, rest string) {
	for i := range len(s) {
		if !tokenByte(s[i]) {
			return s[:i], s[i:]
		}
	}
	return s, ""
}
