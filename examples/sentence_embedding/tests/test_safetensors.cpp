// Reading of weights: good files, and broken ones, which must give one line and no harm.

#include "helpers.h"
#include "safetensors.h"

namespace {

std::string safetensors(const std::string &header, const std::string &data) {
    std::string length(8, '\0');
    for (size_t i = 0; i < 8; i++) length[i] = static_cast<char>(header.size() >> (8 * i) & 0xFF);
    return length + header + data;
}

const std::string kTwoFloats("\0\0\x80\x3f\0\0\0\xc0", 8);  // 1, -2

TEST(Safetensors, ReadsFloats) {
    const TemporaryFile file(safetensors(
        R"({"__metadata__":{"a":"b"},"x":{"dtype":"F32","shape":[2,1],"data_offsets":[4,12]}})",
        "skip" + kTwoFloats));
    EXPECT_EQ(Safetensors(file.path()).floats("x", {2, 1}), (std::vector<float>{1, -2}));
}

TEST(Safetensors, NamesWhatDoesNotMatch) {
    const TemporaryFile file(
        safetensors(R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
                    R"("half":{"dtype":"F16","shape":[4],"data_offsets":[0,8]},)"
                    R"("short":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})",
                    kTwoFloats));
    Safetensors tensors(file.path());
    const auto floats = [&](const char *name, const std::vector<int64_t> &shape) {
        return complaint([&] { tensors.floats(name, shape); });
    };
    EXPECT_EQ(floats("y", {2}), file.path() + ": no tensor y");
    EXPECT_EQ(floats("x", {2, 1}), file.path() + ": x: shape [2], expected [2, 1]");
    EXPECT_EQ(floats("half", {4}), file.path() + ": half: dtype F16, expected F32");
    EXPECT_EQ(floats("short", {3}), file.path() + ": short: 8 bytes of data for shape [3]");
    EXPECT_EQ(floats("x", {2}), "");
}

TEST(Safetensors, RefusesBrokenFiles) {
    const auto header = [](const std::string &entry) {
        return safetensors("{\"x\":" + entry + "}", kTwoFloats);
    };
    const Strings broken = {
        "",
        "1234567",
        std::string(8, '\0'),
        std::string("\x10\0\0\0\0\0\0\0{}", 10),
        std::string(8, '\xff') + "{}",
        safetensors("{", ""),
        safetensors("[]", ""),
        safetensors(std::string(100000, '['), ""),
        header("1"),
        header("{}"),
        header(R"({"dtype":"F32","shape":[2]})"),
        header(R"({"dtype":1,"shape":[2],"data_offsets":[0,8]})"),
        header(R"({"dtype":"F32","shape":2,"data_offsets":[0,8]})"),
        header(R"({"dtype":"F32","shape":[-2],"data_offsets":[0,8]})"),
        header(R"({"dtype":"F32","shape":[2.0],"data_offsets":[0,8]})"),
        header(R"({"dtype":"F32","shape":[18446744073709551615],"data_offsets":[0,8]})"),
        header(R"({"dtype":"F32","shape":[2],"data_offsets":[0]})"),
        header(R"({"dtype":"F32","shape":[2],"data_offsets":[8,0]})"),
        header(R"({"dtype":"F32","shape":[2],"data_offsets":[0,9]})"),
        header(R"({"dtype":"F32","shape":[2],"data_offsets":[4,9223372036854775807]})"),
    };
    for (const std::string &content : broken) {
        const TemporaryFile file(content);
        const std::string why = complaint([&] { Safetensors tensors(file.path()); });
        EXPECT_EQ(why.rfind(file.path() + ": ", 0), 0u) << content.substr(0, 80) << why;
    }
}

TEST(Safetensors, RefusesShapesWhoseBytesOverflow) {
    // 2^62 * 4 * 4 bytes wrap around to 0, which is what the offsets give.
    const TemporaryFile file(safetensors(
        R"({"x":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}})", ""));
    Safetensors tensors(file.path());
    EXPECT_NE(complaint([&] { tensors.floats("x", {int64_t{1} << 62, 4}); }), "");
}

TEST(Safetensors, NamesMissingFilesAndFolders) {
    EXPECT_EQ(complaint([] { Safetensors tensors("absent"); }), "absent: cannot open");
    EXPECT_NE(complaint([] { Safetensors tensors(testing::TempDir()); }), "");
}

}  // namespace
