# Checks that OBJECT defines the one global symbol WANT. Sanitizers' own symbols do not count.
execute_process(COMMAND ${NM} -g --defined-only ${OBJECT}
  OUTPUT_VARIABLE output COMMAND_ERROR_IS_FATAL ANY)
string(REGEX MATCHALL "[A-Za-z] [A-Za-z_][A-Za-z0-9_.]*\n" symbols "${output}")
list(FILTER symbols EXCLUDE REGEX "__(a|ub|t|m)san|__odr_asan")
if(NOT symbols STREQUAL "T ${WANT}\n")
  message(FATAL_ERROR "expected exactly T ${WANT}, got: ${symbols}")
endif()
