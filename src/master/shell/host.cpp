// SPDX-License-Identifier: Apache-2.0
#include "master/shell/host.hpp"

#include <sys/sysinfo.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

namespace mesolith::master {

http::ProcessFigures measure_host() {
  http::ProcessFigures figures;
  std::array<double, 3> loads{};
  if (getloadavg(loads.data(), static_cast<int>(loads.size())) == 3) {
    figures.load_1min = loads[0];
    figures.load_5min = loads[1];
    figures.load_15min = loads[2];
  }
  figures.cpus_total = static_cast<uint32_t>(get_nprocs());
  struct sysinfo memory{};
  if (sysinfo(&memory) == 0) {
    figures.mem_total_bytes = uint64_t{memory.totalram} * memory.mem_unit;
    figures.mem_free_bytes = uint64_t{memory.freeram} * memory.mem_unit;
  }
  return figures;
}

std::string host_name() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return "localhost";
  return name.data();
}

}  // namespace mesolith::master
