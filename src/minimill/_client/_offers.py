"""From the names in a route to models, with the dialects they speak."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from minimill._config import Route, Settings
from minimill._errors import ConfigError, UnknownModelError
from minimill._plugins import load_dialect
from minimill._routing import LeftOut
from minimill.catalog import Offer
from minimill.dialects import BUILT_IN, Dialect, get_dialect

_MOST_NAMED = 256


class Offers:
    """The models that a client can reach. Each name is looked up once."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._found: dict[str, Offer] = {}
        self._named: dict[tuple[str, ...], Route] = {}
        self.dialects: Mapping[str, Dialect] = _Dialects()

    def route(self, model: str | Sequence[str] | None, route: str | None) -> Route:
        """The route of a call: a configured one, or one made of the models it names.

        Raises:
            ConfigError: there is no such route, or neither a model nor a route is named and there is
                no default.
        """
        routes = self._settings.routes
        if model is not None:
            if route is not None:
                raise ConfigError("say either model or route, not both")
            return self._plain((model,) if isinstance(model, str) else tuple(model))
        if route is None:
            if "default" in routes:
                return routes["default"]
            raise ConfigError(
                'say which model: model="provider:model" in the call, or routes.default in minimill.toml'
            )
        if route not in routes:
            raise ConfigError(f"no route is called {route!r}{_nearest(route, routes)}")
        return routes[route]

    def _plain(self, models: tuple[str, ...]) -> Route:
        route = self._named.get(models)
        if route is None:
            if len(self._named) >= _MOST_NAMED:
                self._named.clear()
            route = self._named[models] = replace(self._settings.plain_route, models=models)
        return route

    def of(self, route: Route) -> list[Offer | LeftOut]:
        """The offers of a route, as listed.

        Raises:
            UnknownModelError: none of its names is known; a single unknown one is left out.
        """
        found: list[Offer | LeftOut] = []
        unknown: UnknownModelError | None = None
        for name in route.models:
            try:
                found.append(self._offer(name))
            except UnknownModelError as error:
                unknown = error
                found.append(LeftOut(name, error.message))
        if unknown is not None and all(isinstance(item, LeftOut) for item in found):
            raise unknown
        return found

    def _offer(self, name: str) -> Offer:
        offer = self._found.get(name)
        if offer is None:
            offer = self._settings.catalog.find(self._settings.aliases.get(name, name))
            _ = self.dialects[offer.dialect]
            self._found[name] = offer
        return offer


class _Dialects(dict[str, Dialect]):
    """Dialects by name, loaded when first asked for; raises ConfigError for one that nobody offers."""

    def __missing__(self, name: str) -> Dialect:
        found = get_dialect(name) if name in BUILT_IN else load_dialect(name)
        if found is None:
            raise ConfigError(f"no dialect is called {name!r}; known are {', '.join(BUILT_IN)}")
        self[name] = found
        return found


def _nearest(name: str, words: Mapping[str, object]) -> str:
    import difflib

    near = difflib.get_close_matches(name, list(words), 1)
    return f"; did you mean {near[0]!r}?" if near else ""
