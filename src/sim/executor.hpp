// SPDX-License-Identifier: Apache-2.0
// A simulated executor, custom or default: a process in a container that speaks the v1 executor API
// with its agent. It keeps what is not acknowledged and says it again when it subscribes again, as
// executors must; without checkpointing it ends with its agent. Idle, it exits.
//
// After exit() was called it does nothing further. It lives until its owner destroys it; what waits
// in the queue for it is dropped then.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "mesos/v1/executor/executor.pb.h"
#include "sim/containers.hpp"
#include "sim/record_session.hpp"

namespace mesolith::sim {

class World;

struct ExecutorPlace {
  NodeId node = 0, agent = 0;
  FrameworkId framework_id;
  ExecutorId executor_id;
  bool checkpoint = false;
};
struct ExecutorCallbacks {
  std::function<void(const TaskKey&)> task_started;
  std::function<void(const TaskKey&, int status)> task_ended;  // as wait(2) would say it
  std::function<void(const TaskKey&)> end_acknowledged;        // the agent has its last update
  std::function<void(int code)> exit;
};

class Executor {
 public:
  Executor(World& world, ExecutorPlace place, ExecutorCallbacks callbacks);
  ~Executor();
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

 private:
  struct Task {
    mesos::v1::TaskInfo info;
    Program program;
    bool acknowledged = false;  // any of its updates was
    bool killing = false, ended = false;
  };

  void subscribe();
  void on_record(const std::string& record);
  void on_closed();
  void launch(const mesos::v1::TaskInfo& info);
  void kill(const TaskId& id);
  void end(const TaskId& id, mesos::v1::TaskState state, int status);
  void end_after(const TaskId& id, Duration wait, mesos::v1::TaskState state, int status);
  void acknowledged(const mesos::v1::executor::Event::Acknowledged& event);
  void update(const TaskId& id, mesos::v1::TaskState state);
  void send(const mesos::v1::TaskStatus& status);
  void shut_down();
  void exit_if_idle();
  mesos::v1::executor::Call make_call(mesos::v1::executor::Call::Type type) const;
  void later(Duration wait, std::function<void()> action);
  TaskKey key(const TaskId& id) const { return {place_.framework_id, id}; }

  World& world_;
  const ExecutorPlace place_;
  const ExecutorCallbacks callbacks_;
  const wire::Media media_;
  std::unique_ptr<RecordSession> session_;
  std::map<TaskId, Task> tasks_;
  std::deque<mesos::v1::TaskStatus> unacknowledged_;
  bool leaving_ = false;
  uint64_t activity_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace mesolith::sim
