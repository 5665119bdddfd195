// SPDX-License-Identifier: Apache-2.0
#include "agent/hands/fetcher/libraries.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

namespace mesolith::agent::fetcher {
namespace {

class Library {
 public:
  // Never closed: the process ends soon.
  explicit Library(const char* name) : name_(name), handle_(::dlopen(name, RTLD_NOW | RTLD_LOCAL)) {
    if (!handle_) missing_ = name;
  }
  template <class Function>
  void bind(const char* symbol, Function*& function) {
    if (!missing_.empty()) return;
    function = reinterpret_cast<Function*>(::dlsym(handle_, symbol));
    if (!function) missing_ = fmt::format("{} of {}", symbol, name_);
  }
  Result<void> complete() const {
    if (missing_.empty()) return {};
    return failure(Code::unavailable, fmt::format("the library {} is not installed", missing_));
  }

 private:
  const char* name_;
  void* handle_;
  std::string missing_;
};

}  // namespace

Result<const Curl*> load_curl() {
  static Curl curl;
  static const Result<void> complete = [] {
    Library library("libcurl.so.4");
    library.bind("curl_global_init", curl.global_init);
    library.bind("curl_easy_init", curl.init);
    library.bind("curl_easy_setopt", curl.setopt);
    library.bind("curl_easy_perform", curl.perform);
    library.bind("curl_easy_getinfo", curl.getinfo);
    library.bind("curl_easy_cleanup", curl.cleanup);
    library.bind("curl_easy_strerror", curl.strerror);
    return library.complete();
  }();
  TRY_VOID(complete);
  return &curl;
}

Result<const Archive*> load_archive() {
  static Archive archive;
  static const Result<void> complete = [] {
    Library library("libarchive.so.13");
    library.bind("archive_read_new", archive.read_new);
    library.bind("archive_read_free", archive.read_free);
    library.bind("archive_read_support_filter_gzip", archive.support_filter_gzip);
    library.bind("archive_read_support_filter_bzip2", archive.support_filter_bzip2);
    library.bind("archive_read_support_filter_xz", archive.support_filter_xz);
    library.bind("archive_read_support_format_tar", archive.support_format_tar);
    library.bind("archive_read_support_format_zip", archive.support_format_zip);
    library.bind("archive_read_support_format_raw", archive.support_format_raw);
    library.bind("archive_read_open_fd", archive.open_fd);
    library.bind("archive_read_next_header", archive.next_header);
    library.bind("archive_read_data_block", archive.data_block);
    library.bind("archive_error_string", archive.error_string);
    library.bind("archive_filter_count", archive.filter_count);
    library.bind("archive_entry_pathname", archive.pathname);
    library.bind("archive_entry_pathname_utf8", archive.pathname_utf8);
    library.bind("archive_entry_filetype", archive.filetype);
    library.bind("archive_entry_mode", archive.mode);
    library.bind("archive_entry_symlink", archive.symlink);
    library.bind("archive_entry_symlink_utf8", archive.symlink_utf8);
    library.bind("archive_entry_hardlink", archive.hardlink);
    library.bind("archive_entry_hardlink_utf8", archive.hardlink_utf8);
    library.bind("archive_entry_size", archive.size);
    library.bind("archive_entry_size_is_set", archive.size_is_set);
    library.bind("archive_entry_mtime", archive.mtime);
    library.bind("archive_entry_mtime_nsec", archive.mtime_nsec);
    library.bind("archive_entry_mtime_is_set", archive.mtime_is_set);
    return library.complete();
  }();
  TRY_VOID(complete);
  return &archive;
}

}  // namespace mesolith::agent::fetcher
