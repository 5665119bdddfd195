// SPDX-License-Identifier: Apache-2.0
// A Store in memory, for tests and for clusters that keep nothing. It holds every promise of
// store.hpp but durability, and calls `done` inside commit().
#pragma once

#include <memory>

#include "store/store.hpp"

namespace mesolith::store {

std::unique_ptr<Store> make_memory_store();

}  // namespace mesolith::store
