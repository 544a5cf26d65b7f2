# Checks that objects define one global symbol each. WANTED: a list of symbol, object, symbol, ...
# Sanitizers' own symbols do not count.
list(LENGTH WANTED rest)
if(rest EQUAL 0)
  message(FATAL_ERROR "no object to check")
endif()
while(WANTED)
  list(POP_FRONT WANTED want object)
  execute_process(COMMAND ${NM} -g --defined-only ${object}
    OUTPUT_VARIABLE output COMMAND_ERROR_IS_FATAL ANY)
  string(REGEX MATCHALL "[A-Za-z] [A-Za-z_][A-Za-z0-9_.]*\n" symbols "${output}")
  list(FILTER symbols EXCLUDE REGEX "__(a|ub|t|m)san|__odr_asan")
  if(NOT symbols STREQUAL "T ${want}\n")
    message(FATAL_ERROR "expected exactly T ${want}, got: ${symbols}")
  endif()
endwhile()
