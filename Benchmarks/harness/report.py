"""Figures against their bars, as a table for people."""

import statistics


def median(values):
    return statistics.median(values)


def number(value):
    """A figure with three digits that matter."""
    if value is None:
        return "-"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


class Report:
    """Collects the figures of a run; prints each section as markdown when it is complete."""

    def __init__(self):
        self.lines = []
        self.passed = 0
        self.missed = []

    def text(self, line=""):
        print(line, flush=True)
        self.lines.append(line)

    def table(self, title, columns, rows):
        self.text(f"### {title}")
        self.text()
        self.text("| " + " | ".join(columns) + " |")
        self.text("|" + "---|" * len(columns))
        for row in rows:
            self.text("| " + " | ".join(cell if isinstance(cell, str) else number(cell) for cell in row) + " |")
        self.text()

    def bars(self, title, rows):
        """Rows of (figure, value, "<=" or ">=", bar); a value of None is a figure that could not be measured."""
        judged = []
        for figure, value, relation, bar in rows:
            met = value is not None and (value <= bar if relation == "<=" else value >= bar)
            self.passed += met
            if not met:
                self.missed.append(f"{figure}: {number(value)}, the bar is {relation} {number(bar)}")
            judged.append((figure, value, f"{relation} {number(bar)}", "PASS" if met else "FAIL"))
        self.table(title, ["figure", "measured", "bar", ""], judged)

    def close(self):
        for line in self.missed:
            self.text(f"* missed: {line}")
        self.text(f"bars: {self.passed} passed, {len(self.missed)} failed")
