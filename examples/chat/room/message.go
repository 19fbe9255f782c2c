// Package room is a chat room: everybody who is connected gets what anybody says.
package room

// Message is what the room sends: what somebody says, as JSON in a text message.
type Message struct {
	From string `json:"from"` // "" for the room itself
	Text string `json:"text"`
}
