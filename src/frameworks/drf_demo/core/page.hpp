// SPDX-License-Identifier: Apache-2.0
// A Report as one HTML file that needs nothing else: no script, no style sheet, no font. The plots
// are inline SVG. Every text that comes from outside is escaped.
#pragma once

#include <string>

#include "frameworks/drf_demo/core/report.hpp"

namespace mesolith::frameworks::drf_demo {

inline constexpr size_t plot_points_max = 1000;  // per line; of more, evenly chosen ones are drawn

std::string report_page(const Report& report);

}  // namespace mesolith::frameworks::drf_demo
