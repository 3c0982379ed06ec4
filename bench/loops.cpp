// A loop needs as many independent chains as latency times throughput of its instructions: 4 cycles
// times 2 a cycle with FMA. Without, a multiply and an add in sequence make it 8 times 2; 14 chains
// and the two constants are all 16 registers. This file is compiled with -O3 in every build.
#include "loops.h"

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace machine {
namespace {

// Close to a fixed point, so that the chains neither overflow nor become subnormal.
constexpr float FACTOR = 0.999f, ADDEND = 0.5f;

#if defined(__x86_64__)

// 128 bits, multiply and add.
__attribute__((target("sse2"))) float fma_sse(long rounds) {
    __m128 chain[14], factor = _mm_set1_ps(FACTOR), addend = _mm_set1_ps(ADDEND);
#pragma GCC unroll 24
    for (int i = 0; i < 14; i++) chain[i] = _mm_set1_ps(float(i));
    for (long round = 0; round < rounds; round++)
#pragma GCC unroll 24
        for (int i = 0; i < 14; i++) chain[i] = _mm_add_ps(_mm_mul_ps(chain[i], factor), addend);
#pragma GCC unroll 24
    for (int i = 1; i < 14; i++) chain[0] = _mm_add_ps(chain[0], chain[i]);
    return _mm_cvtss_f32(chain[0]);
}

__attribute__((target("sse2"))) float read_sse(const float *data, size_t floats) {
    __m128 sum[8];
    for (__m128 &one : sum) one = _mm_set1_ps(0);
    for (const float *end = data + floats / 32 * 32; data != end; data += 32)
#pragma GCC unroll 24
        for (int i = 0; i < 8; i++) sum[i] = _mm_add_ps(sum[i], _mm_loadu_ps(data + 4 * i));
#pragma GCC unroll 24
    for (int i = 1; i < 8; i++) sum[0] = _mm_add_ps(sum[0], sum[i]);
    return _mm_cvtss_f32(sum[0]);
}

// 256 bits.
__attribute__((target("avx2,fma"))) float fma_avx2(long rounds) {
    __m256 chain[12], factor = _mm256_set1_ps(FACTOR), addend = _mm256_set1_ps(ADDEND);
#pragma GCC unroll 24
    for (int i = 0; i < 12; i++) chain[i] = _mm256_set1_ps(float(i));
    for (long round = 0; round < rounds; round++)
#pragma GCC unroll 24
        for (int i = 0; i < 12; i++) chain[i] = _mm256_fmadd_ps(chain[i], factor, addend);
#pragma GCC unroll 24
    for (int i = 1; i < 12; i++) chain[0] = _mm256_add_ps(chain[0], chain[i]);
    return _mm256_cvtss_f32(chain[0]);
}

__attribute__((target("avx2,fma"))) float read_avx2(const float *data, size_t floats) {
    __m256 sum[8];
    for (__m256 &one : sum) one = _mm256_set1_ps(0);
    for (const float *end = data + floats / 64 * 64; data != end; data += 64)
#pragma GCC unroll 24
        for (int i = 0; i < 8; i++) sum[i] = _mm256_add_ps(sum[i], _mm256_loadu_ps(data + 8 * i));
#pragma GCC unroll 24
    for (int i = 1; i < 8; i++) sum[0] = _mm256_add_ps(sum[0], sum[i]);
    return _mm256_cvtss_f32(sum[0]);
}

// 512 bits.
__attribute__((target("avx512f"))) float fma_avx512(long rounds) {
    __m512 chain[24], factor = _mm512_set1_ps(FACTOR), addend = _mm512_set1_ps(ADDEND);
#pragma GCC unroll 24
    for (int i = 0; i < 24; i++) chain[i] = _mm512_set1_ps(float(i));
    for (long round = 0; round < rounds; round++)
#pragma GCC unroll 24
        for (int i = 0; i < 24; i++) chain[i] = _mm512_fmadd_ps(chain[i], factor, addend);
#pragma GCC unroll 24
    for (int i = 1; i < 24; i++) chain[0] = _mm512_add_ps(chain[0], chain[i]);
    return _mm512_cvtss_f32(chain[0]);
}

__attribute__((target("avx512f"))) float read_avx512(const float *data, size_t floats) {
    __m512 sum[8];
    for (__m512 &one : sum) one = _mm512_set1_ps(0);
    for (const float *end = data + floats / 128 * 128; data != end; data += 128)
#pragma GCC unroll 24
        for (int i = 0; i < 8; i++) sum[i] = _mm512_add_ps(sum[i], _mm512_loadu_ps(data + 16 * i));
#pragma GCC unroll 24
    for (int i = 1; i < 8; i++) sum[0] = _mm512_add_ps(sum[0], sum[i]);
    return _mm512_cvtss_f32(sum[0]);
}

#elif defined(__aarch64__)

// 128 bits.
float fma_neon(long rounds) {
    float32x4_t chain[24], factor = vdupq_n_f32(FACTOR), addend = vdupq_n_f32(ADDEND);
#pragma GCC unroll 24
    for (int i = 0; i < 24; i++) chain[i] = vdupq_n_f32(float(i));
    for (long round = 0; round < rounds; round++)
#pragma GCC unroll 24
        for (int i = 0; i < 24; i++) chain[i] = vfmaq_f32(addend, chain[i], factor);
#pragma GCC unroll 24
    for (int i = 1; i < 24; i++) chain[0] = vaddq_f32(chain[0], chain[i]);
    return vgetq_lane_f32(chain[0], 0);
}

float read_neon(const float *data, size_t floats) {
    float32x4_t sum[8];
    for (float32x4_t &one : sum) one = vdupq_n_f32(0);
    for (const float *end = data + floats / 32 * 32; data != end; data += 32)
#pragma GCC unroll 24
        for (int i = 0; i < 8; i++) sum[i] = vaddq_f32(sum[i], vld1q_f32(data + 4 * i));
#pragma GCC unroll 24
    for (int i = 1; i < 8; i++) sum[0] = vaddq_f32(sum[0], sum[i]);
    return vgetq_lane_f32(sum[0], 0);
}

#endif

// Operations of a round: chains times lanes times two.
#if defined(__x86_64__)
constexpr Loops SSE = {"SSE", 14 * 4 * 2, fma_sse, read_sse};
constexpr Loops AVX2 = {"AVX2", 12 * 8 * 2, fma_avx2, read_avx2};
constexpr Loops AVX512 = {"AVX-512", 24 * 16 * 2, fma_avx512, read_avx512};
#elif defined(__aarch64__)
constexpr Loops NEON = {"NEON", 24 * 4 * 2, fma_neon, read_neon};
#endif

}  // namespace

const Loops &loops([[maybe_unused]] Vector vectors) {
#if defined(__x86_64__)
    if (vectors == Vector::AVX512) return AVX512;
    return vectors == Vector::AVX2 ? AVX2 : SSE;
#else
    return NEON;
#endif
}

Vector widest_vectors() {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f")) return Vector::AVX512;
    bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    return avx2 ? Vector::AVX2 : Vector::SSE;
#else
    return Vector::NEON;
#endif
}

}  // namespace machine
