package netconn

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimit()
		before := l.current()
		expect := func(e *ending, want error) {
			t.Helper()
			if err := e.Err(); err != want {
				t.Fatalf("Err is %v, want %v", err, want)
			}
			select {
			case <-e.Done():
				if want == nil {
					t.Fatal("Done is closed")
				}
			default:
				if want != nil {
					t.Fatal("Done is not closed")
				}
			}
		}
		advance := func(d time.Duration) {
			time.Sleep(d) // of the bubble's clock
			synctest.Wait()
		}
		l.set(time.Now().Add(time.Minute))
		advance(59 * time.Second)
		expect(before, nil)
		l.set(time.Now().Add(time.Minute)) // later than before
		advance(59 * time.Second)
		expect(before, nil)
		advance(time.Second)
		expect(before, context.DeadlineExceeded)
		expect(l.current(), context.DeadlineExceeded)

		l.set(time.Time{})
		second := l.current()
		expect(second, nil)
		advance(time.Hour)
		expect(second, nil)
		l.set(time.Now().Add(time.Hour))
		l.set(time.Now().Add(time.Second)) // earlier than before
		advance(time.Second)
		expect(second, context.DeadlineExceeded)
		expect(before, context.DeadlineExceeded)

		l.set(time.Now().Add(time.Hour))
		third := l.current()
		l.set(time.Time{})
		advance(2 * time.Hour)
		expect(third, nil)
		l.set(time.Now())
		expect(third, context.DeadlineExceeded)

		l.set(time.Now().Add(time.Hour))
		fourth := l.current()
		l.close()
		expect(fourth, context.Canceled)
		if l.set(time.Time{}) {
			t.Error("set after close reports that it has set something")
		}
		advance(2 * time.Hour)
		expect(fourth, context.Canceled)
		l.close()

		l = newLimit()
		l.set(time.Now())
		l.close()
		expect(l.current(), context.Canceled)
	})
}
