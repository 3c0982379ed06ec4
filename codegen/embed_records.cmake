# Joins the JSON arrays of RECORDS into the string kTunedRecords of OUT.
set(all "")
foreach(file IN LISTS RECORDS)
    file(READ ${file} text)
    string(STRIP "${text}" text)
    string(REGEX REPLACE "^\\[(.*)\\]$" "\\1" text "${text}")
    string(APPEND all "${between}${text}") # not a list: records may hold semicolons
    set(between ",\n")
endforeach()
file(WRITE ${OUT} "namespace attune {
extern const char *const kTunedRecords;
const char *const kTunedRecords = R\"records([
${all}
])records\";
}  // namespace attune
")
