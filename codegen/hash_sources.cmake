# Writes the hash of SOURCES as the string kKernelSources of OUT.
set(all "")
foreach(file IN LISTS SOURCES)
    file(SHA256 ${file} hash)
    string(APPEND all ${hash})
endforeach()
string(SHA256 all "${all}")
file(WRITE ${OUT} "namespace attune {
extern const char *const kKernelSources;
const char *const kKernelSources = \"${all}\";
}  // namespace attune
")
