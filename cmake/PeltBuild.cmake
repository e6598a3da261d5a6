# How a room of the project is built: one target a folder, its headers in <folder>/pelt, and
# only what it links can be included.
include(CheckIPOSupported)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
  check_ipo_supported(RESULT PELT_IPO OUTPUT pelt_ipo_why LANGUAGES C)
endif()

add_library(pelt_warnings INTERFACE)
target_compile_features(pelt_warnings INTERFACE c_std_11)
target_compile_options(pelt_warnings INTERFACE
  -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wvla
  -Wformat=2 -Wundef -Wwrite-strings -Wno-unused-parameter
  $<$<BOOL:${PELT_WERROR}>:-Werror>
  -include ${CMAKE_SOURCE_DIR}/cmake/poison.h)
target_compile_definitions(pelt_warnings INTERFACE _GNU_SOURCE PELT_VERSION="${PROJECT_VERSION}")
if(PELT_SANITIZE)
  target_compile_options(pelt_warnings INTERFACE -fsanitize=${PELT_SANITIZE} -fno-omit-frame-pointer
                         -fno-sanitize-recover=all -g1)
  # At a fixed place: UndefinedBehaviorSanitizer's tables are 400,000 addresses in pelt, which each start would have to move.
  target_link_options(pelt_warnings INTERFACE -fsanitize=${PELT_SANITIZE}
                      $<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,EXECUTABLE>:-no-pie>)
  find_program(PELT_LLD ld.lld) # hundreds of tests are linked: it takes less than half of the time for each
  if(PELT_LLD)
    target_link_options(pelt_warnings INTERFACE -fuse-ld=lld)
  endif()
endif()
if(PELT_FUZZ)
  target_compile_options(pelt_warnings INTERFACE -fsanitize=fuzzer-no-link)
endif()

# What each request passes through is optimised further than all else in release builds, and at link time: it crosses rooms, which
# are separate libraries. Only where whatever links a room reads its objects without being told: GCC's linker plugin does, clang's
# does not, and tests put themselves before the allocator, which optimising them as well would undo.
function(pelt_set_hot target)
  if(PELT_IPO AND CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT PELT_SANITIZE)
    set_property(TARGET ${target} PROPERTY INTERPROCEDURAL_OPTIMIZATION ON)
  endif()
endfunction()

# Only in the place of CMake's own flags: those that whoever packages pelt gives stay as they are.
function(pelt_set_cold target)
  if(CMAKE_BUILD_TYPE STREQUAL "Release" AND CMAKE_C_FLAGS_RELEASE STREQUAL "-O3 -DNDEBUG")
    target_compile_options(${target} PRIVATE -O2)
  endif()
endfunction()

