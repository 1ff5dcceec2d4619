#include "pg/file/byte_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "bridge/reason_text.h"
#include "engine/compress/content_hash.h"
#include "engine/compress/decompressor.h"
#include "pg/file/access.h"

namespace dap {

using compress::Decompressor;
using compress::Fault;
using compress::Format;

namespace {

constexpr Size kBlock = 256 * 1024;  // interrupts are looked at between blocks

enum class Kind : std::uint8_t { file, bytes, largeobject };

}  // namespace

// Plain data: may be abandoned in its memory context, whose end releases the decoder; descriptors end with the
// transaction.
struct ByteSource {
  Kind kind;
  Format format;
  bool closed;
  bool input_ended;    // the input's end was seen
  bool content_ended;  // all decompressed bytes were handed out
  char* name;
  FileIdentity identity;
  int descriptor;    // of a file, or of a large object
  const char* data;  // of bytes
  int64 total;
  int64 used;  // bytes of input taken from the file, bytes or large object

  char* input;  // a block of compressed input
  Size input_size;
  Size input_used;
  Decompressor* decoder;  // malloc'd, released by the callback
  MemoryContextCallback release;

  compress::ContentHash hash;
  ContentFault fault;
  MemoryContext context;
};

namespace {

void release_decoder(void* argument) {
  auto* source = static_cast<ByteSource*>(argument);
  Decompressor::destroy(source->decoder);
  source->decoder = nullptr;
}

void set_fault(ByteSource* source, Reason reason, const char* part) {
  source->fault.reason = reason;
  source->fault.message = MemoryContextStrdup(source->context, reason_text(reason, {part}));
  source->content_ended = true;
}

void set_changed(ByteSource* source, const char* what) {
  set_fault(source, Reason::changed_while_read, what);
  source->fault.changed = true;
}

// Up to one block of input from where the last one ended; 0 at the end.
Size read_input(ByteSource* source, char* buffer, Size capacity) {
  CHECK_FOR_INTERRUPTS();
  if (capacity > kBlock) capacity = kBlock;
  ssize_t size = 0;
  switch (source->kind) {
    case Kind::file:
      while ((size = pread(source->descriptor, buffer, capacity, static_cast<off_t>(source->used))) < 0 &&
             errno == EINTR)
        CHECK_FOR_INTERRUPTS();
      if (size < 0)
        ereport(ERROR, (errcode(ERRCODE_IO_ERROR), errmsg("could not read file \"%s\": %m", source->name),
                        errdetail("Bytes up to " INT64_FORMAT " of " INT64_FORMAT " were read.", source->used,
                                  source->identity.size)));
      break;
    case Kind::bytes:
      size = std::min<int64>(static_cast<int64>(capacity), source->total - source->used);
      memcpy(buffer, source->data + source->used, size);
      break;
    case Kind::largeobject: size = lo_read(source->descriptor, buffer, static_cast<int>(capacity)); break;
  }
  source->used += size;
  if (size == 0) source->input_ended = true;
  // A file that grows as fast as it is read would never end; one without a size (as below /proc) is nothing that can be
  // read twice.
  if (source->kind == Kind::file && source->used > source->identity.size) {
    set_changed(source,
                psprintf("it is longer than its " INT64_FORMAT " bytes at the beginning", source->identity.size));
    return 0;
  }
  return static_cast<Size>(size);
}

void seek_begin(ByteSource* source) {
  source->used = 0;
  if (source->kind == Kind::largeobject)
    DirectFunctionCall3(be_lo_lseek64, Int32GetDatum(source->descriptor), Int64GetDatum(0), Int32GetDatum(SEEK_SET));
}

void set_decoder_fault(ByteSource* source, Fault fault) {
  bool gzip = source->format == Format::gzip;
  int64 offset = source->used - static_cast<int64>(source->input_size - source->input_used);
  switch (fault) {
    case Fault::none: break;
    case Fault::truncated:
      set_fault(source, gzip ? Reason::truncated_gzip : Reason::truncated_zstd, psprintf(INT64_FORMAT, offset));
      break;
    case Fault::corrupt:
      set_fault(source, gzip ? Reason::corrupt_gzip : Reason::corrupt_zstd, psprintf(INT64_FORMAT, offset));
      break;
    case Fault::unsupported:
      set_fault(source, Reason::unsupported_zstd, psprintf("%d", (1 << compress::kMaxWindowLog) >> 20));
      break;
    case Fault::out_of_memory:
      ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"),
                      errdetail("Failed while decompressing \"%s\".", source->name)));
  }
}

