// Loaded before libc into a test's server: makes reads of chosen files misbehave at a chosen place, every time the
// same. A file's name says what happens: "NAME.at-N.FAULT.csv", N in bytes of the file:
//   eio     reads from N on fail with EIO
//   hook    before the first read from N on, the shell script NAME.at-N.hook.csv.sh is run, once; what it changes is
//   seen by the reads that follow short   reads give 1 to 7 bytes at a time, and every other is interrupted (EINTR)
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

using Read = ssize_t (*)(int, void*, size_t, off_t);

static ssize_t faulty_read(Read real, int descriptor, void* buffer, size_t size, off_t offset) {
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  ssize_t length = readlink(link, path, sizeof path - 16);
  const char* place = nullptr;
  if (length > 0) {
    path[length] = '\0';
    place = strstr(path, ".at-");
  }
  if (place == nullptr) return real(descriptor, buffer, size, offset);
  char* fault;
  const off_t at = strtol(place + 4, &fault, 10);
  if (strncmp(fault, ".eio", 4) == 0) {
    if (offset >= at) {
      errno = EIO;
      return -1;
    }
    if (offset + static_cast<off_t>(size) > at) size = static_cast<size_t>(at - offset);
  } else if (strncmp(fault, ".hook", 5) == 0 && offset + static_cast<off_t>(size) > at) {
    if (offset < at) {
      size = static_cast<size_t>(at - offset);
    } else {
      char command[9000], script[4200];
      snprintf(script, sizeof script, "%s.sh", path);
      snprintf(command, sizeof command, "mv '%s' '%s.done' && sh '%s.done' '%s'", script, script, script, path);
      if (access(script, F_OK) == 0 && system(command) != 0) abort();
    }
  } else if (strncmp(fault, ".short", 6) == 0) {
    static unsigned turn = 0;
    if (++turn % 2 == 0) {
      errno = EINTR;
      return -1;
    }
    const size_t most = 1 + turn % 7;
    if (size > most) size = most;
  }
  return real(descriptor, buffer, size, offset);
}

extern "C" ssize_t pread(int descriptor, void* buffer, size_t size, off_t offset) {
  static Read real = reinterpret_cast<Read>(dlsym(RTLD_NEXT, "pread"));
  return faulty_read(real, descriptor, buffer, size, offset);
}

extern "C" ssize_t pread64(int descriptor, void* buffer, size_t size, off_t offset) {
  static Read real = reinterpret_cast<Read>(dlsym(RTLD_NEXT, "pread64"));
  return faulty_read(real, descriptor, buffer, size, offset);
}
