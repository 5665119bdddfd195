// SPDX-License-Identifier: Apache-2.0
// Persistent volumes: directories under the agent's work_dir, or under the root of the disk they
// were made on, which outlive tasks and restarts. A destroyed one is moved aside first, under a
// name of its own, so that a restart at any moment neither brings its content back nor takes that
// of a newer volume of the same name.
#include <algorithm>

#include "agent/core/internal.hpp"
#include "model/operations.hpp"

namespace mesolith::agent {
namespace {

using mesos::v1::Resource;

std::string base_directory(const State& state, const model::Entry& volume) {
  const auto& source = volume.traits->disk->source();
  std::string root;
  if (source.type() == Resource::DiskInfo::Source::PATH) root = source.path().root();
  if (source.type() == Resource::DiskInfo::Source::MOUNT) root = source.mount().root();
  if (root.empty()) return state.options.work_dir;
  return root.starts_with('/') ? root : state.options.work_dir + "/" + root;
}

bool reserved(const Resource& resource) {
  return !resource.reservations().empty() || resource.has_reservation() ||
         resource.disk().has_persistence();
}

// Their records go once it is known that they were moved, and what was in them after that.
void move_aside(Context& context, const std::vector<RemovedVolume>& volumes) {
  if (volumes.empty()) return;
  for (const RemovedVolume& removed : volumes) {
    context.effects.push_back(RemoveVolume{removed.path, removed.trash});
    for (RemovedVolume& each : context.state.removals) {
      if (each.trash == removed.trash) each.moved = true;
    }
  }
  put_resources(context);
  when_durable(context, RemovalsDurable{volumes});
}

}  // namespace

std::string volume_directory(const State& state, const model::Entry& volume) {
  return base_directory(state, volume) + "/" + model::volume_path(volume);
}

RemovedVolume removed_volume(State& state, const model::Entry& volume) {
  return {volume_directory(state, volume),
          base_directory(state, volume) + "/volumes/.removed/" + state.rng.uuid_text()};
}

void volumes_durable(Context& context, const VolumesDurable& durable) {
  move_aside(context, durable.removed);
  for (const std::string& path : durable.made) context.effects.push_back(MakeVolume{path});
}

void removals_durable(Context& context, const RemovalsDurable& durable) {
  State& state = context.state;
  DiscardVolumes discard;
  for (const RemovedVolume& removed : durable.removed) {
    std::erase_if(state.removals,
                  [&](const RemovedVolume& each) { return each.trash == removed.trash; });
    discard.directories.insert(removed.trash.substr(0, removed.trash.rfind('/')));
  }
  for (const RemovedVolume& removed : state.removals) discard.keep.insert(removed.trash);
  context.effects.push_back(std::move(discard));
}

void resume_volumes(Context& context) {
  const State& state = context.state;
  move_aside(context, std::vector(state.removals));
  for (const model::Entry& volume : state.total.persistent_volumes().entries()) {
    context.effects.push_back(MakeVolume{volume_directory(state, volume)});
  }
}

std::vector<VolumeLink> volume_links(const State& state, const model::RepeatedResource& resources) {
  std::vector<VolumeLink> links;
  for (const Resource& resource : resources) {
    if (!resource.disk().has_persistence()) continue;
    const auto parsed = model::Resources::parse(resource);
    if (!parsed || parsed->empty()) continue;
    const model::Entry& volume = parsed->entries().front();
    links.push_back({volume_directory(state, volume), resource.disk().volume().container_path(),
                     volume.shared()});
  }
  return links;
}

bool has_volumes(const model::RepeatedResource& resources) {
  return std::ranges::any_of(
      resources, [](const Resource& resource) { return resource.disk().has_persistence(); });
}

std::string unknown_resources(const State& state, const mesos::v1::TaskInfo& task) {
  if (std::ranges::none_of(task.resources(), reserved) &&
      std::ranges::none_of(task.executor().resources(), reserved)) {
    return "";
  }
  const auto own = model::Resources::parse(task.resources());
  const auto executor = model::Resources::parse(task.executor().resources());
  if (!own || !executor) return "";
  const model::Resources needed = model::converted((*own + *executor).unallocated());
  return state.total.contains(needed) ? "" : needed.describe();
}

void link_volumes(Context& context, const Framework& framework, const Executor& executor,
                  const mesos::v1::TaskInfo& task) {
  LinkVolumes out{executor.directory, "", volume_links(context.state, task.resources())};
  if (out.volumes.empty()) return;
  if (context.state.options.switch_user) {
    const auto& command = executor.info.command();
    out.user = command.has_user() ? command.user() : framework.info.user();
  }
  context.effects.push_back(std::move(out));
}

}  // namespace mesolith::agent
