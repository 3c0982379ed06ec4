// Shortened OpenCL source computes what Halide's does: each rule on the statements it is for.
#include "cl_source.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <regex>
#include <set>
#include <string>

namespace attune {
namespace {

const std::string kTarget = "/*OpenCL C test*/\n";

std::string shortened(const std::string &statements) {
    return short_opencl(kTarget +
                        "// Address spaces for k\n#define __address_space_x __global\n"
                        "__kernel void k(\n__address_space_x float *restrict _x,\nconst int _n,\n"
                        "const int _m,\nconst float _f,\n__local int16* __shared)\n{\n" +
                        statements + "} // kernel k\n#undef __address_space_x\n");
}

// What is between the brackets of the kernel, on one line, with X, N, M and F for the parameters.
std::string body(const std::string &statements) {
    std::string out = shortened(statements);
    out.erase(std::remove(out.begin(), out.end(), '\n'), out.end());
    static const std::regex parameters(
        R"(__kernel void k\(__global float\*restrict (\w+),int (\w+),int (\w+),float (\w+),)"
        R"(__local int16\*\w+\)\{(.*)\})");
    std::smatch parts;
    if (!std::regex_search(out, parts, parameters)) return out;
    std::string text = parts[5];
    const char *names[] = {"X", "N", "M", "F"};
    for (int i = 0; i < 4; i++)
        text = std::regex_replace(text, std::regex("\\b" + parts[i + 1].str() + "\\b"), names[i]);
    return text;
}

TEST(ClSource, KeepsTheFirstLineAndTheKernelsName) {
    const std::string out = shortened("_x[_n] = _f;\n");
    EXPECT_EQ(out.compare(0, kTarget.size(), kTarget), 0);
    EXPECT_NE(out.find("__kernel void k(__global float*restrict "), std::string::npos);
}

TEST(ClSource, PutsAValueOfOneUseWhereItIsUsed) {
    EXPECT_EQ(body("int _1 = _n + 1; // _1\nfloat _2 = _f * _f;\n_x[_1] = _2;\n"), "X[N+1]=F*F;");
}

TEST(ClSource, KeepsTheOrderOfOperations) {
    const std::string difference = "int _1 = _n - _m;\n";
    const auto index = [&](const std::string &value) {
        return body(difference + "int _2 = " + value + ";\n_x[_2] = _f;\n");
    };
    EXPECT_EQ(index("_n - _1"), "X[N-(N-M)]=F;");
    EXPECT_EQ(index("_1 - _n"), "X[N-M-N]=F;");
    EXPECT_EQ(index("_1 * _n"), "X[(N-M)*N]=F;");
    EXPECT_EQ(index("_m % _1"), "X[M%(N-M)]=F;");
    EXPECT_EQ(index("_m + _1"), "X[N-M+M]=F;");
    EXPECT_EQ(index("_1 << _m"), "X[N-M<<M]=F;");
    EXPECT_EQ(index("~_1"), "X[~(N-M)]=F;");
    EXPECT_EQ(index("min(_1, _m)"), "X[min(N-M,M)]=F;");
    EXPECT_EQ(body("float _1 = _f / _f;\nfloat _2 = _f / _1;\n_x[_n] = _2;\n"), "X[N]=F/(F/F);");
    EXPECT_EQ(body("bool _1 = _n < _m;\nint _2 = (int)(_1 ? _n : 3);\nint _3 = _2 & _m;\n"
                   "_x[_3] = _f;\n"),
              "X[(N<M?N:3)&M]=F;");
}

TEST(ClSource, MakesMasksOfConditions) {
    EXPECT_EQ(body("bool _1 = _n < 0;\nint _2 = (int)(_1 ? -1 : 0);\nint _3 = _m - _2;\n"
                   "_x[_3] = _f;\n"),
              "X[M- -(N<0)]=F;");
}

TEST(ClSource, KeepsMinusSignsApart) {
    EXPECT_EQ(body("int _1 = _n - -1;\nint _2 = _m + -2;\n_x[_1] = _f;\n_x[_2] = _f;\n"),
              "X[N- -1]=F;X[M-2]=F;");
    EXPECT_EQ(body("float _1 = -_f;\nfloat _2 = -_1;\n_x[0] = _2;\n"), "X[0]=- -F;");
}

TEST(ClSource, GivesEqualValuesOneName) {
    EXPECT_EQ(body("int _1 = _n * _m;\nint _2 = _n * _m;\n_x[_1] = _f;\n_x[_2] = _f;\n"),
              "int c=N*M;X[c]=F;X[c]=F;");
    // Not that of a block which is no longer open.
    const std::string use = "{\nint _2 = _n * _m;\n_x[_2] = _f;\n_x[_2] = _f;\n}\n";
    EXPECT_EQ(body("bool _1 = _n < _m;\nif (_1)\n" + use + "else\n" + use),
              "if(N<M){int e=N*M;X[e]=F;X[e]=F;}else{int f=N*M;X[f]=F;X[f]=F;}");
}

TEST(ClSource, GivesNoNameTwice) {
    std::string declarations, uses;
    for (int i = 0; i < 3000; i++) {
        const std::string name = "_" + std::to_string(i), value = std::to_string(i + 2);
        declarations += "int " + name + " = _n * " + value + ";\n";
        uses += "_x[" + name + "] = _f;\n_x[" + name + "] = _f;\n";
    }
    const std::string out = shortened(declarations + uses);
    static const std::regex declared(R"([ ,\n](\w+)=\w+\*\d)");
    std::set<std::string> names;
    for (std::sregex_iterator i(out.begin(), out.end(), declared), end; i != end; ++i)
        names.insert((*i)[1]);
    EXPECT_EQ(names.size(), 3000u);
    for (const char *taken : {"if", "do", "S", "k"}) EXPECT_EQ(names.count(taken), 0u) << taken;
}

TEST(ClSource, MovesNoLoadAcrossAnEffect) {
    const std::string load = "float _1 = _x[_n];\n", moved = load + "float _2 = _1 * _f;\n";
    EXPECT_EQ(body(load + "_x[_n] = _f;\n_x[_m] = _1;\n"), "float e=X[N];X[N]=F;X[M]=e;");
    EXPECT_EQ(body(moved + "_x[_n] = _f;\n_x[_m] = _2;\n"), "float e=X[N]*F;X[N]=F;X[M]=e;");
    EXPECT_EQ(body(load + "barrier(0 | CLK_LOCAL_MEM_FENCE);\n_x[_m] = _1;\n"),
              "float d=X[N];barrier(CLK_LOCAL_MEM_FENCE);X[M]=d;");
    EXPECT_EQ(body(load + "bool _3 = _n < _m;\nif (_3)\n{\n_x[_m] = _1;\n}\n"),
              "float d=X[N];if(N<M){X[M]=d;}");
}

TEST(ClSource, AddsInPlace) {
    const std::string load = "float _1 = _x[_n];\n";
    EXPECT_EQ(body(load + "float _2 = _1 + _f;\n_x[_n] = _2;\n"), "X[N]+=F;");
    EXPECT_EQ(body(load + "float _2 = _1 - _f;\n_x[_n] = _2;\n"), "X[N]-=F;");
    EXPECT_EQ(body(load + "float _2 = _f - _1;\n_x[_n] = _2;\n"), "X[N]=F-X[N];");
}

// Halide computes both sides of a choice, and a branch around a load would cost more.
TEST(ClSource, ComputesNoLoadUnderACondition) {
    EXPECT_EQ(body("bool _1 = _n < _m;\nbool _2 = _n < 4;\nbool _3 = _1 && _2;\n"
                   "float _4 = _x[_n];\nfloat _5 = (float)(_3 ? _4 : _f);\n_x[_m] = _5;\n"),
              "float e=X[N];X[M]=N<M&N<4?e:F;");
}

TEST(ClSource, LeavesInvariantsBeforeALoop) {
    EXPECT_EQ(body("int _1 = _n * 8;\nfor (int _i = 0; _i < 0 + 4; _i++)\n{\nint _2 = _1 + _i;\n"
                   "_x[_2] = _f;\n} // for _i\n"),
              "int e=N*8;for(int a=0;a<4;a++){X[e+a]=F;}");
}

TEST(ClSource, WritesTheSameNumbers) {
    const auto number = [](const std::string &bits) {
        return body("float _1 = float_from_bits(" + bits + " /* as a comment */);\n_x[0] = _1;\n");
    };
    EXPECT_EQ(number("1069066811"), "X[0]=1.442695f;");
    EXPECT_EQ(number("4048155338"), "X[0]=-1e30f;");
    EXPECT_EQ(number("2147483648"), "X[0]=-0.f;");
    EXPECT_EQ(number("1"), "X[0]=float_from_bits(1);");
    EXPECT_EQ(number("2139095040"), "X[0]=float_from_bits(2139095040);");
}

TEST(ClSource, DropsWhatIsNotUsed) {
    EXPECT_EQ(body("int _1 = 0;\nhalide_maybe_unused(_1);\nint _2 = _n * _m;\n_x[_n] = _f;\n"),
              "X[N]=F;");
}

TEST(ClSource, KeepsConversions) {
    EXPECT_EQ(body("uchar _1 = _n + _m;\nint _2 = _1 + 1;\n_x[_2] = _f;\n"),
              "uchar e=N+M;int f=e+1;X[f]=F;");
    EXPECT_EQ(body("float _1 = (float)(_n);\nint _2 = (int)(_1);\n_x[_2] = _f;\n"),
              "X[(int)(float)N]=F;");
}

TEST(ClSource, CastsSharedMemoryInAMacro) {
    const std::string cast = "((__local float *)__shared)";
    const std::string out =
        shortened(cast + "[0] = _f;\n" + cast + "[1] = _f;\n" + cast + "[2] = _f;\n");
    std::smatch name;
    ASSERT_TRUE(std::regex_search(out, name, std::regex(R"(__local int16\*(\w+)\))")));
    EXPECT_NE(out.find("#define S ((__local float*)" + name[1].str() + ")\n"), std::string::npos);
    EXPECT_TRUE(std::regex_search(out, std::regex(R"(S\[0\]=(\w+);S\[1\]=\1;S\[2\]=\1;)"))) << out;
}

TEST(ClSource, LeavesAKernelWithSomethingUnknown) {
    const auto left = [](const std::string &statements, const std::string &text) {
        return shortened(statements).find("{" + text + "}") != std::string::npos;
    };
    EXPECT_TRUE(left("float4 _1 = vload4(0, _x); // four\n_x[_n] = _1.s0;\n",
                     "float4 _1=vload4(0,_x);_x[_n]=_1.s0;"));
    EXPECT_TRUE(left("int _1 = _n;\n_1 = _m;\n_x[_1] = _f;\n", "int _1=_n;_1=_m;_x[_1]=_f;"));
}

}  // namespace
}  // namespace attune
