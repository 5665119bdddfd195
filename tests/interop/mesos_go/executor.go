// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log"
	"net/url"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/encoding"
	"github.com/mesos/mesos-go/api/v1/lib/encoding/codecs"
	"github.com/mesos/mesos-go/api/v1/lib/executor"
	"github.com/mesos/mesos-go/api/v1/lib/executor/calls"
	"github.com/mesos/mesos-go/api/v1/lib/executor/config"
	"github.com/mesos/mesos-go/api/v1/lib/httpcli"
	"github.com/mesos/mesos-go/api/v1/lib/httpcli/httpexec"
)

// Data of a task that runs until it is killed; any other ends at once.
const waits = "wait"

var errShutdown = errors.New("told to shut down")

type taskExecutor struct {
	sender         calls.Sender
	executorID     mesos.ExecutorID
	unackedTasks   map[mesos.TaskID]mesos.TaskInfo
	unackedUpdates map[string]executor.Call_Update
}

func runExecutor() error {
	cfg, err := config.FromEnv()
	if err != nil {
		return err
	}
	endpoint := url.URL{Scheme: "http", Host: cfg.AgentEndpoint, Path: "/api/v1/executor"}
	client := httpcli.New(
		httpcli.Endpoint(endpoint.String()),
		httpcli.Codec(codecs.ByMediaType[codecs.MediaTypeProtobuf]),
	)
	ids := executor.CallOptions{calls.Framework(cfg.FrameworkID), calls.Executor(cfg.ExecutorID)}
	e := &taskExecutor{
		sender:         calls.SenderWith(httpexec.NewSender(client.Send), ids...),
		executorID:     mesos.ExecutorID{Value: cfg.ExecutorID},
		unackedTasks:   map[mesos.TaskID]mesos.TaskInfo{},
		unackedUpdates: map[string]executor.Call_Update{},
	}
	subscriber := calls.SenderWith(httpexec.NewSender(client.Send, httpcli.Close(true)), ids...)
	for disconnected := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		response, err := subscriber.Send(context.Background(), calls.NonStreaming(e.subscribe()))
		if err == nil {
			err = e.loop(response)
			disconnected = time.Now()
		}
		if response != nil {
			response.Close()
		}
		if err == errShutdown {
			return nil
		}
		log.Println("disconnected:", err)
		if !cfg.Checkpoint || time.Since(disconnected) > cfg.RecoveryTimeout {
			return err
		}
	}
}

func (e *taskExecutor) subscribe() *executor.Call {
	var tasks []mesos.TaskInfo
	for _, task := range e.unackedTasks {
		tasks = append(tasks, task)
	}
	var updates []executor.Call_Update
	for _, update := range e.unackedUpdates {
		updates = append(updates, update)
	}
	return calls.Subscribe(tasks, updates)
}

func (e *taskExecutor) loop(events encoding.Decoder) error {
	for {
		var event executor.Event
		if err := events.Decode(&event); err != nil {
			if err == io.EOF {
				err = errors.New("the agent closed the stream")
			}
			return err
		}
		if err := e.handle(&event); err != nil {
			return err
		}
	}
}

func (e *taskExecutor) handle(event *executor.Event) error {
	switch event.GetType() {
	case executor.Event_LAUNCH:
		task := event.Launch.Task
		e.unackedTasks[task.TaskID] = task
		if err := e.update(task.TaskID, mesos.TASK_RUNNING); err != nil {
			return err
		}
		if string(task.Data) != waits {
			return e.update(task.TaskID, mesos.TASK_FINISHED)
		}
	case executor.Event_KILL:
		return e.update(event.Kill.TaskID, mesos.TASK_KILLED)
	case executor.Event_ACKNOWLEDGED:
		delete(e.unackedTasks, event.Acknowledged.TaskID)
		delete(e.unackedUpdates, string(event.Acknowledged.UUID))
	case executor.Event_MESSAGE:
		echo := calls.Message(append([]byte("echo "), event.Message.Data...))
		return calls.SendNoData(context.Background(), e.sender, calls.NonStreaming(echo))
	case executor.Event_SHUTDOWN:
		return errShutdown
	case executor.Event_ERROR:
		return errors.New(event.Error.Message)
	}
	return nil
}

func (e *taskExecutor) update(task mesos.TaskID, state mesos.TaskState) error {
	uuid := make([]byte, 16)
	if _, err := rand.Read(uuid); err != nil {
		return err
	}
	status := mesos.TaskStatus{
		TaskID:     task,
		State:      &state,
		Source:     mesos.SOURCE_EXECUTOR.Enum(),
		ExecutorID: &e.executorID,
		UUID:       uuid,
	}
	call := calls.Update(status)
	e.unackedUpdates[string(uuid)] = *call.Update
	return calls.SendNoData(context.Background(), e.sender, calls.NonStreaming(call))
}