Size read_plain(ByteSource* source, char* buffer, Size capacity) {
  Size filled = 0;
  while (filled < capacity && !source->content_ended) {
    Size size = read_input(source, buffer + filled, capacity - filled);
    if (size == 0) source->content_ended = true;
    compress::content_hash_add(&source->hash, buffer + filled, size);
    filled += size;
  }
  return filled;
}

Size read_decoded(ByteSource* source, char* buffer, Size capacity) {
  Size filled = 0;
  while (filled < capacity && !source->content_ended) {
    if (source->input_used == source->input_size && !source->input_ended) {
      source->input_used = 0;
      source->input_size = 0;
      source->input_size = read_input(source, source->input, kBlock);
      if (source->content_ended) break;
    }
    CHECK_FOR_INTERRUPTS();  // one block of input may stand for a thousand blocks of output
    compress::Step step =
        source->decoder->step(source->input + source->input_used, source->input_size - source->input_used,
                              buffer + filled, std::min(capacity - filled, kBlock), source->input_ended);
    source->input_used += step.consumed;
    compress::content_hash_add(&source->hash, buffer + filled, step.produced);
    filled += step.produced;
    if (step.finished) source->content_ended = true;
    if (step.fault != Fault::none) set_decoder_fault(source, step.fault);
  }
  return filled;
}

ByteSource* make_source(Kind kind, const char* name) {
  auto* source = static_cast<ByteSource*>(palloc0(sizeof(ByteSource)));
  source->kind = kind;
  source->name = pstrdup(name);
  source->context = CurrentMemoryContext;
  source->descriptor = -1;
  source->release.func = release_decoder;
  source->release.arg = source;
  MemoryContextRegisterResetCallback(CurrentMemoryContext, &source->release);
  return source;
}

// Chooses the decoder, by the first bytes where it is not told, and makes ready for the first read.
void prepare(ByteSource* source, Compression compression) {
  switch (compression) {
    case Compression::automatic: {
      char magic[compress::kMagicBytes];
      Size size = 0;
      while (size < sizeof magic && !source->input_ended && !source->content_ended)
        size += read_input(source, magic + size, sizeof magic - size);
      source->format = compress::detect(magic, size);
      seek_begin(source);
      break;
    }
    case Compression::plain: source->format = Format::plain; break;
    case Compression::gzip: source->format = Format::gzip; break;
    case Compression::zstd: source->format = Format::zstd; break;
  }
  if (source->format != Format::plain) {
    source->decoder = Decompressor::create(source->format);
    if (source->decoder == nullptr) set_decoder_fault(source, Fault::out_of_memory);
    source->input = static_cast<char*>(palloc(kBlock));
  }
  if (source->fault.reason == Reason::none) byte_source_rewind(source);
}

}  // namespace

FileIdentity identity_of(const struct stat* status) {
  FileIdentity identity;
  identity.device = static_cast<int64>(status->st_dev);
  identity.inode = static_cast<int64>(status->st_ino);
  identity.size = static_cast<int64>(status->st_size);
  identity.mtime_ns = static_cast<int64>(status->st_mtim.tv_sec) * 1000000000 + status->st_mtim.tv_nsec;
  identity.ctime_ns = static_cast<int64>(status->st_ctim.tv_sec) * 1000000000 + status->st_ctim.tv_nsec;
  return identity;
}

ByteSource* byte_source_open_file(const char* path, Compression compression) {
  struct stat status;
  int descriptor = open_allowed_file(path, &status);
  ByteSource* source = make_source(Kind::file, path);
  source->descriptor = descriptor;
  source->identity = identity_of(&status);
  source->total = source->identity.size;
#ifdef POSIX_FADV_SEQUENTIAL
  (void)posix_fadvise(descriptor, 0, 0, POSIX_FADV_SEQUENTIAL);  // advice: whether it is taken changes nothing
#endif
  prepare(source, compression);
  return source;
}

ByteSource* byte_source_open_bytes(const char* name, const char* data, Size size, Compression compression) {
  ByteSource* source = make_source(Kind::bytes, name);
  source->data = data;
  source->total = static_cast<int64>(size);
  prepare(source, compression);
  return source;
}

