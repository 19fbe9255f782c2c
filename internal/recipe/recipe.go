// Package recipe and the packages below it are the code that README.md and docs show. The test compares: what a page
// shows as Go is here or in an example, word by word.
package recipe
