# kernel_steps(RESULT): the steps of worker/kernel/steps.h as a list of ENUM:name.
function(kernel_steps result)
  file(READ ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/steps.h text)
  string(REGEX MATCHALL "\tS\\(tag, [A-Z0-9_]+, [a-z0-9]+\\)" rows "${text}")
  set(steps "")
  foreach(row IN LISTS rows)
    string(REGEX MATCH "tag, ([A-Z0-9_]+), ([a-z0-9]+)" _ ${row})
    list(APPEND steps ${CMAKE_MATCH_1}:${CMAKE_MATCH_2})
  endforeach()
  if(NOT steps)
    message(FATAL_ERROR "worker/kernel/steps.h lists no steps")
  endif()
  set(${result} ${steps} PARENT_SCOPE)
endfunction()

# kernel_objects(PREFIX isa OPTIONS ... LIBS ...): the vector kernel of an instruction set, as the
# object libraries PREFIX_<0 or 1>_<step>: 1 for floats; what derives, as PREFIX_derive_<step>; and what
# counts a Buddhabrot, as PREFIX_buddha. No value depends on errno or on traps. The names go to
# <PREFIX>_objects.
function(kernel_objects prefix isa)
  cmake_parse_arguments(PARSE_ARGV 2 K "" "" "OPTIONS;LIBS")
  kernel_steps(steps)
  set(names "")
  foreach(step IN LISTS steps)
    string(REGEX MATCH "(.*):(.*)" _ ${step})
    foreach(part IN ITEMS 0 1 derive)
      set(text escape)
      set(is_f32 ${part})
      if(part STREQUAL derive)
        set(text derive)
        set(is_f32 0)
      endif()
      list(APPEND names ${prefix}_${part}_${CMAKE_MATCH_2})
      kernel_object(${prefix}_${part}_${CMAKE_MATCH_2} ${isa} ${text}_tmpl.c ${is_f32}
        ${CMAKE_MATCH_1} ${CMAKE_MATCH_2})
    endforeach()
  endforeach()
  list(APPEND names ${prefix}_buddha)
  kernel_object(${prefix}_buddha ${isa} ../buddha/buddha_tmpl.c 0 SQUARE square)
  set(${prefix}_objects ${names} PARENT_SCOPE)
endfunction()

# Of kernel_objects(), whose arguments it sees: one library.
macro(kernel_object name isa text is_f32 step_upper step)
  add_library(${name} OBJECT ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/${text})
  target_compile_definitions(${name} PRIVATE
    KERNEL_SIMD_HEADER="worker/kernel/simd_${isa}.h" KERNEL_F32=${is_f32}
    ESCAPE_STEP=STEP_${step_upper} ESCAPE_STEP_NAME=${step})
  target_compile_options(${name} PRIVATE ${K_OPTIONS} -fno-math-errno -fno-trapping-math)
  target_link_libraries(${name} PRIVATE ${K_LIBS})
endmacro()