ByteSource* byte_source_open_largeobject(const char* name, Oid object, Compression compression) {
  ByteSource* source = make_source(Kind::largeobject, name);
  // By way of the SQL functions: they check the user's rights, register the snapshot and clean up at the
  // (sub)transaction's end.
  source->descriptor =
      DatumGetInt32(DirectFunctionCall2(be_lo_open, ObjectIdGetDatum(object), Int32GetDatum(INV_READ)));
  source->total = DatumGetInt64(
      DirectFunctionCall3(be_lo_lseek64, Int32GetDatum(source->descriptor), Int64GetDatum(0), Int32GetDatum(SEEK_END)));
  seek_begin(source);
  prepare(source, compression);
  return source;
}

const FileIdentity* byte_source_identity(const ByteSource* source) { return &source->identity; }

int64 byte_source_total(const ByteSource* source) { return source->total; }

int64 byte_source_used(const ByteSource* source) {
  return source->used - static_cast<int64>(source->input_size - source->input_used);
}

Size byte_source_most(const ByteSource* source, Size capacity) {
  if (source->kind != Kind::bytes || source->format != Format::plain) return capacity;
  return std::clamp<Size>(static_cast<Size>(source->total), 1, capacity);
}

Size byte_source_read(ByteSource* source, char* buffer, Size capacity) {
  return source->format == Format::plain ? read_plain(source, buffer, capacity)
                                         : read_decoded(source, buffer, capacity);
}

void byte_source_rewind(ByteSource* source) {
  seek_begin(source);
  source->input_size = source->input_used = 0;
  source->input_ended = source->content_ended = false;
  source->fault = {};
  if (source->decoder != nullptr) source->decoder->reset();
  compress::content_hash_begin(&source->hash);
}

void byte_source_rewind_undecoded(ByteSource* source) {
  release_decoder(source);
  source->format = Format::plain;
  byte_source_rewind(source);
}

const ContentFault* byte_source_fault(const ByteSource* source) { return &source->fault; }

void byte_source_check_unchanged(ByteSource* source) {
  if (source->kind != Kind::file || source->closed) return;
  for (;;) {
    struct stat status;
    if (fstat(source->descriptor, &status) != 0)
      ereport(ERROR, (errcode(ERRCODE_IO_ERROR), errmsg("could not stat file \"%s\": %m", source->name)));
    FileIdentity now = identity_of(&status);
    const FileIdentity* then = &source->identity;
    if (now.size != then->size)
      return set_changed(source, psprintf("it had " INT64_FORMAT " bytes and has " INT64_FORMAT, then->size, now.size));
    if (now.mtime_ns != then->mtime_ns) return set_changed(source, "its time of modification is another");
    if (source->input_ended && source->used != then->size)
      return set_changed(source, psprintf("it has " INT64_FORMAT " bytes, of which " INT64_FORMAT " were there to read",
                                          then->size, source->used));
    if (now.ctime_ns == then->ctime_ns || !source->input_ended || source->fault.reason != Reason::none) return;

    // Only the inode's change time is another: a rename, a link or a chmod does that, but so does a writer who sets the
    // time of modification back. The bytes themselves tell.
    uint8 first[16], second[16];
    int64 first_length, second_length;
    byte_source_hash(source, first, &first_length);
    source->identity.ctime_ns = now.ctime_ns;
    byte_source_rewind(source);
    char* buffer = static_cast<char*>(palloc(kBlock));
    while (byte_source_read(source, buffer, kBlock) > 0) continue;
    pfree(buffer);
    byte_source_hash(source, second, &second_length);
    if (first_length != second_length || memcmp(first, second, sizeof first) != 0)
      return set_changed(source, "a second reading gave other bytes");
  }
}

void byte_source_hash(const ByteSource* source, uint8 hash[16], int64* length) {
  compress::content_hash_digest(&source->hash, hash);
  *length = static_cast<int64>(source->hash.length);
}

void byte_source_close(ByteSource* source) {
  if (source->closed) return;
  source->closed = source->content_ended = true;
  if (source->kind == Kind::file && CloseTransientFile(source->descriptor) != 0)
    ereport(ERROR, (errcode(ERRCODE_IO_ERROR), errmsg("could not close file \"%s\": %m", source->name)));
  if (source->kind == Kind::largeobject) DirectFunctionCall1(be_lo_close, Int32GetDatum(source->descriptor));
  release_decoder(source);
  if (source->input != nullptr) pfree(source->input);
  source->input = nullptr;
}

}  // namespace dap
