#include "pattern_svg.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace tool {
namespace {

constexpr int LEFT = 58, TOP = 52, BOTTOM = 46, LEGEND = 132, SIDE = 512;
constexpr int LEAST_CELL = 2, MOST_CELL = 16, MOST_LEVELS = 9;
constexpr double ROUNDED = 1 + 1e-4;  // a weight of 1 may come out as 0.9999999

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

// 1, 0.3, 0.1, 0.03, ...: the n-th bound, which may be negative for those above 1.
double bound(int n) {
    const int decade = int(std::floor(n / 2.0));
    return (n - 2 * decade ? 3 : 10) * std::pow(10, -decade - 1);
}

// Cells by the bound that they reach: half a decade a level, from that of the largest influence.
class Scale {
public:
    explicit Scale(const Pattern &pattern) {
        double most = 0, least = INFINITY;
        for (double x : pattern.influence) {
            most = std::max(most, x * ROUNDED);
            if (x > 0) least = std::min(least, x * ROUNDED);
        }
        if (most == 0) return;
        first_ = -80;
        while (bound(first_) > most) first_++;
        levels_ = 1;
        while (levels_ < MOST_LEVELS && bound(first_ + levels_ - 1) > least) levels_++;
    }

    int levels() const { return levels_; }
    // 0: not seen; 1: the least that is, ... levels(): the most.
    int level(double influence) const {
        if (influence == 0) return 0;
        int level = levels_;
        while (level > 1 && influence * ROUNDED < bound(first_ + levels_ - level)) level--;
        return level;
    }
    std::string label(int level) const {
        const double low = bound(first_ + levels_ - level);
        return level == 1 && levels_ == MOST_LEVELS
                   ? format("below %g", bound(first_ + levels_ - 2))
                   : format("%g or more", low);
    }
    // From a pale blue to a dark one.
    std::string colour(int level) const {
        if (level == 0) return "#fff";
        const double at = levels_ == 1 ? 1 : double(level - 1) / (levels_ - 1);
        const int ramp[][3] = {{222, 235, 247}, {158, 202, 225}, {49, 130, 189}, {8, 29, 88}};
        const int part = std::min(int(at * 3), 2);
        auto mixed = [&](int c) {
            return int(
                std::lround(ramp[part][c] + (at * 3 - part) * (ramp[part + 1][c] - ramp[part][c])));
        };
        return format("#%02x%02x%02x", mixed(0), mixed(1), mixed(2));
    }

private:
    int first_ = 0, levels_ = 0;  // first_: bound of the darkest level
};

// Runs of cells of a level along lines of `along` cells, as strokes of width 1.
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

std::string cells(const Pattern &pattern, const Scale &scale) {
    std::vector<int> levels;
    for (double x : pattern.influence) levels.push_back(scale.level(x));
    auto at = [&](int64_t row, int64_t token) {
        return levels[size_t(row * pattern.tokens + token)];
    };
    std::string out;
    for (int level = 1; level <= scale.levels(); level++) {
        std::string across = strokes(pattern.rows, pattern.tokens, false,
                                     [&](int64_t row, int64_t i) { return at(row, i) == level; });
        std::string down = strokes(pattern.tokens, pattern.rows, true,
                                   [&](int64_t token, int64_t i) { return at(i, token) == level; });
        if (across.empty()) continue;
        const bool shorter = across.size() <= down.size();
        out += format("<path stroke=\"%s\" transform=\"translate(%s)\" d=\"",
                      scale.colour(level).c_str(), shorter ? "0 .5" : ".5 0");
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

std::string legend(const Scale &scale, double x) {
    std::string out = label(x, TOP + 10, "start", "influence");
    for (int level = scale.levels(), y = TOP + 18; level >= 0; level--, y += 18) {
        out += format("<path fill=\"%s\" stroke=\"#888\" d=\"M%g %d.5h14v13h-14z\"/>\n",
                      scale.colour(level).c_str(), x + 0.5, y);
        out += label(x + 20, y + 11, "start", level ? scale.label(level) : "0: not seen");
    }
    return out;
}

}  // namespace

std::string pattern_svg(const Pattern &pattern, const std::string &name,
                        const std::string &subtitle) {
    const Scale scale(pattern);
    const int64_t most = std::max(pattern.tokens, pattern.rows);
    const int cell = std::clamp(int(SIDE / most), LEAST_CELL, MOST_CELL);
    const int right = LEFT + cell * int(pattern.tokens) + 16;
    // About 7 units a letter.
    const int width = std::max(right + LEGEND, LEFT + 7 * int(subtitle.size()));
    const int height =
        TOP + std::max(cell * int(pattern.rows) + BOTTOM, 18 * (scale.levels() + 2) + 8);
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
    return out + cells(pattern, scale) + "</g>\n" + axes(pattern, cell) + legend(scale, right) +
           "</svg>\n";
}

}  // namespace tool
