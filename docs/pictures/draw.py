#!/usr/bin/env python3
"""Draws the pictures of this folder: NAME.txt becomes NAME.svg. With --check it only compares.

Two kinds of text: `layers` are rows of boxes with edges between them, a `sequence` has lanes with arrows between them. Plain SVG without
scripts, of system fonts, that is read in light and in dark.
"""

import glob
import html
import os
import sys
import textwrap

HERE = os.path.dirname(os.path.abspath(__file__))
STYLE = """<style>
text { font: 13px sans-serif; fill: #1b1f24 } .title { font-size: 16px; font-weight: bold } .small { font-size: 11px }
.box { fill: #f6f8fa; stroke: #57606a } .own { fill: #ddf4ff; stroke: #0969da } .line { stroke: #57606a; fill: none } .lane { stroke: #afb8c1 }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .box { fill: #161b22 } .own { fill: #0c2d4a } .page { fill: #0d1117 } }
</style>"""


class Picture:
    def __init__(self, width, title):
        self.width, self.title, self.parts = width, title, []
        self.text(width / 2, 26, title, "title")

    def text(self, x, y, text, kind=""):
        self.parts.append(f'<text x="{x:g}" y="{y:g}" text-anchor="middle"{kind and f""" class="{kind}" """.rstrip()}>{html.escape(text)}</text>')

    def box(self, x, y, width, height, text, kind="box"):
        self.parts.append(f'<rect class="{kind}" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="6"/>')
        lines = textwrap.wrap(text, max(8, int(width / 7.2)))
        for number, line in enumerate(lines):
            self.text(x + width / 2, y + height / 2 + 4 + (number - (len(lines) - 1) / 2) * 16, line)

    def line(self, x1, y1, x2, y2, kind="line", arrow=False):
        end = ' marker-end="url(#arrow)"' if arrow else ""
        self.parts.append(f'<line class="{kind}" x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}"{end}/>')

    def svg(self, height):
        return "\n".join([
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {height:g}" role="img" aria-label="{html.escape(self.title)}">',
            STYLE, '<defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto-start-reverse">',
            '<path d="M0 0L8 4L0 8z" fill="#57606a"/></marker></defs>',
            f'<rect class="page" width="{self.width}" height="{height:g}" fill="#ffffff"/>', *self.parts, "</svg>", ""])


def layers(title, lines):
    """Rows from top to bottom; `row*` and the indented rows below it are one process and what it is made of."""
    picture, width, margin, height, gap = Picture(880, title), 880, 30, 44, 46
    y, places, frame, top = 50, [], None, None
    for line in (line for line in lines if line.startswith("row")):
        cells = [cell.strip() for cell in line.split(None, 1)[1].split("|")]
        inner = line.startswith("row  ")
        space = 0 if inner else gap
        if places:
            y += height + (8 if inner else space)
        inset = 14 if inner else 0
        usable = width - 2 * margin
        if line.startswith("row*"):
            cells_width = [usable * 0.72 - 8, usable * 0.28 - 8]
            frame, top = margin, y
        elif inner:
            cells_width = [(usable * 0.72 - 8 - 2 * inset - 8 * (len(cells) - 1)) / len(cells)] * len(cells)
        else:
            cells_width = [(usable - 16 * (len(cells) - 1)) / len(cells)] * len(cells)
        x, row = margin + inset, []
        for cell, cell_width in zip(cells, cells_width):
            row.append((x, y, cell_width, cell))
            x += cell_width + (8 if inner else 16)
        places.append((row, line.startswith("row*"), inner))
    for index, (row, own, inner) in enumerate(places):
        for number, (x, y, cell_width, cell) in enumerate(row):
            if own and number == 0:
                last = max(i for i, place in enumerate(places) if place[2])
                picture.box(x, y, cell_width, places[last][0][0][1] + height + 12 - y, "", "own")
                picture.text(x + cell_width / 2, y + 26, cell)
            else:
                picture.box(x, y, cell_width, height, cell, "own" if own else "box")
    for line in (line for line in lines if line.startswith("edge")):
        _, from_row, from_cell, to_row, to_cell, label = line.split(None, 5)
        x1, y1, width1, _ = places[int(from_row)][0][int(from_cell)]
        x2, y2, width2, _ = places[int(to_row)][0][int(to_cell)]
        # Straight down where the boxes overlap, else from the middle to the middle.
        low, high = max(x1, x2) + 20, min(x1 + width1, x2 + width2) - 20
        start = end = (low + high) / 2 if low < high else None
        if start is None:
            start, end = x1 + width1 / 2, x2 + width2 / 2
        picture.line(start, y1 + height, end, y2, arrow=True)
        picture.text((start + end) / 2 + 8 + 3.2 * len(label), (y1 + height + y2) / 2 + 4, label, "small")
    bottom = places[-1][0][0][1] + height
    inner = max((place[0][0][1] + height + 12 for place in places if place[2]), default=bottom)
    picture.line(margin + 200, inner, margin + 200, places[-1][0][0][1], arrow=True)
    return picture.svg(bottom + 24)


def sequence(title, lines):
    lanes = [lane.strip() for lane in lines[0].removeprefix("lanes ").split("|")]
    width = 190 * len(lanes)
    picture = Picture(width, title)
    centers = {lane: 95 + 190 * number for number, lane in enumerate(lanes)}
    y = 110
    body = []
    for line in lines[1:]:
        if line.startswith("note "):
            body.append((y, None, None, line[5:]))
        else:
            ends, _, label = line.partition(": ")
            first, _, second = ends.partition(" -> ")
            body.append((y, centers[first], centers[second], label))
        y += 34
    for lane, x in centers.items():
        picture.line(x, 80, x, y - 8, "lane")
        picture.box(x - 70, 44, 140, 36, lane, "own" if lane.startswith("csi") else "box")
    for place, first, second, label in body:
        if first is None:
            picture.box(30, place - 14, width - 60, 26, label)
        else:
            picture.text((first + second) / 2, place - 5, label, "small")
            picture.line(first, place, second, place, arrow=True)
    return picture.svg(y + 6)


def main():
    stale = []
    for source in sorted(glob.glob(f"{HERE}/*.txt")):
        with open(source) as file:
            first, *lines = [line.rstrip("\n") for line in file if line.strip()]
        kind, title = first.split(None, 1)
        text = {"layers": layers, "sequence": sequence}[kind](title, lines)
        target = source.removesuffix(".txt") + ".svg"
        if "--check" in sys.argv:
            if not os.path.exists(target) or open(target).read() != text:
                stale.append(os.path.relpath(target))
        else:
            with open(target, "w") as file:
                file.write(text)
    if stale:
        sys.exit(f"not what their text gives: {' '.join(stale)}: run docs/pictures/draw.py")


main()
