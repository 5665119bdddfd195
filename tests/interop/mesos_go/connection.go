// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/encoding/codecs"
	"github.com/mesos/mesos-go/api/v1/lib/extras/scheduler/callrules"
	"github.com/mesos/mesos-go/api/v1/lib/extras/scheduler/controller"
	"github.com/mesos/mesos-go/api/v1/lib/extras/scheduler/eventrules"
	"github.com/mesos/mesos-go/api/v1/lib/extras/store"
	"github.com/mesos/mesos-go/api/v1/lib/httpcli"
	"github.com/mesos/mesos-go/api/v1/lib/httpcli/httpsched"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler/calls"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler/events"
)

// What the framework has been told, over all its connections.
type ledger struct {
	lock       sync.Mutex
	changed    *sync.Cond
	updates    map[string][]mesos.TaskState // new ones per task, in order, each UUID once
	seen       map[string]bool              // UUIDs
	reconciled map[string][]mesos.TaskState // answers to RECONCILE per task
	agents     map[string]string            // task -> agent
	messages   []string
	errors     []string
	subscribed int
	ended      int // subscriptions
}

func newLedger() *ledger {
	l := &ledger{
		updates: map[string][]mesos.TaskState{}, seen: map[string]bool{},
		reconciled: map[string][]mesos.TaskState{}, agents: map[string]string{},
	}
	l.changed = sync.NewCond(&l.lock)
	return l
}

// Waits until `done` is true; it is called with the lock held.
func (l *ledger) await(what string, limit time.Duration, done func() bool) error {
	deadline := time.Now().Add(limit)
	alarm := time.AfterFunc(limit, l.changed.Broadcast)
	defer alarm.Stop()
	l.lock.Lock()
	defer l.lock.Unlock()
	for !done() {
		if !time.Now().Before(deadline) {
			return fmt.Errorf("%s: not within %v", what, limit)
		}
		l.changed.Wait()
	}
	return nil
}

func (l *ledger) record(change func()) {
	l.lock.Lock()
	change()
	l.lock.Unlock()
	l.changed.Broadcast()
}

func (l *ledger) onUpdate(status mesos.TaskStatus) {
	task := status.TaskID.Value
	l.record(func() {
		if status.GetReason() == mesos.REASON_RECONCILIATION {
			l.reconciled[task] = append(l.reconciled[task], status.GetState())
			return
		}
		if id := string(status.UUID); id != "" {
			if l.seen[id] {
				return
			}
			l.seen[id] = true
		}
		if status.GetState() == mesos.TASK_STARTING && len(l.updates[task]) == 0 {
			return // a command task may start before it runs
		}
		l.updates[task] = append(l.updates[task], status.GetState())
	})
}

// One subscription, and the calls that go with it.
type connection struct {
	caller  calls.Caller
	cancel  context.CancelFunc
	onOffer func(c *connection, offers []mesos.Offer) error
}

func connect(master string, info *mesos.FrameworkInfo, id store.Singleton, l *ledger,
	onOffers func(c *connection, offers []mesos.Offer) error) *connection {
	client := httpcli.New(
		httpcli.Endpoint("http://"+master+"/api/v1/scheduler"),
		httpcli.Codec(codecs.ByMediaType[codecs.MediaTypeProtobuf]),
	)
	ctx, cancel := context.WithCancel(context.Background())
	c := &connection{cancel: cancel, onOffer: onOffers}
	withID := callrules.WithFrameworkID(store.GetIgnoreErrors(id))
	c.caller = withID.Caller(httpsched.NewCaller(client))

	handler := eventrules.New(
		controller.TrackSubscription(id, time.Hour),
		controller.AckStatusUpdates(c.caller),
	).Handle(events.Handlers{
		scheduler.Event_SUBSCRIBED: on(func(*scheduler.Event) error {
			l.record(func() { l.subscribed++ })
			return nil
		}),
		scheduler.Event_OFFERS: on(func(e *scheduler.Event) error {
			return c.onOffer(c, e.GetOffers().GetOffers())
		}),
		scheduler.Event_UPDATE: on(func(e *scheduler.Event) error {
			l.onUpdate(e.GetUpdate().GetStatus())
			return nil
		}),
		scheduler.Event_MESSAGE: on(func(e *scheduler.Event) error {
			l.record(func() { l.messages = append(l.messages, string(e.GetMessage().GetData())) })
			return nil
		}),
		scheduler.Event_ERROR: on(func(e *scheduler.Event) error {
			l.record(func() { l.errors = append(l.errors, e.GetError().GetMessage()) })
			return fmt.Errorf("the master says: %s", e.GetError().GetMessage())
		}),
	})
	once := make(chan struct{}, 1) // one subscription per connection
	once <- struct{}{}
	close(once)
	go func() {
		controller.Run(ctx, info, c.caller,
			controller.WithFrameworkID(store.GetIgnoreErrors(id)),
			controller.WithRegistrationTokens(once),
			controller.WithEventHandler(handler),
			controller.WithSubscriptionTerminated(func(error) { l.record(func() { l.ended++ }) }))
	}()
	return c
}

func (c *connection) call(call *scheduler.Call) error {
	return calls.CallNoData(context.Background(), c.caller, call)
}

func on(f func(*scheduler.Event) error) events.HandlerFunc {
	return func(_ context.Context, e *scheduler.Event) error { return f(e) }
}
