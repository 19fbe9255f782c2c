package handshake

import (
	"strconv"
	"strings"
)

// Errors show URLs by these functions only, and so never a password.

// ShowURL returns a URL that has been parsed and serialised, quoted and with "xxxxx" for its password and "..." for its
// query. Errors are written to logs, and a query often contains a ticket.
func ShowURL(url string) string {
	if i := strings.IndexByte(url, '?'); i >= 0 {
		url = url[:i+1] + "..."
	}
	end := len(url)
	if begin := strings.Index(url, "//") + 2; begin < end {
		if i := strings.IndexByte(url[begin:], '/'); i >= 0 { // which user name and password do not have
			end = begin + i
		}
	}
	return strconv.Quote(HidePassword(url[:end]) + url[end:])
}

// ShowInput returns a string that need not be a URL, quoted and with "xxxxx" for its password; see HidePassword.
func ShowInput(url string) string { return strconv.Quote(HidePassword(url)) }

// HidePassword replaces the password in a URL, or in a text that quotes one, by "xxxxx". The URL need not parse, and
// the password may have characters that are not allowed in it, such as "/", "#" and "@": everything between the colon
// after the user name and the last "@" is taken as the password. If it is not clear what the user name is, this hides
// too much rather than too little.
func HidePassword(text string) string {
	end, colon := strings.LastIndexByte(text, '@'), strings.IndexByte(text, ':')
	if strings.HasPrefix(text[colon+1:], "//") {
		next := strings.IndexByte(text[colon+1:], ':') // the first is the scheme's
		if next < 0 {
			return text
		}
		colon += 1 + next
	}
	if colon < 0 || end < colon {
		return text
	}
	return text[:colon+1] + "xxxxx" + text[end:]
}
