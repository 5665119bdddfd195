// SPDX-License-Identifier: Apache-2.0
// libcurl and libarchive, loaded by the process that fetches and by no other: they bring forty
// libraries along, which would make every start of the program slower and its memory larger.
// A library that is not installed is an Error{unavailable}.
#pragma once

#include <archive.h>
#include <archive_entry.h>
#include <curl/curl.h>

#include "base/result.hpp"

namespace mesolith::agent::fetcher {

struct Curl {
  decltype(&::curl_global_init) global_init;
  decltype(&::curl_easy_init) init;
  decltype(&::curl_easy_setopt) setopt;
  decltype(&::curl_easy_perform) perform;
  decltype(&::curl_easy_getinfo) getinfo;
  decltype(&::curl_easy_cleanup) cleanup;
  decltype(&::curl_easy_strerror) strerror;
};
Result<const Curl*> load_curl();

struct Archive {
  decltype(&::archive_read_new) read_new;
  decltype(&::archive_read_free) read_free;
  decltype(&::archive_read_support_filter_gzip) support_filter_gzip;
  decltype(&::archive_read_support_filter_bzip2) support_filter_bzip2;
  decltype(&::archive_read_support_filter_xz) support_filter_xz;
  decltype(&::archive_read_support_format_tar) support_format_tar;
  decltype(&::archive_read_support_format_zip) support_format_zip;
  decltype(&::archive_read_support_format_raw) support_format_raw;
  decltype(&::archive_read_open_fd) open_fd;
  decltype(&::archive_read_next_header) next_header;
  decltype(&::archive_read_data_block) data_block;
  decltype(&::archive_error_string) error_string;
  decltype(&::archive_filter_count) filter_count;
  decltype(&::archive_entry_pathname) pathname;
  decltype(&::archive_entry_pathname_utf8) pathname_utf8;
  decltype(&::archive_entry_filetype) filetype;
  decltype(&::archive_entry_mode) mode;
  decltype(&::archive_entry_symlink) symlink;
  decltype(&::archive_entry_symlink_utf8) symlink_utf8;
  decltype(&::archive_entry_hardlink) hardlink;
  decltype(&::archive_entry_hardlink_utf8) hardlink_utf8;
  decltype(&::archive_entry_size) size;
  decltype(&::archive_entry_size_is_set) size_is_set;
  decltype(&::archive_entry_mtime) mtime;
  decltype(&::archive_entry_mtime_nsec) mtime_nsec;
  decltype(&::archive_entry_mtime_is_set) mtime_is_set;
};
Result<const Archive*> load_archive();

}  // namespace mesolith::agent::fetcher
