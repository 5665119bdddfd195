// SPDX-License-Identifier: Apache-2.0
#include "agent/shell/conversions.hpp"

#include "agent/hands/sandbox_files.hpp"
#include "os/system.hpp"

namespace mesolith::agent {
namespace {

ContainerLaunchFailed::Cause cause_of(launcher::LaunchFailed::Cause cause) {
  switch (cause) {
    case launcher::LaunchFailed::EXEC:
      return ContainerLaunchFailed::Cause::exec_failed;
    case launcher::LaunchFailed::USER:
      return ContainerLaunchFailed::Cause::user_unknown;
    default:
      return ContainerLaunchFailed::Cause::system;
  }
}

http::FileFault fault_of(FileProblem problem) {
  switch (problem) {
    case FileProblem::not_found:
      return http::FileFault::not_found;
    case FileProblem::is_directory:
      return http::FileFault::is_directory;
    case FileProblem::inaccessible:
      return http::FileFault::inaccessible;
  }
  return http::FileFault::inaccessible;
}

http::FileInfo info_of(const os::FileStatus& status) {
  http::FileInfo info;
  info.name = status.path.substr(status.path.rfind('/') + 1);
  info.size = status.size;
  info.nlink = static_cast<uint32_t>(status.links);
  info.mode = status.mode;
  info.mtime_seconds = status.modified_seconds;
  info.user = os::user_name(status.uid).value_or(std::to_string(status.uid));
  info.group = os::group_name(status.gid).value_or(std::to_string(status.gid));
  return info;
}

}  // namespace

ContainerWish wish_of(const LaunchContainer& launch) {
  ContainerWish wish;
  wish.container_id = launch.container_id.value;
  wish.sandbox = launch.sandbox;
  wish.link = launch.link;
  wish.program = launch.program;
  wish.arguments = launch.arguments;
  wish.environment = launch.environment;
  wish.user = launch.user;
  wish.cpus = launch.cpus;
  wish.mem_bytes = launch.mem_bytes;
  if (launch.container) wish.container = &*launch.container;
  wish.volumes = mounts_of(launch.volumes);
  return wish;
}

std::vector<VolumeMount> mounts_of(const std::vector<VolumeLink>& links) {
  std::vector<VolumeMount> mounts;
  for (const VolumeLink& link : links) mounts.push_back({link.volume, link.link, link.shared});
  return mounts;
}

ContainerLaunchFailed::Cause cause_of(WishProblem problem) {
  switch (problem) {
    case WishProblem::user_unknown:
      return ContainerLaunchFailed::Cause::user_unknown;
    case WishProblem::system:
      return ContainerLaunchFailed::Cause::system;
  }
  return ContainerLaunchFailed::Cause::system;
}

launcher::Request resize_request(const ResizeContainer& resize, const launcher::Cgroup& cgroup) {
  launcher::Request request;
  request.mutable_resize()->set_container_id(resize.container_id.value);
  *request.mutable_resize()->mutable_cgroup() = cgroup;
  return request;
}

launcher::Request signal_request(const SignalContainer& signal) {
  launcher::Request request;
  request.mutable_signal()->set_container_id(signal.container_id.value);
  request.mutable_signal()->set_signal(signal.signal);
  return request;
}

launcher::Request destroy_request(const DestroyContainer& destroy) {
  launcher::Request request;
  request.mutable_destroy()->set_container_id(destroy.container_id.value);
  return request;
}

launcher::Request acknowledge_request(const AcknowledgeContainer& acknowledge) {
  launcher::Request request;
  request.mutable_acknowledge()->set_container_id(acknowledge.container_id.value);
  return request;
}

launcher::Request statistics_request(const ContainerId& id) {
  launcher::Request request;
  request.mutable_statistics()->set_container_id(id.value);
  return request;
}

Event event_of(const ContainerId& id, fetcher::FetchOutcome outcome) {
  using Kind = fetcher::FetchOutcome::Kind;
  using Cause = ContainerLaunchFailed::Cause;
  if (outcome.kind == Kind::fetched) return UrisFetched{id};
  Cause cause = Cause::fetch_failed;
  if (outcome.kind == Kind::user_unknown) cause = Cause::user_unknown;
  if (outcome.kind == Kind::stopped) cause = Cause::destroyed;
  return ContainerLaunchFailed{id, cause, std::move(outcome.message)};
}

std::optional<Event> event_of(const launcher::Event& event) {
  switch (event.event_case()) {
    case launcher::Event::kLaunched:
      return ContainerLaunched{ContainerId(event.launched().container_id()),
                               event.launched().pid()};
    case launcher::Event::kLaunchFailed: {
      const auto& failed = event.launch_failed();
      return ContainerLaunchFailed{ContainerId(failed.container_id()), cause_of(failed.cause()),
                                   failed.message()};
    }
    case launcher::Event::kExited: {
      const auto& exited = event.exited();
      ContainerExited happened{ContainerId(exited.container_id()), exited.wait_status(),
                               std::nullopt};
      if (exited.has_memory_limitation())
        happened.memory_limit_bytes = exited.memory_limitation().limit_bytes();
      return happened;
    }
    default:
      return std::nullopt;
  }
}

ContainerListing listing_of(const launcher::Container& container) {
  ContainerListing listing;
  listing.container_id = ContainerId(container.container_id());
  listing.pid = container.pid();
  if (container.state() == launcher::Container::EXITED)
    listing.exit_status = container.wait_status();
  if (container.has_memory_limitation()) {
    listing.memory_limit_bytes = container.memory_limitation().limit_bytes();
  }
  return listing;
}

http::FileAnswer look_at_file(const http::FileRequest& request) {
  if (request.kind == http::FileRequest::Kind::browse) {
    auto listed = browse_files(request.path, request.root);
    if (const auto* problem = std::get_if<FileProblem>(&listed)) return fault_of(*problem);
    http::Listing listing;
    for (const os::FileStatus& file : std::get<std::vector<os::FileStatus>>(listed)) {
      listing.files.push_back(info_of(file));
    }
    return listing;
  }
  std::optional<uint64_t> length = request.length;
  if (request.kind == http::FileRequest::Kind::read)
    length = std::min(length.value_or(http::read_bytes_max), http::read_bytes_max);
  if (request.size_only) length = 0;
  auto window = read_window(request.path, request.root, request.offset, length);
  if (const auto* problem = std::get_if<FileProblem>(&window)) return fault_of(*problem);
  FileContent& content = std::get<FileContent>(window);
  return http::Content{std::move(content.data), content.size};
}

http::ProcessFigures figures_of_host() {
  http::ProcessFigures figures;
  if (const auto loads = os::load_averages()) {
    figures.load_1min = (*loads)[0];
    figures.load_5min = (*loads)[1];
    figures.load_15min = (*loads)[2];
  }
  figures.cpus_total = os::cpu_count();
  if (const auto memory = os::memory()) {
    figures.mem_total_bytes = memory->bytes_total;
    figures.mem_free_bytes = memory->bytes_free;
  }
  return figures;
}

}  // namespace mesolith::agent
