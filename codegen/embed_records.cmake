# Joins the JSON arrays of RECORDS into the string kTunedRecords of OUT.
set(all "")
foreach(file IN LISTS RECORDS)
    file(READ ${file} text)
    string(STRIP "${text}" text)
    string(REGEX REPLACE "^\\[(.*)\\]$" "\\1" text "${text}")
    list(APPEND all "${text}")
endforeach()
string(REPLACE ";" ",\n" all "${all}")
file(WRITE ${OUT} "namespace attune {
extern const char *const kTunedRecords;
const char *const kTunedRecords = R\"records([
${all}
])records\";
}  // namespace attune
")
