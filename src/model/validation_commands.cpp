// SPDX-License-Identifier: Apache-2.0
// Commands with their environment, and containers with their volumes.
#include <fmt/format.h>

#include "model/validation.hpp"

namespace mesolith::model::validation {

namespace {

using mesos::v1::Environment;
using mesos::v1::Secret;
using mesos::v1::Volume;

Result<void> invalid(std::string message) {
  return failure(Code::invalid, std::move(message));
}

Result<void> variable(const Environment::Variable& variable) {
  const auto wrong = [&](std::string_view what) {
    return invalid(fmt::format("Environment variable '{}' of type '{}' must {}", variable.name(),
                               Environment::Variable::Type_Name(variable.type()), what));
  };
  switch (variable.type()) {
    case Environment::Variable::SECRET: {
      if (!variable.has_secret()) return wrong("have a secret set");
      if (variable.has_value()) return wrong("not have a value set");
      if (auto valid = secret(variable.secret()); !valid) {
        return invalid(fmt::format("Environment variable '{}' specifies an invalid secret: {}",
                                   variable.name(), valid.error().message));
      }
      if (variable.secret().value().data().find('\0') != std::string::npos) {
        return invalid(fmt::format(
            "Environment variable '{}' specifies a secret containing null bytes, which is not "
            "allowed in the environment",
            variable.name()));
      }
      return {};
    }
    case Environment::Variable::VALUE: {
      if (!variable.has_value()) return wrong("have a value set");
      if (variable.has_secret()) return wrong("not have a secret set");
      return {};
    }
    default:
      return invalid("Environment variable of type 'UNKNOWN' is not allowed");
  }
}

Result<void> volume_source(const Volume::Source& source) {
  const auto needs = [&](bool present, std::string_view field) -> Result<void> {
    if (present) return {};
    return invalid(fmt::format("'source.{}' is not set for {} volume", field,
                               Volume::Source::Type_Name(source.type())));
  };
  switch (source.type()) {
    case Volume::Source::DOCKER_VOLUME:
      return needs(source.has_docker_volume(), "docker_volume");
    case Volume::Source::HOST_PATH:
      return needs(source.has_host_path(), "host_path");
    case Volume::Source::SANDBOX_PATH:
      return needs(source.has_sandbox_path(), "sandbox_path");
    case Volume::Source::SECRET:
      return needs(source.has_secret(), "secret");
    case Volume::Source::CSI_VOLUME:
      return needs(source.has_csi_volume(), "csi_volume");
    default:
      return invalid("'source.type' is unknown");
  }
}

}  // namespace

Result<void> secret(const Secret& secret) {
  switch (secret.type()) {
    case Secret::REFERENCE: {
      if (!secret.has_reference()) {
        return invalid("Secret of type REFERENCE must have the 'reference' field set");
      }
      if (secret.has_value()) {
        return invalid(
            fmt::format("Secret '{}' of type REFERENCE must not have the 'value' field set",
                        secret.reference().name()));
      }
      return {};
    }
    case Secret::VALUE: {
      if (!secret.has_value())
        return invalid("Secret of type VALUE must have the 'value' field set");
      if (secret.has_reference()) {
        return invalid("Secret of type VALUE must not have the 'reference' field set");
      }
      return {};
    }
    default:
      return invalid("Secret of type UNKNOWN is not allowed");
  }
}

Result<void> environment(const Environment& environment) {
  for (const auto& one : environment.variables()) TRY_VOID(variable(one));
  return {};
}

Result<void> command(const mesos::v1::CommandInfo& command) {
  return environment(command.environment());
}

Result<void> volume(const Volume& volume) {
  const int set = volume.has_host_path() + volume.has_image() + volume.has_source();
  if (set != 1) {
    return invalid("Only one of them should be set: `host_path`, `image` and `source`");
  }
  if (volume.has_source()) return volume_source(volume.source());
  return {};
}

Result<void> container(const mesos::v1::ContainerInfo& container) {
  for (const auto& one : container.volumes()) {
    if (auto valid = volume(one); !valid)
      return invalid("Invalid volume: " + valid.error().message);
  }
  if (container.type() != mesos::v1::ContainerInfo::DOCKER) return {};
  if (!container.has_docker()) {
    return invalid("DockerInfo 'docker' is not set for DOCKER typed ContainerInfo");
  }
  for (const auto& parameter : container.docker().parameters()) {
    if (parameter.key() == "name") return invalid("Parameter in DockerInfo must not be 'name'");
  }
  return {};
}

}  // namespace mesolith::model::validation
