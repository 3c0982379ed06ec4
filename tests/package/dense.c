/* Calls the default pack from C99. All keys are alike, so each row of the result is the mean of the
 * values: of 0, 1, 2, ... that is (LENGTH - 1) / 2. */
#include <attune_default.h>
#include <math.h>
#include <stdio.h>

enum { LENGTH = 65, HEADS = 3, WIDTH = 64 };

static float q[LENGTH][HEADS][WIDTH], k[LENGTH][HEADS][WIDTH], v[LENGTH][HEADS][WIDTH],
    o[LENGTH][HEADS][WIDTH];

static DLTensor view(void *data) {
    static int64_t shape[4] = {1, LENGTH, HEADS, WIDTH};
    DLTensor tensor = {0};
    tensor.data = data;
    tensor.device.device_type = kDLCPU;
    tensor.ndim = 4;
    tensor.dtype.code = kDLFloat;
    tensor.dtype.bits = 32;
    tensor.dtype.lanes = 1;
    tensor.shape = shape;
    return tensor;
}

static void fill(void) {
    for (int i = 0; i < LENGTH; i++)
        for (int h = 0; h < HEADS; h++)
            for (int d = 0; d < WIDTH; d++) {
                q[i][h][d] = (float)(i - d);
                k[i][h][d] = (float)h;
                v[i][h][d] = (float)i;
            }
}

int main(void) {
    DLTensor tq = view(q), tk = view(k), tv = view(v), to = view(o);
    attune_dense_args args;
    attune_context *context = NULL;
    fill();
    attune_dense_defaults(&args);
    args.q = &tq;
    args.k = &tk;
    args.v = &tv;
    args.o = &to;
    attune_status status = attune_context_create(NULL, &context);
    if (status == ATTUNE_OK) status = attune_default_dense(context, &args);
    attune_context_destroy(context);
    if (status != ATTUNE_OK) {
        printf("%s: %s\n", attune_status_name(status), attune_error_message());
        return 1;
    }
    for (int i = 0; i < LENGTH; i++)
        if (fabsf(o[i][HEADS - 1][WIDTH - 1] - (LENGTH - 1) / 2) > 1e-4f) {
            printf("row %d is %g\n", i, (double)o[i][HEADS - 1][WIDTH - 1]);
            return 1;
        }
    return 0;
}
