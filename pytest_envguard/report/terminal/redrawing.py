"""What moves a terminal's cursor, so that lines are drawn again where they stand."""

from __future__ import annotations

EVERY = 0.1  # seconds from one drawing to the next
LEAST = 20  # columns below which nothing can be drawn
UP, TO_END, BELOW = "\x1b[{}A", "\x1b[K", "\x1b[J"  # the cursor isn't hidden: who is killed could not show it again
# What is drawn at once appears at once, on terminals that know it; others ignore it (contour-terminal.org, mode 2026).
TOGETHER, DONE = "\x1b[?2026h", "\x1b[?2026l"
