package handshake

import (
	"strconv"
	"strings"
)

// Errors show URLs by these functions only, and so never a password.

// ShowURL is a URL that has been parsed and serialised, quoted, with "xxxxx" for its password and "..." for its query,
// which often has a ticket: errors are written to logs.
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

// ShowInput is a string that may be no URL, quoted and with "xxxxx" for its password; see HidePassword.
func ShowInput(url string) string { return strconv.Quote(HidePassword(url)) }

// HidePassword puts "xxxxx" for the password in a URL, or in a text that quotes one. The URL need not parse, and the
// password may have characters that it must not have, "/", "#" and "@" among them: everything is taken for it between
// the colon behind the user name and the last "@". Where it is not clear what is the user name, this hides too much
// rather than too little.
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
