"""How pictures look to the model at each budget of tiles, in numbers and in plain sentences.

The page's script draws from these tables while the slider moves; the rule itself stays
`internvl.preprocessing.choose_grid`.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

from internvl.chat import Attachment, Settings, freeze
from internvl.preprocessing import Grid, choose_grid

Size = tuple[int, int]


@dataclass(frozen=True)
class Look:
    """A picture cut into a grid: `tiles` counts what the model gets, `facts` are sentences."""

    columns: int
    rows: int
    tiles: int
    sum: str
    tokens: str
    facts: tuple[str, ...]


@dataclass(frozen=True)
class Stop:
    """A named budget of tiles for a message; its pictures become `tiles` tiles together."""

    name: str
    budget: int
    tiles: int
    chosen: bool


class Looker:
    """Looks at one picture of `size`; `most` is the largest budget that it can get."""

    def __init__(
        self,
        size: Size,
        text: Mapping[str, str],
        *,
        most: int,
        tile_size: int = 448,
        tokens_per_tile: int = 256,
    ) -> None:
        self.size, self.most, self._text = size, max(1, most), text
        self._tile_size, self._tokens = tile_size, tokens_per_tile

    def look(self, allowed: int) -> Look:
        """The picture with at most `allowed` tiles."""
        grid, text = self._grid(allowed), self._text
        sentence = text["tray.one"] if grid.tiles == 1 else text["tray.several"]
        return Look(
            columns=grid.columns,
            rows=grid.rows,
            tiles=grid.tiles,
            sum=sentence.format(columns=grid.columns, rows=grid.rows, tiles=grid.tiles),
            tokens=text["tray.tokens"].format(tokens=f"{grid.tiles * self._tokens:,}"),
            facts=tuple(self._facts(grid, allowed)),
        )

    def table(self) -> str:
        """The looks at 1, 2, ... `most` tiles as JSON."""
        looks = [asdict(self.look(allowed)) for allowed in range(1, self.most + 1)]
        return json.dumps(looks, ensure_ascii=False, separators=(",", ":"))

    def scale(self, allowed: int) -> float:
        """How many of the model's pixels stand for one of the picture, along the poorer edge."""
        grid = self._grid(allowed)
        return min(self._tile_size * n / edge for n, edge in zip(grid, self.size, strict=True))

    def finest(self, allowed: int) -> int:
        """The least budget from `allowed` on with every pixel in it, else the one with the most."""
        budgets = range(allowed, max(allowed, self.most) + 1)
        return next((b for b in budgets if self.scale(b) >= 1), max(budgets, key=self.scale))

    def _facts(self, grid: Grid, allowed: int) -> Iterable[str]:
        text, scale, used = self._text, self.scale(allowed), grid.columns * grid.rows
        width, height = self.size
        yield text["tray.size"].format(width=f"{width:,}", height=f"{height:,}")
        if scale < 0.6:
            yield text["tray.shrunk"].format(percent=round(scale * 100))
            finer = self.finest(allowed)
            if self.scale(finer) > 1.1 * scale:
                columns, rows = self._grid(finer)
                percent = min(100, round(self.scale(finer) * 100))
                yield text["tray.finer"].format(tiles=columns * rows, percent=percent)
        elif scale < 1:
            yield text["tray.slightly"].format(percent=round(scale * 100))
        elif scale < 1.5:
            yield text["tray.whole"]
        else:
            yield text["tray.enlarged"].format(factor=f"{scale:.1f}")
        if used < allowed:
            yield text["tray.allowed"].format(allowed=allowed, used=used)

    def _grid(self, allowed: int) -> Grid:
        return choose_grid(*self.size, allowed, self._tile_size)


def shares(pictures: int, most: int) -> list[int]:
    """What each budget of 1, 2, ... `most` tiles gives each of a message's pictures.

    >>> shares(2, most=5)
    [1, 1, 1, 2, 2]
    """
    return [_share(pictures, budget) for budget in range(1, most + 1)] if pictures else []


def stops(sizes: Sequence[Size], budget: int, most: int, tile_size: int = 448) -> list[Stop]:
    """The named budgets that differ for these pictures; none when all would look the same.

    The finest only where the one before does not have every pixel yet.

    >>> [(stop.name, stop.tiles) for stop in stops([(2480, 3508)], 12, 24)]
    [('quick', 1), ('normal', 7), ('fine', 25)]
    """
    now = _grids(sizes, budget, tile_size)
    found: dict[tuple[Grid, ...], Stop] = {}
    for name, tiles in _NAMED.items():
        grids = _grids(sizes, min(tiles, most), tile_size)
        if name == "fine" and grids != now and _is_whole(sizes, list(found)[-1], tile_size):
            continue  # it would cost more and show no more
        total = sum(grid.tiles for grid in grids)
        found.setdefault(grids, Stop(name, min(tiles, most), total, grids == now))
    return list(found.values()) if len(found) > 1 else []


def _is_whole(sizes: Sequence[Size], grids: Sequence[Grid], tile_size: int) -> bool:
    """Does every pixel reach the model?"""
    return all(
        tile_size * tiles >= edge
        for size, grid in zip(sizes, grids, strict=True)
        for edge, tiles in zip(size, grid, strict=True)
    )


_NAMED = {"quick": 1, "normal": Settings.max_tiles, "fine": 64}


def _grids(sizes: Sequence[Size], budget: int, tile_size: int) -> tuple[Grid, ...]:
    share = _share(max(1, len(sizes)), budget)
    return tuple(choose_grid(*size, share, tile_size) for size in sizes)


def _share(pictures: int, budget: int) -> int:
    frozen = freeze([Attachment("", "image")] * pictures, Settings(max_tiles=budget))
    return frozen[0].max_tiles or 1
