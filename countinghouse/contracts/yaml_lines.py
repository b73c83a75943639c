"""YAML with the line of each value, so that an error can point at it."""

from pathlib import Path
from typing import Any

import yaml

from countinghouse.errors import ContractError

Path_ = tuple[str | int, ...]


class Document:
    """The content of a YAML file, and the line on which each path in it stands."""

    def __init__(self, path: Path, content: bytes) -> None:
        self.path = path
        self._lines: dict[Path_, int] = {(): 1}
        loader = yaml.CSafeLoader(self._text(content))
        try:
            node = loader.get_single_node()
            self.content: Any = None if node is None else self._read(loader, node, ())
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            raise ContractError(f"{path}:{line}: {error.problem}", remedy="mend the YAML") from None
        except yaml.reader.ReaderError as error:
            raise ContractError(f"{path}:1: {error.reason}", remedy="mend the YAML") from None
        finally:
            loader.dispose()

    def line(self, path: Path_) -> int:
        """Line of a path, or of the nearest thing around it."""
        while path not in self._lines:
            path = path[:-1]
        return self._lines[path]

    def _text(self, content: bytes) -> str:
        try:
            return content.decode("utf-8")
        except UnicodeDecodeError as error:
            line = content[: error.start].count(b"\n") + 1
            raise ContractError(
                f"{self.path}:{line}: is not UTF-8", remedy="save the file as UTF-8"
            ) from None

    def _read(self, loader: yaml.CSafeLoader, node: yaml.Node, path: Path_) -> Any:
        self._lines[path] = node.start_mark.line + 1
        if isinstance(node, yaml.SequenceNode):
            return [self._read(loader, item, (*path, n)) for n, item in enumerate(node.value)]
        if not isinstance(node, yaml.MappingNode):
            return self._value(loader, node)
        loader.flatten_mapping(node)
        found: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            key = self._value(loader, key_node)
            if key in found:
                raise ContractError(
                    f"{self.path}:{key_node.start_mark.line + 1}: {key!r} stands twice",
                    remedy="remove one; the second would silently win",
                )
            found[key] = self._read(loader, value_node, (*path, key))
            self._lines[(*path, key)] = key_node.start_mark.line + 1
        return found

    def _value(self, loader: yaml.CSafeLoader, node: yaml.Node) -> Any:
        line = node.start_mark.line + 1
        if not isinstance(node, yaml.ScalarNode):
            raise ContractError(f"{self.path}:{line}: a key is no text", remedy="mend the YAML")
        try:
            return loader.construct_object(node)
        except ValueError as error:
            # What looks like a date and is none.
            raise ContractError(
                f"{self.path}:{line}: {node.value}: {error}", remedy="mend it, or quote it"
            ) from None
