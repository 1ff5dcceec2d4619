# The supported build (PGXS).  `make`, `make install`, `make installcheck`; PG_CONFIG chooses the server.
# `make demo` and `make check` are ./demo and ./check, which need no server's development files to start.

ifneq ($(filter demo check,$(MAKECMDGOALS)),)

.PHONY: demo check
demo check:
	./$@

else

# CMakeLists.txt reads the next line; keep it one line.
DAP_CXXFLAGS := -std=c++20 -fvisibility=hidden -fvisibility-inlines-hidden -fno-semantic-interposition -Wall -Wextra

EXTENSION := dap_analytics
DAP_VERSION := $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" dap_analytics.control)

MODULE_big := dap_analytics
DAP_SOURCES := $(sort $(shell find src -name '*.cpp'))
# DAP_JOINED=1 compiles the files of a directory as one, which reads the headers once: a third of the time. Those apart name
# things of their own alike.
ifdef DAP_JOINED
DAP_APART := src/engine/simd/% src/pg/aggregate/%
DAP_JOINTS := $(addsuffix joined.cc,$(sort $(dir $(filter-out $(DAP_APART),$(DAP_SOURCES)))))
DAP_SOURCES := $(filter $(DAP_APART),$(DAP_SOURCES))
endif
OBJS := $(DAP_SOURCES:.cpp=.o) $(DAP_JOINTS:.cc=.o)
DAP_DEPENDENCIES := $(OBJS:.o=.d)
DAP_EXPORTS := src/bridge/exports.map

# What a version keeps and what it replaces, joined in the order of their numbers.
DAP_SQL_PARTS := $(foreach part,$(sort $(notdir $(wildcard sql/state/*.sql sql/code/*.sql))),$(wildcard sql/state/$(part) sql/code/$(part)))
# From the last released version to this one: what changes in its state, the code as it is now, what the databases' contents need.
DAP_RELEASED := $(filter-out %_after,$(patsubst sql/upgrade/%.sql,%,$(wildcard sql/upgrade/[0-9]*.sql)))
DAP_UPDATES := $(foreach version,$(DAP_RELEASED),$(EXTENSION)--$(version)--$(DAP_VERSION).sql)
DAP_SQL := $(EXTENSION)--$(DAP_VERSION).sql
DATA_built := $(DAP_SQL) $(DAP_UPDATES)
# Frozen: install scripts of released versions, as which a dump of one is restored before it is updated, and updates from one to the next.
DATA := $(wildcard test/upgrade/$(EXTENSION)--*.sql sql/upgrade/$(EXTENSION)--*.sql)

PG_CPPFLAGS := -Isrc
PG_CXXFLAGS := $(DAP_CXXFLAGS) -MMD -MP
# The version script hides what -fvisibility cannot: the standard library's templates, instantiated in our objects.
SHLIB_LINK := -Wl,--version-script=$(DAP_EXPORTS) -lz -lzstd -lstdc++

REGRESS := $(patsubst test/sql/%.sql,%,$(sort $(wildcard test/sql/*.sql)))
REGRESS_OPTS := --inputdir=test

EXTRA_CLEAN := test/data/generate $(DAP_DEPENDENCIES) $(DAP_JOINTS) $(wildcard $(EXTENSION)--*.sql) results regression.diffs regression.out

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
# Debian builds bitcode with a clang that is told no -std; the module gains nothing from being inlined into queries.
override with_llvm := no
include $(PGXS)

# Linking by the C++ driver, with the C++ flags.
COMPILER = $(CXX) $(CXXFLAGS)

# Stated here because PGXS's own rule tracks headers only where the server was configured so, and by file name alone.
$(DAP_SOURCES:.cpp=.o): %.o: %.cpp Makefile
	$(CXX) $(CXXFLAGS) $(CPPFLAGS) -c -o $@ $<

# A class that keeps types of its file to itself is no fault because the file is included here.
$(DAP_JOINTS:.cc=.o): %.o: %.cc Makefile
	$(CXX) $(CXXFLAGS) $(CPPFLAGS) -Wno-subobject-linkage -c -o $@ $<

.SECONDEXPANSION:
$(DAP_JOINTS): %joined.cc: $$(wildcard $$*/*.cpp) Makefile
	printf '#include "%s"\n' $(notdir $(filter %.cpp,$^)) > $@

-include $(wildcard $(DAP_DEPENDENCIES))

$(shlib): $(DAP_EXPORTS)

$(DAP_SQL): $(DAP_SQL_PARTS) $(EXTENSION).control Makefile
	@printf '%s\n\n' '\echo Use "CREATE EXTENSION $(EXTENSION)" to load this file. \quit' > $@.tmp
	cat $(DAP_SQL_PARTS) >> $@.tmp
	@mv $@.tmp $@

# Code replaces what is there: nothing that others' objects may hang on is dropped.
$(DAP_UPDATES): $(EXTENSION)--%--$(DAP_VERSION).sql: $(wildcard sql/upgrade/*.sql sql/code/*.sql) $(EXTENSION).control Makefile
	@printf '%s\n\n' '\echo Use "ALTER EXTENSION $(EXTENSION) UPDATE" to load this file. \quit' > $@.tmp
	cat sql/upgrade/$*.sql >> $@.tmp
	sed -E 's/\bCREATE (FUNCTION|VIEW|AGGREGATE) /CREATE OR REPLACE \1 /' $(sort $(wildcard sql/code/*.sql)) >> $@.tmp
	cat $(wildcard sql/upgrade/$*_after.sql) >> $@.tmp
	@mv $@.tmp $@

test/data/generate: test/data/generate.cpp
	$(CXX) -std=c++20 -O2 -Wall -Wextra -o $@ $<

.PHONY: symbols
symbols: $(shlib)
	scripts/check_symbols $(shlib) $(DAP_EXPORTS)

endif