# pelt_module(NAME [HOT] SOURCES ... PUBLIC ... PRIVATE ...): the room pelt_NAME in the current folder. HOT: each request passes
# through it.
function(pelt_module name)
  cmake_parse_arguments(ARG "HOT" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  add_library(pelt_${name} STATIC ${ARG_SOURCES})
  target_include_directories(pelt_${name} PUBLIC ${CMAKE_CURRENT_SOURCE_DIR})
  target_link_libraries(pelt_${name} PUBLIC ${ARG_PUBLIC} PRIVATE pelt_warnings ${ARG_PRIVATE})
  if(ARG_HOT)
    pelt_set_hot(pelt_${name})
  else()
    pelt_set_cold(pelt_${name})
  endif()
endfunction()

# pelt_program(NAME [FIGURES] SOURCES ... LIBS ...): an executable in bin/, pelt's own or a helper of tests; `ninja programs`
# builds all of them and no unit tests. FIGURES: only measurements start it; `ninja figures` builds these as well.
add_custom_target(programs)
add_custom_target(figures)
add_dependencies(figures programs)
function(pelt_program name)
  cmake_parse_arguments(ARG "FIGURES" "" "SOURCES;LIBS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_LIBS} pelt_warnings)
  set_property(TARGET ${name} PROPERTY RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
  if(ARG_FIGURES)
    add_dependencies(figures ${name})
  else()
    add_dependencies(programs ${name})
  endif()
  pelt_set_hot(${name})
endfunction()

# pelt_unit_test(NAME [THREADS] [PLAIN] LIBS ...): tests/unit/.../NAME.c becomes the ctest test NAME (cmocka). With THREADS it may start
# threads, and runs with the thread sanitizer too; without, starting one fails it, and that build leaves it out (label unbuilt).
# With PLAIN it judges what a sanitizer changes (the process's memory, a great number of repetitions): label plain, built by `programs`
# as well, so that `ci/test` runs it in the release build too.
function(pelt_unit_test name)
  cmake_parse_arguments(ARG "THREADS;PLAIN" "" "LIBS" ${ARGN})
  add_executable(${name} ${name}.c)
  target_link_libraries(${name} PRIVATE ${ARG_LIBS} pelt_warnings PkgConfig::CMOCKA m)
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests/unit)
  set(label unit)
  if(NOT ARG_THREADS)
    target_link_libraries(${name} PRIVATE test_one_thread)
    if(PELT_SANITIZE MATCHES thread)
      set_property(TARGET ${name} PROPERTY EXCLUDE_FROM_ALL ON)
      set(label unbuilt)
    endif()
  endif()
  if(ARG_PLAIN AND NOT PELT_SANITIZE)
    add_dependencies(programs ${name})
    list(APPEND label plain)
  endif()
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS "${label}" TIMEOUT 120)
endfunction()

# pelt_fuzz_target(NAME LIBS ...): tests/fuzz/NAME.c with LLVMFuzzerTestOneInput, corpus in tests/fuzz/corpus/NAME.
# `ninja fuzzers` builds them all; ctest runs each for PELT_FUZZ_SECONDS, or until its corpus was read (label fuzz). What it
# finds goes to the build directory: new inputs to fuzz/NAME.found, crashers to fuzz/NAME.crash-*.
set(PELT_FUZZ_SECONDS 2 CACHE STRING "how long ctest runs each fuzz target, 2 s or more")
if(PELT_FUZZ)
  add_custom_target(fuzzers)
  math(EXPR PELT_FUZZ_MOST "${PELT_FUZZ_SECONDS} - 1") # libFuzzer counts whole seconds, and ends when they are more than that
endif()
function(pelt_fuzz_target name)
  cmake_parse_arguments(ARG "" "" "LIBS" ${ARGN})
  if(PELT_FUZZ)
    add_executable(${name} ${name}.c)
    target_link_libraries(${name} PRIVATE ${ARG_LIBS} pelt_warnings)
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    set_property(TARGET ${name} PROPERTY RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz)
    add_dependencies(fuzzers ${name})
    set(found ${CMAKE_BINARY_DIR}/fuzz/${name}.found)
    file(MAKE_DIRECTORY ${found})
    add_test(NAME ${name} COMMAND ${name} -max_total_time=${PELT_FUZZ_MOST} -timeout=10
             -artifact_prefix=${CMAKE_BINARY_DIR}/fuzz/${name}. ${found}
             ${CMAKE_CURRENT_SOURCE_DIR}/corpus/${name})
    set_tests_properties(${name} PROPERTIES LABELS fuzz TIMEOUT 300)
  endif()
endfunction()

# pelt_embed(TARGET SYMBOL FILE): FILE becomes `const char SYMBOL[]` (NUL-terminated) and `const size_t SYMBOL_len`.
function(pelt_embed target symbol file)
  set(out "${CMAKE_CURRENT_BINARY_DIR}/${symbol}.c")
  add_custom_command(OUTPUT ${out}
    COMMAND ${CMAKE_COMMAND} -DIN=${file} -DOUT=${out} -DSYMBOL=${symbol} -P ${CMAKE_SOURCE_DIR}/cmake/embed.cmake
    DEPENDS ${file} ${CMAKE_SOURCE_DIR}/cmake/embed.cmake VERBATIM)
  target_sources(${target} PRIVATE ${out})
endfunction()
