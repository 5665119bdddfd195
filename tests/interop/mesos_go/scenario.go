// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"sort"
	"sync"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/extras/store"
	"github.com/mesos/mesos-go/api/v1/lib/resources"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler/calls"
)

const (
	taskCPUs, taskMem         = 0.01, 4
	executorCPUs, executorMem = 0.1, 32
	limit                     = 120 * time.Second
)

type Counts struct {
	Finished   int `json:"finished"`   // tasks: RUNNING once, FINISHED once
	Killed     int `json:"killed"`     // tasks: RUNNING once, KILLED once
	Reconciled int `json:"reconciled"` // answers to RECONCILE
	Messages   int `json:"messages"`   // echoes of the custom executor
	Failovers  int `json:"failovers"`
	Strange    int `json:"strange"` // tasks with any other history
}

type scenario struct {
	*ledger
	lock     sync.Mutex
	pending  []mesos.TaskInfo // resources and agent are filled in at launch
	executor mesos.ExecutorInfo
}

func scalars(cpus, mem float64) []mesos.Resource {
	return []mesos.Resource{
		resources.NewCPUs(cpus).Resource, resources.NewMemory(mem).Resource,
	}
}

func least(numbers ...int) int {
	sort.Ints(numbers)
	return numbers[0]
}

func text(s string) *string { return &s }
func flagged(b bool) *bool  { return &b }

func (s *scenario) task(id string, custom bool, waiting bool) mesos.TaskInfo {
	task := mesos.TaskInfo{
		Name: id, TaskID: mesos.TaskID{Value: id}, Resources: scalars(taskCPUs, taskMem),
	}
	switch {
	case custom && waiting:
		task.Executor, task.Data = &s.executor, []byte(waits)
	case custom:
		task.Executor = &s.executor
	case waiting:
		task.Command = &mesos.CommandInfo{Value: text("exec sleep 1000")}
	default:
		task.Command = &mesos.CommandInfo{Shell: flagged(false), Value: text("true"),
			Arguments: []string{"true"}}
	}
	return task
}

// Launches as much of what is pending as the offers hold.
func (s *scenario) onOffers(c *connection, offers []mesos.Offer) error {
	s.lock.Lock()
	defer s.lock.Unlock()
	for _, offer := range offers {
		cpus, _ := resources.CPUs(offer.Resources...)
		mem, _ := resources.Memory(offer.Resources...)
		if len(offer.ExecutorIDs) == 0 { // room for the custom executor itself
			cpus -= executorCPUs
			if mem < executorMem {
				mem = executorMem
			}
			mem -= executorMem
		}
		fit := least(int(cpus/taskCPUs), int(mem/taskMem), len(s.pending), 200)
		if fit <= 0 {
			if err := c.call(calls.Decline(offer.ID).With(calls.RefuseSeconds(time.Hour))); err != nil {
				return err
			}
			continue
		}
		launched := s.pending[:fit]
		s.pending = s.pending[fit:]
		for i := range launched {
			launched[i].AgentID = offer.AgentID
			s.record(func() { s.agents[launched[i].TaskID.Value] = offer.AgentID.Value })
		}
		accept := calls.Accept(calls.OfferOperations{calls.OpLaunch(launched...)}.WithOffers(offer.ID))
		if err := c.call(accept.With(calls.RefuseSeconds(0))); err != nil {
			return err
		}
	}
	return nil
}

func (s *scenario) launch(c *connection, tasks []mesos.TaskInfo) error {
	s.lock.Lock()
	s.pending = append(s.pending, tasks...)
	s.lock.Unlock()
	return c.call(calls.Revive())
}

// How many tasks have exactly this history; with the ledger's lock held.
func (s *scenario) count(history ...mesos.TaskState) int {
	n := 0
	for _, states := range s.updates {
		if fmt.Sprint(states) == fmt.Sprint(history) {
			n++
		}
	}
	return n
}

func (s *scenario) counts() (c Counts) {
	s.ledger.lock.Lock()
	defer s.ledger.lock.Unlock()
	c.Finished = s.count(mesos.TASK_RUNNING, mesos.TASK_FINISHED)
	c.Killed = s.count(mesos.TASK_RUNNING, mesos.TASK_KILLED)
	c.Strange = len(s.updates) - c.Finished - c.Killed
	for _, answers := range s.reconciled {
		c.Reconciled += len(answers)
	}
	c.Messages, c.Failovers = len(s.messages), s.subscribed-1
	return c
}

// Asks about these tasks (all, when there are none) and waits for one more RUNNING of each.
func (s *scenario) reconcile(c *connection, tasks map[string]string, explicit bool) error {
	before := s.counts().Reconciled
	call := calls.Reconcile()
	if explicit {
		call = calls.Reconcile(calls.ReconcileTasks(tasks))
	}
	if err := c.call(call); err != nil {
		return err
	}
	return s.await("answers to RECONCILE", limit, func() bool {
		total := 0
		for id, answers := range s.reconciled {
			if _, known := tasks[id]; known && answers[len(answers)-1] == mesos.TASK_RUNNING {
				total += len(answers)
			}
		}
		return total == before+len(tasks)
	})
}

