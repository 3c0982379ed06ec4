/* Decodes several sequences at once, token by token, from a paged cache of keys and values. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "server.h"

/* The cache and one dense call add in another order. */
static const double kAllowed = 1e-5;

static const char kUsage[] =
    "usage: decode_paged [OPTION...]\n"
    "Decodes several sequences at once, token by token, from a paged cache.\n"
    "  --sequences N  sequences that arrive (8)\n"
    "  --batch N      of them at a time (4)\n"
    "  --pages N      pages of the cache, 16 tokens each (32)\n"
    "  --prompt N     longest prompt, in tokens (200)\n"
    "  --generate N   most tokens generated for a sequence (100)\n"
    "  --threads N    0: one a hardware thread (0)\n"
    "  --check        compare with dense attention on whole sequences\n"
    "  --help         this text\n"
    "Exit status: 0 done; 1 failed, or the check did; 2 a wrong option.\n";

typedef struct number {
    const char *name;
    int low, high, *value;
} number;

static bool parse_number(const number *n) {
    char *end = optarg;
    errno = 0;
    const long value = strtol(optarg, &end, 10);
    if (end == optarg || *end || errno || value < n->low || value > n->high) {
        fprintf(stderr, "decode_paged: --%s: '%s' is no number from %d to %d\n", n->name, optarg,
                n->low, n->high);
        return false;
    }
    *n->value = (int)value;
    return true;
}

/* Each sequence must fit when it runs alone, or none of those behind it would ever start. */
static bool fits(const settings *o) {
    const int needed = pages_for(o->prompt + o->generate);
    if (o->pages >= needed) return true;
    fprintf(stderr, "decode_paged: --pages %d: the longest sequence may need %d\n", o->pages,
            needed);
    return false;
}

/* -1: go on; else the status to exit with. */
static int parse(int argc, char **argv, settings *o) {
    enum { NUMBERS = 6, CHECK = NUMBERS, HELP, OPTIONS };
    const number numbers[NUMBERS] = {
        {"sequences", 1, 10000, &o->sequences}, {"batch", 1, 10000, &o->batch},
        {"pages", 1, 1000000, &o->pages},       {"prompt", 1, 100000, &o->prompt},
        {"generate", 1, 100000, &o->generate},  {"threads", 0, 1024, &o->threads}};
    struct option names[OPTIONS + 1] = {
        [CHECK] = {"check", no_argument, NULL, CHECK}, [HELP] = {"help", no_argument, NULL, HELP}};
    for (int i = 0; i < NUMBERS; i++) {
        names[i] = (struct option){numbers[i].name, required_argument, NULL, i};
    }
    for (int i; (i = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        if (i == '?') return 2; /* getopt_long has said why */
        if (i < NUMBERS && !parse_number(&numbers[i])) return 2;
        if (i == CHECK) o->check = true;
        if (i == HELP) return fputs(kUsage, stdout) < 0;
    }
    if (optind == argc) return fits(o) ? -1 : 2;
    fprintf(stderr, "decode_paged: '%s': no argument is expected\n", argv[optind]);
    return 2;
}

static void print_table(const server *s) {
    printf("sequence  arrived  started  finished  prompt  generated  pages  preempted\n");
    for (int i = 0; i < s->settings.sequences; i++) {
        const sequence *seq = &s->sequences[i];
        printf("%8d %8d %8d %9d %7d %10d %6d %10d\n", i, seq->arrives, seq->started, seq->finished,
               seq->prompt, seq->known - seq->prompt, seq->most_pages, seq->preempted);
    }
    printf("%d tokens generated in %d steps, %d prefilled; %d of %d pages in use at most\n",
           s->generated, s->step, s->prefilled, s->pool.count - s->pool.least_free, s->pool.count);
    printf("%.3f s, %.3f of them attention: %.0f tokens generated a second\n", s->seconds,
           s->attention_seconds, s->generated / s->seconds);
}

static attune_status check(server *s, bool *good) {
    const int all = s->settings.sequences;
    attune_status status = ATTUNE_OK;
    double most = 0;
    *good = true;
    for (int i = 0; !status && i < all; i++) {
        double difference = 0;
        show_progress("checked", i, all);
        status = check_sequence(s, &s->sequences[i], &difference);
        if (!(difference <= most)) most = difference;
        if (difference <= kAllowed) continue; /* false for NaN */
        *good = false;
        fprintf(stderr,
                "decode_paged: sequence %d differs from dense attention by %.2g of the "
                "largest value\n",
                i, difference);
    }
    show_progress("checked", all, all);
    if (status || !*good) return status;
    printf("as dense attention: largest difference %.2g of the largest value\n", most);
    return ATTUNE_OK;
}

static int fail(const char *why) {
    fprintf(stderr, "decode_paged: %s\n", why);
    return 1;
}

static int run(server *s, const settings *o) {
    if (!server_create(s, o)) return fail("out of memory");
    attune_options options;
    attune_options_defaults(&options);
    options.threads = o->threads;
    attune_status status = attune_context_create(&options, &s->context);
    bool good = true;
    if (!status) status = server_run(s);
    if (!status) print_table(s);
    if (!status && o->check) status = check(s, &good);
    if (status) return fail(attune_error_message());
    if (fflush(stdout) || ferror(stdout)) return fail("standard output cannot be written");
    return good ? 0 : 1;
}

int main(int argc, char **argv) {
    settings o = {.sequences = 8, .batch = 4, .pages = 32, .prompt = 200, .generate = 100};
    int status = parse(argc, argv, &o);
    if (status >= 0) return status;
    server s;
    status = run(&s, &o);
    server_destroy(&s);
    return status;
}
