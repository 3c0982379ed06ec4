// .npy files: round trips, forms that NumPy writes, and files that are not what they say.
#include "support.h"

#include "cli/fault.h"
#include "cli/npy.h"

#include <gtest/gtest.h>

#include <cstring>

namespace {

std::string bytes_of(const std::vector<float> &values) {
    std::string bytes(values.size() * 4, '\0');
    std::memcpy(&bytes[0], values.data(), bytes.size());
    return bytes;
}

class NpyRoundTrip : public testing::TestWithParam<std::vector<int64_t>> {};

TEST_P(NpyRoundTrip, AllTypes) {
    Folder folder;
    for (attune_dtype dtype : {ATTUNE_F32, ATTUNE_I32, ATTUNE_U8}) {
        tool::Array array(GetParam(), dtype);
        for (size_t i = 0; i < array.bytes(); i++) array.as<uint8_t>()[i] = uint8_t(i * 37 % 120);
        tool::write_npy(folder / "a.npy", array);
        tool::Array back = tool::read_npy(folder / "a.npy");
        EXPECT_EQ(back.shape(), array.shape());
        EXPECT_EQ(back.dtype(), dtype);
        ASSERT_EQ(back.bytes(), array.bytes());
        EXPECT_EQ(std::memcmp(back.data(), array.data(), array.bytes()), 0);
    }
}

INSTANTIATE_TEST_SUITE_P(Shapes, NpyRoundTrip,
                         testing::Values(std::vector<int64_t>{}, std::vector<int64_t>{1},
                                         std::vector<int64_t>{7}, std::vector<int64_t>{0, 3},
                                         std::vector<int64_t>{2, 3, 5, 7, 1}));

TEST(Npy, ReadsFortranOrderAsCOrder) {
    Folder folder;
    write_text(folder / "a.npy",
               npy_text(npy_header("<f4", "True", "(2, 3)"), bytes_of({1, 4, 2, 5, 3, 6})));
    tool::Array array = tool::read_npy(folder / "a.npy");
    for (int i = 0; i < 6; i++) EXPECT_EQ(array.as<float>()[i], float(i + 1));
}

TEST(Npy, ReadsVersionTwo) {
    Folder folder;
    write_text(folder / "a.npy", npy_text(npy_header("<f4", "False", "(2,)"), bytes_of({1, 2}), 2));
    EXPECT_EQ(tool::read_npy(folder / "a.npy").as<float>()[1], 2);
}

struct Malformed {
    const char *name;
    std::string content, says;
};

class NpyMalformed : public testing::TestWithParam<Malformed> {};

TEST_P(NpyMalformed, IsAFaultThatNamesTheFile) {
    Folder folder;
    write_text(folder / "bad.npy", GetParam().content);
    try {
        tool::read_npy(folder / "bad.npy");
        FAIL() << "no fault";
    } catch (const tool::Fault &fault) {
        EXPECT_EQ(fault.status, tool::CALL_WRONG);
        std::string text = fault.what();
        EXPECT_NE(text.find("bad.npy"), std::string::npos) << text;
        EXPECT_NE(text.find(GetParam().says), std::string::npos) << text;
    }
}

const std::string TWO = bytes_of({1, 2});

INSTANTIATE_TEST_SUITE_P(
    Files, NpyMalformed,
    testing::Values(
        Malformed{"empty", "", "not an .npy file"},
        Malformed{"text", "hello, this is no array", "not an .npy file"},
        Malformed{"magic_only", "\x93NUMPY", "not an .npy file"},
        Malformed{"version", npy_text(npy_header("<f4", "False", "(2,)"), TWO, 9), "version 9"},
        Malformed{"long_header", std::string("\x93NUMPY\x01\x00\xff\xff", 10), "header"},
        Malformed{"no_dictionary", npy_text("[1, 2]", TWO), "malformed"},
        Malformed{"no_shape", npy_text("{'descr': '<f4', 'fortran_order': False, }", TWO),
                  "malformed"},
        Malformed{"negative", npy_text(npy_header("<f4", "False", "(-2,)"), TWO), "malformed"},
        Malformed{"letters", npy_text(npy_header("<f4", "False", "(two,)"), TWO), "malformed"},
        Malformed{"order", npy_text(npy_header("<f4", "Maybe", "(2,)"), TWO), "malformed"},
        Malformed{"double", npy_text(npy_header("<f8", "False", "(1,)"), TWO), "<f8"},
        Malformed{"big_endian", npy_text(npy_header(">f4", "False", "(2,)"), TWO), ">f4"},
        Malformed{"truncated", npy_text(npy_header("<f4", "False", "(3,)"), TWO), "12 bytes"},
        Malformed{"too_long", npy_text(npy_header("<f4", "False", "(1,)"), TWO), "4 bytes"},
        Malformed{"huge", npy_text(npy_header("<f4", "False", "(4294967296, 4294967296)"), TWO),
                  "large"},
        Malformed{"wide", npy_text(npy_header("<f4", "False", "(99999999999999999999,)"), TWO),
                  "large"}),
    [](const auto &info) { return info.param.name; });

TEST(Npy, MissingFileAndFolder) {
    Folder folder;
    EXPECT_THROW(tool::read_npy(folder / "none.npy"), tool::Fault);
    EXPECT_THROW(tool::read_npy(folder.path()), tool::Fault);
}

TEST(Npy, FullDiskIsTheMachinesFault) {
    try {
        tool::write_npy("/dev/full", floats({4096}, std::vector<float>(4096)));
        FAIL() << "no fault";
    } catch (const tool::Fault &fault) {
        EXPECT_EQ(fault.status, tool::MACHINE_FAILED);
    }
}

}  // namespace