func runScenario(master string, custom, command, waiting int) (Counts, error) {
	program, err := os.Executable()
	if err != nil {
		return Counts{}, err
	}
	s := &scenario{ledger: newLedger(), executor: mesos.ExecutorInfo{
		Type:       mesos.ExecutorInfo_CUSTOM,
		ExecutorID: mesos.ExecutorID{Value: "mesos-go"},
		Name:       text("mesos-go"),
		Command: &mesos.CommandInfo{Shell: flagged(false), Value: &program,
			Arguments: []string{program, "executor"}},
		Resources: scalars(executorCPUs, executorMem),
	}}
	err = s.run(master, custom, command, waiting)
	got := s.counts()
	want := Counts{Finished: custom + command, Killed: waiting, Reconciled: 3 * waiting,
		Messages: 1, Failovers: 1}
	if err == nil && got != want {
		err = fmt.Errorf("counted %+v, expected %+v", got, want)
	}
	return got, err
}

func (s *scenario) run(master string, custom, command, waiting int) error {
	timeout := time.Hour.Seconds()
	info := &mesos.FrameworkInfo{User: "root", Name: "mesos-go", FailoverTimeout: &timeout,
		Checkpoint: flagged(true)}
	id := store.NewInMemorySingleton()
	first := connect(master, info, id, s.ledger, s.onOffers)
	defer first.cancel()
	if err := s.await("SUBSCRIBED", limit, func() bool { return s.subscribed == 1 }); err != nil {
		return err
	}

	var tasks []mesos.TaskInfo
	for i := 0; i < custom+command; i++ {
		kind := i*command/(custom+command) == (i+1)*command/(custom+command) // mixed evenly
		tasks = append(tasks, s.task(fmt.Sprintf("ends-%d", i), kind, false))
	}
	if err := s.launch(first, tasks); err != nil {
		return err
	}
	finished := func() bool {
		return s.count(mesos.TASK_RUNNING, mesos.TASK_FINISHED) == custom+command
	}
	if err := s.await("every task FINISHED", limit, finished); err != nil {
		return err
	}

	tasks = nil
	lasting := map[string]string{}
	for i := 0; i < waiting; i++ {
		tasks = append(tasks, s.task(fmt.Sprintf("waits-%d", i), i%2 == 0, true))
	}
	if err := s.launch(first, tasks); err != nil {
		return err
	}
	running := func() bool { return s.count(mesos.TASK_RUNNING) == waiting }
	if err := s.await("every waiting task RUNNING", limit, running); err != nil {
		return err
	}
	for _, task := range tasks {
		lasting[task.TaskID.Value] = s.agents[task.TaskID.Value]
	}
	if err := s.reconcile(first, lasting, true); err != nil {
		return err
	}
	if err := s.reconcile(first, lasting, false); err != nil {
		return err
	}
	second, err := s.failOver(master, info, id, first)
	if err != nil {
		return err
	}
	defer second.cancel()
	if err := s.reconcile(second, lasting, true); err != nil {
		return err
	}
	return s.finish(second, lasting)
}

// A second connection with the same framework id takes over; the first is told so and ended.
func (s *scenario) failOver(master string, info *mesos.FrameworkInfo, id store.Singleton,
	first *connection) (*connection, error) {
	second := connect(master, info, id, s.ledger, s.onOffers)
	err := s.await("the second SUBSCRIBED and the end of the first", limit, func() bool {
		return s.subscribed == 2 && s.ended == 1
	})
	if err == nil && first.call(calls.Revive()) == nil {
		err = fmt.Errorf("a call of the connection that failed over was accepted")
	}
	return second, err
}

func (s *scenario) finish(c *connection, lasting map[string]string) error {
	agent := lasting["waits-0"] // the first is in the custom executor
	if err := c.call(calls.Message(agent, "mesos-go", []byte("hello"))); err != nil {
		return err
	}
	echoed := func() bool { return len(s.messages) == 1 && s.messages[0] == "echo hello" }
	if err := s.await("the executor's echo", limit, echoed); err != nil {
		return err
	}
	for task, agent := range lasting {
		if err := c.call(calls.Kill(task, agent)); err != nil {
			return err
		}
	}
	killed := func() bool { return s.count(mesos.TASK_RUNNING, mesos.TASK_KILLED) == len(lasting) }
	if err := s.await("every killed task KILLED", limit, killed); err != nil {
		return err
	}
	return c.call(&scheduler.Call{Type: scheduler.Call_TEARDOWN})
}
