"""The corners of shapes."""

import math


def outline(shape: str, x: float, y: float, radius: float, turn: float) -> list[float]:
    """The corners of a shape around (x, y), flat; `turn` in radians. Not for circles."""
    if shape == "heart":
        angles = [2 * math.pi * k / 36 for k in range(36)]
        points = [
            (
                math.sin(a) ** 3,
                -(13 * math.cos(a) - 5 * math.cos(2 * a) - 2 * math.cos(3 * a) - math.cos(4 * a))
                / 16,
            )
            for a in angles
        ]
    elif shape == "cross":
        arm = 0.34
        corner = [(arm, -1), (arm, -arm), (1, -arm)]
        points = [p for k in range(4) for p in (_rotate(q, k * math.pi / 2) for q in corner)]
    elif shape == "star":
        points = [_polar(1.0 if k % 2 == 0 else 0.42, k * math.pi / 5) for k in range(10)]
    else:
        corners = {"triangle": 3, "square": 4, "diamond": 4, "hexagon": 6}[shape]
        start = math.pi / 4 if shape == "square" else 0.0
        points = [_polar(1.0, start + 2 * math.pi * k / corners) for k in range(corners)]
        if shape == "diamond":
            points = [(0.72 * px, py) for px, py in points]
    rotated = [_rotate(p, turn) for p in points]
    return [value for px, py in rotated for value in (x + radius * px, y + radius * py)]


def _polar(radius: float, angle: float) -> tuple[float, float]:
    return radius * math.sin(angle), -radius * math.cos(angle)


def _rotate(point: tuple[float, float], angle: float) -> tuple[float, float]:
    c, s = math.cos(angle), math.sin(angle)
    return point[0] * c - point[1] * s, point[0] * s + point[1] * c
