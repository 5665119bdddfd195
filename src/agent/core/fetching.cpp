// SPDX-License-Identifier: Apache-2.0
// A container whose command names URIs is launched once they are in its sandbox. Until then it is
// ended like one that is being launched: by DestroyContainer.
#include "agent/core/internal.hpp"

namespace mesolith::agent {

namespace {

void fetch(Context& context, const ContainerId& id, const std::string& sandbox,
           const Framework& framework, const mesos::v1::CommandInfo& command) {
  FetchUris fetch{id, sandbox, user_of(context.state, framework, command), {}};
  fetch.uris.assign(command.uris().begin(), command.uris().end());
  context.effects.push_back(std::move(fetch));
}

}  // namespace

void request_container(Context& context, const Framework& framework, Executor& executor) {
  executor.container_requested = true;
  const mesos::v1::CommandInfo& command = executor.info.command();
  if (command.uris().empty()) {
    context.effects.push_back(container_for(context.state, framework, executor, command));
  } else {
    fetch(context, executor.container_id, executor.directory, framework, command);
  }
}

void request_container(Context& context, const Framework& framework, const Executor& executor,
                       const Task& task) {
  const mesos::v1::CommandInfo& command = task.info.command();
  if (command.uris().empty()) {
    context.effects.push_back(container_for(context.state, framework, executor, task));
  } else {
    fetch(context, task.command->container_id, task.command->directory, framework, command);
  }
}

void on_uris_fetched(Context& context, const UrisFetched& event) {
  const auto owner = owner_of(context.state, event.container_id);
  if (!owner) return;
  auto& [framework, executor, task] = *owner;
  count(context.state, "containerizer/fetcher/task_fetches_succeeded");
  const bool unwanted =
      task ? task->command->killed : executor.phase == Executor::Phase::terminating;
  if (unwanted) {  // DestroyContainer found nothing that it could end
    on_launch_failed(context,
                     {event.container_id, ContainerLaunchFailed::Cause::destroyed, "destroyed"});
    return;
  }
  context.effects.push_back(
      task ? container_for(context.state, framework, executor, *task)
           : container_for(context.state, framework, executor, executor.info.command()));
}

}  // namespace mesolith::agent
