#include "pattern_svg.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace tool {
namespace {

constexpr int LEFT = 58, TOP = 52, BOTTOM = 46, LEGEND = 132, SIDE = 512;
constexpr int LEAST_CELL = 2, MOST_CELL = 16;

template <class... Values>
std::string format(const char *pattern, Values... values) {
    char text[512];
    std::snprintf(text, sizeof text, pattern, values...);
    return text;
}

std::string escaped(const std::string &text) {
    std::string out;
    for (char c : text)
        out += c == '&' ? "&amp;" : c == '<' ? "&lt;" : c == '>' ? "&gt;" : std::string(1, c);
    return out;
}

// Cells by the share that they have of their row's largest influence, to the nearest power of two:
// depth 0 is the largest, depth n about 2^-n of it; white cells have none.
class Shades {
public:
    explicit Shades(const Pattern &pattern) {
        for (int64_t row = 0; row < pattern.rows; row++) {
            double most = 0;
            for (int64_t i = 0; i < pattern.tokens; i++) most = std::max(most, pattern.at(row, i));
            for (int64_t i = 0; i < pattern.tokens; i++)
                depths_.push_back(depth_of(pattern.at(row, i), most));
        }
        deepest_ = *std::max_element(depths_.begin(), depths_.end());
    }

    int depth(size_t cell) const { return depths_[cell]; }
    int deepest() const { return deepest_; }
    std::string label(int depth) const {
        if (depth == WHITE) return "0: not seen";
        if (depth == 0) return "1";
        return format("1/%d%s", 1 << depth, depth == DEEPEST ? " or less" : "");
    }
    // From a dark blue to a pale one.
    std::string colour(int depth) const {
        if (depth == WHITE) return "#fff";
        const int ramp[][3] = {{8, 29, 88}, {33, 113, 181}, {107, 174, 214}, {222, 235, 247}};
        const double at = deepest_ > 0 ? 3. * depth / deepest_ : 0;
        const int part = std::min(int(at), 2);
        int mixed[3];
        for (int c = 0; c < 3; c++)
            mixed[c] =
                int(std::lround(ramp[part][c] + (at - part) * (ramp[part + 1][c] - ramp[part][c])));
        return format("#%02x%02x%02x", mixed[0], mixed[1], mixed[2]);
    }

    static constexpr int WHITE = -1, DEEPEST = 9;

private:
    static int depth_of(double influence, double most) {
        if (influence == 0) return WHITE;
        return int(std::min(std::lround(std::log2(most / influence)), long(DEEPEST)));
    }

