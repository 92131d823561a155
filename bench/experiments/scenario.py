"""Scenario files: what is run, over which values, and what is shown of it.

    title = "..."            one line, and about = "...", a few, for the report
    [run]                    options of kith-sim, by their long names: a number, a text, or true
    [sweep]                  lists of values for some of them; every combination is a point
    [report]
    figures = ["..."]        paths into a run's document, such as "times.look-up.p99_ms", or quotients of two with " / " between
    shares = ["..."]         quotients of counts of things, such as "counts.lookups_failed / counts.lookups"
    distributions = ["..."]  names under "times"
    series = ["..."]         names under "series"
"""
import itertools
import tomllib
from pathlib import Path

LISTS = ("figures", "shares", "distributions", "series")


class Refused(Exception):
    """Something a user gave makes no sense; the text says what and where."""


def is_value(value):
    return isinstance(value, (int, float, str)) or value is True


class Scenario:
    def __init__(self, path):
        self.path, self.name = Path(path), Path(path).stem
        try:
            with open(path, "rb") as file:
                words = tomllib.load(file)
        except OSError as e:
            raise Refused(f"{path}: {e.strerror}") from None
        except tomllib.TOMLDecodeError as e:
            raise Refused(f"{path}: {e}") from None
        unknown = set(words) - {"title", "about", "run", "sweep", "report"}
        if unknown:
            raise Refused(f"{path}: found {', '.join(sorted(unknown))}; expected title, about, [run], [sweep] and [report]")
        self.title, self.about = words.get("title", self.name), " ".join(words.get("about", "").split())
        self.run, self.sweep, self.report = words.get("run", {}), words.get("sweep", {}), words.get("report", {})
        for key, value in self.run.items():
            if not is_value(value):
                raise Refused(f"{path}: run.{key}: found {value!r}; expected a number, a text, or true")
        for key, values in self.sweep.items():
            if not isinstance(values, list) or not values or not all(is_value(value) for value in values):
                raise Refused(f"{path}: sweep.{key}: found {values!r}; expected a list of numbers or texts")
        for key, paths in self.report.items():
            if key not in LISTS or not isinstance(paths, list) or not all(isinstance(p, str) for p in paths):
                raise Refused(f"{path}: report.{key}: expected lists of texts, called {', '.join(LISTS)}")
        for key in LISTS:
            self.report.setdefault(key, [])

    def set(self, text):
        """KEY=VALUE, or KEY=VALUE,VALUE,... for a sweep, instead of what the file says."""
        key, equals, value = text.partition("=")
        if not equals or not key or not value:
            raise Refused(f'--set: found "{text}"; expected OPTION=VALUE, such as leaves=500, or OPTION=VALUE,VALUE for a sweep')
        values = [number(word) for word in value.split(",")] if key in self.sweep else [number(value)]
        self.run.pop(key, None)
        self.sweep.pop(key, None)
        if len(values) > 1 or "," in value:
            self.sweep[key] = [number(word) for word in value.split(",")]
        else:
            self.run[key] = values[0]

    def points(self):
        keys = list(self.sweep)
        return [dict(zip(keys, values)) for values in itertools.product(*self.sweep.values())]


def number(text):
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def arguments(run, point, seed):
    """The command line of kith-sim, without its name."""
    words = []
    for key, value in {**run, **point, "seed": seed}.items():
        words.append(f"--{key}" if value is True else f"--{key}={value}")
    return words


def look_up(document, path):
    """The number at a path, or the quotient of two; None if it is not there, or nothing is to be divided by."""
    if " / " in path:
        over, under = (look_up(document, part) for part in path.split(" / ", 1))
        return over / under if over is not None and under else None
    here = document
    for name in path.split("."):
        if not isinstance(here, dict) or name not in here:
            return None
        here = here[name]
    return here if isinstance(here, (int, float)) and not isinstance(here, bool) else None
