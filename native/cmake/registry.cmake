# squeeze_registry(<layer> <header> <Type> <out>): every folder native/<layer>/<id>/ with a <id>.cpp defines
# `const <Type> k<Type>_<id>`; this writes the function that lists them all, `all_<layer>()`, and names its file in <out>.
function(squeeze_registry layer header type out)
  file(GLOB folders CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${layer}/*)
  set(declarations "")
  set(entries "")
  foreach(folder ${folders})
    get_filename_component(id ${folder} NAME)
    if(EXISTS ${folder}/${id}.cpp)
      string(APPEND declarations "extern const ${type} k${type}_${id};\n")
      string(APPEND entries "&k${type}_${id}, ")
    endif()
  endforeach()
  set(file ${CMAKE_CURRENT_BINARY_DIR}/${layer}_list.cpp)
  file(CONFIGURE OUTPUT ${file} @ONLY CONTENT "// Made by cmake/registry.cmake.
#include \"${layer}/${header}\"
namespace squeeze {
${declarations}
std::span<const ${type}* const> all_${layer}() {
  static const ${type}* const list[] = {${entries}};
  return list;
}
}  // namespace squeeze
")
  set(${out} ${file} PARENT_SCOPE)
endfunction()