    std::vector<int> depths_;
    int deepest_ = WHITE;
};

// Runs of cells of a depth along lines of `along` cells, as strokes of width 1.
template <class Is>
std::string strokes(int64_t lines, int64_t along, bool down, const Is &is) {
    std::string path;
    for (int64_t line = 0; line < lines; line++) {
        int64_t pen = -1;  // where the last run of the line ended
        for (int64_t i = 0; i < along; i++) {
            if (!is(line, i)) continue;
            const int64_t start = i;
            while (i < along && is(line, i)) i++;
            if (pen >= 0)
                path += format(down ? "m0 %lld" : "m%lld 0", (long long)(start - pen));
            else
                path += down ? format("M%lld %lld", (long long)line, (long long)start)
                             : format("M%lld %lld", (long long)start, (long long)line);
            path += format(down ? "v%lld" : "h%lld", (long long)(i - start));
            pen = i;
        }
    }
    return path;
}

std::string cells(const Pattern &pattern, const Shades &shades) {
    auto is = [&](int64_t row, int64_t token, int depth) {
        return shades.depth(size_t(row * pattern.tokens + token)) == depth;
    };
    std::string out;
    for (int depth = 0; depth <= shades.deepest(); depth++) {
        std::string across = strokes(pattern.rows, pattern.tokens, false,
                                     [&](int64_t row, int64_t i) { return is(row, i, depth); });
        std::string down = strokes(pattern.tokens, pattern.rows, true,
                                   [&](int64_t token, int64_t i) { return is(i, token, depth); });
        if (across.empty()) continue;
        const bool shorter = across.size() <= down.size();
        out += format("<path stroke=\"%s\" transform=\"translate(%s)\" d=\"",
                      shades.colour(depth).c_str(), shorter ? "0 .5" : ".5 0");
        out += (shorter ? across : down) + "\"/>\n";
    }
    return out;
}

std::string label(double x, double y, const char *anchor, const std::string &text) {
    return format("<text x=\"%g\" y=\"%g\" text-anchor=\"%s\">", x, y, anchor) + escaped(text) +
           "</text>\n";
}

// A tick every power of two, eight or fewer on a side.
int64_t tick_step(int64_t count) {
    int64_t step = 1;
    while (step * 8 < count) step *= 2;
    return step;
}

std::string axes(const Pattern &pattern, int cell) {
    const double width = double(cell * pattern.tokens), height = double(cell * pattern.rows);
    std::string out;
    for (int64_t i = 0; i < pattern.tokens; i += tick_step(pattern.tokens))
        out +=
            label(LEFT + cell * (double(i) + 0.5), TOP + height + 15, "middle", std::to_string(i));
    for (int64_t i = 0; i < pattern.rows; i += tick_step(pattern.rows))
        out += label(LEFT - 6, TOP + cell * (double(i) + 0.5) + 4, "end", std::to_string(i));
    out += label(LEFT + width / 2, TOP + height + 34, "middle", "token of " + pattern.of);
    out += format("<g transform=\"translate(16 %g) rotate(-90)\">", TOP + height / 2) +
           label(0, 0, "middle", "row of " + pattern.output) + "</g>\n";
    return out + format("<path fill=\"none\" stroke=\"#888\" d=\"M%g %gh%gv%gh-%gz\"/>\n",
                        LEFT - 0.5, TOP - 0.5, width + 1, height + 1, width + 1);
}

std::string legend(const Shades &shades, int x) {
    std::string out = label(x, TOP + 10, "start", "of the row's most");
    int y = TOP + 18;
    auto add = [&](int depth) {
        out += format("<path fill=\"%s\" stroke=\"#888\" d=\"M%d.5 %d.5h14v13h-14z\"/>\n",
                      shades.colour(depth).c_str(), x, y);
        out += label(x + 20, y + 11, "start", shades.label(depth));
        y += 18;
    };
    for (int depth = 0; depth <= shades.deepest(); depth++) add(depth);
    add(Shades::WHITE);
    return out;
}

}  // namespace

std::string pattern_svg(const Pattern &pattern, const std::string &name,
                        const std::string &subtitle) {
    const Shades shades(pattern);
    const int64_t most = std::max(pattern.tokens, pattern.rows);
    const int cell = std::clamp(int(SIDE / most), LEAST_CELL, MOST_CELL);
    const int right = LEFT + cell * int(pattern.tokens) + 16;
    // About 7 units a letter.
    const int width = std::max(right + LEGEND, LEFT + 7 * int(subtitle.size()));
    const int height =
        TOP + std::max(cell * int(pattern.rows) + BOTTOM, 18 * (shades.deepest() + 3) + 8);
    std::string out = format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" "
        "height=\"%d\" font-family=\"sans-serif\" font-size=\"12\">\n",
        width, height, width, height);
    out += "<title>" + escaped(name + ": " + subtitle) + "</title>\n";
    out += format("<path fill=\"#fff\" d=\"M0 0h%dv%dh-%dz\"/>\n", width, height, width);
    out += "<g font-size=\"15\" font-weight=\"bold\">" + label(LEFT, 20, "start", name) + "</g>\n";
    out += label(LEFT, 38, "start", subtitle);
    out += format(
        "<g transform=\"translate(%d %d) scale(%d)\" fill=\"none\" "
        "shape-rendering=\"crispEdges\">\n",
        LEFT, TOP, cell);
    return out + cells(pattern, shades) + "</g>\n" + axes(pattern, cell) + legend(shades, right) +
           "</svg>\n";
}

}  // namespace tool
