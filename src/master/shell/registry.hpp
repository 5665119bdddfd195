// SPDX-License-Identifier: Apache-2.0
// The registry's place in a store (doc/format/registry.md): "master", "cluster" and "agent/<id>",
// protobuf values of proto/mesolith/registry.proto. Stored bytes that make no sense are an Error of
// Code::corrupt naming the key.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "master/core/effects.hpp"
#include "store/store.hpp"

namespace mesolith::master {

// <work_dir>/registry.db, made with its directory if need be; in memory when `work_dir` is empty.
Result<std::unique_ptr<store::Store>> open_registry_store(const std::string& work_dir);

class Registry {
 public:
  explicit Registry(std::unique_ptr<store::Store> store) : store_(std::move(store)) {}

  Result<RegistryRecovered> recover();
  // `done` runs on the store's thread.
  void commit(const Persist& change, store::Done done);

 private:
  std::unique_ptr<store::Store> store_;
};

}  // namespace mesolith::master
