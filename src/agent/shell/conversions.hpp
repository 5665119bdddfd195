// SPDX-License-Identifier: Apache-2.0
// Between the core's values, the hands' and the launcher's messages. No decisions.
#pragma once

#include <optional>

#include "agent/core/effects.hpp"
#include "agent/core/events.hpp"
#include "agent/hands/containers.hpp"
#include "agent/hands/fetcher/fetcher.hpp"
#include "agent/http/handle.hpp"
#include "mesolith/launcher.pb.h"

namespace mesolith::agent {

ContainerWish wish_of(const LaunchContainer& launch);  // refers to `launch`
std::vector<VolumeMount> mounts_of(const std::vector<VolumeLink>& links);
ContainerLaunchFailed::Cause cause_of(WishProblem problem);

launcher::Request resize_request(const ResizeContainer& resize, const launcher::Cgroup& cgroup);
launcher::Request signal_request(const SignalContainer& signal);
launcher::Request destroy_request(const DestroyContainer& destroy);
launcher::Request acknowledge_request(const AcknowledgeContainer& acknowledge);
launcher::Request statistics_request(const ContainerId& id);

Event event_of(const ContainerId& id, fetcher::FetchOutcome outcome);

// What the launcher reports, for the core; nothing for what is no event of its.
std::optional<Event> event_of(const launcher::Event& event);
ContainerListing listing_of(const launcher::Container& container);

// Blocking.
http::FileAnswer look_at_file(const http::FileRequest& request);
http::ProcessFigures figures_of_host();

}  // namespace mesolith::agent
