package hosttest

import (
	"regexp"
	"strings"
)

// below returns the part of a pattern of -run that selects among the sub-tests of a test: what is left of each
// alternative that selects the test. It is empty if all sub-tests are selected.
func below(pattern, name string) string {
	names := strings.Split(name, "/")
	var rests []string
	for _, alternative := range split(pattern, '|') {
		elements := split(alternative, '/')
		if !matches(elements, names) {
			continue
		}
		if len(elements) <= len(names) {
			return ""
		}
		rests = append(rests, strings.Join(elements[len(names):], "/"))
	}
	return strings.Join(rests, "|")
}

// matches reports whether elements of a pattern match a test, as far as there are both.
func matches(elements, names []string) bool {
	for i := range min(len(elements), len(names)) {
		// The testing package has checked the pattern before any test runs.
		if ok, err := regexp.MatchString(elements[i], names[i]); err == nil && !ok {
			return false
		}
	}
	return true
}

// split splits a pattern as the testing package does: not inside brackets or parentheses, and not at a character behind
// a backslash.
func split(pattern string, separator byte) (parts []string) {
	brackets, parentheses, start := 0, 0, 0
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case c == '\\':
			i++
		case c == '[':
			brackets++
		case c == ']':
			brackets = max(brackets-1, 0) // one alone stands for itself
		case brackets > 0:
		case c == '(':
			parentheses++
		case c == ')':
			parentheses--
		case c == separator && parentheses == 0:
			parts = append(parts, pattern[start:i])
			start = i + 1
		}
	}
	return append(parts, pattern[start:])
}
