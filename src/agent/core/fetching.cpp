// SPDX-License-Identifier: Apache-2.0
// A container whose command names URIs is launched once they are in its sandbox. Until then it is
// ended like one that is being launched: by DestroyContainer.
#include "agent/core/internal.hpp"

namespace mesolith::agent {

mesos::v1::CommandInfo command_of(const State& state, const Executor& executor) {
  if (executor.command) return executor.tasks.begin()->second.info.command();
  if (executor.info.has_command()) return executor.info.command();
  mesos::v1::CommandInfo command;  // executors of type DEFAULT bring none
  command.set_shell(false);
  command.set_value(state.options.launcher_dir + "/mesos-default-executor");
  command.add_arguments("mesos-default-executor");
  return command;
}

void request_container(Context& context, const Framework& framework, Executor& executor) {
  const State& state = context.state;
  executor.container_requested = true;
  const mesos::v1::CommandInfo command = command_of(state, executor);
  if (command.uris().empty()) {
    context.effects.push_back(container_for(state, framework, executor, command));
    return;
  }
  FetchUris fetch{
      executor.container_id, executor.directory, user_of(state, framework, command), {}};
  fetch.uris.assign(command.uris().begin(), command.uris().end());
  context.effects.push_back(std::move(fetch));
}

void on_uris_fetched(Context& context, const UrisFetched& event) {
  const auto owner = owner_of(context.state, event.container_id);
  if (!owner) return;
  auto [framework, executor] = *owner;
  count(context.state, "containerizer/fetcher/task_fetches_succeeded");
  const bool unwanted = executor->command ? executor->command->killed
                                          : executor->phase == Executor::Phase::terminating;
  if (unwanted) {  // DestroyContainer found nothing that it could end
    on_launch_failed(context,
                     {event.container_id, ContainerLaunchFailed::Cause::destroyed, "destroyed"});
    return;
  }
  context.effects.push_back(
      container_for(context.state, *framework, *executor, command_of(context.state, *executor)));
}

}  // namespace mesolith::agent
